/**
 * Usage as upstreams report it → disjoint token buckets. Nothing reported is trusted: a count that cannot be right is
 * replaced by our estimate and the buckets are marked, so that no upstream can lower a counter or empty a budget.
 *
 * Sources: OpenAI's API reference ("usage": details are subsets of their total), LiteLLM's docs for the Anthropic-style
 * top-level cache fields, and DeepSeek's and xAI's API docs for theirs.
 */
import type { Usage } from '../wire/openai.ts';
import type { TokenBuckets } from '../wire/usage.ts';

export interface UsageFallback {
  /** Characters of the prompt; a function is only called when they are needed. */
  readonly promptChars: number | (() => number);
  readonly outputChars: number | (() => number);
  /** Context window plus longest answer. A side that claims over four times as many is not believed. */
  readonly maxPlausibleTokens?: number | undefined;
}

const CHARS_PER_TOKEN = 4;
const PLAUSIBLE_TOKENS = 4_000_000;
const ABSURD_FACTOR = 4;

/** For models whose tokenizer we do not have. */
export function estimateTokens(chars: number): number {
  return Number.isFinite(chars) && chars > 0 ? Math.ceil(chars / CHARS_PER_TOKEN) : 0;
}

/** Never throws, whatever is in `usage`. */
export function bucketsOf(usage: Usage | null | undefined, fallback: UsageFallback): TokenBuckets {
  const max = ABSURD_FACTOR * (fallback.maxPlausibleTokens ?? PLAUSIBLE_TOKENS);
  const charsOf = (chars: number | (() => number)): number => (typeof chars === 'number' ? chars : chars());
  const reader = new UsageReader(usage, max);
  const prompt = promptBuckets(reader, () => charsOf(fallback.promptChars));
  const completion = completionBuckets(reader, () => charsOf(fallback.outputChars));
  return { ...prompt, ...completion, source: reader.source };
}

type Doubt = 'provider' | 'estimated' | 'suspect';
type Fields = Readonly<Record<string, unknown>>;
const NO_FIELDS: Fields = {};

/** Reads counts and remembers the worst that it met. */
class UsageReader {
  readonly top: Fields;
  readonly promptDetails: Fields;
  readonly completionDetails: Fields;
  readonly #max: number;
  source: Doubt = 'provider';

  constructor(usage: unknown, max: number) {
    this.top = fieldsOf(usage);
    this.promptDetails = fieldsOf(this.top['prompt_tokens_details']);
    this.completionDetails = fieldsOf(this.top['completion_tokens_details']);
    this.#max = max;
  }

  /** `undefined`: absent, or not to be believed. */
  count(fields: Fields, name: string): number | undefined {
    const value = fields[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= this.#max) return value;
    return this.suspect();
  }

  suspect(): undefined {
    this.source = 'suspect';
    return undefined;
  }

  /** One side's total; ours when the upstream's is absent, or zero although there was text. */
  total(name: string, chars: () => number): number {
    const reported = this.count(this.top, name);
    if (reported !== undefined && reported > 0) return reported;
    const estimate = estimateTokens(chars());
    if (reported === 0 && estimate > 0) this.suspect();
    if (reported === undefined && this.source === 'provider') this.source = 'estimated';
    return estimate;
  }
}

function promptBuckets(reader: UsageReader, promptChars: () => number) {
  const { top, promptDetails } = reader;
  const cacheRead =
    reader.count(promptDetails, 'cached_tokens') ??
    reader.count(top, 'cache_read_input_tokens') ??
    reader.count(top, 'prompt_cache_hit_tokens') ??
    0;
  const cacheWrite =
    reader.count(promptDetails, 'cache_creation_tokens') ?? reader.count(top, 'cache_creation_input_tokens') ?? 0;
  const total = promptTotal(reader, cacheRead + cacheWrite, promptChars);
  if (cacheRead + cacheWrite > total) {
    reader.suspect();
    return { input: total, cacheRead: 0, cacheWrite: 0, inputAudio: 0 };
  }
  // Audio that came from the cache is counted there.
  const inputAudio = Math.min(reader.count(promptDetails, 'audio_tokens') ?? 0, total - cacheRead - cacheWrite);
  const kept = fieldsOf(promptDetails['cache_creation_token_details'] ?? top['cache_creation']);
  const cacheWrite1h = Math.min(reader.count(kept, 'ephemeral_1h_input_tokens') ?? 0, cacheWrite);
  return {
    input: total - cacheRead - cacheWrite - inputAudio,
    cacheRead,
    cacheWrite,
    ...(cacheWrite1h > 0 && { cacheWrite1h }),
    inputAudio,
  };
}

/** Some upstreams leave cached tokens out of `prompt_tokens`; their `total_tokens` gives it away. */
function promptTotal(reader: UsageReader, cached: number, promptChars: () => number): number {
  const { top, completionDetails } = reader;
  const reported = reader.count(top, 'prompt_tokens');
  const completion = reader.count(top, 'completion_tokens');
  // As many reasoning tokens would explain the same total: see below.
  const isAmbiguous = cached === completionDetails['reasoning_tokens'];
  if (
    reported !== undefined &&
    !isAmbiguous &&
    isLeftOut(reader, { part: cached, whole: reported, beside: completion })
  ) {
    return reported + cached;
  }
  return reader.total('prompt_tokens', promptChars);
}

function completionBuckets(reader: UsageReader, outputChars: () => number) {
  const { completionDetails } = reader;
  const reported = reader.total('completion_tokens', outputChars);
  const reasoning = reader.count(completionDetails, 'reasoning_tokens') ?? 0;
  const total = reported + (isReasoningLeftOut(reader, reasoning) ? reasoning : 0);
  if (reasoning > total) {
    reader.suspect();
    return { output: total, reasoning: 0, outputAudio: 0 };
  }
  const outputAudio = Math.min(reader.count(completionDetails, 'audio_tokens') ?? 0, total - reasoning);
  return { output: total - reasoning - outputAudio, reasoning, outputAudio };
}

/** xAI's completion tokens do not include reasoning; again the total tells. */
function isReasoningLeftOut(reader: UsageReader, reasoning: number): boolean {
  const { top } = reader;
  const whole = reader.count(top, 'completion_tokens');
  if (whole === undefined) return false;
  return isLeftOut(reader, { part: reasoning, whole, beside: reader.count(top, 'prompt_tokens') });
}

interface Sum {
  readonly part: number;
  /** What may or may not include the part. */
  readonly whole: number;
  /** The other side. */
  readonly beside: number | undefined;
}

function isLeftOut(reader: UsageReader, { part, whole, beside }: Sum): boolean {
  if (part === 0) return false;
  const total = reader.top['total_tokens'];
  if (beside !== undefined && total === whole + beside + part) return true;
  if (part <= whole) return false;
  // Larger than its whole, it cannot be in it, whatever the total says.
  if (total !== undefined) reader.suspect();
  return true;
}

function fieldsOf(value: unknown): Fields {
  // A record by the test before it; what its fields are is looked at one by one.
  return typeof value === 'object' && value !== null ? (value as Fields) : NO_FIELDS;
}

/** In OpenAI's shape, for answers whose upstream sent none. */
export function usageOf(buckets: TokenBuckets): Usage {
  const { input, cacheRead, cacheWrite, inputAudio, output, reasoning, outputAudio } = buckets;
  const promptTokens = input + cacheRead + cacheWrite + inputAudio;
  const completionTokens = output + reasoning + outputAudio;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cacheRead, cache_creation_tokens: cacheWrite, audio_tokens: inputAudio },
    completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: outputAudio },
  };
}
