/**
 * `streamGenerateContent` → OpenAI's chunks: a state machine for each candidate. Calls whose arguments come in pieces are
 * announced at once and get their arguments when they are whole; annotations and signatures of texts come with the end.
 * Source: Google's "Gemini API" reference, `models.streamGenerateContent`.
 */

import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { ChatChunk, ChatChunkChoice } from '../wire/openai.ts';
import type { StreamDecoder } from './adapter.ts';
import {
  type AnswerContext,
  type Block,
  blockOf,
  callHead,
  callIdOf,
  candidatesOf,
  Extras,
  finishOf,
  headOf,
  legacyFinish,
  logprobsOf,
  metadataOf,
  nativeReason,
  type Piece,
  piecesOf,
  sideData,
  tierField,
  usageOf,
} from './gemini-answer.ts';
import { PartialArguments } from './gemini-arguments.ts';
import { eventObject } from './stream-event.ts';

/** @returns one stream's decoder; it throws `upstream_protocol` for an event that is no JSON object */
export function geminiChunkDecoder(context: AnswerContext): StreamDecoder {
  const stream = new GeminiStream(context);
  return (data) => {
    const text = data.trim();
    return text === '' || text === '[DONE]' ? [] : stream.take(eventObject(text));
  };
}

class GeminiStream {
  readonly #context: AnswerContext;
  readonly #candidates = new Map<number, CandidateStream>();
  /** The latest word on each count: not every event says them all. */
  #metadata: JsonObject = {};
  #grounding = new Map<number, JsonObject>();
  #head: ReturnType<typeof headOf> | undefined;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  take(body: JsonObject): ChatChunk[] {
    this.#head ??= headOf(body, this.#context.stamp);
    this.#metadata = { ...this.#metadata, ...metadataOf(body) };
    const candidates = candidatesOf(body);
    const blocked = candidates.length === 0 && this.#candidates.size === 0 ? blockOf(body) : undefined;
    const choices = blocked
      ? [blockedChoice(blocked)]
      : candidates.flatMap((candidate, at) => this.#choices(candidate, at));
    const usage = usageOf({ usageMetadata: this.#metadata }, [...this.#grounding.values()], this.#context);
    return [
      {
        ...this.#head,
        object: 'chat.completion.chunk',
        choices,
        ...sideData(candidates),
        ...tierField({ usageMetadata: this.#metadata }),
        ...(usage && { usage }),
      },
    ];
  }

  #choices(candidate: JsonObject, at: number): ChatChunkChoice[] {
    const index = numberOf(candidate['index']) ?? at;
    const state = this.#candidates.get(index) ?? new CandidateStream(index, this.#context);
    this.#candidates.set(index, state);
    if (isObject(candidate['groundingMetadata'])) this.#grounding.set(index, candidate);
    return state.take(candidate);
  }
}

function blockedChoice({ reason, refusal }: Block): ChatChunkChoice {
  const delta = { role: 'assistant', content: null, refusal };
  return { index: 0, delta, finish_reason: 'content_filter', ...nativeReason(reason) };
}

/** A call that is not whole yet. */
interface OpenCall {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly signature: string | undefined;
  readonly args: PartialArguments;
}

class CandidateStream {
  readonly #index: number;
  readonly #context: AnswerContext;
  readonly #extras = new Extras(true);
  /** What the last word on the sources was. */
  #sources: JsonObject = {};
  #open: OpenCall | undefined;
  #calls = 0;
  #images = 0;
  #audioId: string | undefined;
  #roleSent = false;
  #isFinished = false;

  constructor(index: number, context: AnswerContext) {
    this.#index = index;
    this.#context = context;
  }

  take(candidate: JsonObject): ChatChunkChoice[] {
    if (this.#isFinished) return [];
    this.#noteSources(candidate);
    const deltas = piecesOf(candidate).flatMap((piece) => this.#deltasOf(piece));
    const isLast = textOf(candidate['finishReason']) !== undefined;
    const choices = joined(isLast ? [...deltas, ...this.#close()] : deltas).map((delta) => this.#choice(delta));
    const logprobs = logprobsOf(candidate);
    if (isLast) choices.push(this.#last(candidate));
    else if (choices.length === 0 && (logprobs || !this.#roleSent)) choices.push(this.#choice({}));
    const [first, ...rest] = choices;
    return first && logprobs ? [{ ...first, logprobs }, ...rest] : choices;
  }

  #noteSources({ groundingMetadata, citationMetadata }: JsonObject): void {
    if (isObject(groundingMetadata)) this.#sources = { ...this.#sources, groundingMetadata };
    if (isObject(citationMetadata)) this.#sources = { ...this.#sources, citationMetadata };
  }

  #choice(delta: JsonObject): ChatChunkChoice {
    const role = this.#roleSent ? {} : { role: 'assistant' };
    this.#roleSent = true;
    return { index: this.#index, delta: { ...role, ...delta }, finish_reason: null };
  }

  #last(candidate: JsonObject): ChatChunkChoice {
    this.#isFinished = true;
    const hasText = this.#extras.texts.some((text) => text !== '');
    const { finish_reason, native, refusal } = finishOf(candidate, { calls: this.#calls, hasText });
    const delta = { ...(refusal !== undefined && { refusal }), ...this.#extras.fields(this.#sources) };
    return { ...this.#choice(delta), finish_reason: legacyFinish(finish_reason, this.#context.isLegacy), ...native };
  }

  #deltasOf(piece: Piece): JsonObject[] {
    this.#extras.note(piece);
    if (piece.kind === 'call') return this.#callDeltas(piece.call, piece.signature);
    const closing = this.#close();
    const delta = this.#deltaOf(piece);
    return delta ? [...closing, delta] : closing;
  }

  #deltaOf(piece: Exclude<Piece, { kind: 'call' }>): JsonObject | undefined {
    switch (piece.kind) {
      case 'text':
        return piece.text === '' ? undefined : { content: piece.text };
      case 'thought':
        return piece.text === '' ? undefined : { reasoning_content: piece.text };
      case 'image':
        return { images: [{ index: this.#images++, ...piece.image }] };
      case 'audio':
        return { audio: this.#audioOf(piece.data) };
      case 'code':
        return undefined; // Shown with the end.
      default:
        return piece satisfies never;
    }
  }

  #audioOf(data: string): JsonObject {
    const isNew = this.#audioId === undefined;
    this.#audioId ??= `audio_${this.#context.stamp.newId()}`;
    return { ...(isNew && { id: this.#audioId }), data };
  }

  /** A name opens a call; what has none belongs to the one that is open. */
  #callDeltas(call: JsonObject, signature: string | undefined): JsonObject[] {
    const name = textOf(call['name']);
    const closing = name === undefined ? [] : this.#close();
    const opening = name === undefined ? [] : this.#opened(call, name, signature);
    if (!this.#open) return closing;
    if (isObject(call['args'])) this.#open.args.assign(call['args']);
    const pieces = Array.isArray(call['partialArgs']) ? call['partialArgs'] : [];
    this.#open.args.add(pieces);
    // The last piece may come without the mark that more follows and without an end of its own.
    return [...closing, ...opening, ...(call['willContinue'] === true ? [] : this.#close())];
  }

  #opened(call: JsonObject, name: string, signature: string | undefined): JsonObject[] {
    const id = callIdOf(call, this.#context.stamp);
    const index = this.#calls++;
    this.#open = { index, id, name, signature, args: new PartialArguments() };
    if (this.#context.isLegacy) return index === 0 ? [{ function_call: { name, arguments: '' } }] : [];
    return [{ tool_calls: [{ index, ...callHead(id, name, signature) }] }];
  }

  #close(): JsonObject[] {
    const call = this.#open;
    if (!call) return [];
    this.#open = undefined;
    const { index, id, name, signature } = call;
    const text = call.args.toText();
    this.#context.memory.keep({ id, name, args: JSON.parse(text) }, signature);
    if (this.#context.isLegacy) return index === 0 ? [{ function_call: { arguments: text } }] : [];
    return [{ tool_calls: [{ index, function: { arguments: text } }] }];
  }
}

/** A call that is opened and closed by the same event is one piece of it. */
function joined(deltas: readonly JsonObject[]): readonly JsonObject[] {
  const made: JsonObject[] = [];
  for (const delta of deltas) {
    const whole = wholeCall(made.at(-1), delta);
    if (whole) made.splice(-1, 1, whole);
    else made.push(delta);
  }
  return made;
}

function wholeCall(before: JsonObject | undefined, delta: JsonObject): JsonObject | undefined {
  const [opening, closing] = [onlyCall(before), onlyCall(delta)];
  if (!opening || !closing || opening['index'] !== closing['index'] || closing['id'] !== undefined) return undefined;
  if (!isObject(opening['function']) || !isObject(closing['function'])) return undefined;
  return { tool_calls: [{ ...opening, function: { ...opening['function'], ...closing['function'] } }] };
}

function onlyCall(delta: JsonObject | undefined): JsonObject | undefined {
  const calls = delta?.['tool_calls'];
  const call: unknown = Array.isArray(calls) ? calls[0] : undefined;
  return isObject(call) ? call : undefined;
}
