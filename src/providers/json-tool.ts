/**
 * JSON where a model has no `response_format` for it: the arguments of a tool that must be called are the answer. Source:
 * LiteLLM's documentation of `response_format` ("JSON mode").
 */
import { isObject, type JsonObject, textOf, without } from '../lib/json.ts';
import type { ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, ChatRequest } from '../wire/openai.ts';
import type { Change, ChatInput, ProviderAdapter, Target } from './adapter.ts';
import { type JsonMode, toolSchema } from './anthropic-schema.ts';
import { schemaOf } from './dialect-request.ts';

/** LiteLLM's name of it. */
const NAME = 'json_tool_call';
const FIELD = 'response_format';

interface JsonMemo {
  readonly jsonMode: JsonMode;
}

// Made by buildRequest below; absent where a body is read without its request.
const memoOf = (memo: unknown): JsonMemo | undefined =>
  isObject(memo) && 'jsonMode' in memo ? (memo as unknown as JsonMemo) : undefined;

/** @param lacks whether the model has to be asked by a tool for this format */
export function withJsonTool(
  adapter: ProviderAdapter,
  lacks: (format: JsonObject, target: Target, request: ChatRequest) => boolean,
): ProviderAdapter {
  return {
    ...adapter,
    buildRequest(input, target, changes) {
      const format = formatOf(input, target);
      if (!format || !lacks(format, target, input.request)) return adapter.buildRequest(input, target, changes);
      const { schema, mode } = toolSchema(schemaOf(format));
      const request = adapter.buildRequest(askingByTool(input, schema, changes), withoutDefault(target), changes);
      const memo: JsonMemo = { jsonMode: mode };
      return { ...request, memo };
    },
    parseResponse(body, target, memo) {
      const answer = adapter.parseResponse(body, target, memo);
      const json = memoOf(memo);
      return json ? wholeAnswer(answer, json) : answer;
    },
    createStreamDecoder(target, memo) {
      const decode = adapter.createStreamDecoder(target, memo);
      const json = memoOf(memo);
      if (!json) return decode;
      const convert = streamedAnswer(json);
      return (data) => decode(data).map(convert);
    },
  };
}

/** `undefined` where there is none, or where it is to be dropped or sent all the same. */
function formatOf(input: ChatInput, target: Target): JsonObject | undefined {
  const decided = [input.additionalDropParams, target.additionalDropParams, input.allowedParams, target.allowedParams];
  const format = input.request[FIELD] ?? target.defaults[FIELD];
  return isObject(format) && !decided.flat().includes(FIELD) ? format : undefined;
}

const withoutDefault = (target: Target): Target =>
  Object.hasOwn(target.defaults, FIELD) ? { ...target, defaults: without(target.defaults, FIELD) } : target;

function askingByTool(input: ChatInput, parameters: JsonObject, changes: Change[]): ChatInput {
  const { request } = input;
  const { tools } = request;
  const own = { type: 'function', function: { name: NAME, description: 'Give the answer with this.', parameters } };
  changes.push({ field: FIELD, action: 'emulated', note: 'the arguments of a tool that must be called' });
  const asked = {
    ...without(request, FIELD),
    tools: [...(Array.isArray(tools) ? tools : []), own],
    tool_choice: choiceOf(request),
  };
  return { ...input, request: asked, text: undefined };
}

/** Beside tools of the client's any of them may be called first; a choice of one of them stands. */
function choiceOf({ tools, tool_choice: given }: ChatRequest): unknown {
  const hasTools = Array.isArray(tools) && tools.length > 0;
  if (!hasTools || given === 'none') return { type: 'function', function: { name: NAME } };
  return isObject(given) && isObject(given['function']) ? given : 'required';
}

const isOurs = (call: unknown): call is JsonObject =>
  isObject(call) && isObject(call['function']) && call['function']['name'] === NAME;

const argumentsOf = (call: JsonObject): string => {
  const made = call['function'];
  return isObject(made) ? (textOf(made['arguments']) ?? '') : '';
};

function unwrapped(text: string, { jsonMode }: JsonMemo): string {
  if (jsonMode === 'plain') return text;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && 'value' in value ? JSON.stringify(value['value']) : text;
  } catch {
    return text; // Cut off by a limit: the client sees as much as there is.
  }
}

function wholeAnswer(answer: ChatCompletion, memo: JsonMemo): ChatCompletion {
  const converted = (choice: ChatChoice): ChatChoice => {
    const calls = choice.message['tool_calls'];
    const ours = Array.isArray(calls) ? calls.find(isOurs) : undefined;
    if (!Array.isArray(calls) || !ours) return choice;
    const others = calls.filter((call) => !isOurs(call));
    const message = { ...without(choice.message, 'tool_calls'), content: unwrapped(argumentsOf(ours), memo) };
    if (others.length > 0) return { ...choice, message: { ...message, tool_calls: others } };
    return { ...choice, message, finish_reason: finishOf(choice.finish_reason) };
  };
  return { ...answer, choices: answer.choices.map(converted) };
}

const finishOf = (reason: string | null): string | null => (reason === 'tool_calls' ? 'stop' : reason);

/** What a stream has said so far of one choice. */
interface Held {
  /** Its place among the calls. */
  index: unknown;
  text: string;
  hasOthers: boolean;
}

function streamedAnswer(memo: JsonMemo): (chunk: ChatChunk) => ChatChunk {
  const byChoice = new Map<number, Held>();
  const converted = (choice: ChatChunkChoice): ChatChunkChoice => {
    const held = byChoice.get(choice.index) ?? { index: undefined, text: '', hasOthers: false };
    byChoice.set(choice.index, held);
    return passed(choice, held, memo);
  };
  return (chunk) => ({ ...chunk, choices: chunk.choices.map(converted) });
}

/** Clients put calls into a list by their index: there is to be no hole where ours was. */
function movedUp(call: unknown, left: unknown): unknown {
  if (!isObject(call) || typeof call['index'] !== 'number' || typeof left !== 'number') return call;
  return call['index'] > left ? { ...call, index: call['index'] - 1 } : call;
}

/** A wrapped answer can only be unwrapped once it is whole. */
function passed(choice: ChatChunkChoice, held: Held, memo: JsonMemo): ChatChunkChoice {
  const given: JsonObject = isObject(choice.delta) ? choice.delta : {};
  const calls: readonly unknown[] = Array.isArray(given['tool_calls']) ? given['tool_calls'] : [];
  held.index ??= calls.find(isOurs)?.['index'];
  const ours = calls.filter(isObject).filter(({ index }) => held.index !== undefined && index === held.index);
  const others = calls.filter((call) => !ours.some((own) => own === call)).map((call) => movedUp(call, held.index));
  held.hasOthers ||= others.length > 0;
  const piece = ours.map(argumentsOf).join('');
  held.text += piece;
  const isEnd = choice.finish_reason !== null && choice.finish_reason !== undefined;
  const wrapped = isEnd && held.text !== '' ? unwrapped(held.text, memo) : '';
  const content = memo.jsonMode === 'plain' ? piece : wrapped;
  const delta = {
    ...without(given, 'tool_calls'),
    ...(others.length > 0 && { tool_calls: others }),
    ...(content !== '' && { content }),
  };
  const isOnlyOurs = isEnd && held.index !== undefined && !held.hasOthers;
  return { ...choice, delta, ...(isOnlyOurs && { finish_reason: finishOf(choice.finish_reason ?? null) }) };
}
