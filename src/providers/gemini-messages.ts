/**
 * OpenAI's messages → Gemini's turns. Sources: OpenAI API reference, "Create chat completion"; Google's "Gemini API"
 * reference, `Content`, `FunctionCall` and `FunctionResponse`; LiteLLM's documentation of `gemini/` for the fillers.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, parsedJson, textOf } from '../lib/json.ts';
import type { ChatMessage } from '../wire/openai.ts';
import type { Change } from './adapter.ts';
import type { GeminiModel } from './gemini-model.ts';
import { noteOnce, partsOf } from './gemini-parts.ts';
import { PLACEHOLDER_SIGNATURE, plainCallId, type SignatureMemory, signatureOf } from './thought-signatures.ts';
import { noteUnread } from './unread-members.ts';

export interface Turn {
  readonly role: 'user' | 'model';
  readonly parts: JsonObject[];
}

export interface Conversation {
  readonly contents: readonly Turn[];
  readonly system: readonly JsonObject[];
}

export interface ConversationContext {
  readonly model: GeminiModel;
  readonly memory: SignatureMemory;
  readonly changes: Change[];
}

/** `detail` and `cache_control` are told where parts are read. */
const READ: ReadonlySet<string> = new Set(
  'reasoning_content refusal provider_specific_fields extra_content images detail cache_control'.split(' '),
);

/** @throws GatewayError 400 for what has no counterpart, by its place in the messages */
export function conversationOf(messages: readonly ChatMessage[], context: ConversationContext): Conversation {
  noteUnread(messages, READ, (change) => tellOnce(context.changes, change));
  const builder = new ConversationBuilder(context);
  for (const [index, message] of messages.entries()) builder.add(message, `messages[${index}]`);
  return builder.finish();
}

function tellOnce(changes: Change[], change: Change): void {
  if (!changes.some(({ field }) => field === change.field)) changes.push(change);
}

interface Result {
  /** Position of its call among those of the turn before it. */
  readonly rank: number;
  readonly parts: readonly JsonObject[];
}

class ConversationBuilder {
  readonly #context: ConversationContext;
  readonly #partContext: { readonly changes: Change[]; readonly hasMediaResolution: boolean };
  readonly #turns: Turn[] = [];
  readonly #system: JsonObject[] = [];
  /** Every call so far by its id: its name and its position in its turn. */
  readonly #calls = new Map<string, { readonly name: string; readonly rank: number }>();
  #results: Result[] = [];
  #callsInTurn = 0;

  constructor(context: ConversationContext) {
    this.#context = context;
    this.#partContext = { changes: context.changes, hasMediaResolution: context.model.isThirdOrLater };
  }

