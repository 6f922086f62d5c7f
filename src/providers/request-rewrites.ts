/**
 * Small differences between what OpenAI takes and what others take, each by name, so that a provider's registry line
 * reads as the list of its differences. Each hands back the very same value where there is nothing to do.
 *
 * Sources: the providers' API references; LiteLLM's provider pages.
 */

import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf, without } from '../lib/json.ts';
import type { ChatMessage } from '../wire/openai.ts';
import type { Change, Target } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';

/** An edit of the whole body. */
export type RequestRewrite = (edit: BodyEdit, changes: Change[]) => void;

/** An edit of single messages; `undefined` leaves the message out. */
export interface MessageRewrite {
  readonly action: Change['action'];
  readonly note: string;
  apply(message: ChatMessage): ChatMessage | undefined;
}

export function rewriteMessages(edit: BodyEdit, rewrites: readonly MessageRewrite[], changes: Change[]): void {
  const { messages } = edit.request;
  if (!Array.isArray(messages)) return;
  let edited: (ChatMessage | undefined)[] | undefined;
  for (let at = 0; at < messages.length; at++) {
    const original = messages[at];
    const message = original && rewriteMessage(original, rewrites, changes);
    if (message === original) continue;
    edited ??= [...messages];
    edited[at] = message;
  }
  if (edited)
    edit.set(
      'messages',
      edited.filter((message) => message !== undefined),
    );
}

function rewriteMessage(
  original: ChatMessage,
  rewrites: readonly MessageRewrite[],
  changes: Change[],
): ChatMessage | undefined {
  let message = original;
  for (const { action, note, apply } of rewrites) {
    const next = apply(message);
    if (next !== message) noteOnce(changes, { field: 'messages', action, note });
    if (next === undefined) return undefined;
    message = next;
  }
  return message;
}

function noteOnce(changes: Change[], change: Change): void {
  const isKnown = changes.some(({ field, note }) => field === change.field && note === change.note);
  if (!isKnown) changes.push(change);
}

/** `image_url: "https://…"`, which many clients send, as the object that OpenAI documents. */
export const imageUrlObjects: MessageRewrite = {
  action: 'emulated',
  note: 'image_url as an object',
  apply(message) {
    if (!Array.isArray(message.content)) return message;
    const isBare = (part: unknown): part is JsonObject => isObject(part) && typeof part['image_url'] === 'string';
    if (!message.content.some(isBare)) return message;
    const content = message.content.map((part: unknown) =>
      isBare(part) ? { ...part, image_url: { url: part['image_url'] } } : (part as JsonObject),
    );
    return { ...message, content };
  },
};

/** Only OpenAI and Azure know the role `developer`. */
export const developerAsSystem: MessageRewrite = {
  action: 'renamed',
  note: 'role developer as system',
  apply: (message) => (message.role === 'developer' ? { ...message, role: 'system' } : message),
};

/** For upstreams that take no list of content parts: texts joined. Lists with anything but text are left as they are. */
export const contentAsText: MessageRewrite = {
  action: 'emulated',
  note: 'text parts joined into one text, without cache_control',
  apply(message) {
    const { content } = message;
    if (!Array.isArray(content)) return message;
    const texts = content.map((part: unknown) =>
      isObject(part) && part['type'] === 'text' && typeof part['text'] === 'string' ? part['text'] : undefined,
    );
    return texts.includes(undefined) ? message : { ...message, content: texts.join('\n') };
  },
};

/** Groq refuses them in assistant messages; clients echo them from our answers. */
export const withoutNullFields: MessageRewrite = {
  action: 'dropped',
  note: 'null fields of assistant messages',
  apply(message) {
    if (message.role !== 'assistant') return message;
    const nulls = Object.keys(message).filter((name) => message[name] === null && name !== 'content');
    const callsTools = Array.isArray(message['tool_calls']);
    return without(message, ...nulls, ...(message.content === null && callsTools ? ['content'] : []));
  },
};

/** Fields of an answer that strict upstreams refuse when a client sends the answer back. */
export const withoutAnswerFields: MessageRewrite = {
  action: 'dropped',
  note: 'annotations, thinking_blocks, refusal and other fields of answers',
  apply: (message) =>
    message.role === 'assistant'
      ? without(
          withRefusalSaid(message),
          ...['provider_specific_fields', 'annotations', 'thinking_blocks', 'refusal', 'audio', 'images'],
        )
      : message,
};

