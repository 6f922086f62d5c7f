/** What new users and teams have. Names are LiteLLM's (its documentation of self-serve and of `default_team_params`). */
import type { EntityDefaults, Position } from './config.ts';
import { DEFAULT_USER_ROLES, MEMBER_PERMISSIONS, TEAM_DEFAULTS, USER_DEFAULTS } from './entity-defaults-schema.ts';
import type { Findings } from './findings.ts';
import { valuesOf } from './given-values.ts';
import { checkDuration } from './limits.ts';
import { openSection } from './section.ts';
import type { Sections } from './settings.ts';
import { join } from './yaml-tree.ts';

/** As the management API, which would refuse every request that it fills in. */
const MOST_USD = 9_000_000;

export function entityDefaults({ litellm }: Sections, findings: Findings): EntityDefaults {
  const open = <const K extends 'default_internal_user_params' | 'default_team_params'>(name: K) => ({
    tree: litellm.read(name),
    path: join(litellm.path, name),
  });
  const user = openSection({ ...open('default_internal_user_params'), rules: USER_DEFAULTS }, findings);
  const team = openSection({ ...open('default_team_params'), rules: TEAM_DEFAULTS }, findings);
  checkWindow({ section: user, key: 'budget_duration', given: user.read('budget_duration') }, findings);
  checkWindow({ section: team, key: 'budget_duration', given: team.read('budget_duration') }, findings);
  const key = 'internal_user_budget_duration';
  const budget_duration = litellm.read(key);
  checkWindow({ section: litellm, key, given: budget_duration }, findings);
  checkBudget({ section: user, key: 'max_budget', given: user.read('max_budget') }, findings);
  checkBudget({ section: team, key: 'max_budget', given: team.read('max_budget') }, findings);
  for (const name of ['max_internal_user_budget', 'default_max_internal_user_budget'] as const) {
    checkBudget({ section: litellm, key: name, given: litellm.read(name) }, findings);
  }
  const role = user.read('user_role');
  checkNames(
    { section: user, key: 'user_role', given: role === undefined ? [] : [role] },
    DEFAULT_USER_ROLES,
    findings,
  );
  const permissions = team.read('team_member_permissions') ?? [];
  checkNames({ section: team, key: 'team_member_permissions', given: permissions }, MEMBER_PERMISSIONS, findings);
  const max_budget = litellm.read('max_internal_user_budget') ?? litellm.read('default_max_internal_user_budget');
  return {
    user: valuesOf(user, USER_DEFAULTS),
    internalUser: {
      ...(max_budget !== undefined && { max_budget }),
      ...(budget_duration !== undefined && { budget_duration }),
    },
    team: valuesOf(team, TEAM_DEFAULTS),
  };
}

interface Placed {
  readonly path: string;
  positionOf(key: string): Position | undefined;
}

interface Timed {
  readonly section: Placed;
  readonly key: string;
  readonly given: string | undefined;
}

function checkWindow({ section, key, given }: Timed, findings: Findings): void {
  checkDuration(given, { path: join(section.path, key), at: section.positionOf(key) }, findings);
}

interface Priced {
  readonly section: Placed;
  readonly key: string;
  readonly given: number | undefined;
}

function checkBudget({ section, key, given }: Priced, findings: Findings): void {
  if (given === undefined || given <= MOST_USD) return;
  findings.error(join(section.path, key), `must be at most ${MOST_USD} dollars`, section.positionOf(key));
}

interface Named {
  readonly section: Placed;
  readonly key: string;
  readonly given: readonly string[];
}

function checkNames({ section, key, given }: Named, known: readonly string[], findings: Findings): void {
  if (given.every((name) => known.includes(name))) return;
  findings.error(join(section.path, key), `must be one of ${known.join(', ')}`, section.positionOf(key));
}
