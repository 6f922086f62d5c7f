/** The policy of one request as the sentence it is: retry inside the group, then fall back to the next group. */
import { ERROR_KINDS, type ErrorKindName, GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import { type Choice, type Chosen, orderOf } from './choose.ts';
import { classOf } from './error-class.ts';
import type { Group } from './groups.ts';
import type { RetryBudget } from './retry-budget.ts';

export type { Choice };

export interface Step {
  readonly target: Target;
  /** Wait this long before trying it. */
  readonly delayMs: number;
}

export interface Retries {
  readonly count: number;
  /** The operator's policy names this very failure, so that it is retried even where a retry seems vain. */
  readonly isNamed: boolean;
}

export interface PlanSettings {
  /** The group asked for. */
  readonly group: Group | undefined;
  /** Groups to fall back to when this group has failed so. */
  fallbacks(group: Group, error: GatewayError): readonly Group[];
  readonly maxFallbacks: number;
  /** @param triedOrder no deployment of this order or a lower one is wanted */
  choose(group: Group, failed: ReadonlySet<string>, triedOrder?: number): Chosen;
  /** Whether a deployment is left that has not failed and is not cooling down. */
  hasFresh(group: Group, failed: ReadonlySet<string>, triedOrder?: number): boolean;
  /** Whether all of its deployments are cooling down: it looks dead. */
  isDown(group: Group): boolean;
  /** It is left for later, because a fallback is well. */
  postpone(group: Group): void;
  /** Retries after such a failure of this target. */
  retries(target: Target, error: GatewayError): Retries;
  readonly budget: RetryBudget;
  /** Least wait before a retry on the same deployment. */
  readonly retryAfterMs: number;
  /** Epoch milliseconds: nothing begins after it. */
  readonly deadlineMs: number;
  /** The caller's own limit: no retry begins after it. A fallback still does, since time-outs are what it is for. */
  readonly retryUntilMs: number;
  now(): number;
  random(): number;
}

const MAX_BACKOFF_MS = 8_000;
const LONGEST_OBEYED_WAIT_MS = 60_000;

/**
 * Offers a target; the caller answers with the error it met, and the plan offers the next or ends. End it with `return()`
 * when a target has answered.
 * @returns why it ended, when no target could be offered at all
 */
export function* plan(settings: PlanSettings): Generator<Step, GatewayError | undefined, GatewayError> {
  const failed = new Set<string>();
  const line = new Line(settings);
  const ended = settings.budget.begin();
  try {
    let error: GatewayError | undefined;
    for (let group = line.next(); group !== undefined; group = line.next()) {
      if (error !== undefined && settings.now() >= settings.deadlineMs) return error;
      const met = yield* tryGroup(group, failed, settings);
      if (met?.next === 'stop' && (error === undefined || !isRefusalOfOne(met))) return met;
      if (met?.next !== 'stop') line.fallBack(group, met ?? nobodyThere(group));
      error = laterOf(error, met);
    }
    return error;
  } finally {
    ended();
  }
}

/** Groups in the order they are tried, each once. */
class Line {
  readonly #settings: PlanSettings;
  readonly #visited = new Set<string>();
  readonly #postponed = new Set<string>();
  readonly #waiting: Group[];

  constructor(settings: PlanSettings) {
    this.#settings = settings;
    this.#waiting = settings.group ? [settings.group] : [];
  }

  next(): Group | undefined {
    for (let group = this.#waiting.shift(); group !== undefined; group = this.#waiting.shift()) {
      if (this.#visited.has(group.name) || this.#visited.size > this.#settings.maxFallbacks) continue;
      if (this.#postponed.has(group.name) || !isBetterLater(group, this.#settings)) {
        this.#visited.add(group.name);
        return group;
      }
      this.#postponed.add(group.name);
      this.#settings.postpone(group);
      this.#waiting.unshift(...this.#settings.fallbacks(group, coolingDown(group)), group);
    }
    return undefined;
  }

  fallBack(group: Group, error: GatewayError): void {
    this.#waiting.unshift(...this.#settings.fallbacks(group, error));
  }
}

/** All of its deployments are cooling down, and a fallback is well: asking it would only cost its clients the wait. */
const isBetterLater = (group: Group, { isDown, fallbacks }: PlanSettings): boolean =>
  isDown(group) && fallbacks(group, coolingDown(group)).some((other) => other.targets.length > 0 && !isDown(other));

const coolingDown = ({ name }: Group): GatewayError =>
  new GatewayError('upstream_unavailable', `Every deployment of the model ${name} is cooling down.`);

const REFUSALS_OF_ONE: readonly string[] = [
  'rate_limited',
  'budget_exceeded',
  'model_access_denied',
  'permission_denied',
  'invalid_request',
] satisfies ErrorKindName[];

/** What the gateway refuses of a fallback is no answer to what was asked. */
function laterOf(earlier: GatewayError | undefined, later: GatewayError | undefined): GatewayError | undefined {
  const isOwn = later === undefined || later.next === 'stop' || later.kind === 'no_eligible_deployment';
  return earlier !== undefined && isOwn ? earlier : later;
}

/** A limit, a right or a parameter that speaks against one model and may not against the next. */
const isRefusalOfOne = ({ kind }: GatewayError): boolean => REFUSALS_OF_ONE.includes(kind);

/** Tier by tier: one of a higher `order` is what a lower one falls back to. @returns the error that ended it */
function* tryGroup(
  group: Group,
  failed: Set<string>,
  settings: PlanSettings,
): Generator<Step, GatewayError | undefined, GatewayError> {
  let met = yield* tryTier({ group, failed, settings, triedOrder: Number.NEGATIVE_INFINITY });
  while (met.error && isForNextTier(met.error) && settings.hasFresh(group, failed, met.order))
    met = yield* tryTier({ group, failed, settings, triedOrder: met.order });
  return met.error;
}

/** Another deployment of the same model would say no to the same request. */
function isForNextTier(error: GatewayError): boolean {
  const errorClass = classOf(error);
  const isOfRequest = errorClass === 'bad_request' || errorClass === 'content_policy';
  return error.next !== 'stop' && !isOfRequest && error.details.pretended !== 'group';
}

interface Tier {
  readonly group: Group;
  readonly failed: Set<string>;
  readonly settings: PlanSettings;
  /** The highest `order` of those before it. */
  readonly triedOrder: number;
}

interface TierEnd {
  readonly error: GatewayError | undefined;
  /** The highest `order` that was asked. */
  readonly order: number;
}

function* tryTier({ group, failed, settings, triedOrder }: Tier): Generator<Step, TierEnd, GatewayError> {
  const patience = new Patience(group, failed, settings);
  const met: GatewayError[] = [];
  let order = triedOrder;
  let delayMs = 0;
  try {
    for (;;) {
      const { target, error: none } = settings.choose(group, failed, triedOrder);
      if (!target) return { error: none, order };
      order = Math.max(order, orderOf(target));
      const error = yield { target, delayMs };
      failed.add(target.deploymentId);
      met.push(error);
      const waitMs = patience.waitAfter(error, target);
      if (waitMs === undefined) return { error: worstOf(met, group), order };
      delayMs = waitMs;
    }
  } finally {
    patience.end();
  }
}

/** Whether and when a group is tried once more. */
class Patience {
  readonly #group: Group;
  readonly #failed: ReadonlySet<string>;
  readonly #settings: PlanSettings;
  #asked = 0;
  #end: (() => void) | undefined;

  constructor(group: Group, failed: ReadonlySet<string>, settings: PlanSettings) {
    this.#group = group;
    this.#failed = failed;
    this.#settings = settings;
  }

  /** Milliseconds; `undefined`: not again. */
  waitAfter(error: GatewayError, target: Target): number | undefined {
    const { hasFresh, retries, now, deadlineMs, retryUntilMs } = this.#settings;
    const isElsewhere = hasFresh(this.#group, this.#failed);
    // Who is held back by its own limits, or by a price that nobody knows, has not been asked, which is no attempt.
    if (wasNotAsked(error)) return isElsewhere ? 0 : undefined;
    if (error.details.pretended === 'group') return undefined;
    const tried = this.#asked++;
    const { count, isNamed } = retries(target, error);
    if (count === 0) error.isNeverRetried = true;
    if (tried >= count || !(isNamed || isWorthAnother(error, isElsewhere))) return undefined;
    // Another deployment that is well may answer; those that look dead are asked again only as far as the budget goes.
    if (!isElsewhere && !this.#mayRepeat(error)) return undefined;
    const waitMs = isElsewhere ? 0 : backoff(error, tried, this.#settings);
    return now() + waitMs < Math.min(deadlineMs, retryUntilMs) ? waitMs : undefined;
  }

  end(): void {
    this.#end?.();
  }

  #mayRepeat(error: GatewayError): boolean {
    const { isDown, fallbacks } = this.#settings;
    if (asksForLong(error)) return false;
    if (!isDown(this.#group)) return true;
    if (fallbacks(this.#group, error).length > 0) return false;
    this.#end ??= this.#settings.budget.retry();
    return this.#end !== undefined;
  }
}

/** It says itself that a retry within anybody's patience is vain. */
const asksForLong = ({ kind, details }: GatewayError): boolean =>
  kind === 'upstream_busy' && (details.retryAfterMs ?? 0) > LONGEST_OBEYED_WAIT_MS;

const nobodyThere = ({ name }: Group): GatewayError =>
  new GatewayError('upstream_unavailable', `The model ${name} has no deployment.`);

const wasNotAsked = ({ kind }: GatewayError): boolean => kind === 'deployment_busy' || kind === 'model_unpriced';

/** What one deployment's credential or model list refuses, another's may not. */
function isWorthAnother(error: GatewayError, isElsewhere: boolean): boolean {
  if (error.next === 'retry') return true;
  const errorClass = classOf(error);
  const isItsOwn = errorClass === 'authentication' || errorClass === 'not_found';
  return isElsewhere && isItsOwn;
}

/** What an upstream said tells more than that another was not asked. All at their limits is an answer of its own. */
function worstOf(met: readonly GatewayError[], group: Group): GatewayError | undefined {
  const said = met.findLast((error) => !wasNotAsked(error));
  return (
    said ??
    allBusy(
      met.filter(({ kind }) => kind === 'deployment_busy'),
      group,
    ) ??
    met.at(-1)
  );
}

/**
 * In the words of the limit that clears first: a rate is refused as every other rate is, a budget of a deployment or a
 * provider as every other budget.
 */
function allBusy(met: readonly GatewayError[], { name }: Group): GatewayError | undefined {
  const [soonest] = met.toSorted((a, b) => clearsAfterMs(a) - clearsAfterMs(b));
  if (!soonest) return undefined;
  const { retryAfterMs, limit, reason = '', headers, status } = soonest.details;
  const isBudget = limit?.unit === 'usd';
  return new GatewayError('deployment_busy', soonest.message, {
    code: 'deployments_at_limit',
    reason: `Every deployment of ${name} that could answer is at a limit of its own. ${reason}`.trimEnd(),
    ...(isBudget && { type: 'budget_exceeded', status: status ?? ERROR_KINDS.budget_exceeded.status }),
    ...(limit !== undefined && { limit }),
    ...(headers !== undefined && { headers }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    cause: soonest,
  });
}

const clearsAfterMs = ({ details }: GatewayError): number => details.retryAfterMs ?? Number.POSITIVE_INFINITY;

/** Full jitter: callers that failed together must not come back together. */
function backoff(error: GatewayError, tried: number, settings: PlanSettings): number {
  const asked = error.details.retryAfterMs;
  if (asked !== undefined && asked > 0 && asked <= LONGEST_OBEYED_WAIT_MS) return asked;
  const jittered = Math.min(MAX_BACKOFF_MS, 500 * 2 ** tried) * settings.random();
  return Math.max(settings.retryAfterMs, jittered);
}
