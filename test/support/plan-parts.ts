/** What a plan goes by, over deployments that are all well; tests say only what matters to them. */
import type { GatewayError } from '../../src/errors.ts';
import { Affinity } from '../../src/routing/affinity.ts';
import { type CallFacts, type ChooseSettings, choose, type RoutingState } from '../../src/routing/choose.ts';
import type { Group } from '../../src/routing/groups.ts';
import { Health } from '../../src/routing/health.ts';
import { Loads } from '../../src/routing/load.ts';
import type { PlanSettings } from '../../src/routing/plan.ts';
import { RetryBudget } from '../../src/routing/retry-budget.ts';
import { STARTED_AT_MS } from './call-parts.ts';

export interface PlanGiven {
  /** In the order they are tried. */
  readonly groups?: readonly Group[];
  readonly numRetries?: number | undefined;
  readonly defaultRetries?: number;
  readonly retryAfterMs?: number;
  readonly random?: () => number;
  readonly health?: Health;
  readonly budget?: RetryBudget;
  readonly deadlineMs?: number;
  readonly retries?: (group: Group, error: GatewayError) => number;
}

export const CALL_FACTS: CallFacts = { stream: false, tags: [], region: null, promptTokens: 10, affinity: [] };

export const CHOOSE_SETTINGS: ChooseSettings = {
  strategy: 'simple-shuffle',
  preCallChecks: false,
  tagFiltering: false,
  tagMatchAny: true,
  maxInputTokens: () => undefined,
  usdPerToken: () => undefined,
  hasRoom: () => true,
};

export function routingState(now: () => number, random: () => number = () => 0): RoutingState {
  return { health: new Health(now), loads: new Loads(now), affinity: new Affinity(now), random };
}

export function planParts(given: PlanGiven = {}): PlanSettings {
  const { groups = [], numRetries, defaultRetries = 2, retryAfterMs = 0, random = () => 0 } = given;
  const now = () => STARTED_AT_MS;
  const state = { ...routingState(now, random), ...(given.health && { health: given.health }) };
  const [group, ...others] = groups;
  const isWell = ({ deploymentId }: { deploymentId: string }): boolean =>
    ['up', 'probe'].includes(state.health.stateOf(deploymentId));
  return {
    group,
    fallbacks: (failed) => (failed.name === group?.name ? others : []),
    maxFallbacks: 10,
    choose: (from, failed) => choose({ group: from, call: CALL_FACTS, failed, settings: CHOOSE_SETTINGS }, state),
    hasFresh: ({ targets }, failed) => targets.some((one) => !failed.has(one.deploymentId) && isWell(one)),
    isDown: ({ targets }) => !targets.some(isWell),
    retries: given.retries ?? ((from) => numRetries ?? from.targets[0]?.numRetries ?? defaultRetries),
    budget: given.budget ?? new RetryBudget(),
    retryAfterMs,
    deadlineMs: given.deadlineMs ?? Number.POSITIVE_INFINITY,
    now,
    random,
  };
}
