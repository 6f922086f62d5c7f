/** Deployments that are not for everybody. Source: LiteLLM's documentation of team models and of access windows. */
import { GatewayError } from '../errors.ts';
import type { Call } from '../gateway/call.ts';
import type { Feature } from '../gateway/feature.ts';
import type { AccessWindow } from '../lib/access-window.ts';

export interface Owned {
  readonly teamId: string | null;
  readonly windows: readonly AccessWindow[];
  readonly isHidden: boolean;
}

export interface TeamModels {
  /** Whether a deployment of the group is the team's own, or everybody's where the team has none. */
  isFor(deploymentId: string, group: string, teamId: string | null): boolean;
  /** Whether its hours are not reserved for others now. */
  isOpen(deploymentId: string, teamId: string | null, nowMs: number): boolean;
  isAnyFor(group: string, teamId: string | null): boolean;
  isAnyOpen(group: string, teamId: string | null, nowMs: number): boolean;
  /** Whether those who are no admins are told of the group. */
  isListed(group: string): boolean;
}

export interface TeamModelParts {
  /** `undefined`: every deployment is for everybody. */
  teamModels(): TeamModels | undefined;
  now(): number;
}

export function teamModels({ teamModels: models, now }: TeamModelParts): Feature {
  return {
    name: 'team-models',
    admit(call) {
      const owned = models();
      if (owned) hold(call, owned, now());
      return undefined;
    },
  };
}

/** @throws GatewayError as for a model that is not there, and 403 while its hours are reserved for others */
function hold(call: Call, owned: TeamModels, nowMs: number): void {
  const teamId = call.caller?.teamId ?? null;
  const { modelGroup, mayUse } = call;
  if (!owned.isAnyFor(modelGroup, teamId)) throw notThere(call.requestedModel);
  if (!owned.isAnyOpen(modelGroup, teamId, nowMs)) throw reserved();
  call.isTheirs = ({ deploymentId, modelGroup: group }) =>
    owned.isFor(deploymentId, group, teamId) && owned.isOpen(deploymentId, teamId, nowMs);
  call.mayUse = (name, group) => owned.isAnyFor(group, teamId) && mayUse?.(name, group) !== false;
}

const notThere = (name: string): GatewayError =>
  new GatewayError(
    'model_not_found',
    `/chat/completions: Invalid model name passed in model=${name.slice(0, 200)}. Call \`/v1/models\` to view available models for your key.`,
    { param: 'model' },
  );

const reserved = (): GatewayError =>
  new GatewayError('permission_denied', 'At this hour the model is reserved for other teams. Try again later.', {
    param: 'model',
  });
