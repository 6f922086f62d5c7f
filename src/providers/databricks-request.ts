/**
 * What Databricks' serving endpoints take of a chat completion, for Claude and for all other models. Sources: Databricks'
 * "Foundation model REST API reference", "Query reasoning models" and "Structured outputs"; LiteLLM's documentation of
 * `databricks/`.
 */
import { isObject, type JsonObject, textOf, without } from '../lib/json.ts';
import type { ChatMessage } from '../wire/openai.ts';
import type { Change, Target } from './adapter.ts';
import { signedThoughts } from './anthropic-messages.ts';
import { toolSchema } from './anthropic-schema.ts';
import { applyThinking, samplingRefusals } from './anthropic-thinking.ts';
import type { BodyEdit } from './body-edit.ts';
import type { Refusal } from './parameters.ts';
import { thinkingAsEffort } from './request-rewrites.ts';

/** Any name may be given to an endpoint; `base_model` says what is behind it. */
export const isClaude = ({ upstreamModel, baseModel }: Target): boolean =>
  /claude/i.test(`${upstreamModel} ${baseModel ?? ''}`);

const knownOf = ({ knownModel, upstreamModel }: Target) => knownModel?.(upstreamModel);

export function databricksRefusals(edit: BodyEdit, target: Target): readonly Refusal[] {
  return isClaude(target) ? samplingRefusals(edit, knownOf(target)) : [];
}

export function databricksRewrite(edit: BodyEdit, changes: Change[], target: Target): void {
  const forClaude = isClaude(target);
  if (forClaude) setThinking(edit, changes, target);
  else thinkingAsEffort(edit, changes);
  setTools(edit, changes, forClaude);
  setMessages(edit, changes, forClaude);
}

/** Thoughts and a forced tool exclude each other. */
function setThinking(edit: BodyEdit, changes: Change[], target: Target): void {
  const thinks = applyThinking(edit, { known: knownOf(target), changes });
  const choice = edit.get('tool_choice');
  if (!thinks || (choice !== 'required' && !isObject(choice))) return;
  edit.set('tool_choice', 'auto');
  changes.push({ field: 'tool_choice', action: 'emulated', note: 'auto, as the model thinks first' });
}

/** Unknown members are refused; Claude's parameters must be an object. */
function setTools(edit: BodyEdit, changes: Change[], forClaude: boolean): void {
  const tools = edit.get('tools');
  if (!Array.isArray(tools)) return;
  const made = tools.map((tool: unknown) => toolOf(tool, forClaude));
  if (made.every((tool, at) => tool === tools[at])) return;
  edit.set('tools', made);
  const isStrict = tools.some(
    (tool: unknown) => isObject(tool) && isObject(tool['function']) && 'strict' in tool['function'],
  );
  if (isStrict) changes.push({ field: 'tools', action: 'dropped', note: 'strict' });
}

function toolOf(tool: unknown, forClaude: boolean): unknown {
  if (!isObject(tool) || !isObject(tool['function'])) return tool;
  const plain = without(tool['function'], 'strict');
  const { parameters } = plain;
  const isFine = !forClaude || (isObject(parameters) && parameters['type'] === 'object');
  if (plain === tool['function'] && isFine) return tool;
  return { ...tool, function: isFine ? plain : { ...plain, parameters: toolSchema(parameters).schema } };
}

function setMessages(edit: BodyEdit, changes: Change[], forClaude: boolean): void {
  const given = edit.get('messages');
  if (!Array.isArray(given)) return;
  const messages: readonly ChatMessage[] = given;
  const note = (action: Change['action'], text: string): void => {
    const isKnown = changes.some(({ field, note: known }) => field === 'messages' && known === text);
    if (!isKnown) changes.push({ field: 'messages', action, note: text });
  };
  const own = messages.map((message) => cleaned(message, forClaude));
  const lost = [...new Set(messages.flatMap((message) => lostOf(message, forClaude)))];
  if (lost.length > 0) note('dropped', lost.join(', '));
  else if (own.some((message, at) => message !== messages[at])) note('emulated', 'texts as Databricks takes them');
  const sent = own.filter((message) => message !== undefined);
  const merged = forClaude ? sent : mergedSystems(sent);
  if (merged.length < sent.length) note('emulated', 'system messages in a row as one');
  const split = forClaude ? merged : splitCalls(merged);
  if (split.length > merged.length) note('emulated', 'parallel tool calls one after the other');
  if (split.length !== messages.length || split.some((message, at) => message !== messages[at])) {
    edit.set('messages', split);
  }
}

const THOUGHTS = ['reasoning_content', 'thinking_blocks'];
/** Members of an answer that clients send back. */
const OURS = [
  'reasoning_content',
  'thinking_blocks',
  'provider_specific_fields',
  'annotations',
  'refusal',
  'audio',
  'images',
  'prefix',
];

const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);

/** Names of the members that go no further. */
function lostOf(message: ChatMessage, forClaude: boolean): string[] {
  const { role, content } = message;
  const isAnswer = role === 'assistant';
  const keepsThoughts = isAnswer && forClaude && reasoningOf(message).length > 0;
  const isKept = (name: string): boolean => keepsThoughts && THOUGHTS.includes(name);
  const ours = isAnswer ? OURS.filter((name) => isGiven(message[name]) && !isKept(name)) : [];
  const isMarked = (part: unknown): boolean => isObject(part) && part['cache_control'] !== undefined;
  const marks = isGiven(message['cache_control']) || (Array.isArray(content) && content.some(isMarked));
  const hasName = role !== 'user' && role !== 'tool' && isGiven(message['name']);
  return [...ours, ...(hasName ? ['name'] : []), ...(marks && !forClaude ? ['cache_control'] : [])];
}