/** What the assistant would not say is what it said, where it said nothing else. */
function withRefusalSaid(message: ChatMessage): ChatMessage {
  const { content } = message;
  const refusal = textOf(message['refusal']);
  const isSilent = (content ?? '') === '' && !Array.isArray(message['tool_calls']);
  if (refusal !== undefined && isSilent) return { ...message, content: refusal };
  const isRefusal = (part: unknown): part is JsonObject => isObject(part) && part['type'] === 'refusal';
  if (!Array.isArray(content) || !content.some(isRefusal)) return message;
  const said = (part: unknown): JsonObject =>
    isRefusal(part) ? { type: 'text', text: part['refusal'] } : (part as JsonObject); // Others stay what they are.
  return { ...message, content: content.map(said) };
}

/** What gateways and other providers put into answers, and OpenAI's own API does not know. */
export const withoutForeignFields: MessageRewrite = {
  action: 'dropped',
  note: 'thinking_blocks and other fields of another provider’s answers',
  apply: (message) =>
    message.role === 'assistant' ? without(message, 'provider_specific_fields', 'thinking_blocks', 'images') : message,
};

export const reasoningContentAs = (name: string): MessageRewrite => ({
  action: 'renamed',
  note: `reasoning_content as ${name}`,
  apply(message) {
    const { reasoning_content: reasoning, ...rest } = message;
    return message.role === 'assistant' && reasoning !== undefined ? { ...rest, [name]: reasoning } : message;
  },
});

export const withoutReasoningContent: MessageRewrite = {
  action: 'dropped',
  note: 'reasoning_content of earlier answers',
  apply: (message) => (message.role === 'assistant' ? without(message, 'reasoning_content') : message),
};

/** Mistral takes `name` on tool results only. */
export const namesOnToolsOnly: MessageRewrite = {
  action: 'dropped',
  note: 'name of messages that are no tool results',
  apply: (message) => (message.role === 'tool' ? message : without(message, 'name')),
};

/** xAI takes `name` of users only. */
export const namesOnUsersOnly: MessageRewrite = {
  action: 'dropped',
  note: 'name of messages that are no user’s',
  apply: (message) => (message.role === 'user' ? message : without(message, 'name')),
};

/** Mistral refuses an assistant message without content and tool calls. */
export const withoutEmptyAnswers: MessageRewrite = {
  action: 'dropped',
  note: 'empty assistant messages',
  apply(message) {
    const calls = message['tool_calls'];
    const isEmpty = (message.content ?? '') === '' && !(Array.isArray(calls) && calls.length > 0);
    return message.role === 'assistant' && isEmpty ? undefined : message;
  },
};

/** OpenRouter takes cache marks on content parts only. */
export const cacheMarksOnParts: MessageRewrite = {
  action: 'emulated',
  note: 'cache_control moved to the last content part',
  apply(message) {
    const { cache_control: mark, ...rest } = message;
    if (mark === undefined || mark === null) return message;
    const { content } = message;
    const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : [...(content ?? [])];
    const last = parts.pop();
    return last === undefined ? rest : { ...rest, content: [...parts, { ...last, cache_control: mark }] };
  },
};

/** Marks for Anthropic's cache, where nobody reads them and strict upstreams refuse them. */
export const withoutCacheMarks: MessageRewrite = {
  action: 'dropped',
  note: 'cache_control',
  apply(message) {
    const { content } = message;
    const isMarked = (part: unknown): part is JsonObject => isObject(part) && part['cache_control'] !== undefined;
    if (!Array.isArray(content) || !content.some(isMarked)) return without(message, 'cache_control');
    const parts = content.map((part: unknown) =>
      isMarked(part) ? without(part, 'cache_control') : (part as JsonObject),
    );
    return { ...without(message, 'cache_control'), content: parts };
  },
};

/** The same in tools, too. Claude's clients mark them, and a fallback may lead their requests anywhere. */
export const withoutMarks: RequestRewrite = (edit, changes) => {
  rewriteMessages(edit, [withoutCacheMarks], changes);
  const tools = edit.get('tools');
  if (!Array.isArray(tools)) return;
  const cleaned = tools.map(unmarked);
  if (cleaned.every((tool, at) => tool === tools[at])) return;
  edit.set('tools', cleaned);
  changes.push({ field: 'tools', action: 'dropped', note: 'cache_control' });
};

function unmarked(tool: unknown): unknown {
  if (!isObject(tool)) return tool;
  const bare = without(tool, 'cache_control');
  const made = bare['function'];
  const plain = isObject(made) ? without(made, 'cache_control') : made;
  return plain === made ? bare : { ...bare, function: plain };
}

/**
 * OpenAI's choice among some of the tools, where nobody else knows it: only those are sent, with the choice's mode.
 *
 * @throws GatewayError 400 when none of them is there
 */
