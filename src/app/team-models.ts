/**
 * Deployments that are for one team, at certain hours for some teams, or not to be listed. Source: LiteLLM's documentation
 * of team models (`model_info.team_id`), `access_windows` and `discoverable`.
 */
import type { DeploymentConfig } from '../config/config.ts';
import type { Owned, TeamModels } from '../features/team-models.ts';
import { accessWindowsIn, isWithin } from '../lib/access-window.ts';
import type { Runtime } from './runtime.ts';

const known = new WeakMap<Runtime, TeamModels | null>();

/** `undefined`: every deployment is for everybody, at any hour. */
export function teamModelsOf(runtime: Runtime): TeamModels | undefined {
  const found = known.get(runtime);
  if (found !== undefined) return found ?? undefined;
  const owned = new Map(runtime.config.deployments.flatMap((deployment) => ownedIn(deployment)));
  const made = owned.size === 0 ? null : createTeamModels(runtime, owned);
  known.set(runtime, made);
  return made ?? undefined;
}

function ownedIn({ id, modelInfo }: DeploymentConfig): [string, Owned][] {
  const { team_id: teamId, discoverable } = modelInfo;
  const windows = accessWindowsIn(modelInfo['access_windows']);
  if (typeof teamId !== 'string' && windows.length === 0 && discoverable !== false) return [];
  return [[id, { teamId: typeof teamId === 'string' ? teamId : null, windows, isHidden: discoverable === false }]];
}

function createTeamModels({ groups }: Runtime, owned: ReadonlyMap<string, Owned>): TeamModels {
  const membersOf = (group: string): readonly string[] =>
    groups.find(group)?.targets.map(({ deploymentId }) => deploymentId) ?? [];
  const isOwn = (id: string, teamId: string | null): boolean => teamId !== null && owned.get(id)?.teamId === teamId;
  const isFor = (id: string, group: string, teamId: string | null): boolean => {
    if (isOwn(id, teamId)) return true;
    // A team that has the model itself is served by what is its own.
    return (owned.get(id)?.teamId ?? null) === null && !membersOf(group).some((other) => isOwn(other, teamId));
  };
  const isOpen = (id: string, teamId: string | null, nowMs: number): boolean => {
    const now = (owned.get(id)?.windows ?? []).filter((window) => isWithin(window, nowMs));
    return now.length === 0 || now.some(({ teamIds }) => teamId !== null && teamIds.includes(teamId));
  };
  return {
    isFor,
    isOpen,
    isAnyFor: (group, teamId) => {
      const members = membersOf(group);
      return members.length === 0 || members.some((id) => isFor(id, group, teamId));
    },
    isAnyOpen: (group, teamId, nowMs) =>
      membersOf(group).some((id) => isFor(id, group, teamId) && isOpen(id, teamId, nowMs)),
    isListed: (group) => {
      const members = membersOf(group);
      return members.length === 0 || members.some((id) => owned.get(id)?.isHidden !== true);
    },
  };
}