  add(message: ChatMessage, at: string): void {
    if (isObject(message['cache_control'])) {
      noteOnce(this.#context.changes, 'dropped', 'cache_control: the model caches by itself');
    }
    const { role, content } = message;
    if (role === 'system' || role === 'developer') this.#addSystem(message, at);
    else if (role === 'tool' || role === 'function') this.#addResult(message, at);
    else if (role === 'assistant' || role === '') this.#push('model', this.#answerParts(message, at));
    else this.#push('user', partsOf(content, `${at}.content`, this.#partContext));
  }

  finish(): Conversation {
    this.#flushResults();
    for (const turn of this.#turns) this.#fillWithText(turn);
    if (this.#turns.length === 0) {
      this.#turns.push({ role: 'user', parts: [{ text: this.#system.length > 0 ? '.' : ' ' }] });
      noteOnce(this.#context.changes, 'added', 'a user turn: the model answers nothing else');
    }
    return { contents: this.#turns, system: this.#system };
  }

  #addSystem(message: ChatMessage, at: string): void {
    const parts = partsOf(message.content, `${at}.content`, this.#partContext);
    const { model, changes } = this.#context;
    if (model.isGemma) {
      if (parts.length > 0) noteOnce(changes, 'emulated', 'system messages as user turns');
      this.#push('user', parts);
      return;
    }
    if (parts.some((part) => part['text'] === undefined)) {
      throw invalidRequest(`'${at}.content' may hold text only: instructions are text for this model.`, at);
    }
    this.#system.push(...parts);
  }

  /** A turn of the same role goes on; one without parts does not exist. */
  #push(role: Turn['role'], parts: readonly JsonObject[]): void {
    this.#flushResults();
    if (parts.length === 0) return;
    const last = this.#turns.at(-1);
    if (last?.role === role && !holdsResults(last)) last.parts.push(...parts);
    else this.#turns.push({ role, parts: [...parts] });
    if (role === 'user') this.#callsInTurn = 0;
  }

  #addResult(message: ChatMessage, at: string): void {
    const id = plainCallId(textOf(message['tool_call_id']) ?? '');
    const call = this.#calls.get(id);
    const name = call?.name ?? textOf(message['name']);
    if (name === undefined) {
      throw invalidRequest(
        `'${at}.tool_call_id' is the id of no tool call before it, and there is no name to go by.`,
        `${at}.tool_call_id`,
      );
    }
    this.#results.push({
      rank: call?.rank ?? Number.MAX_SAFE_INTEGER,
      parts: this.#resultParts(name, this.#idToSend(id), partsOf(message.content, `${at}.content`, this.#partContext)),
    });
  }

  /** Results stand in the order of their calls, whatever order they came in. */
  #flushResults(): void {
    if (this.#results.length === 0) return;
    const sorted = this.#results.toSorted((one, other) => one.rank - other.rank);
    this.#results = [];
    this.#callsInTurn = 0;
    this.#turns.push({ role: 'user', parts: sorted.flatMap(({ parts }) => parts) });
  }

