/** Routing put together: its state, which outlives a reload, and what the current configuration makes of it for a call. */
import type { Config } from '../config/config.ts';
import type { ErrorKindName, GatewayError } from '../errors.ts';
import type { Cards } from '../features/meter.ts';
import type { Call, Outcome } from '../gateway/call.ts';
import type { AttemptWatch } from '../gateway/pipeline.ts';
import type { Hedging } from '../gateway/pipeline-parts.ts';
import { callerKey } from '../gateway/target-for.ts';
import { tokenBounds } from '../gateway/token-bounds.ts';
import type { Target } from '../providers/adapter.ts';
import { Affinity } from '../routing/affinity.ts';
import {
  type CallFacts,
  type Choice,
  type ChooseSettings,
  choose,
  isAnyFresh,
  isDown,
  type Question,
  type RoutingState,
} from '../routing/choose.ts';
import { classOf } from '../routing/error-class.ts';
import type { Group } from '../routing/groups.ts';
import { Health, type HealthEvent, type HealthSettings } from '../routing/health.ts';
import { Loads } from '../routing/load.ts';
import type { Strategy } from '../routing/pick.ts';
import { SCORELESS } from '../routing/pick.ts';
import type { PlanSettings, Retries } from '../routing/plan.ts';
import { RetryBudget } from '../routing/retry-budget.ts';
import { countedTokens } from '../wire/usage.ts';
import { affinityNames } from './affinity-names.ts';
import { createHedging } from './hedging.ts';
import type { Log } from './log.ts';
import { routingTags } from './routing-tags.ts';
import type { Runtime } from './runtime.ts';

export interface RoutingOptions {
  readonly cards: Cards;
  readonly log: Log;
  runtime(): Runtime;
  /** Whether a deployment's own limits let it take a call now. */
  hasRoom(target: Target): boolean;
  /** Told of every change of health. */
  heard(event: HealthEvent): void;
  now(): number;
  random(): number;
}

export interface Routing {
  readonly state: RoutingState & { readonly health: Health };
  planFor(call: Call): PlanSettings;
  watch(target: Target, call: Call): AttemptWatch;
  readonly hedging: Hedging;
}

export function createRouting(options: RoutingOptions): Routing {
  const { log, runtime, now, random } = options;
  const state = {
    health: new Health(now, (event) => {
      tell(event, log);
      options.heard(event);
    }),
    loads: new Loads(now),
    affinity: new Affinity(now),
    random,
  };
  const budget = new RetryBudget();
  return {
    state,
    planFor(call) {
      const { config } = runtime();
      const facts = factsOf(call, options);
      const settings = chooseSettings(options);
      const first = runtime().groups.find(call.modelGroup);
      const ofFallbacks = facts.bringsKey ? { ...facts, bringsKey: false } : facts;
      const asked = (group: Group, failed = NOBODY, triedOrder?: number): Question => ({
        ...{ group, call: group.name === first?.name ? facts : ofFallbacks, failed, triedOrder, settings },
      });
      return {
        group: first,
        fallbacks: (group, error) => runtime().fallbacksOf(call, group, error),
        maxFallbacks: call.controls.maxFallbacks ?? config.router.maxFallbacks,
        choose(group, failed, triedOrder) {
          const chosen = choose(asked(group, failed, triedOrder), state);
          call.choices.push(chosen.choice);
          return chosen;
        },
        hasFresh: (...given) => isAnyFresh(asked(...given), state),
        isDown: (group) => isDown(asked(group), state),
        postpone: (group) => call.choices.push(postponed(group, settings.strategy)),
        retries: (target, error) => retriesOf(call, target, error, config.router),
        budget,
        retryAfterMs: config.router.retryAfterMs,
        deadlineMs: call.receivedAtMs + config.tollgate.totalTimeoutMs,
        retryUntilMs: call.receivedAtMs + (call.controls.timeoutMs ?? Number.POSITIVE_INFINITY),
        now,
        random,
      };
    },
    watch: (target, call) => new Watch(target, call, options, state),
    hedging: createHedging({
      ...options,
      ...state,
      choose: (call, group, failed) =>
        choose({ group, call: factsOf(call, options), failed, settings: chooseSettings(options) }, state),
    }),
  };
}

