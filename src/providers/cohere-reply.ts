/**
 * Cohere's answers and stream events in OpenAI's shape, for the common reader. Source: Cohere's API reference, "Chat" and
 * "Chat with Streaming" (v2), and its guides on citations and reasoning.
 */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';

/** `undefined` when it is no answer. */
export function cohereCompletion(body: JsonObject): JsonObject {
  const { message, finish_reason: reason, usage, logprobs, ...rest } = body;
  if (!isObject(message)) return {};
  throwIfFailed(reason);
  const { content, tool_calls: calls, tool_plan: plan, citations, ...others } = message;
  const parts = contentParts(content);
  const reasoning = parts.map(({ thinking }) => thinking).join('') + (textOf(plan) ?? '');
  const cited = new Citations();
  for (const [index, { text }] of parts.entries()) cited.addText(index, text);
  if (Array.isArray(citations)) for (const citation of citations) cited.add(citation);
  return {
    ...rest,
    choices: [
      {
        index: 0,
        message: {
          ...others,
          role: 'assistant',
          content: parts.length > 0 ? parts.map(({ text }) => text).join('') : null,
          ...(reasoning !== '' && { reasoning_content: reasoning }),
          ...(Array.isArray(calls) && calls.length > 0 && { tool_calls: calls }),
          ...cited.fields(),
        },
        finish_reason: reason ?? null,
        ...logprobFields(logprobs),
      },
    ],
    ...(usage !== undefined && { usage: cohereUsage(usage) }),
  };
}

interface Part {
  readonly text: string;
  readonly thinking: string;
}

function contentParts(content: unknown): Part[] {
  if (typeof content === 'string') return [{ text: content, thinking: '' }];
  if (!Array.isArray(content)) return [];
  return content.map((part: unknown) => partOf(part));
}

const partOf = (part: unknown): Part =>
  isObject(part)
    ? { text: textOf(part['text']) ?? '', thinking: textOf(part['thinking']) ?? '' }
    : { text: textOf(part) ?? '', thinking: '' };

const FAILURES: Readonly<Record<string, readonly ['upstream_failed' | 'upstream_timeout', string]>> = {
  ERROR: ['upstream_failed', 'Cohere broke off its answer with an error.'],
  TIMEOUT: ['upstream_timeout', 'Cohere did not finish its answer in time.'],
};

/** Half an answer is no answer. */
function throwIfFailed(reason: unknown): void {
  const failure = typeof reason === 'string' && Object.hasOwn(FAILURES, reason) ? FAILURES[reason] : undefined;
  if (failure) throw new GatewayError(...failure);
}

/**
 * `tokens` are all that the model read and wrote, `cached_tokens` those of the input that it knew; `billed_units`, which
 * leave out Cohere's own preamble, stay beside them.
 */
export function cohereUsage(usage: unknown): unknown {
  if (!isObject(usage)) return usage;
  const { tokens, billed_units: billed, cached_tokens: cached } = usage;
  const [all, paid] = [isObject(tokens) ? tokens : {}, isObject(billed) ? billed : {}];
  const prompt = numberOf(all['input_tokens']) ?? numberOf(paid['input_tokens']);
  const completion = numberOf(all['output_tokens']) ?? numberOf(paid['output_tokens']);
  const isKnown = prompt !== undefined && completion !== undefined;
  return {
    ...(prompt !== undefined && { prompt_tokens: prompt }),
    ...(completion !== undefined && { completion_tokens: completion }),
    ...(isKnown && { total_tokens: prompt + completion }),
    ...(cached !== undefined && cached !== null && { prompt_tokens_details: { cached_tokens: cached } }),
    ...(billed !== undefined && { billed_units: billed }),
  };
}

/** A chunk of text with the log probabilities of its tokens; for the text as a whole they add up. */
function logprobFields(logprobs: unknown): JsonObject {
  if (logprobs === undefined || logprobs === null) return {};
  const items = (Array.isArray(logprobs) ? logprobs : [logprobs]).filter(isObject);
  const content = items.map(({ text, logprobs: given }) => {
    const token = textOf(text) ?? '';
    const sum = Array.isArray(given) ? given.reduce((all: number, one: unknown) => all + (numberOf(one) ?? 0), 0) : 0;
    return { token, logprob: sum, bytes: [...Buffer.from(token)], top_logprobs: [] };
  });
  return { logprobs: { content, refusal: null } };
}

/** Cohere counts a citation's place within its part of the content; clients count in the whole text. */
class Citations {
  readonly #given: JsonObject[] = [];
  readonly #lengths: number[] = [];