/** `undefined`: nothing is left of it that may be sent. */
function cleaned(message: ChatMessage, forClaude: boolean): ChatMessage | undefined {
  const isAnswer = message.role === 'assistant';
  const thoughts = isAnswer && forClaude ? reasoningOf(message) : [];
  const kept = without(message, ...(isAnswer ? OURS : []), ...(message.role === 'user' ? [] : ['name']));
  const content = contentOf(kept, thoughts, forClaude);
  const made: ChatMessage = without(kept, ...(forClaude ? [] : ['cache_control']));
  const callsTools = Array.isArray(made['tool_calls']) && made['tool_calls'].length > 0;
  if (content === undefined) return isAnswer && !callsTools ? undefined : without<ChatMessage>(made, 'content');
  if (content === kept.content) return made;
  return { ...without<ChatMessage>(made, 'cache_control'), content };
}

/** Thoughts go back as they came, which Claude needs to go on with its tool calls. */
function reasoningOf(message: ChatMessage): JsonObject[] {
  const blocks = signedThoughts(message).filter(({ type }) => type === 'thinking');
  return blocks.map(({ thinking: text, signature }) => ({
    type: 'reasoning',
    summary: [{ type: 'summary_text', text, signature }],
  }));
}

type Content = ChatMessage['content'];

/** Empty texts are refused. @returns the very same content where nothing has to change */
function contentOf(message: ChatMessage, thoughts: readonly JsonObject[], forClaude: boolean): Content | undefined {
  const { content } = message;
  const mark = forClaude ? message['cache_control'] : undefined;
  if (typeof content === 'string' && content.trim() !== '' && thoughts.length === 0 && mark === undefined)
    return content;
  const given = partsOf(content);
  const parts = given
    .filter((part) => !isThought(part) && !isEmptyText(part))
    .map((part) => plainPart(part, forClaude));
  const all = [...thoughts, ...withMark(parts, mark)];
  const [only] = all;
  if (only === undefined) return undefined;
  if (!forClaude && all.length === 1 && isPlainText(only)) return String(only['text']);
  const isSame = all.length === given.length && all.every((part, at) => part === given[at]);
  // Parts of the client's own, and ours in the same shape.
  return isSame && Array.isArray(content) ? content : (all as Content);
}

function partsOf(content: Content): readonly unknown[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return Array.isArray(content) ? content : [];
}

const isThought = (part: unknown): boolean =>
  isObject(part) && (part['type'] === 'thinking' || part['type'] === 'redacted_thinking');

const isEmptyText = (part: unknown): boolean =>
  isObject(part) && part['type'] === 'text' && (textOf(part['text']) ?? '').trim() === '';

const isPlainText = (part: unknown): part is JsonObject =>
  isObject(part) && part['type'] === 'text' && Object.keys(part).length === 2 && typeof part['text'] === 'string';

/** Only Claude has a cache that marks speak to. */
const plainPart = (part: unknown, forClaude: boolean): unknown =>
  !forClaude && isObject(part) ? without(part, 'cache_control') : part;

function withMark(parts: readonly unknown[], mark: unknown): unknown[] {
  const last = parts.at(-1);
  return mark !== undefined && isObject(last) ? [...parts.slice(0, -1), { cache_control: mark, ...last }] : [...parts];
}

function mergedSystems(messages: readonly ChatMessage[]): ChatMessage[] {
  const merged: ChatMessage[] = [];
  for (const message of messages) {
    const before = merged.at(-1);
    const canJoin = before?.role === 'system' && message.role === 'system';
    if (canJoin && typeof before.content === 'string' && typeof message.content === 'string') {
      merged[merged.length - 1] = { ...before, content: `${before.content}\n\n${message.content}` };
    } else merged.push(message);
  }
  return merged;
}

/** Every result must stand right behind a message that calls: each call gets one of its own. */
function splitCalls(messages: readonly ChatMessage[]): ChatMessage[] {
  const split: ChatMessage[] = [];
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at];
    if (!message) continue;
    const results = resultsBehind(messages, at);
    const pairs = pairsOf(message['tool_calls'], results);
    if (!pairs) {
      split.push(message);
      continue;
    }
    for (const [index, { call, result }] of pairs.entries()) {
      split.push(index === 0 ? { ...message, tool_calls: [call] } : { role: 'assistant', tool_calls: [call] }, result);
    }
    at += results.length;
  }
  return split;
}

/** Looked for behind a message that calls only: a conversation may be very long. */
function resultsBehind(messages: readonly ChatMessage[], at: number): readonly ChatMessage[] {
  if (!Array.isArray(messages[at]?.['tool_calls'])) return [];
  let end = at + 1;
  while (messages[end]?.role === 'tool') end++;
  return messages.slice(at + 1, end);
}

interface Pair {
  readonly call: JsonObject;
  readonly result: ChatMessage;
}

/** `undefined` where there is only one call, or calls and results do not match: no call is ever lost. */
function pairsOf(calls: unknown, results: readonly ChatMessage[]): readonly Pair[] | undefined {
  if (!Array.isArray(calls) || calls.length < 2 || calls.length !== results.length) return undefined;
  const byId = new Map(calls.filter(isObject).map((call) => [call['id'], call] as const));
  if (byId.size !== calls.length) return undefined;
  const pairs = results.flatMap((result) => {
    const call = byId.get(result['tool_call_id']);
    byId.delete(result['tool_call_id']);
    return call ? [{ call, result }] : [];
  });
  return pairs.length === calls.length ? pairs : undefined;
}
