/**
 * How many tokens a prompt is, given what counts those of a text. Sources: OpenAI's cookbook, "How to count tokens with
 * tiktoken" (three a message, one for a name, three before the answer); LiteLLM's documentation of `/utils/token_counter`.
 */
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import { imageTokens } from './image-tokens.ts';
import { toolText } from './tool-text.ts';

export interface Prompt {
  /** Whose pictures they are priced like; with or without provider. */
  readonly model: string;
  /** A text alone, without the frame of a conversation. */
  readonly text?: string | undefined;
  /** In OpenAI's form; parts of Anthropic's are understood. */
  readonly messages?: readonly unknown[] | undefined;
  readonly tools?: readonly unknown[] | undefined;
  readonly toolChoice?: unknown;
}

export type CountText = (text: string) => number;

const PER_MESSAGE = 3;
const PER_NAME = 1;
const BEFORE_ANSWER = 3;
const AROUND_TOOLS = 9;
/** Tools join a system message where there is one. */
const SHARED_WITH_SYSTEM = 4;

export function promptTokens(prompt: Prompt, count: CountText): number {
  const { text, messages, tools, toolChoice } = prompt;
  if (messages === undefined) return count(text ?? '');
  const counting: Counting = { count, model: prompt.model };
  const said = messages.filter(isObject);
  const hasSystem = said.some(({ role }) => role === 'system');
  return (
    BEFORE_ANSWER +
    sum(said.map((message) => PER_MESSAGE + messageTokens(message, counting))) +
    (tools?.length ? count(toolText(tools)) + AROUND_TOOLS - (hasSystem ? SHARED_WITH_SYSTEM : 0) : 0) +
    choiceTokens(toolChoice, count)
  );
}

interface Counting {
  readonly count: CountText;
  readonly model: string;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function choiceTokens(choice: unknown, count: CountText): number {
  if (choice === 'none') return 1;
  if (!isObject(choice)) return 0;
  if (choice['type'] === 'none') return 1;
  const named = isObject(choice['function']) ? choice['function'] : choice;
  const name = textOf(named['name']);
  return name === undefined ? 0 : 7 + count(name);
}

function messageTokens(message: JsonObject, counting: Counting): number {
  const { count } = counting;
  const fields = Object.entries(message).map(([name, value]) => {
    if (name === 'tool_calls') return sum(listOf(value).map((call) => callTokens(call, count)));
    if (name === 'function_call') return callTokens({ function: value }, count);
    if (name === 'content' && Array.isArray(value)) return sum(value.map((part) => partTokens(part, counting)));
    if (typeof value !== 'string') return 0;
    return count(value) + (name === 'name' ? PER_NAME : 0);
  });
  return sum(fields);
}

function callTokens(call: unknown, count: CountText): number {
  const called = isObject(call) ? call['function'] : undefined;
  if (!isObject(called)) return 0;
  return count(textOf(called['name']) ?? '') + count(textOf(called['arguments']) ?? '');
}

/** About four letters a token: for what no tokenizer reads. */
const CHARS_PER_TOKEN = 4;

function partTokens(part: unknown, counting: Counting): number {
  const { count, model } = counting;
  if (typeof part === 'string') return count(part);
  if (!isObject(part)) return 0;
  switch (part['type']) {
    case 'image_url':
      return namedImageTokens(part['image_url'], model);
    case 'image':
      return imageTokens(model, sourceUrl(part['source']), undefined);
    case 'input_audio':
    case 'file':
    case 'document':
      return attachedTokens(part, count);
    case 'tool_use':
      return count(textOf(part['name']) ?? '') + count(JSON.stringify(part['input'] ?? {}));
    case 'tool_result':
      return resultTokens(part['content'], counting);
    default:
      return sum(['text', 'thinking', 'refusal'].map((name) => count(textOf(part[name]) ?? '')));
  }
}

function namedImageTokens(image: unknown, model: string): number {
  if (!isObject(image)) return imageTokens(model, textOf(image) ?? '', undefined);
  return imageTokens(model, textOf(image['url']) ?? '', image['detail']);
}

const resultTokens = (content: unknown, counting: Counting): number =>
  typeof content === 'string'
    ? counting.count(content)
    : sum(listOf(content).map((part) => partTokens(part, counting)));

/** Anthropic's image, as a data URI. */
function sourceUrl(source: unknown): string {
  if (!isObject(source)) return '';
  const { data, media_type: type, url } = source;
  return typeof data === 'string' ? `data:${textOf(type) ?? 'image/png'};base64,${data}` : (textOf(url) ?? '');
}

/** A document's own text is read; other contents are estimated by how long they are. */
function attachedTokens(part: JsonObject, count: CountText): number {
  const holders = ['source', 'file', 'input_audio'].map((name) => part[name]).filter(isObject);
  return sum(
    holders.map((holder) => {
      const data = textOf(holder['data']) ?? textOf(holder['file_data']) ?? '';
      return holder['type'] === 'text' ? count(data) : Math.ceil(data.length / CHARS_PER_TOKEN);
    }),
  );
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