/** Told to whoever asks why: nobody of the group was asked, for now. */
const postponed = ({ name, targets }: Group, strategy: Strategy): Choice => ({
  ...{ group: name, strategy, candidates: [], picked: null, pinned: false },
  passedOver: targets.map(({ deploymentId }) => ({
    deploymentId,
    reason: 'it is cooling down, and a fallback is well',
  })),
});

const NOBODY: ReadonlySet<string> = new Set();

/**
 * The request's own count, else the policy for such a failure, else the deployment's, else the router's. What a policy
 * names is retried whatever it is.
 */
function retriesOf(call: Call, target: Target, error: GatewayError, router: Config['router']): Retries {
  const { groupRetryPolicy, retryPolicy, numRetries } = router;
  const asked = call.controls.numRetries;
  if (asked !== undefined) return { count: asked, isNamed: false };
  const group = target.modelGroup;
  const ofGroup = Object.hasOwn(groupRetryPolicy, group) ? groupRetryPolicy[group] : undefined;
  const errorClass = classOf(error);
  const named =
    errorClass && (ofGroup?.[errorClass] ?? (ofGroup?.default === undefined ? retryPolicy[errorClass] : undefined));
  const count = named ?? ofGroup?.default ?? retryPolicy.default ?? target.numRetries ?? numRetries;
  return { count, isNamed: named !== undefined };
}

function factsOf(call: Call, { runtime }: RoutingOptions): CallFacts {
  const { router } = runtime().config;
  return {
    stream: call.request.stream === true,
    ...routingTags(call, router),
    userAgent: call.headers['user-agent'] ?? null,
    region: call.guests?.endUser?.allowedModelRegion ?? null,
    mayServe: call.mayServe,
    isTheirs: call.isTheirs,
    bringsKey: call.controls.apiKey !== undefined,
    promptTokens: router.preCallChecks ? tokenBounds(call).inputLikely : 0,
    affinity: affinityNames(call, router.affinity),
  };
}

function chooseSettings({ runtime, cards, hasRoom }: RoutingOptions): ChooseSettings {
  const { strategy, preCallChecks, tagFiltering, tagMatchAny } = runtime().config.router;
  return {
    strategy,
    preCallChecks,
    tagFiltering,
    tagMatchAny,
    maxInputTokens: cards.maxInputTokens,
    usdPerToken: cards.usdPerToken,
    hasRoom,
  };
}

/** How providers say that there is no such model, or not for this account. */
const NAMES_REFUSED: ReadonlySet<ErrorKindName> = new Set(['upstream_not_found', 'upstream_forbidden']);

/** One attempt, from its beginning to the end of its answer. */
class Watch implements AttemptWatch {
  readonly #target: Target;
  readonly #call: Call;
  readonly #options: RoutingOptions;
  readonly #state: RoutingState;
  readonly #startedAtMs: number;
  /** Nobody measures for a strategy that compares nothing. */
  readonly #loads: RoutingState['loads'] | undefined;

  constructor(target: Target, call: Call, options: RoutingOptions, state: RoutingState) {
    this.#target = target;
    this.#call = call;
    this.#options = options;
    this.#state = state;
    this.#startedAtMs = options.now();
    const { strategy, hedgedGroups } = options.runtime().config.router;
    const isCompared = !SCORELESS.has(strategy) || hedgedGroups.includes(target.modelGroup);
    this.#loads = isCompared ? state.loads : undefined;
    this.#loads?.begin(target.deploymentId);
    state.health.asked(target.deploymentId);
  }

  failed(error: GatewayError): void {
    this.#loads?.end(this.#target.deploymentId, 0);
    this.#blame(error);
  }

