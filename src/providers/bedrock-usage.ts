/** Converse's token counts in OpenAI's shape. Source: AWS's API reference, "TokenUsage". */

import { isObject, type JsonObject, numberOf } from '../lib/json.ts';
import type { Usage } from '../wire/openai.ts';

/** Converse counts cached tokens apart from its input; OpenAI's `prompt_tokens` are all of them. */
export function usageOf(raw: unknown): Usage | undefined {
  if (!isObject(raw)) return undefined;
  const [input, output] = [numberOf(raw['inputTokens']), numberOf(raw['outputTokens'])];
  if (input === undefined && output === undefined) return undefined;
  const read = numberOf(raw['cacheReadInputTokens']) ?? numberOf(raw['cacheReadInputTokenCount']) ?? 0;
  const write = numberOf(raw['cacheWriteInputTokens']) ?? numberOf(raw['cacheWriteInputTokenCount']) ?? 0;
  const prompt = (input ?? 0) + read + write;
  const kept = keptOf(raw['cacheDetails'], write);
  const searches = isObject(raw['serverToolUsage']) ? raw['serverToolUsage'] : {};
  return {
    prompt_tokens: prompt,
    completion_tokens: output ?? 0,
    total_tokens: prompt + (output ?? 0),
    prompt_tokens_details: {
      cached_tokens: read,
      cache_creation_tokens: write,
      ...(kept && { cache_creation_token_details: kept }),
    },
    ...(read + write > 0 && { cache_read_input_tokens: read, cache_creation_input_tokens: write }),
    ...(Object.keys(searches).length > 0 && { server_tool_use: searches }),
  };
}

/** How long what was written to the cache is kept, where Bedrock says so. */
function keptOf(details: unknown, write: number): JsonObject | undefined {
  if (!Array.isArray(details) || write === 0) return undefined;
  const sum = (ttl: string): number =>
    details
      .filter((detail: unknown): detail is JsonObject => isObject(detail) && detail['ttl'] === ttl)
      .reduce((total, detail) => total + (numberOf(detail['inputTokens']) ?? 0), 0);
  return { ephemeral_5m_input_tokens: sum('5m'), ephemeral_1h_input_tokens: sum('1h') };
}
