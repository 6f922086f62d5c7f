/** Anthropic's counts as OpenAI's. Source: Anthropic's API reference, "Usage", and its guides on prompt caching and compaction. */

import { isObject, type JsonObject, numberOf } from '../lib/json.ts';
import type { Usage } from '../wire/openai.ts';

/** What was read but not from a cache, what was, and what was put there, are three numbers beside each other. */
export function usageOf(usage: JsonObject): Usage {
  const parts = [usage, ...compactions(usage)];
  const sum = (name: string): number | undefined => {
    const counts = parts.flatMap((part) => numberOf(part[name]) ?? []);
    return counts.length === 0 ? undefined : counts.reduce((all, count) => all + count, 0);
  };
  const [input, output] = [sum('input_tokens'), sum('output_tokens')];
  const read = sum('cache_read_input_tokens') ?? 0;
  const written = sum('cache_creation_input_tokens') ?? 0;
  const prompt = input === undefined ? undefined : input + read + written;
  const { cache_creation: kept, output_tokens_details: details, ...others } = usage;
  const { input_tokens: _, output_tokens: __, ...rest } = others;
  const thoughts = isObject(details) ? numberOf(details['thinking_tokens']) : undefined;
  const told = Object.entries(rest).filter(([, value]) => value !== null);
  // Counts that are missing stay missing: metering then estimates them.
  return {
    ...Object.fromEntries(told),
    ...(prompt !== undefined && { prompt_tokens: prompt }),
    ...(output !== undefined && { completion_tokens: output }),
    ...(prompt !== undefined && output !== undefined && { total_tokens: prompt + output }),
    prompt_tokens_details: {
      cached_tokens: read,
      cache_creation_tokens: written,
      ...(isObject(kept) && { cache_creation_token_details: kept }),
      ...(input !== undefined && { text_tokens: input }),
    },
    ...(thoughts !== undefined && { completion_tokens_details: { reasoning_tokens: thoughts } }),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
  } as unknown as Usage; // Every number is untrusted and may be missing, as the type's docstring says.
}

/** The totals leave out what shortening the conversation took. */
function compactions({ iterations }: JsonObject): JsonObject[] {
  const all: readonly unknown[] = Array.isArray(iterations) ? iterations : [];
  return all.filter((part): part is JsonObject => isObject(part) && part['type'] === 'compaction');
}

/** Counts of a stream are totals so far, not steps: the last that was said of each stands. */
export function laterUsage(earlier: JsonObject, later: unknown): JsonObject {
  if (!isObject(later)) return earlier;
  return { ...earlier, ...Object.fromEntries(Object.entries(later).filter(([, value]) => value !== null)) };
}