  answered(): void {
    const { deploymentId } = this.#target;
    if (!this.#isOwnKey()) this.#state.health.begun(deploymentId, this.#startedAtMs);
    const tookMs = this.#options.now() - this.#startedAtMs;
    this.#loads?.answered(deploymentId, tookMs, this.#call.request.stream === true);
  }

  /** It is at least as slow as it was waited for, which matters where it was slow. */
  lost(): void {
    const { deploymentId } = this.#target;
    const usualMs = this.#loads?.p95Ms(deploymentId) ?? Number.POSITIVE_INFINITY;
    if (this.#options.now() - this.#startedAtMs > usualMs) this.answered();
    this.#loads?.end(deploymentId, 0);
    this.#state.health.ended(deploymentId, this.#startedAtMs);
  }

  ended(outcome: Outcome): void {
    const { deploymentId } = this.#target;
    this.#loads?.end(deploymentId, outcome.buckets ? countedTokens(outcome.buckets) : 0);
    if (outcome.status === 'failed') this.#blame(outcome.error);
    else if (outcome.status === 'aborted') this.#state.health.ended(deploymentId, this.#startedAtMs);
    else this.#succeeded(outcome);
  }

  /** With a caller's own provider key it says nothing of ours. */
  #succeeded({ responseId }: Outcome): void {
    const { deploymentId } = this.#target;
    const { affinity } = this.#options.runtime().config.router;
    if (this.#isOwnKey()) this.#state.health.ended(deploymentId, this.#startedAtMs);
    else this.#state.health.succeeded(deploymentId, this.#startedAtMs);
    const names = affinityNames(this.#call, affinity, responseId);
    if (names.length > 0) this.#state.affinity.pin(names, deploymentId, affinity.ttlMs);
  }

  #blame(error: GatewayError): void {
    const { deploymentId } = this.#target;
    const { health } = this.#state;
    if (this.#isCallersDoing(error)) health.ended(deploymentId, this.#startedAtMs);
    else health.failed(deploymentId, error, healthSettings(this.#options.runtime(), deploymentId), this.#startedAtMs);
  }

  /** A provider key, a short time limit or the name of a model that the caller brought says nothing about the deployment. */
  #isCallersDoing(error: GatewayError): boolean {
    if (this.#isOwnKey() || error.details.pretended !== undefined) return true;
    if (error.kind === 'upstream_timeout') return this.#isCallersTimeUp();
    return this.#target.isNamedByCaller === true && NAMES_REFUSED.has(error.kind);
  }

  #isOwnKey(): boolean {
    return callerKey(this.#call, this.#target) !== undefined;
  }

  #isCallersTimeUp(): boolean {
    const { request, controls, receivedAtMs } = this.#call;
    const { timeoutMs, streamTimeoutMs } = controls;
    const ownMs = request.stream === true ? (streamTimeoutMs ?? timeoutMs) : timeoutMs;
    return ownMs !== undefined && this.#options.now() - receivedAtMs >= ownMs;
  }
}

/** What a deployment says itself, else the router. Its own count stands before the router's policy. */
function healthSettings({ config, coolingOf }: Runtime, deploymentId: string): HealthSettings {
  const { disableCooldowns, cooldownMs, allowedFails, allowedFailsPolicy } = config.router;
  const own = coolingOf(deploymentId);
  const policy = own?.allowedFails === undefined ? allowedFailsPolicy : {};
  return {
    disabled: disableCooldowns,
    cooldownMs: own?.cooldownMs ?? cooldownMs,
    allowedFails: own?.allowedFails ?? allowedFails,
    allowedFailsPolicy: own?.allowedFailsPolicy ?? policy,
  };
}

function tell({ deploymentId, kind, untilMs }: HealthEvent, log: Log): void {
  const until = untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() };
  const fields = { event: kind, deployment: deploymentId, ...until };
  switch (kind) {
    case 'credential_refused':
      log.error('a provider refused our credential', fields);
      return;
    case 'cooled_down':
      log.warn('a deployment cools down', fields);
      return;
    case 'recovered':
      log.info('a deployment is well again', fields);
      return;
    default:
      kind satisfies never;
  }
}
