/** What a plan goes by, over deployments that are all well; tests say only what matters to them. */
import { Affinity } from '../../src/routing/affinity.ts';
import {
  type CallFacts,
  type ChooseSettings,
  choose,
  isAnyFresh,
  isDown,
  type Question,
  type RoutingState,
} from '../../src/routing/choose.ts';
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
  readonly retryUntilMs?: number;
  readonly onPostponed?: (name: string) => void;
  readonly now?: () => number;
  readonly call?: CallFacts;
  readonly settings?: Partial<ChooseSettings>;
  readonly fallbacks?: PlanSettings['fallbacks'];
  readonly maxFallbacks?: number;
  readonly retries?: PlanSettings['retries'];
}

export const CALL_FACTS: CallFacts = {
  stream: false,
  tags: [],
  userAgent: null,
  region: null,
  bringsKey: false,
  promptTokens: 10,
  affinity: [],
};

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
  const now = given.now ?? (() => STARTED_AT_MS);
  const state = { ...routingState(now, random), ...(given.health && { health: given.health }) };
  const [group, ...others] = groups;
  const asked = (from: Group, failed: ReadonlySet<string> = new Set(), triedOrder?: number): Question => ({
    group: from,
    call: given.call ?? CALL_FACTS,
    failed,
    triedOrder,
    settings: { ...CHOOSE_SETTINGS, ...given.settings },
  });
  return {
    group,
    fallbacks: given.fallbacks ?? ((failed) => (failed.name === group?.name ? others : [])),
    maxFallbacks: given.maxFallbacks ?? 10,
    choose: (...tier) => choose(asked(...tier), state),
    hasFresh: (...tier) => isAnyFresh(asked(...tier), state),
    isDown: (from) => isDown(asked(from), state),
    postpone: (later) => given.onPostponed?.(later.name),
    retries:
      given.retries ?? ((target) => ({ count: numRetries ?? target.numRetries ?? defaultRetries, isNamed: false })),
    budget: given.budget ?? new RetryBudget(),
    retryAfterMs,
    deadlineMs: given.deadlineMs ?? Number.POSITIVE_INFINITY,
    retryUntilMs: given.retryUntilMs ?? Number.POSITIVE_INFINITY,
    now,
    random,
  };
}
