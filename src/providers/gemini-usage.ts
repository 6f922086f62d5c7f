/**
 * Gemini's `usageMetadata` → OpenAI's usage, whose details are parts of their totals. Source: Google's "Gemini API"
 * reference, `UsageMetadata`; LiteLLM's documentation of `gemini/` for which counts are in which.
 */

import { isObject, type JsonObject } from '../lib/json.ts';
import type { Usage } from '../wire/openai.ts';
import type { Grounding } from './gemini-grounding.ts';

/** @returns `undefined` when nothing was counted, as at the beginning of some streams */
export function geminiUsage(metadata: JsonObject, { isGrounded, searches, mapSearches }: Grounding): Usage | undefined {
  const count = (name: string): number | undefined => countOf(metadata[name]);
  const prompt = count('promptTokenCount');
  const candidates = count('candidatesTokenCount');
  if (prompt === undefined && candidates === undefined) return undefined;
  const thoughts = count('thoughtsTokenCount') ?? 0;
  const toolUse = count('toolUsePromptTokenCount') ?? 0;
  // Pages that a search brought along are billed by the search.
  const promptTokens = (prompt ?? 0) + (isGrounded ? 0 : toolUse);
  const completionTokens = completionOf(
    { prompt: prompt ?? 0, candidates: candidates ?? 0, thoughts, toolUse },
    metadata,
  );
  const input = modalities(metadata['promptTokensDetails']);
  const cached = modalities(metadata['cacheTokensDetails']);
  const output = modalities(metadata['candidatesTokensDetails']);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: {
      cached_tokens: count('cachedContentTokenCount') ?? 0,
      // Audio that came from the cache is counted there.
      ...withoutCached(input, cached),
      ...(toolUse > 0 && { tool_use_tokens: toolUse }),
      // Priced apart from other cached tokens.
      ...(cached['audio_tokens'] !== undefined && { cached_audio_tokens: cached['audio_tokens'] }),
      ...some('web_search_requests', searches),
      ...some('map_search_requests', mapSearches),
    },
    completion_tokens_details: { reasoning_tokens: Math.min(thoughts, completionTokens), ...output },
  };
}

const some = (name: string, count: number): Details => (count > 0 ? { [name]: count } : {});

/** Untrusted like every number of an upstream: metering checks it, arithmetic needs it whole. */
const countOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

interface Counts {
  readonly prompt: number;
  readonly candidates: number;
  readonly thoughts: number;
  readonly toolUse: number;
}

/** Some models count thoughts among the candidates' tokens; the total tells. */
function completionOf(
  { prompt, candidates, thoughts, toolUse }: Counts,
  { totalTokenCount: total }: JsonObject,
): number {
  const isInside = thoughts <= candidates && (total === prompt + candidates || total === prompt + candidates + toolUse);
  return isInside ? candidates : candidates + thoughts;
}

const DETAIL: Readonly<Record<string, string>> = {
  TEXT: 'text_tokens',
  AUDIO: 'audio_tokens',
  IMAGE: 'image_tokens',
  VIDEO: 'video_tokens',
  DOCUMENT: 'document_tokens',
};

type Details = Readonly<Record<string, number>>;

function modalities(details: unknown): Details {
  const found: Record<string, number> = {};
  for (const detail of Array.isArray(details) ? details : []) {
    if (!isObject(detail) || typeof detail['modality'] !== 'string') continue;
    const name = Object.hasOwn(DETAIL, detail['modality']) ? DETAIL[detail['modality']] : undefined;
    if (name !== undefined) found[name] = (found[name] ?? 0) + (countOf(detail['tokenCount']) ?? 0);
  }
  return found;
}

const withoutCached = (input: Details, cached: Details): Details =>
  Object.fromEntries(Object.entries(input).map(([name, count]) => [name, Math.max(0, count - (cached[name] ?? 0))]));

/** `flex`, `priority`: which prices apply. */
export function tierOf({ serviceTier, trafficType }: JsonObject): string | undefined {
  if (typeof serviceTier === 'string') return serviceTier.toLowerCase().replace(/^standard$/, 'default');
  if (trafficType === 'ON_DEMAND_PRIORITY') return 'priority';
  return trafficType === 'ON_DEMAND_FLEX' ? 'flex' : undefined;
}
