/**
 * Budgets and rate limits: what a call may cost and use is held in every scope before it starts, and corrected when it
 * has ended. Sources: LiteLLM's documentation of budgets and rate limits.
 */
import type { GatewayError } from '../errors.ts';
import type { Call, LimitView, Outcome } from '../gateway/call.ts';
import { clampOutput } from '../gateway/clamp-output.ts';
import type { Allowance } from '../gateway/entities.ts';
import type { Admission, Feature, Narrow } from '../gateway/feature.ts';
import { type Instead, nextInstead, servedName } from '../gateway/stand-in.ts';
import { tokenBounds } from '../gateway/token-bounds.ts';
import { CallSize } from '../limits/call-size.ts';
import { isBounded, isBudget, isModelBudget } from '../limits/finite.ts';
import { holdBoth, joined } from '../limits/hold-both.ts';
import { type LimitSettings, patienceMs } from '../limits/patience.ts';
import type { PromptMemory } from '../limits/prompt-memory.ts';
import { busyError, refusalError } from '../limits/refusal-error.ts';
import { groupViews, restOf, standingView } from '../limits/standing-view.ts';
import type { Serving, Subject } from '../limits/subject.ts';
import {
  type Demand,
  type Hold,
  isRefusal,
  type Limit,
  type LimitTree,
  type Part,
  type Refusal,
} from '../limits/types.ts';
import type { WaitingRoom } from '../limits/waiting-room.ts';
import type { Target } from '../providers/adapter.ts';
import { countedTokens } from '../wire/usage.ts';
import type { Quote } from './meter.ts';

export type { LimitSettings };

export interface LimitParts {
  readonly tree: LimitTree;
  readonly waitingRoom: WaitingRoom;
  readonly quote: Quote;
  readonly prompts: PromptMemory;
  limitSettings(): LimitSettings;
  /** What stands over the call; waits only for what is not in memory yet. */
  subject(call: Call): Subject | Promise<Subject>;
  /** Deployments that may serve the group. */
  targets(modelGroup: string): readonly Target[];
  allowanceOf(target: Target): Allowance | null;
  now(): number;
}

export function limits(parts: LimitParts): Feature {
  return {
    name: 'limits',
    admit(call) {
      const subject = parts.subject(call);
      return subject instanceof Promise
        ? subject.then((found) => admitted(new LimitedCall(parts, call, found)))
        : admitted(new LimitedCall(parts, call, subject));
    },
  };
}

function admitted(call: LimitedCall): Admission | Promise<Admission> {
  const cold = call.load();
  return cold === undefined ? call.admit() : cold.then(() => call.admit());
}

class LimitedCall {
  readonly #parts: LimitParts;
  readonly #call: Call;
  readonly #subject: Subject;
  /** Scopes and limits of the group now tried, then those of its deployment and provider too. */
  #part: Part;
  /** All limits that stand over the call now, and whether one of them can refuse. */
  #limits: readonly Limit[] = [];
  #isLimited = false;
  readonly #size: CallSize<Target>;
  /** No money is left: only what costs nothing may serve it. */
  #isForFree = false;
  #hold: Hold | undefined;
  #sent = false;
  readonly #instead: Instead<Refusal> | undefined;
  /** As the client sent it; a cap put in later makes it another text. */
  readonly #body: string | undefined;