  addText(index: number, text: string): void {
    this.#lengths[index] = (this.#lengths[index] ?? 0) + text.length;
  }

  add(citation: unknown): void {
    if (Array.isArray(citation)) for (const one of citation) this.add(one);
    else if (isObject(citation)) this.#given.push(citation);
  }

  /** OpenAI's annotations, and Cohere's own form, which says more. */
  fields(): JsonObject {
    if (this.#given.length === 0) return {};
    const annotations = this.#given.filter(isOfText).flatMap((citation) => this.#annotations(citation));
    return {
      ...(annotations.length > 0 && { annotations }),
      provider_specific_fields: { citations: this.#given },
    };
  }

  #annotations({ start, end, content_index: index, sources }: JsonObject): JsonObject[] {
    const before = this.#lengths.slice(0, numberOf(index) ?? 0).reduce((sum, length) => sum + (length ?? 0), 0);
    const place = { start_index: before + (numberOf(start) ?? 0), end_index: before + (numberOf(end) ?? 0) };
    const known = Array.isArray(sources) ? sources.filter(isObject) : [];
    return (known.length > 0 ? known : [{}]).map((source) => ({
      type: 'url_citation',
      url_citation: { ...sourceOf(source), ...place },
    }));
  }
}

/** Plans and thoughts are cited too, but annotations are about the text. */
const isOfText = ({ type }: JsonObject): boolean => type !== 'PLAN' && type !== 'THINKING_CONTENT';

/** A document may have an address; where it has none its id stands there. */
function sourceOf(source: JsonObject): JsonObject {
  const document = [source['document'], source['tool_output']].find(isObject) ?? {};
  const id = textOf(source['id']) ?? textOf(document['id']) ?? '';
  return { url: textOf(document['url']) ?? id, title: textOf(document['title']) ?? id };
}

/** @returns what makes one stream's events into chunks */
export function cohereEvents(): (event: JsonObject) => JsonObject {
  const cited = new Citations();
  /** Calls that have begun and have no arguments yet. */
  const bare = new Set<unknown>();

  function callDelta(calls: unknown, index: unknown): JsonObject {
    const pieces = callsOf(calls, index);
    const isBare = pieces.every((piece) => !isObject(piece['function']) || !piece['function']['arguments']);
    if (pieces.some(({ id }) => id !== undefined)) bare.add(index);
    if (!isBare) bare.delete(index);
    return { delta: { tool_calls: pieces } };
  }

  /** No arguments are an empty object: clients parse what they get. */
  const callEnd = (index: unknown): JsonObject | undefined =>
    bare.delete(index) ? { delta: { tool_calls: [{ index, function: { arguments: '{}' } }] } } : undefined;

  function choiceOf(event: JsonObject, message: JsonObject): JsonObject | undefined {
    switch (event['type']) {
      case 'message-start':
        return { delta: { role: 'assistant', content: '' } };
      case 'content-start':
      case 'content-delta': {
        const { text, thinking } = partOf(message['content']);
        cited.addText(numberOf(event['index']) ?? 0, text);
        return {
          delta: { ...(text !== '' && { content: text }), ...(thinking !== '' && { reasoning_content: thinking }) },
          ...logprobFields(event['logprobs']),
        };
      }
      case 'tool-plan-delta':
        return { delta: { reasoning_content: textOf(message['tool_plan']) ?? '' } };
      case 'tool-call-start':
      case 'tool-call-delta':
        return callDelta(message['tool_calls'], event['index']);
      case 'tool-call-end':
        return callEnd(event['index']);
      case 'citation-start':
        // All of them leave together: client libraries do not join lists that come in pieces.
        cited.add(message['citations']);
        return undefined;
      default:
        return undefined;
    }
  }

  function endOf(delta: JsonObject): JsonObject {
    throwIfFailed(delta['finish_reason']);
    return {
      choices: [{ index: 0, delta: cited.fields(), finish_reason: delta['finish_reason'] ?? null }],
      ...(delta['usage'] !== undefined && { usage: cohereUsage(delta['usage']) }),
    };
  }

  return (event) => {
    const delta = isObject(event['delta']) ? event['delta'] : {};
    const id = textOf(event['id']);
    const head = id === undefined ? {} : { id };
    if (event['type'] === 'message-end') return { ...head, ...endOf(delta) };
    const choice = choiceOf(event, isObject(delta['message']) ? delta['message'] : {});
    return { ...head, choices: choice ? [{ index: 0, ...choice }] : [] };
  };
}

function callsOf(calls: unknown, index: unknown): JsonObject[] {
  const given = Array.isArray(calls) ? calls : [calls];
  return given.filter(isObject).map((call) => ({ ...call, index }));
}
