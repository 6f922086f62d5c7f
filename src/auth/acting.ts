/** A key's caller → the same with those it acts for, as they are now. Nothing is waited for while they are in memory. */
import { joined } from '../db/usage-scopes.ts';
import { invalidApiKey } from '../errors.ts';
import type { Caller } from '../gateway/call.ts';
import type { Directory } from '../gateway/entities.ts';
import { Finder } from './finder.ts';

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

  function act(caller: Caller, finder?: Finder): Caller | Promise<Caller> {
    const { teamId, userId, organizationId, projectId } = caller;
    if (teamId === null && userId === null && organizationId === null && projectId === null) return caller;
    const version = directory.version();
    const known = resolved.get(caller);
    if (known?.version === version) return known.caller;
    const asking = finder ?? new Finder(directory);
    const found = actingFor(asking, caller);
    const missing = asking.missing();
    if (missing !== undefined) return missing.then(() => act(caller, asking));
    resolved.set(caller, { version, caller: found });
    return found;
  }

  return (caller) => {
    const found = act(caller);
    return found instanceof Promise ? found.then(refuseBlocked) : refuseBlocked(found);
  };
}

function actingFor(finder: Finder, caller: Caller): Caller {
  const { userId, projectId } = caller;
  const project = finder.get('project', projectId);
  const teamId = caller.teamId ?? project?.teamId ?? null;
  const team = finder.get('team', teamId);
  const organizationId = caller.organizationId ?? team?.organizationId ?? null;
  return {
    ...caller,
    teamId,
    organizationId,
    project,
    team,
    organization: finder.get('organization', organizationId),
    organizationMember: finder.get(
      'organization_member',
      organizationId === null || userId === null ? null : joined(organizationId, userId),
    ),
    user: finder.get('user', userId),
    member: finder.get('team_member', teamId === null || userId === null ? null : joined(teamId, userId)),
  };
}

/** Who is blocked loses every right, whatever the key. */
function refuseBlocked(caller: Caller): Caller {
  for (const entity of [caller.team, caller.project, caller.organization, caller.user]) {
    if (!entity?.blocked) continue;
    const way = entity.kind === 'team' ? '/team/unblock' : `"blocked": false in /${entity.kind}/update`;
    throw invalidApiKey(`The ${entity.kind} of this API key is blocked. An admin can unblock it with ${way}.`, caller);
  }
  return caller;
}