export const onlyAllowedTools: RequestRewrite = (edit, changes) => {
  const choice = edit.get('tool_choice');
  const tools = edit.get('tools');
  if (!isObject(choice) || choice['type'] !== 'allowed_tools' || !Array.isArray(tools)) return;
  const { mode, tools: listed } = isObject(choice['allowed_tools']) ? choice['allowed_tools'] : choice;
  const names = new Set(Array.isArray(listed) ? listed.map(functionName) : []);
  const kept = tools.filter((tool) => functionName(tool) !== undefined && names.has(functionName(tool)));
  if (kept.length === 0) throw invalidRequest("'tool_choice' allows none of the tools.", 'tool_choice');
  edit.set('tool_choice', mode === 'required' ? 'required' : 'auto');
  changes.push({ field: 'tool_choice', action: 'emulated', note: 'the other tools left out' });
  if (kept.length === tools.length) return;
  edit.set('tools', kept);
  changes.push({ field: 'tools', action: 'dropped', note: 'those not chosen' });
};

const functionName = (tool: unknown): string | undefined =>
  isObject(tool) && isObject(tool['function']) ? textOf(tool['function']['name']) : undefined;

/** `{type: "auto"}` and the like as the text that OpenAI documents. */
export const plainToolChoice: RequestRewrite = (edit) => {
  const choice = edit.get('tool_choice');
  if (!isObject(choice)) return;
  const { type } = choice;
  if (Object.keys(choice).length === 1 && (type === 'auto' || type === 'none' || type === 'required')) {
    edit.set('tool_choice', type);
  }
};

/** Mistral and Fireworks call `required` `any`. */
export const requiredAsAny: RequestRewrite = (edit, changes) => {
  if (edit.get('tool_choice') !== 'required') return;
  edit.set('tool_choice', 'any');
  changes.push({ field: 'tool_choice', action: 'renamed', note: 'required as any' });
};

/** Removes members of tool definitions; with `inSchemas`, of the JSON schemas in them too. */
export const withoutInTools = (names: readonly string[], inSchemas: boolean): RequestRewrite => {
  const unwanted = new Set(names);
  return (edit, changes) => {
    const tools = edit.get('tools');
    if (!Array.isArray(tools)) return;
    const cleaned = tools.map((tool: unknown) => cleanTool(tool, unwanted, inSchemas));
    if (cleaned.every((tool, at) => tool === tools[at])) return;
    edit.set('tools', cleaned);
    changes.push({ field: 'tools', action: 'dropped', note: names.join(', ') });
  };
};

function cleanTool(tool: unknown, unwanted: ReadonlySet<string>, inSchemas: boolean): unknown {
  if (!isObject(tool) || !isObject(tool['function'])) return tool;
  const definition = without(tool['function'], ...unwanted);
  const { parameters } = definition;
  const cleaned = inSchemas ? cleanSchema(parameters, unwanted) : parameters;
  if (definition === tool['function'] && cleaned === parameters) return tool;
  return { ...tool, function: cleaned === undefined ? definition : { ...definition, parameters: cleaned } };
}

/** Under these stand the user's own names, which may be any word. */
const MAPS_OF_SCHEMAS = new Set(['properties', 'patternProperties', '$defs', 'definitions']);
const VALUES = new Set(['enum', 'const', 'default', 'examples']);

function cleanSchema(schema: unknown, unwanted: ReadonlySet<string>): unknown {
  if (Array.isArray(schema))
    return sameOr(
      schema,
      schema.map((item) => cleanSchema(item, unwanted)),
    );
  if (!isObject(schema)) return schema;
  const kept = without(schema, ...unwanted);
  return mapMembers(kept, (name, value) => {
    if (VALUES.has(name)) return value;
    if (!MAPS_OF_SCHEMAS.has(name) || !isObject(value)) return cleanSchema(value, unwanted);
    return mapMembers(value, (_, inner) => cleanSchema(inner, unwanted));
  });
}

const sameOr = (before: readonly unknown[], after: readonly unknown[]): readonly unknown[] =>
  after.every((item, at) => item === before[at]) ? before : after;

function mapMembers(object: JsonObject, change: (name: string, value: unknown) => unknown): JsonObject {
  const entries = Object.entries(object).map(([name, value]) => [name, change(name, value)] as const);
  return entries.every(([name, value]) => value === object[name]) ? object : Object.fromEntries(entries);
}

