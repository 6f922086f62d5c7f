/**
 * Answers in OpenAI's dialect, leniently read: what a provider leaves out is filled in, what it spells differently is
 * put right, what it adds is kept. Source: OpenAI API reference, "The chat completion object" and "… chunk object";
 * the table of finish reasons is LiteLLM's.
 */

import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, ChatMessage, Usage } from '../wire/openai.ts';
import type { StreamDecoder } from './adapter.ts';
import type { ReplyDifferences } from './reply-differences.ts';
import { eventObject } from './stream-event.ts';
import { ToolCallSlots, wholeToolCall } from './tool-calls.ts';

export type { ReplyDifferences } from './reply-differences.ts';

/** For what no upstream said: the time and a name of ours. */
export interface Stamp {
  nowMs(): number;
  newId(): string;
}

const systemStamp: Stamp = { nowMs: () => Date.now(), newId: () => crypto.randomUUID().replaceAll('-', '') };

const FINISH_REASONS: ReadonlySet<string> = new Set([
  'stop',
  'length',
  'tool_calls',
  'content_filter',
  'function_call',
]);

const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ...pairs('length', 'max_tokens MAX_TOKENS model_length compaction'),
  ...pairs('tool_calls', 'tool_use tool_call TOOL_CALL'),
  ...pairs('content_filter', 'refusal SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII ERROR_TOXIC'),
  ...pairs('content_filter', 'LANGUAGE OTHER IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION IMAGE_OTHER'),
  ...pairs('content_filter', 'guardrail_intervened content_filtered sensitive'),
]);

function pairs(known: string, words: string): (readonly [string, string])[] {
  return words.split(' ').map((word) => [word, known] as const);
}

interface Finish {
  readonly finish_reason: string | null;
  /** The provider's own word, where OpenAI has none like it. */
  readonly native: string | undefined;
}

/** `stop` is the answer to words that nobody knows, as in LiteLLM; the word itself is kept beside it. */
function finishOf(reason: unknown, hasToolCalls: boolean): Finish {
  const word = textOf(reason);
  if (word === undefined) return { finish_reason: null, native: undefined };
  const isOpenAis = FINISH_REASONS.has(word);
  const known = isOpenAis ? word : (SYNONYMS.get(word) ?? 'stop');
  const finish_reason = known === 'stop' && hasToolCalls ? 'tool_calls' : known;
  return { finish_reason, native: isOpenAis ? undefined : word };
}

const withNative = (choice: JsonObject, { native }: Finish): JsonObject =>
  native === undefined ? {} : { provider_specific_fields: { ...fieldsOf(choice), native_finish_reason: native } };

const fieldsOf = (object: JsonObject): JsonObject =>
  isObject(object['provider_specific_fields']) ? object['provider_specific_fields'] : {};

/** @returns `parseResponse` of an adapter; it throws `upstream_protocol` for what is no completion at all */
export function completionReader(differences: ReplyDifferences, stamp = systemStamp) {
  return (raw: unknown): ChatCompletion => {
    if (!isObject(raw)) throw notACompletion();
    const body = differences.whole?.(raw) ?? raw;
    const { choices, usage } = body;
    if (!Array.isArray(choices)) throw notACompletion();
    return {
      ...body,
      ...head(body, stamp),
      object: 'chat.completion',
      choices: choices.map((choice: unknown, at) => choiceOf(choice, at, differences, stamp)),
      ...(usage !== undefined && { usage: usageOf(usage, differences) }),
    } as ChatCompletion;
  };
}

const notACompletion = (): GatewayError =>
  new GatewayError('upstream_protocol', 'The upstream answered with something that is not a chat completion.');

/** Counts stay untrusted: metering checks every number. */
const usageOf = (usage: unknown, differences: ReplyDifferences): ChatCompletion['usage'] =>
  isObject(usage) ? ((differences.usage?.(usage) ?? usage) as Usage) : null;

function head(body: JsonObject, stamp: Stamp) {
  return {
    id: textOf(body['id']) ?? `chatcmpl-${stamp.newId()}`,
    created: numberOf(body['created']) ?? Math.floor(stamp.nowMs() / 1000),
    model: textOf(body['model']) ?? '',
  };
}

