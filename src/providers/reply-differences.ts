/** How a provider's answers differ from OpenAI's, as data: each difference is a small function that a registry line names. */
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';

export interface ReplyDifferences {
  /** For messages and deltas alike. Applied first. */
  readonly message?: (message: JsonObject) => JsonObject;
  readonly usage?: (usage: JsonObject) => JsonObject;
  /** For the whole body or chunk, before anything else is looked at. */
  readonly whole?: (body: JsonObject) => JsonObject;
}

/** `reasoning`, as Groq, vLLM, OpenRouter and others call it, under the name that clients read. */
export function reasoningAsContent(message: JsonObject): JsonObject {
  const { reasoning, ...rest } = message;
  if (typeof reasoning !== 'string') return message;
  return textOf(rest['reasoning_content']) === undefined ? { ...rest, reasoning_content: reasoning } : rest;
}

/** Mistral's content lists: thinking becomes `reasoning_content`, text stays content, the rest is kept aside. */
export function thinkingPartsAsText(message: JsonObject): JsonObject {
  const { content } = message;
  if (!Array.isArray(content)) return message;
  const parts = content.map((part: unknown) => (isObject(part) ? part : { type: 'text', text: part }));
  const ofType = (type: string): JsonObject[] => parts.filter((part: JsonObject) => part['type'] === type);
  const reasoning = ofType('thinking').map((part) => joinedText(part['thinking']));
  const others = parts.filter(({ type }: JsonObject) => type !== 'thinking' && type !== 'text');
  return {
    ...message,
    content: joinedText(ofType('text')),
    ...(reasoning.length > 0 && { reasoning_content: reasoning.join('') }),
    ...(others.length > 0 && { provider_specific_fields: { content_parts: others } }),
  };
}

function joinedText(parts: unknown): string {
  if (typeof parts === 'string') return parts;
  if (!Array.isArray(parts)) return '';
  return parts.map((part) => (isObject(part) ? (textOf(part['text']) ?? '') : '')).join('');
}

/** DeepSeek's and Moonshot's cache hits, where OpenAI has them. */
export function cacheHitsAsDetails(usage: JsonObject): JsonObject {
  const hits = numberOf(usage['prompt_cache_hit_tokens']) ?? numberOf(usage['cached_tokens']);
  const details = isObject(usage['prompt_tokens_details']) ? usage['prompt_tokens_details'] : {};
  if (hits === undefined || numberOf(details['cached_tokens']) !== undefined) return usage;
  return { ...usage, prompt_tokens_details: { ...details, cached_tokens: hits } };
}

/** xAI leaves reasoning out of `completion_tokens`, though it bills it as such; its own total gives it away. */
export function reasoningIntoCompletion(usage: JsonObject): JsonObject {
  const details = usage['completion_tokens_details'];
  const reasoning = isObject(details) ? numberOf(details['reasoning_tokens']) : undefined;
  const prompt = numberOf(usage['prompt_tokens']);
  const completion = numberOf(usage['completion_tokens']);
  if (reasoning === undefined || prompt === undefined || completion === undefined) return usage;
  if (usage['total_tokens'] !== prompt + completion + reasoning) return usage;
  return { ...usage, completion_tokens: completion + reasoning };
}

/** Perplexity reports the price of a call in parts; `cost` is to be the sum, in USD. */
export function costPartsAsDetails(usage: JsonObject): JsonObject {
  const { cost } = usage;
  const total = isObject(cost) ? numberOf(cost['total_cost']) : undefined;
  return total === undefined ? usage : { ...usage, cost: total, cost_details: cost };
}

/** Eden AI's price of a call, in USD, stands beside the usage. */
export function costAsUsage(body: JsonObject): JsonObject {
  const cost = numberOf(body['cost']);
  const { usage } = body;
  return cost === undefined || !isObject(usage) ? body : { ...body, usage: { ...usage, cost } };
}

/** Groq repeats usage under a name of its own; on streams of old it stands only there. */
export function ownUsageAsUsage(name: string): (body: JsonObject) => JsonObject {
  return (body) => {
    const own = body[name];
    return isObject(own) && isObject(own['usage']) && !isObject(body['usage'])
      ? { ...body, usage: own['usage'] }
      : body;
  };
}

/** Moonshot puts the usage of a stream into its last choice. */
export function choiceUsageAsUsage(body: JsonObject): JsonObject {
  const { choices } = body;
  if (isObject(body['usage']) || !Array.isArray(choices)) return body;
  const holder = choices.find((choice: unknown) => isObject(choice) && isObject(choice['usage']));
  return isObject(holder) ? { ...body, usage: holder['usage'] } : body;
}

/** Perplexity's sources as OpenAI's annotations, beside the fields of its own. */
export function sourcesAsAnnotations(body: JsonObject): JsonObject {
  const { choices } = body;
  if (!Array.isArray(choices) || sourcesOf(body).length === 0) return body;
  return {
    ...body,
    choices: choices.map((choice: unknown) => {
      if (!isObject(choice) || !isObject(choice['message']) || choice['delta'] !== undefined) return choice;
      const annotations = sourceAnnotations(body, textOf(choice['message']['content']) ?? '');
      return { ...choice, message: { annotations, ...choice['message'] } };
    }),
  };
}

/** Each source at its first `[1]` in the text. */
export const sourceAnnotations = (body: JsonObject, text: string): JsonObject[] =>
  sourcesOf(body).map((source, at) => annotation(source, `[${at + 1}]`, text));

interface Source {
  readonly url: unknown;
  readonly title: unknown;
}

function sourcesOf(body: JsonObject): Source[] {
  const { search_results: results, citations } = body;
  if (Array.isArray(results) && results.length > 0) {
    return results.filter(isObject).map(({ url, title }) => ({ url, title }));
  }
  return Array.isArray(citations) ? citations.map((url: unknown) => ({ url, title: undefined })) : [];
}

/** A source that the text does not name stands at its beginning. */
function annotation({ url, title }: Source, mark: string, text: string): JsonObject {
  const start = text.indexOf(mark);
  const place = start < 0 ? { start_index: 0, end_index: 0 } : { start_index: start, end_index: start + mark.length };
  return { type: 'url_citation', url_citation: { url, title: typeof title === 'string' ? title : '', ...place } };
}
