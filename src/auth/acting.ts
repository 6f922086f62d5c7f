/** A key's caller → the same with those it acts for, as they are now. Nothing is waited for while they are in memory. */
import { joined } from '../db/usage-scopes.ts';
import { invalidApiKey } from '../errors.ts';
import type { Caller } from '../gateway/call.ts';
import type { Directory, EntityKind, EntityOf } from '../gateway/entities.ts';

/** A caller that belongs to nobody and is not limited. */
export const ALONE = {
  userId: null,
  teamId: null,
  organizationId: null,
  projectId: null,
  models: [],
  aliases: {},
  metadata: {},
  maxBudgetUsd: null,
  rpmLimit: null,
  tpmLimit: null,
  allowance: null,
  team: null,
  member: null,
  user: null,
  organization: null,
  project: null,
} as const satisfies Partial<Caller>;

export type Acting = (caller: Caller) => Caller | Promise<Caller>;

interface Resolved {
  readonly version: number;
  readonly caller: Caller;
}

/** @returns a function that throws GatewayError 401 when the team, project, user or organization is blocked */
export function createActing(directory: Directory): Acting {
  const resolved = new WeakMap<Caller, Resolved>();

  function act(caller: Caller): Caller | Promise<Caller> {
    const { teamId, userId, organizationId, projectId } = caller;
    if (teamId === null && userId === null && organizationId === null && projectId === null) return caller;
    const version = directory.version();
    const known = resolved.get(caller);
    if (known?.version === version) return known.caller;
    const found = actingFor(directory, caller);
    if (found instanceof Promise) return found.then(() => act(caller));
    resolved.set(caller, { version, caller: found });
    return found;
  }

  return (caller) => {
    const found = act(caller);
    return found instanceof Promise ? found.then(refuseBlocked) : refuseBlocked(found);
  };
}

/** @returns a promise when something had to be fetched: ask again after it */
function actingFor(directory: Directory, caller: Caller): Caller | Promise<unknown> {
  const missing: Promise<unknown>[] = [];
  const get = <Kind extends EntityKind>(kind: Kind, id: string | null): EntityOf[Kind] | null => {
    if (id === null) return null;
    const found = directory.peek(kind, id);
    if (found === undefined) missing.push(directory.fetch(kind, id));
    return found ?? null;
  };
  const { userId, projectId } = caller;
  const project = get('project', projectId);
  const teamId = caller.teamId ?? project?.teamId ?? null;
  const team = get('team', teamId);
  const organizationId = caller.organizationId ?? team?.organizationId ?? null;
  const acting: Caller = {
    ...caller,
    teamId,
    organizationId,
    project,
    team,
    organization: get('organization', organizationId),
    user: get('user', userId),
    member: get('team_member', teamId === null || userId === null ? null : joined(teamId, userId)),
  };
  return missing.length === 0 ? acting : Promise.all(missing);
}

/** Who is blocked loses every right, whatever the key. */
function refuseBlocked(caller: Caller): Caller {
  for (const entity of [caller.team, caller.project, caller.organization, caller.user]) {
    if (!entity?.blocked) continue;
    throw invalidApiKey(
      `The ${entity.kind} of this API key is blocked. An admin can unblock it with /${entity.kind}/unblock or /${entity.kind}/update.`,
      caller,
    );
  }
  return caller;
}