function choiceOf(raw: unknown, at: number, differences: ReplyDifferences, stamp: Stamp): ChatChoice {
  const choice = isObject(raw) ? raw : {};
  const given = isObject(choice['message']) ? choice['message'] : {};
  const message = differences.message?.(given) ?? given;
  const calls = message['tool_calls'];
  const hasToolCalls = Array.isArray(calls) && calls.length > 0;
  const finish = finishOf(choice['finish_reason'], hasToolCalls);
  return {
    ...choice,
    index: numberOf(choice['index']) ?? at,
    message: {
      ...message,
      role: textOf(message['role']) ?? 'assistant',
      content: (message['content'] ?? null) as ChatMessage['content'],
      ...(hasToolCalls && { tool_calls: calls.map((call: unknown) => wholeToolCall(call, stamp.newId)) }),
    } as ChatMessage,
    // A whole answer is at its end: xAI says nothing of it when tools are called.
    finish_reason: finish.finish_reason ?? (hasToolCalls ? 'tool_calls' : null),
    ...withNative(choice, finish),
  };
}

/** What a stream has said so far of one choice. */
interface ChoiceState {
  readonly slots: ToolCallSlots;
  roleSent: boolean;
}

/** @returns one stream's decoder; it throws `upstream_protocol` for an event that is no JSON object */
export function chunkDecoder(differences: ReplyDifferences, stamp = systemStamp): StreamDecoder {
  const states = new Map<number, ChoiceState>();
  let first: ReturnType<typeof head> | undefined;

  /** The same for all of a stream. Azure's first event, without choices, has none yet. */
  function headOf(body: JsonObject, hasChoices: boolean): ReturnType<typeof head> {
    const model = textOf(body['model']);
    if (first) return model === undefined ? first : { ...first, model };
    if (textOf(body['id']) === undefined && !hasChoices) return { id: '', created: 0, model: model ?? '' };
    first = head(body, stamp);
    return first;
  }

  function stateOf(index: number): ChoiceState {
    const known = states.get(index);
    if (known) return known;
    const made: ChoiceState = { slots: new ToolCallSlots(stamp.newId), roleSent: false };
    states.set(index, made);
    return made;
  }

  function chunkChoice(raw: unknown, at: number): ChatChunkChoice {
    const choice = isObject(raw) ? raw : {};
    // Some upstreams repeat the whole message beside each delta; clients would join both.
    const { message: _, usage: __, ...rest } = choice;
    const index = numberOf(choice['index']) ?? at;
    const state = stateOf(index);
    const given = isObject(choice['delta']) ? choice['delta'] : {};
    const delta = deltaOf(differences.message?.(given) ?? given, state);
    const finish = finishOf(choice['finish_reason'], state.slots.used);
    return { ...rest, index, delta, finish_reason: finish.finish_reason, ...withNative(choice, finish) };
  }

  return (data) => {
    const text = data.trim();
    if (text === '' || text === '[DONE]') return [];
    const raw = eventObject(text);
    const body = differences.whole?.(raw) ?? raw;
    const choices = Array.isArray(body['choices']) ? body['choices'] : [];
    const { usage } = body;
    return [
      {
        ...body,
        ...headOf(body, choices.length > 0),
        object: 'chat.completion.chunk',
        choices: choices.map(chunkChoice),
        ...(usage !== undefined && { usage: usageOf(usage, differences) }),
      } as ChatChunk,
    ];
  };
}

/** A role once, each tool call opened once; client libraries join texts that are sent twice. */
function deltaOf(given: JsonObject, state: ChoiceState): Partial<ChatMessage> {
  const { role, tool_calls: calls, ...rest } = given;
  const delta: Record<string, unknown> = { ...rest };
  if (textOf(role) !== undefined && !state.roleSent) {
    state.roleSent = true;
    return {
      role,
      ...delta,
      ...(Array.isArray(calls) && { tool_calls: state.slots.take(calls) }),
    } as Partial<ChatMessage>;
  }
  return Array.isArray(calls) ? { ...delta, tool_calls: state.slots.take(calls) } : delta;
}
