/** The policy of one request as the sentence it is: retry inside the group, then fall back to the next group. */
import type { GatewayError, Next } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Group } from './groups.ts';
import { pickByWeight } from './pick.ts';

export interface Step {
  readonly target: Target;
  /** Wait this long before trying it. */
  readonly delayMs: number;
}

export interface PlanSettings {
  /** Groups in the order they are tried: the one asked for, then its fallbacks. */
  readonly groups: readonly Group[];
  /** The request's own count; else the deployment's, else the router's. */
  readonly numRetries: number | undefined;
  readonly defaultRetries: number;
  /** Least wait before a retry on the same deployment. */
  readonly retryAfterMs: number;
  readonly random: () => number;
}

const MAX_BACKOFF_MS = 8_000;
const LONGEST_OBEYED_WAIT_MS = 60_000;

/** Offers a target; the caller answers with the error it met, and the plan offers the next or ends. */
export function* plan(settings: PlanSettings): Generator<Step, void, GatewayError> {
  const failed = new Set<string>();
  for (const group of settings.groups) {
    const next = yield* tryGroup(group, failed, settings);
    if (next === 'stop') return;
  }
}

function* tryGroup(group: Group, failed: Set<string>, settings: PlanSettings): Generator<Step, Next, GatewayError> {
  const retries = settings.numRetries ?? group.targets[0]?.numRetries ?? settings.defaultRetries;
  let delayMs = 0;
  for (let tried = 0; tried <= retries; tried++) {
    const target = pickFresh(group, failed, settings.random);
    if (!target) break;
    const error = yield { target, delayMs };
    if (error.next !== 'retry') return error.next;
    failed.add(target.deploymentId);
    delayMs = waitAfter(error, tried, settings, hasFresh(group, failed));
  }
  return 'fallback';
}

const hasFresh = (group: Group, failed: ReadonlySet<string>): boolean =>
  group.targets.some(({ deploymentId }) => !failed.has(deploymentId));

/** A retry prefers a deployment that has not failed this request yet. */
function pickFresh(group: Group, failed: ReadonlySet<string>, random: () => number): Target | undefined {
  const fresh = group.targets.filter(({ deploymentId }) => !failed.has(deploymentId));
  return pickByWeight(fresh.length > 0 ? fresh : group.targets, random);
}

/** Full jitter: callers that failed together must not come back together. */
function waitAfter(error: GatewayError, tried: number, settings: PlanSettings, otherExists: boolean): number {
  if (otherExists) return 0;
  const asked = error.details.retryAfterMs;
  if (asked !== undefined && asked > 0 && asked <= LONGEST_OBEYED_WAIT_MS) return asked;
  const backoff = Math.min(MAX_BACKOFF_MS, 500 * 2 ** tried) * settings.random();
  return Math.max(settings.retryAfterMs, backoff);
}
