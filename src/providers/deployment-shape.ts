/**
 * What a deployment's model cannot take or its clients cannot read, whichever dialect it speaks. Source: LiteLLM's
 * documentation of `supports_system_message`, `ensure_alternating_roles`, `user_continue_message`,
 * `assistant_continue_message` and `merge_reasoning_content_in_choices`.
 */
import { isObject, textOf, without } from '../lib/json.ts';
import type { ChatChunkChoice, ChatCompletion, ChatMessage } from '../wire/openai.ts';
import type { Change, ChatInput, ProviderAdapter, StreamDecoder } from './adapter.ts';

type Settings = Readonly<Record<string, unknown>>;
type Messages = readonly ChatMessage[];

/** The adapter itself where the deployment asks for nothing of it. Throws Error with a plain message. */
export function withShape(adapter: ProviderAdapter, settings: Settings): ProviderAdapter {
  const shape = shapeOf(settings);
  const asking = shape.steps.length === 0 ? adapter : shaped(adapter, shape.steps);
  return shape.merges ? merging(asking) : asking;
}

interface Step {
  readonly note: string;
  readonly apply: (messages: Messages) => Messages;
}

function shapeOf(settings: Settings): { readonly steps: readonly Step[]; readonly merges: boolean } {
  const isOn = (name: string, wanted: boolean): boolean => {
    const value = settings[name];
    if (value === undefined || value === null || typeof value === 'boolean') return value === wanted;
    throw new Error(`${name} must be true or false`);
  };
  const user = continuation(settings, 'user_continue_message', 'user');
  const assistant = continuation(settings, 'assistant_continue_message', 'assistant');
  const steps = [
    ...(isOn('supports_system_message', false) ? [{ note: 'system messages as the user’s', apply: systemAsUser }] : []),
    ...(isOn('ensure_alternating_roles', true)
      ? [{ note: 'turns added so that roles alternate', apply: (all: Messages) => alternating(all, user, assistant) }]
      : []),
  ];
  return { steps, merges: isOn('merge_reasoning_content_in_choices', true) };
}

/** LiteLLM's. */
const CONTINUE = 'Please continue.';

function continuation(settings: Settings, name: string, role: 'user' | 'assistant'): ChatMessage {
  const given = settings[name];
  if (given === undefined || given === null) return { role, content: CONTINUE };
  const content = isObject(given) && (given['role'] ?? role) === role ? textOf(given['content']) : undefined;
  if (content === undefined) throw new Error(`${name} must be a message: {role: ${role}, content: some text}`);
  return { role, content };
}

function shaped(adapter: ProviderAdapter, steps: readonly Step[]): ProviderAdapter {
  const changed = (input: ChatInput, changes: Change[]): ChatInput => {
    let { messages } = input.request;
    for (const { note, apply } of steps) {
      const next = apply(messages);
      if (next !== messages) changes.push({ field: 'messages', action: 'emulated', note });
      messages = [...next];
    }
    return changes.length === 0 ? input : { ...input, request: { ...input.request, messages }, text: undefined };
  };
  return {
    ...adapter,
    buildRequest(input, target, changes) {
      const own: Change[] = [];
      const next = changed(input, own);
      changes.push(...own);
      return adapter.buildRequest(next, target, changes);
    },
    ...(adapter.countRequest && {
      countRequest: (input, target) => adapter.countRequest?.(changed(input, []), target),
    }),
  };
}

const isSystem = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer';

/** Each joins the user's next turn; where that does not follow at once it is a turn of its own. */
function systemAsUser(messages: Messages): Messages {
  if (!messages.some(isSystem)) return messages;
  const all: ChatMessage[] = [];
  for (const [at, message] of messages.entries()) {
    const made = isSystem(message) ? { ...message, role: 'user' } : message;
    const before = messages[at - 1];
    const system = before && isSystem(before) && made.role === 'user' ? all.pop() : undefined;
    all.push(system ? joined(system, made) : made);
  }
  return all;
}

function joined(first: ChatMessage, second: ChatMessage): ChatMessage {
  const [a, b] = [first.content, second.content];
  if (typeof a === 'string' && typeof b === 'string') return { ...second, content: `${a}\n\n${b}` };
  return { ...second, content: [...partsOf(a), ...partsOf(b)] };
}

const partsOf = (content: ChatMessage['content']): NonNullable<Exclude<ChatMessage['content'], string>> =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);

/** Templates that insist on it pass over tools' results and over turns that only call tools. */
const counts = ({ role, tool_calls: calls }: ChatMessage): boolean =>
  role === 'user' || (role === 'assistant' && !(Array.isArray(calls) && calls.length > 0));

function alternating(messages: Messages, user: ChatMessage, assistant: ChatMessage): Messages {
  const first = messages.findIndex((message) => !isSystem(message));
  let last: unknown;
  const filled = messages.flatMap((message, at) => {
    const isOpening = at === first && message.role === 'assistant';
    const isRepeated = counts(message) && message.role === last;
    if (counts(message)) last = message.role;
    if (isOpening) return [user, message];
    return isRepeated ? [last === 'user' ? assistant : user, message] : [message];
  });
  const end = messages.at(-1);
  const all = end?.role === 'assistant' && counts(end) ? [...filled, user] : filled;
  return all.length === messages.length ? messages : all;
}

/** Thoughts between tags at the beginning of the text, for clients that know no other place for them. */
function merging(adapter: ProviderAdapter): ProviderAdapter {
  return {
    ...adapter,
    relaysBytes: false,
    parseResponse: (body, target, memo) => merged(adapter.parseResponse(body, target, memo)),
    createStreamDecoder: (target, memo) => mergingStream(adapter.createStreamDecoder(target, memo)),
  };
}

function merged(completion: ChatCompletion): ChatCompletion {
  const choices = completion.choices.map((choice) => {
    const { reasoning_content: thoughts, content } = choice.message;
    const isText = typeof content === 'string' || content === null || content === undefined;
    if (textOf(thoughts) === undefined || !isText) return choice;
    const message = {
      ...without(choice.message, 'reasoning_content'),
      content: `<think>${thoughts}</think>${content ?? ''}`,
    };
    return { ...choice, message: message as ChatMessage }; // What it was, with its text.
  });
  return { ...completion, choices };
}

function mergingStream(decode: StreamDecoder): StreamDecoder {
  /** Choices inside their thoughts. */
  const open = new Set<number>();
  return (data) =>
    decode(data).map((chunk) => ({ ...chunk, choices: chunk.choices.map((choice) => mergedChoice(choice, open)) }));
}

function mergedChoice(choice: ChatChunkChoice, open: Set<number>): ChatChunkChoice {
  const { reasoning_content: given, ...delta } = choice.delta;
  const thoughts = textOf(given) ?? '';
  const opening = thoughts === '' || open.has(choice.index) ? '' : '<think>';
  if (opening !== '') open.add(choice.index);
  const closing = endsThoughts(choice) && open.delete(choice.index) ? '</think>' : '';
  const tagged = `${opening}${thoughts}${closing}`;
  if (tagged === '') return given === undefined ? choice : { ...choice, delta };
  return { ...choice, delta: { ...delta, content: `${tagged}${delta.content ?? ''}` } };
}

const endsThoughts = ({ delta, finish_reason: reason }: ChatChunkChoice): boolean =>
  textOf(delta.content) !== undefined || delta['tool_calls'] != null || reason != null;