  #resultParts(name: string, id: JsonObject, parts: readonly JsonObject[]): JsonObject[] {
    const texts = parts.flatMap((part) => (typeof part['text'] === 'string' ? [part['text']] : []));
    const media = parts.filter((part) => part['text'] === undefined);
    const response = responseOf(texts.join('\n'));
    const isInside = this.#context.model.isThirdOrLater && media.length > 0;
    const made = { functionResponse: { ...id, name, response, ...(isInside && { parts: media }) } };
    return isInside ? [made] : [made, ...media];
  }

  #answerParts(message: ChatMessage, at: string): JsonObject[] {
    const thoughts = textOf(message['reasoning_content']);
    const parts = [
      ...(thoughts === undefined ? [] : [{ thought: true, text: thoughts }]),
      ...codeParts(message),
      ...this.#textParts(message, at),
      ...imageParts(message, at, this.#partContext),
      ...this.#callParts(message, at),
    ];
    // Thoughts alone are no turn.
    return parts.every((part) => part['thought'] === true) ? [] : parts;
  }

  #textParts(message: ChatMessage, at: string): JsonObject[] {
    const said = partsOf(message.content, `${at}.content`, this.#partContext);
    // What the model would not say is what it said, where it said nothing else.
    const parts = said.length > 0 ? said : partsOf(message['refusal'], `${at}.refusal`, this.#partContext);
    const [first, ...more] = textSignatures(message);
    if (first === undefined) return parts;
    const last = parts.at(-1);
    const signed = last === undefined ? { text: '', thoughtSignature: first } : { ...last, thoughtSignature: first };
    return [...parts.slice(0, -1), signed, ...more.map((signature) => ({ text: '', thoughtSignature: signature }))];
  }

  #callParts(message: ChatMessage, at: string): JsonObject[] {
    const { tool_calls: given, function_call: legacy } = message;
    const calls = Array.isArray(given) ? given : isObject(legacy) ? [{ function: legacy }] : [];
    const parts = calls.map((call: unknown, index) => this.#callPart(call, `${at}.tool_calls[${index}]`));
    const [first] = parts;
    const isUnsigned = first !== undefined && parts.every((part) => part['thoughtSignature'] === undefined);
    if (!isUnsigned || !this.#context.model.isThirdOrLater) return parts;
    noteOnce(this.#context.changes, 'added', 'a placeholder where the thought signature is lost');
    return [{ ...first, thoughtSignature: PLACEHOLDER_SIGNATURE }, ...parts.slice(1)];
  }

  #callPart(raw: unknown, at: string): JsonObject {
    const call = isObject(raw) ? raw : {};
    const made = isObject(call['function']) ? call['function'] : {};
    const name = textOf(made['name']);
    if (name === undefined) throw invalidRequest(`'${at}' calls no function: it has no function.name.`, at);
    const args = argumentsOf(made['arguments'], at);
    const id = plainCallId(textOf(call['id']) ?? '');
    this.#calls.set(id, { name, rank: this.#callsInTurn++ });
    const signature = signatureOf(call) ?? this.#context.memory.find({ id, name, args });
    return {
      functionCall: { ...this.#idToSend(id), name, args },
      ...(signature !== undefined && { thoughtSignature: signature }),
    };
  }

  /** Ids of our own making were never the model's; older models have none at all. */
  #idToSend(id: string): JsonObject {
    return this.#context.model.isThirdOrLater && id !== '' && !OWN_ID.test(id) ? { id } : {};
  }

  /** LiteLLM's habit, kept: a blank beside media that nothing is said about. */
  #fillWithText({ role, parts }: Turn): void {
    const isMedia = (part: JsonObject): boolean => part['inlineData'] !== undefined || part['fileData'] !== undefined;
    if (role !== 'user' || !parts.every(isMedia)) return;
    parts.push({ text: ' ' });
    noteOnce(this.#context.changes, 'added', 'a blank text beside media');
  }
}

const OWN_ID = /^call_[0-9a-f]{28}$/;

/** They come first, and nothing is put before them. */
const holdsResults = ({ parts: [first] }: Turn): boolean => first?.['functionResponse'] !== undefined;

/** An object as it is; anything else as the one member of an object. */
function responseOf(text: string): JsonObject {
  const value = parsedJson(text);
  return isObject(value) ? value : { content: text };
}

function argumentsOf(given: unknown, at: string): JsonObject {
  if (isObject(given)) return given;
  if (given === undefined || given === null || given === '') return {};
  const value = typeof given === 'string' ? parsedJson(given) : undefined;
  if (isObject(value)) return value;
  throw invalidRequest(`'${at}.function.arguments' must be the JSON text of an object.`, `${at}.function.arguments`);
}

/** Signatures of the texts of an answer, in their order. */
function textSignatures(message: ChatMessage): readonly string[] {
  const fields = message['provider_specific_fields'];
  const listed = isObject(fields) ? fields['thought_signatures'] : undefined;
  const texts = Array.isArray(listed) ? listed.filter((item): item is string => textOf(item) !== undefined) : [];
  if (texts.length > 0) return texts;
  const one = signatureOf({ extra_content: message['extra_content'] });
  return one === undefined ? [] : [one];
}

/** Code that the model ran, as it gave it to us. */
function codeParts(message: ChatMessage): readonly JsonObject[] {
  const fields = message['provider_specific_fields'];
  const steps = isObject(fields) ? fields['code_execution'] : undefined;
  if (!Array.isArray(steps)) return [];
  return steps.filter(
    (step): step is JsonObject =>
      isObject(step) && (isObject(step['executableCode']) || isObject(step['codeExecutionResult'])),
  );
}

function imageParts(
  message: ChatMessage,
  at: string,
  context: { readonly changes: Change[]; readonly hasMediaResolution: boolean },
): JsonObject[] {
  const { images } = message;
  if (!Array.isArray(images)) return [];
  return images.flatMap((image: unknown, index) => {
    const [part] = partsOf([image], `${at}.images[${index}]`, context);
    const signature = isObject(image) ? signatureOf(image) : undefined;
    if (part === undefined) return [];
    return [{ ...part, ...(signature !== undefined && { thoughtSignature: signature }) }];
  });
}
