/** How busy and how quick each deployment is, as strategies want to know it. Kept by deployment id, over reloads. */
import { LRUCache } from 'lru-cache';

export interface Load {
  /** Calls under way. */
  readonly inFlight: number;
  /** Milliseconds to the first content, peak-weighted; `undefined` until something was measured. */
  readonly firstContentMs: number | undefined;
  /** Milliseconds to the whole answer, of calls that are not streamed. */
  readonly answerMs: number | undefined;
  /** Within the last minute. */
  readonly requests: number;
  readonly tokens: number;
  /** What calls under way will need, if they need as much as calls do of late. */
  readonly expectedTokens: number;
}

interface Deployment {
  inFlight: number;
  readonly firstContent: PeakAverage;
  readonly answer: PeakAverage;
  readonly recent: Recent;
  /** Latest times to the first content, for the rolling p95. */
  readonly firsts: number[];
}

const MAX_DEPLOYMENTS = 10_000;
const KEPT_FIRSTS = 100;
const FEWEST_FIRSTS = 20;
/** How much the latest call tells of what calls need. */
const NEWS = 0.1;

export class Loads {
  readonly #now: () => number;
  readonly #deployments = new LRUCache<string, Deployment>({ max: MAX_DEPLOYMENTS });
  #usualTokens = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  of(deploymentId: string): Load {
    const nowMs = this.#now();
    const { inFlight, firstContent, answer, recent } = this.#of(deploymentId);
    const { requests, tokens } = recent.sums(nowMs);
    const expectedTokens = inFlight * this.#usualTokens;
    return { inFlight, firstContentMs: firstContent.value, answerMs: answer.value, requests, tokens, expectedTokens };
  }

  begin(deploymentId: string): void {
    const deployment = this.#of(deploymentId);
    deployment.inFlight += 1;
    deployment.recent.add(this.#now(), 1, 0);
  }

  /** An answer began, or came whole. */
  answered(deploymentId: string, tookMs: number, isStream: boolean): void {
    const deployment = this.#of(deploymentId);
    (isStream ? deployment.firstContent : deployment.answer).add(tookMs, this.#now());
    deployment.firsts.push(tookMs);
    if (deployment.firsts.length > KEPT_FIRSTS) deployment.firsts.shift();
  }

  /** What took so long and then failed is as slow as it was. */
  end(deploymentId: string, tokens: number): void {
    const deployment = this.#of(deploymentId);
    deployment.inFlight = Math.max(0, deployment.inFlight - 1);
    if (tokens <= 0) return;
    deployment.recent.add(this.#now(), 0, tokens);
    this.#usualTokens += (tokens - this.#usualTokens) * (this.#usualTokens === 0 ? 1 : NEWS);
  }

  /** 95 of 100 answers began within so many milliseconds; `undefined` while too few are known. */
  p95Ms(deploymentId: string): number | undefined {
    const { firsts } = this.#of(deploymentId);
    if (firsts.length < FEWEST_FIRSTS) return undefined;
    return firsts.toSorted((a, b) => a - b)[Math.ceil(firsts.length * 0.95) - 1];
  }

  #of(deploymentId: string): Deployment {
    const known = this.#deployments.get(deploymentId);
    if (known) return known;
    const fresh: Deployment = {
      inFlight: 0,
      firstContent: new PeakAverage(),
      answer: new PeakAverage(),
      recent: new Recent(),
      firsts: [],
    };
    this.#deployments.set(deploymentId, fresh);
    return fresh;
  }
}

/** Half of an old measure's weight is gone after this. */
const HALF_LIFE_MS = 10_000;

/** Rises to a slow answer at once and falls back slowly, so that a deployment in trouble is left alone soon. */
class PeakAverage {
  #value: number | undefined;
  #atMs = 0;

  get value(): number | undefined {
    return this.#value;
  }

  add(measuredMs: number, nowMs: number): void {
    const keep = 0.5 ** ((nowMs - this.#atMs) / HALF_LIFE_MS);
    const isPeak = this.#value === undefined || measuredMs > this.#value;
    this.#value = isPeak ? measuredMs : (this.#value ?? 0) * keep + measuredMs * (1 - keep);
    this.#atMs = nowMs;
  }
}

const SLOTS = 60;
const SLOT_MS = 1_000;

/** Sums over the last minute, second by second. */
export class Recent {
  readonly #requests = new Float64Array(SLOTS);
  readonly #tokens = new Float64Array(SLOTS);
  #slot = 0;

  add(nowMs: number, requests: number, tokens: number): void {
    const at = this.#turn(nowMs);
    this.#requests[at] = (this.#requests[at] ?? 0) + requests;
    this.#tokens[at] = (this.#tokens[at] ?? 0) + tokens;
  }

  sums(nowMs: number): { requests: number; tokens: number } {
    this.#turn(nowMs);
    const sum = (slots: Float64Array): number => slots.reduce((total, one) => total + one, 0);
    return { requests: sum(this.#requests), tokens: sum(this.#tokens) };
  }

  /** Empties the seconds that have passed since; a clock that goes back stays in its second. */
  #turn(nowMs: number): number {
    const slot = Math.max(this.#slot, Math.floor(nowMs / SLOT_MS));
    for (let passed = Math.max(this.#slot + 1, slot - SLOTS + 1); passed <= slot; passed++) {
      this.#requests[passed % SLOTS] = 0;
      this.#tokens[passed % SLOTS] = 0;
    }
    this.#slot = slot;
    return slot % SLOTS;
  }
}
