/** Who may make which keys. Names are LiteLLM's (its documentation of virtual keys and of restricting key generation). */
import { endOfDuration } from '../lib/duration.ts';
import type { KeyConfig, KeyMakers } from './config.ts';
import type { Findings } from './findings.ts';
import { valuesOf } from './given-values.ts';
import { KEY_CAPS, KEY_DEFAULTS, KEY_GENERATION, PERSONAL_KEY_GENERATION, TEAM_KEY_GENERATION } from './key-schema.ts';
import { checkDuration } from './limits.ts';
import { type KeyKinds, openSection, type Section, type SectionRules } from './section.ts';
import type { Sections } from './settings.ts';
import { join, type Tree } from './yaml-tree.ts';

export function keySettings({ litellm, general }: Sections, findings: Findings): KeyConfig {
  const within = <const S extends KeyKinds>(name: string, tree: Tree | undefined, rules: SectionRules<S>): Section<S> =>
    openSection({ tree, path: join(litellm.path, name), rules }, findings);
  const defaults = within('default_key_generate_params', litellm.read('default_key_generate_params'), KEY_DEFAULTS);
  const caps = within('upperbound_key_generate_params', litellm.read('upperbound_key_generate_params'), KEY_CAPS);
  for (const section of [defaults, caps]) checkTimes(section, findings);
  checkKeyType(defaults, findings);
  const path = 'key_generation_settings';
  const makers = within(path, litellm.read(path), KEY_GENERATION);
  const team = within(`${path}.team_key_generation`, makers.read('team_key_generation'), TEAM_KEY_GENERATION);
  const personal = within(
    `${path}.personal_key_generation`,
    makers.read('personal_key_generation'),
    PERSONAL_KEY_GENERATION,
  );
  return {
    defaults: valuesOf(defaults, KEY_DEFAULTS),
    caps: valuesOf(caps, KEY_CAPS),
    teamKeys: makersOf(team.read('allowed_team_member_roles'), team.read('required_params')),
    personalKeys: makersOf(personal.read('allowed_user_roles'), personal.read('required_params')),
    customSecrets: !(general.read('disable_custom_api_keys') ?? false),
  };
}

const makersOf = (roles: readonly string[] | undefined, requiredFields: readonly string[] | undefined): KeyMakers => ({
  roles: roles ?? null,
  requiredFields: requiredFields ?? [],
});

type Timed = Pick<Section<{ budget_duration: 'text'; duration: 'text' }>, 'path' | 'read' | 'positionOf'>;

function checkTimes(section: Timed, findings: Findings): void {
  const where = (key: string) => ({ path: join(section.path, key), at: section.positionOf(key) });
  checkDuration(section.read('budget_duration'), where('budget_duration'), findings);
  const life = section.read('duration');
  if (life === undefined || life === '-1' || endOfDuration(life, 0) !== undefined) return;
  const { path, at } = where('duration');
  findings.error(path, 'must be a time such as 30m, 24h, 30d or 1mo, or -1 for keys that never expire', at);
}

const KEY_TYPES: readonly string[] = ['default', 'llm_api', 'management', 'read_only'];

function checkKeyType(
  section: Pick<Section<{ key_type: 'text' }>, 'path' | 'read' | 'positionOf'>,
  findings: Findings,
): void {
  const type = section.read('key_type');
  if (type === undefined || KEY_TYPES.includes(type)) return;
  const path = join(section.path, 'key_type');
  findings.error(path, `must be one of ${KEY_TYPES.join(', ')}`, section.positionOf('key_type'));
}
