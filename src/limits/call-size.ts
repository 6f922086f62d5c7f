/** How many tokens a call may take and what it may cost: what is held for it before it starts. */
import type { TokenCount } from '../pricing/worst-case.ts';
import { ASSUMED_MAX_INPUT, ASSUMED_MAX_OUTPUT, implicitOutput, isBudget } from './finite.ts';
import type { Demand, Limit } from './types.ts';

/** As `gateway/token-bounds.ts` finds them. */
export interface Bounds {
  readonly inputMost: number;
  readonly attached: number;
  readonly found: number;
  readonly inputLikely: number;
  readonly outputCap: number | undefined;
  readonly choices: number;
  readonly outputLikely?: number | undefined;
}

/** What may serve it: only its own caps of the output matter here. */
export interface Server {
  readonly defaults: Readonly<Record<string, unknown>>;
}

export interface SizeParts<Target extends Server> {
  bounds(): Bounds;
  /** What the very same text was counted for before. */
  recall(): number | undefined;
  /** Nano-dollars; `null`: the price is unknown. */
  worst(target: Target, count: TokenCount): number | null;
  /** Tokens of output that the money buys beside this input. */
  affordable(target: Target, count: TokenCount, nanoUsd: number): number;
  maxOutputTokens(target: Target): number | undefined;
  maxInputTokens(target: Target): number | undefined;
}

export class CallSize<Target extends Server> {
  readonly #parts: SizeParts<Target>;
  #found: Bounds | undefined;
  /** Cap of the output, for all choices, that the gateway has put into the request. */
  cap: number | undefined;

  constructor(parts: SizeParts<Target>) {
    this.#parts = parts;
  }

  get bounds(): Bounds {
    this.#found ??= this.#parts.bounds();
    return this.#found;
  }

  /** Whether anybody has asked for its size yet. */
  get isKnown(): boolean {
    return this.#found !== undefined;
  }

  /** Whether the same text is the same prompt: what lies elsewhere may change there. */
  get isWhole(): boolean {
    return Number.isFinite(this.bounds.attached) && this.bounds.found === 0;
  }

  /** @param limits those that stand over the call */
  demand(candidates: readonly Target[], limits: readonly Limit[], cap = this.cap): Demand {
    const { outputCap, inputLikely, outputLikely } = this.bounds;
    const tokens = (this.#remembered() ?? inputLikely) + (outputCap ?? cap ?? outputLikely ?? implicitOutput(limits));
    if (!limits.some(isBudget)) return { tokens, nanoUsd: 0 };
    const costs = candidates.map((target) => this.#worst(target, cap)).filter((cost) => cost !== null);
    return { tokens, nanoUsd: costs.length === 0 ? null : Math.max(...costs) };
  }

  /** What it costs nothing to ask, among others that cost something. */
  free(candidates: readonly Target[]): readonly Target[] {
    return candidates.filter((target) => this.#worst(target, this.cap) === 0);
  }

  /** Output tokens for all choices that the money buys, wherever the call goes. */
  affordable(candidates: readonly Target[], nanoUsd: number): number {
    return Math.min(
      ...candidates.map((target) =>
        this.#parts.affordable(target, { input: this.#input(target), output: this.#output(target) }, nanoUsd),
      ),
    );
  }

  #worst(target: Target, cap: number | undefined): number | null {
    const output = cap ?? this.#output(target);
    return this.#parts.worst(target, { input: this.#input(target), output });
  }

  #output(target: Target): number {
    const { outputCap, choices } = this.bounds;
    const byDefault = target.defaults['max_tokens'] ?? target.defaults['max_completion_tokens'];
    const each = typeof byDefault === 'number' ? byDefault : this.#parts.maxOutputTokens(target);
    return outputCap ?? this.cap ?? (each ?? ASSUMED_MAX_OUTPUT) * choices;
  }

  #input(target: Target): number {
    const { inputMost, attached } = this.bounds;
    const known = this.#remembered();
    if (known !== undefined) return known;
    if (attached === 0) return inputMost;
    const unknown = Number.isFinite(attached) ? attached : ASSUMED_MAX_INPUT;
    return inputMost + Math.min(attached, this.#parts.maxInputTokens(target) ?? unknown);
  }

  #remembered(): number | undefined {
    if (!this.isWhole) return undefined;
    return this.#parts.recall();
  }
}
