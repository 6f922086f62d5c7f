/**
 * The price of an answer, worked out a second time and as simply as can be: straight from what the provider sent, with
 * the price list's own fields, in plain arithmetic. Nothing of the gateway's is used, so that both can only agree by being right.
 */

export type Raw = Readonly<Record<string, unknown>>;
export type Fields = Readonly<Record<string, number>>;

export interface NaiveCounts {
  /** Neither read from a cache nor written to one. */
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly cacheWrite1h: number;
  /** Reasoning among it. */
  readonly output: number;
  readonly reasoning: number;
  readonly searches: number;
  /** USD, where the provider says itself what it bills. */
  readonly reported?: number;
}

export const objectOf = (value: unknown): Raw => (typeof value === 'object' && value !== null ? (value as Raw) : {});
export const num = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** What all of an answer's JSON says under a name, whole or event by event: the last word counts. */
export function lastOf(documents: readonly unknown[], name: string): Raw | undefined {
  let found: Raw | undefined;
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === name && typeof inner === 'object' && inner !== null) found = { ...found, ...withoutNulls(inner) };
      look(inner);
    }
  };
  for (const document of documents) look(document);
  return found;
}

const withoutNulls = (raw: object): Raw =>
  Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));

/** OpenAI's, and whoever counts like it. */
function openAi(documents: readonly unknown[]): NaiveCounts | undefined {
  const usage = lastOf(documents, 'usage');
  if (usage === undefined) return undefined;
  const [prompt, completion] = [num(usage['prompt_tokens']), num(usage['completion_tokens'])];
  const cacheRead =
    num(objectOf(usage['prompt_tokens_details'])['cached_tokens']) ||
    num(usage['prompt_cache_hit_tokens']) ||
    num(usage['cached_tokens']);
  const reasoning = num(objectOf(usage['completion_tokens_details'])['reasoning_tokens']);
  // xAI's reasoning stands beside its completion.
  const isBeside = reasoning > 0 && num(usage['total_tokens']) === prompt + completion + reasoning;
  const { cost } = usage;
  const reported = typeof cost === 'number' ? cost : objectOf(cost)['total_cost'];
  return {
    input: prompt - cacheRead,
    cacheRead,
    cacheWrite: 0,
    cacheWrite1h: 0,
    output: completion + (isBeside ? reasoning : 0),
    reasoning,
    searches: num(usage['num_search_queries']),
    ...(typeof reported === 'number' && { reported }),
  };
}

function anthropic(documents: readonly unknown[]): NaiveCounts | undefined {
  const usage = lastOf(documents, 'usage');
  if (usage === undefined) return undefined;
  return {
    input: num(usage['input_tokens']),
    cacheRead: num(usage['cache_read_input_tokens']),
    cacheWrite: num(usage['cache_creation_input_tokens']),
    cacheWrite1h: num(objectOf(usage['cache_creation'])['ephemeral_1h_input_tokens']),
    output: num(usage['output_tokens']),
    reasoning: 0,
    searches: num(objectOf(usage['server_tool_use'])['web_search_requests']),
  };
}

function bedrock(documents: readonly unknown[]): NaiveCounts | undefined {
  const usage = lastOf(documents, 'usage');
  if (usage === undefined) return undefined;
  return {
    input: num(usage['inputTokens']),
    cacheRead: num(usage['cacheReadInputTokens']),
    cacheWrite: num(usage['cacheWriteInputTokens']),
    cacheWrite1h: 0,
    output: num(usage['outputTokens']),
    reasoning: 0,
    searches: 0,
  };
}

function gemini(documents: readonly unknown[]): NaiveCounts | undefined {
  const usage = lastOf(documents, 'usageMetadata');
  if (usage === undefined) return undefined;
  const [prompt, cacheRead] = [num(usage['promptTokenCount']), num(usage['cachedContentTokenCount'])];
  const thoughts = num(usage['thoughtsTokenCount']);
  const output = num(usage['candidatesTokenCount']) + thoughts;
  return {
    input: prompt - cacheRead,
    cacheRead,
    cacheWrite: 0,
    cacheWrite1h: 0,
    output,
    reasoning: thoughts,
    searches: 0,
  };
}

/** It says what it bills. */
function cohere(documents: readonly unknown[]): NaiveCounts | undefined {
  const units = lastOf(documents, 'billed_units');
  if (units === undefined) return undefined;
  const [input, output] = [num(units['input_tokens']), num(units['output_tokens'])];
  return { input, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output, reasoning: 0, searches: 0 };
}

function ollama(documents: readonly unknown[]): NaiveCounts | undefined {
  const last = objectOf(documents.at(-1));
  const [input, output] = [num(last['prompt_eval_count']), num(last['eval_count'])];
  return { input, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output, reasoning: 0, searches: 0 };
}

/** Where it counted tokens at all. */
function replicate(documents: readonly unknown[]): NaiveCounts | undefined {
  const metrics = lastOf(documents, 'metrics');
  const [input, output] = [num(metrics?.['input_token_count']), num(metrics?.['output_token_count'])];
  if (input + output === 0) return undefined;
  return { input, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output, reasoning: 0, searches: 0 };
}

const READERS: Readonly<Record<string, typeof openAi>> = {
  anthropic,
  bedrock,
  gemini,
  cohere,
  ollama_chat: ollama,
  replicate,
};

/** `undefined`: it says nothing of its size. */
export const naiveCounts = (provider: string, documents: readonly unknown[]): NaiveCounts | undefined =>
  (READERS[provider] ?? openAi)(documents);

/** USD. A price that is missing is the plain one of its side. */
export function naiveCost(counts: NaiveCounts, fields: Fields, searchPrice = 0): number {
  const { input, cacheRead, cacheWrite, cacheWrite1h, output, reasoning, searches, reported } = counts;
  if (reported !== undefined) return reported;
  const thresholds = Object.keys(fields)
    .flatMap((name) => /_above_(\d+)k_tokens$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a);
  const passed = thresholds.filter((thousands) => input + cacheRead + cacheWrite > thousands * 1_000);
  const at = (name: string): number | undefined =>
    passed.map((thousands) => fields[`${name}_above_${thousands}k_tokens`]).find((price) => price !== undefined) ??
    fields[name];
  const [plainIn, plainOut] = [at('input_cost_per_token') ?? 0, at('output_cost_per_token') ?? 0];
  const write = at('cache_creation_input_token_cost') ?? plainIn;
  return (
    input * plainIn +
    cacheRead * (at('cache_read_input_token_cost') ?? plainIn) +
    (cacheWrite - cacheWrite1h) * write +
    cacheWrite1h * (at('cache_creation_input_token_cost_above_1hr') ?? write) +
    (output - reasoning) * plainOut +
    reasoning * (at('output_cost_per_reasoning_token') ?? plainOut) +
    searches * searchPrice +
    (fields['input_cost_per_request'] ?? 0)
  );
}