  /** @param instead what it stands in for, as that was refused */
  constructor(parts: LimitParts, call: Call, subject: Subject, instead?: Instead<Refusal>) {
    this.#parts = parts;
    this.#call = call;
    this.#subject = subject;
    this.#instead = instead;
    this.#size = sizeOf(parts, call);
    this.#part = this.#partOf(call.modelGroup);
    this.#gather();
    this.#body = call.text;
    // A refusal tells it too.
    call.limits = () => parts.tree.standing(this.#limits).map(standingView);
    call.groupLimits = () => this.#ofGroup();
  }

  #ofGroup(): readonly LimitView[] {
    const group = this.#call.attempts.at(-1)?.target.modelGroup ?? this.#call.modelGroup;
    const own = this.#parts.targets(group).filter((target) => this.#parts.allowanceOf(target) !== null);
    const limits = own.flatMap((target) => this.#partOf(group, this.#servingOf(target)).limits);
    return groupViews(limits, this.#parts.tree.standing(limits));
  }

  #gather(): void {
    const { tree } = this.#parts;
    const { limits: own } = this.#subject.base;
    this.#limits = this.#part.limits.length === 0 ? own : [...own, ...this.#part.limits];
    this.#isLimited = this.#limits.some(isBounded);
    if (this.#isLimited) this.#call.consulted = () => tree.standing(this.#limits.filter(isBounded)).map(standingView);
  }

  /** What only counts must not keep a call from being served. */
  load(): Promise<void> | undefined {
    const cold = this.#parts.tree.load(this.#limits);
    return cold && !this.#isLimited ? cold.catch(() => undefined) : cold;
  }

  admit(): Admission | Promise<Admission> {
    const hold = this.#reserve(false);
    if (!isRefusal(hold)) return this.#begin(hold);
    const next = isModelBudget(hold.standing.limit) ? nextInstead(this.#call, hold, this.#instead) : undefined;
    if (next && 'rest' in next) return admitted(new LimitedCall(this.#parts, this.#call, this.#subject, next));
    if (next) return Promise.reject(this.#refusal(next));
    const waitMs = this.#patience(hold);
    return waitMs > 0 ? this.#wait(waitMs, hold) : Promise.reject(this.#refusal(hold));
  }

  async #wait(waitMs: number, first: Refusal): Promise<Admission> {
    const { waitingRoom, now } = this.#parts;
    const { client, caller, waits, isRehearsal } = this.#call;
    const kind = first.standing.limit.unit === 'usd' ? 'budget' : 'queue';
    const waited = (durationMs: number): void => void waits.push({ kind, durationMs, afterAttempts: 0 });
    if (isRehearsal) waited(waitMs);
    if (isRehearsal) throw this.#refusal(first);
    const startedAtMs = now();
    const gone = new Promise<void>((resolve) => client.watch(resolve));
    const found = await waitingRoom
      .enter(caller?.keyHash ?? '', () => this.#reserve(false), {
        deadlineMs: now() + waitMs,
        canWait: (refusal) => this.#patience(refusal) > 0,
        gone,
      })
      .finally(() => client.unwatch());
    waited(now() - startedAtMs);
    // Nothing more will be given back in time: take what there is.
    const hold = isRefusal(found) && !client.gone ? this.#reserve(true) : found;
    if (isRefusal(hold)) throw this.#refusal(hold);
    return this.#begin(hold);
  }

  #begin(hold: Hold): Admission {
    this.#hold = hold;
    this.#call.admittedAtMs = hold.admittedMs;
    return {
      attempt: (target) => this.#attempt(target),
      alongside: (target) => this.#alongside(target),
      settle: (outcome) => this.#settle(outcome),
    };
  }

  /** @param last take a smaller answer even while calls under way may still give money back */
  #reserve(last: boolean): Hold | Refusal {
    const { tree, targets } = this.#parts;
    const candidates = targets(this.#call.modelGroup);
    const found = tree.reserve(this.#demand(candidates), this.#subject.base, this.#part);
    if (!isRefusal(found) || found.standing.limit.unit !== 'usd') return found;
    if (!this.#mayClamp(found, last)) return this.#reserveFree(candidates, found);
    const cap = this.#affordable(candidates, 0);
    if (cap < 1) return this.#reserveFree(candidates, found);
    const clamped = tree.reserve(this.#demand(candidates, cap), this.#subject.base, this.#part);
    if (!isRefusal(clamped)) this.#clamp(cap);
    return clamped;
  }

  /** Where some deployments of a group cost nothing, those serve on when the money is spent. */
  #reserveFree(candidates: readonly Target[], refusal: Refusal): Hold | Refusal {
    const free = this.#size.free(candidates);
    if (free.length === 0) return refusal;
    const found = this.#parts.tree.reserve(this.#demand(free), this.#subject.base, this.#part);
    this.#isForFree = !isRefusal(found);
    return found;
  }

  #mayClamp({ standing, reason }: Refusal, last: boolean): boolean {
    const isShort = standing.limit.unit === 'usd' && reason !== 'unpriced';
    return isShort && this.#size.bounds.outputCap === undefined && (last || standing.held === 0);
  }

  /** Output tokens for all choices that every budget still covers. */
  #affordable(candidates: readonly Target[], ownHold: number): number {
    const rest = Math.min(...this.#parts.tree.standing(this.#limits.filter(isBudget)).map(restOf)) + ownHold;
    return this.#size.affordable(candidates, rest);
  }

  /** The caller is told, and each attempt sends it. */
  #clamp(total: number): void {
    const call = this.#call;
    this.#size.cap = clampOutput(call, total, this.#size.bounds.choices);
  }

  #demand(candidates: readonly Target[], cap?: number): Demand {
    return this.#isLimited ? this.#size.demand(candidates, this.#limits, cap) : NOTHING;
  }

  #attempt(target: Target): void | Promise<void> {
    const part = this.#partOf(target.modelGroup, this.#servingOf(target));
    const wasLimited = this.#isLimited;
    this.#use(part);
    if (!wasLimited && part.limits.length === 0) return;
    const cold = this.#parts.tree.load(part.limits);
    if (cold !== undefined) return cold.then(() => this.#take(target));
    this.#take(target);
  }

  /** What is not in memory yet is read for the next time: nothing waits for a second attempt. */
  #alongside(target: Target): Narrow | 'refused' {
    const first = this.#part;
    const part = this.#partOf(target.modelGroup, this.#servingOf(target));
    const cold = this.#parts.tree.load(part.limits);
    cold?.catch(() => undefined); // Whoever needs it reads it again.
    if (cold !== undefined || !this.#hold) return 'refused';
    this.#use(joined(first, part));
    const { deploymentId } = target;
    const narrow = holdBoth(this.#hold, first, { deploymentId, part, demand: this.#demand([target]) });
    if (narrow === 'refused') this.#use(first);
    return narrow === 'refused' ? narrow : (left, lostNanoUsd) => this.#use(narrow(left.deploymentId, lostNanoUsd));
  }

  #use(part: Part): void {
    this.#part = part;
    this.#gather();
  }

  #take(target: Target): void {
    const refusal = this.#hold?.attempt(this.#demand([target]), this.#part, this.#sent);
    if (refusal) this.#takeLess(target, refusal);
    this.#sent = true;
  }

  /** A dearer target than the one held for: what no client has capped may be capped lower. */
  #takeLess(target: Target, refusal: Refusal): void {
    const { kind } = refusal.standing.limit.scope;
    if (kind === 'deployment' || kind === 'provider' || this.#isForFree) throw busyError(this.#refusal(refusal));
    if (!this.#mayClamp(refusal, true)) throw this.#refusal(refusal);
    const cap = this.#affordable([target], this.#hold?.demand.nanoUsd ?? 0);
    if (cap < 1 || this.#hold?.attempt(this.#demand([target], cap), this.#part, this.#sent))
      throw this.#refusal(refusal);
    this.#clamp(cap);
  }

  /** Only the group asked for may be known by another name. */
  #partOf(modelGroup: string, serving?: Serving): Part {
    const alias = modelGroup === this.#call.modelGroup ? servedName(this.#call) : modelGroup;
    return this.#subject.servedBy(modelGroup, serving, alias);
  }

  #servingOf(target: Target): Serving {
    const { modelGroup, deploymentId, adapter } = target;
    return { modelGroup, deploymentId, provider: adapter.id, allowance: this.#parts.allowanceOf(target) };
  }

  #settle(outcome: Outcome): void {
    const { buckets, cost } = outcome;
    if (this.#call.attempts.length === 0 && !buckets) {
      this.#hold?.release();
      return;
    }
    this.#hold?.settle({ nanoUsd: cost?.totalNanoUsd ?? 0, tokens: buckets ? countedTokens(buckets) : 0 });
    // Only of the group asked for: another model counts otherwise.
    const isSame = outcome.target?.modelGroup === this.#call.modelGroup;
    if (!isSame || buckets?.source !== 'provider' || this.#body === undefined) return;
    if (!this.#size.isKnown || !this.#size.isWhole) return;
    const prompt = buckets.input + buckets.cacheRead + buckets.cacheWrite + buckets.inputAudio;
    this.#parts.prompts.remember(this.#call.modelGroup, this.#body, prompt);
  }

  /** How long a refusal is worth waiting for; 0: not at all. */
  #patience(refusal: Refusal): number {
    return patienceMs(refusal, this.#parts.limitSettings(), this.#size.bounds.outputCap !== undefined);
  }

  #refusal(refusal: Refusal): GatewayError {
    const { budgetStatus } = this.#parts.limitSettings();
    return refusalError(refusal, { budgetStatus, nowMs: this.#parts.now() });
  }
}

const sizeOf = ({ quote, prompts }: LimitParts, call: Call): CallSize<Target> =>
  new CallSize({
    ...quote,
    bounds: () => tokenBounds(call),
    recall: () => prompts.recall(call.modelGroup, call.text ?? ''),
    worst: (target, count) => quote.worst(call, target, count),
    affordable: (target, count, nanoUsd) => quote.affordable(call, target, count, nanoUsd),
  });

const NOTHING: Demand = { tokens: 0, nanoUsd: 0 };