/** DeepSeek has a switch where others have levels. */
export const effortAsThinkingSwitch: RequestRewrite = (edit, changes) => {
  const thinking = edit.get('thinking');
  if (isObject(thinking) && Object.keys(thinking).length > 1) {
    edit.set('thinking', { type: thinking['type'] });
    changes.push({ field: 'thinking', action: 'clamped', note: 'only its type' });
  }
  const effort = edit.get('reasoning_effort');
  if (effort === undefined) return;
  edit.remove('reasoning_effort');
  if (effort === null) return;
  if (edit.has('thinking')) {
    changes.push({ field: 'reasoning_effort', action: 'dropped', note: 'thinking says it' });
    return;
  }
  edit.set('thinking', { type: effort === 'none' ? 'disabled' : 'enabled' });
  changes.push({ field: 'reasoning_effort', action: 'renamed', note: 'thinking' });
};

/** Anthropic's `thinking` for upstreams that have levels: the level whose usual budget it reaches. */
export const thinkingAsEffort: RequestRewrite = (edit, changes) => {
  const thinking = edit.get('thinking');
  if (!isObject(thinking)) return;
  edit.remove('thinking');
  if (edit.has('reasoning_effort')) return;
  edit.set('reasoning_effort', levelOf(thinking));
  changes.push({ field: 'thinking', action: 'renamed', note: 'reasoning_effort' });
};

function levelOf(thinking: JsonObject): string {
  if (thinking['type'] === 'disabled') return 'none';
  const budget = numberOf(thinking['budget_tokens']);
  if (budget === undefined || budget >= 4096) return budget === undefined ? 'medium' : 'high';
  return budget >= 2048 ? 'medium' : 'low';
}

/** OpenRouter reports what a call cost when it is asked to. */
export const askForCost: RequestRewrite = (edit) => {
  const usage = edit.get('usage');
  edit.set('usage', isObject(usage) ? { ...usage, include: true } : { include: true });
};

/** Values of a field that the provider calls something else. */
export const renamedValues = (field: string, names: Readonly<Record<string, string>>): RequestRewrite => {
  const known = new Map(Object.entries(names));
  return (edit, changes) => {
    const given = edit.get(field);
    const name = typeof given === 'string' ? known.get(given) : undefined;
    if (name === undefined) return;
    edit.set(field, name);
    changes.push({ field, action: 'renamed', note: `${given} as ${name}` });
  };
};

/** `reasoning_effort` as OpenAI's newer API has it, or as a switch: the word alone. */
export const plainEffort: RequestRewrite = (edit, changes) => {
  const given = edit.get('reasoning_effort');
  if (typeof given === 'string' && given !== 'auto') return;
  if (given === undefined || given === null || typeof given === 'number') return;
  const effort = isObject(given) ? given['effort'] : effortOf(given);
  if (typeof effort === 'string') edit.set('reasoning_effort', effort);
  else edit.remove('reasoning_effort');
  changes.push({ field: 'reasoning_effort', action: 'clamped', note: 'only its level' });
};

const effortOf = (given: unknown): string | undefined => {
  if (typeof given === 'boolean') return given ? 'medium' : 'none';
  return undefined;
};

/** Changes content parts of messages of a role. @returns whether anything was changed */
export function mapParts(edit: BodyEdit, role: string, change: (part: JsonObject) => JsonObject): boolean {
  return mapMessages(edit, (message) => {
    const { content } = message;
    if (message['role'] !== role || !Array.isArray(content)) return message;
    const parts = content.map((part: unknown) => (isObject(part) ? change(part) : part));
    return parts.every((part, at) => part === content[at]) ? message : { ...message, content: parts };
  });
}

/** @returns whether anything was changed */
export function mapMessages(edit: BodyEdit, change: (message: JsonObject, at: number) => JsonObject): boolean {
  const messages = edit.get('messages');
  if (!Array.isArray(messages)) return false;
  const changed = messages.map((message: unknown, at) => (isObject(message) ? change(message, at) : message));
  if (changed.every((message, at) => message === messages[at])) return false;
  edit.set('messages', changed);
  return true;
}

/** Some want the thoughts of earlier answers back, and refuse an answer without them: a space is the least they take. */
export const withReasoning =
  (needs: (message: JsonObject, edit: BodyEdit, target: Target) => boolean) =>
  (edit: BodyEdit, changes: Change[], target: Target): void => {
    const isFilled = mapMessages(edit, (message) => {
      const isMissing = message['role'] === 'assistant' && !message['reasoning_content'];
      return isMissing && needs(message, edit, target) ? { ...message, reasoning_content: ' ' } : message;
    });
    if (isFilled) changes.push({ field: 'messages', action: 'added', note: 'empty reasoning_content' });
  };
