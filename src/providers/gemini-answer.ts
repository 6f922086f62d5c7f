/**
 * Candidates of Gemini's answers → OpenAI's choices: what whole answers and streams have in common. Source: Google's
 * "Gemini API" reference, `GenerateContentResponse`, `Candidate` and `Part`; LiteLLM's documentation of `gemini/`.
 */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { ChatChoice, ChatCompletion, ChatMessage } from '../wire/openai.ts';
import { PartialArguments } from './gemini-arguments.ts';
import { annotationsOf, groundingOf } from './gemini-grounding.ts';
import { geminiUsage, tierOf } from './gemini-usage.ts';
import { type SignatureMemory, signatureFields } from './thought-signatures.ts';

/** For what no upstream said. */
export interface AnswerStamp {
  nowMs(): number;
  /** 28 hexadecimal digits. */
  newId(): string;
}

export interface AnswerContext {
  readonly memory: SignatureMemory;
  readonly stamp: AnswerStamp;
  /** Searches are billed by query, not by answer. */
  readonly billsQueries: boolean;
  /** The request was made with `functions`, whose answers are `function_call`. */
  readonly isLegacy: boolean;
}

/** @throws GatewayError `upstream_protocol` for what is no answer at all */
export function geminiCompletion(raw: unknown, context: AnswerContext): ChatCompletion {
  // Servers that stream without `alt=sse` send a list of answers.
  const body = Array.isArray(raw) && raw.length === 1 ? raw[0] : raw;
  if (!isObject(body)) throw notAnAnswer();
  const candidates = candidatesOf(body);
  const blocked = candidates.length === 0 ? blockOf(body) : undefined;
  if (candidates.length === 0 && !blocked) throw notAnAnswer();
  const usage = usageOf(body, candidates, context);
  const choices = blocked
    ? [blockedChoice(blocked)]
    : candidates.map((candidate, at) => choiceOf(candidate, at, context));
  return {
    ...headOf(body, context.stamp),
    object: 'chat.completion',
    choices,
    ...sideData(candidates),
    ...tierField(body),
    ...(usage && { usage }),
  };
}

const notAnAnswer = (): GatewayError =>
  new GatewayError('upstream_protocol', 'The upstream answered with something that is not an answer of Gemini.');

export const candidatesOf = ({ candidates }: JsonObject): readonly JsonObject[] =>
  Array.isArray(candidates) ? candidates.filter(isObject) : [];

export const metadataOf = ({ usageMetadata }: JsonObject): JsonObject => (isObject(usageMetadata) ? usageMetadata : {});

export const usageOf = (body: JsonObject, candidates: readonly JsonObject[], { billsQueries }: AnswerContext) =>
  geminiUsage(metadataOf(body), groundingOf(candidates, billsQueries));

export function headOf(body: JsonObject, stamp: AnswerStamp) {
  const createdMs = Date.parse(textOf(body['createTime']) ?? '');
  return {
    id: textOf(body['responseId']) ?? `chatcmpl-${stamp.newId()}`,
    created: Math.floor((Number.isNaN(createdMs) ? stamp.nowMs() : createdMs) / 1000),
    model: textOf(body['modelVersion']) ?? '',
  };
}

export function tierField(body: JsonObject): JsonObject {
  const tier = tierOf(metadataOf(body));
  return tier === undefined ? {} : { service_tier: tier };
}

/** What Google says beside the answer, under LiteLLM's names. */
const SIDE_DATA = [
  ['vertex_ai_grounding_metadata', 'groundingMetadata'],
  ['vertex_ai_url_context_metadata', 'urlContextMetadata'],
  ['vertex_ai_safety_results', 'safetyRatings'],
  ['vertex_ai_citation_metadata', 'citationMetadata'],
] as const;

export function sideData(candidates: readonly JsonObject[]): JsonObject {
  const fields = SIDE_DATA.flatMap(([name, own]) => {
    const values = candidates
      .map((candidate) => candidate[own])
      .filter((value) => value !== undefined && value !== null);
    return values.length === 0 ? [] : [[name, values] as const];
  });
  return Object.fromEntries(fields);
}

/** A prompt that was refused as a whole. */
export interface Block {
  readonly reason: string;
  readonly refusal: string;
}

export function blockOf({ promptFeedback: feedback }: JsonObject): Block | undefined {
  if (!isObject(feedback)) return undefined;
  const reason = textOf(feedback['blockReason']);
  if (reason === undefined) return undefined;
  return { reason, refusal: textOf(feedback['blockReasonMessage']) ?? `The prompt was blocked: ${reason}.` };
}

export const nativeReason = (reason: string): JsonObject => ({
  provider_specific_fields: { native_finish_reason: reason },
});

function blockedChoice({ reason, refusal }: Block): ChatChoice {
  return {
    index: 0,
    message: { role: 'assistant', content: null, refusal },
    finish_reason: 'content_filter',
    ...nativeReason(reason),
  };
}

const FINISHES: ReadonlyMap<string, string> = new Map([
  ['STOP', 'stop'],
  ['MAX_TOKENS', 'length'],
  ...`SAFETY RECITATION LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT
    IMAGE_RECITATION IMAGE_OTHER NO_IMAGE MODEL_ARMOR`
    .split(/\s+/)
    .map((word) => [word, 'content_filter'] as const),
]);

export interface Finish {
  readonly finish_reason: string | null;
  /** Google's word where OpenAI has none like it, and the text of a refusal. */
  readonly native: JsonObject;
  readonly refusal: string | undefined;
}

/** As in LiteLLM, a tool call makes it `tool_calls` whatever the reason; unknown words are `stop`. */
export function finishOf(candidate: JsonObject, said: { readonly calls: number; readonly hasText: boolean }): Finish {
  const reason = textOf(candidate['finishReason']);
  if (reason === undefined) return { finish_reason: null, native: {}, refusal: undefined };
  const known = FINISHES.get(reason) ?? 'stop';
  const finish_reason = said.calls > 0 ? 'tool_calls' : known;
  const isRefusal = finish_reason === 'content_filter' && !said.hasText;
  return {
    finish_reason,
    native: reason === 'STOP' || reason === 'MAX_TOKENS' ? {} : nativeReason(reason),
    refusal: isRefusal ? (textOf(candidate['finishMessage']) ?? `The answer was blocked: ${reason}.`) : undefined,
  };
}

/** One part of an answer, told apart. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string; readonly signature: string | undefined }
  | { readonly kind: 'thought'; readonly text: string; readonly signature: string | undefined }
  | { readonly kind: 'call'; readonly call: JsonObject; readonly signature: string | undefined }
  | { readonly kind: 'image'; readonly image: JsonObject; readonly signature: string | undefined }
  | { readonly kind: 'audio'; readonly data: string; readonly signature: string | undefined }
  | { readonly kind: 'code'; readonly step: JsonObject; readonly signature: string | undefined };

export function piecesOf(candidate: JsonObject): readonly Piece[] {
  const content = isObject(candidate['content']) ? candidate['content'] : {};
  const parts = Array.isArray(content['parts']) ? content['parts'].filter(isObject) : [];
  return parts.flatMap((part) => {
    const piece = pieceOf(part, textOf(part['thoughtSignature']) ?? textOf(part['thought_signature']));
    return piece ? [piece] : [];
  });
}

function pieceOf(part: JsonObject, signature: string | undefined): Piece | undefined {
  const { functionCall: call, inlineData: blob, text } = part;
  if (isObject(call)) return { kind: 'call', call, signature };
  if (isObject(blob)) return mediaPiece(blob, signature);
  if (isObject(part['executableCode']) || isObject(part['codeExecutionResult']))
    return { kind: 'code', step: part, signature };
  if (typeof text === 'string') return { kind: part['thought'] === true ? 'thought' : 'text', text, signature };
  return signature === undefined ? undefined : { kind: 'text', text: '', signature };
}

function mediaPiece(blob: JsonObject, signature: string | undefined): Piece | undefined {
  const data = textOf(blob['data']);
  if (data === undefined) return undefined;
  const mimeType = textOf(blob['mimeType']) ?? 'application/octet-stream';
  if (mimeType.startsWith('audio/')) return { kind: 'audio', data, signature };
  const url = `data:${mimeType};base64,${data}`;
  return { kind: 'image', image: { type: 'image_url', image_url: { url }, ...signatureFields(signature) }, signature };
}

/** The call's own id where it has one, else one of ours. */
export const callIdOf = (call: JsonObject, stamp: AnswerStamp): string => textOf(call['id']) ?? `call_${stamp.newId()}`;

/** A tool call without its arguments, which a stream sends after it. */
export const callHead = (id: string, name: string, signature: string | undefined): JsonObject => ({
  id,
  type: 'function',
  function: { name, arguments: '' },
  ...signatureFields(signature),
});

/** What a message holds beside its text and its calls, gathered as the parts come. */
export class Extras {
  /** The text of each part, empty for parts of other kinds: sources are told by part. */
  readonly texts: string[] = [];
  readonly #signatures: string[] = [];
  readonly #code: JsonObject[] = [];

  readonly #isStream: boolean;
  #last: Piece['kind'] | undefined;

  /** @param isStream the pieces of one part come one by one */
  constructor(isStream: boolean) {
    this.#isStream = isStream;
  }

  note(piece: Piece): void {
    const { kind } = piece;
    const goesOn = this.#isStream && kind === this.#last && (kind === 'text' || kind === 'thought');
    const before = goesOn ? (this.texts.pop() ?? '') : '';
    this.texts.push(kind === 'text' ? before + piece.text : '');
    this.#last = kind;
    if (piece.kind === 'code') this.#code.push(piece.step);
    if (piece.kind !== 'text') return;
    if (piece.signature !== undefined) this.#signatures.push(piece.signature);
  }

  /** Signatures of texts, code that was run, and where the facts are from. */
  fields(candidate: JsonObject): JsonObject {
    const annotations = annotationsOf(candidate, this.texts);
    const fields = {
      ...(this.#signatures.length > 0 && { thought_signatures: this.#signatures }),
      ...(this.#code.length > 0 && { code_execution: this.#code }),
    };
    const signature = this.#signatures.at(-1);
    return {
      ...(annotations.length > 0 && { annotations }),
      ...(signature !== undefined && { extra_content: { google: { thought_signature: signature } } }),
      ...(Object.keys(fields).length > 0 && { provider_specific_fields: fields }),
    };
  }
}

function choiceOf(candidate: JsonObject, at: number, context: AnswerContext): ChatChoice {
  const pieces = piecesOf(candidate);
  const extras = new Extras(false);
  for (const piece of pieces) extras.note(piece);
  const calls = callsOf(pieces, context);
  const content = extras.texts.join('');
  const finish = finishOf(candidate, { calls: calls.length, hasText: content !== '' });
  const reasoning = pieces.map((piece) => (piece.kind === 'thought' ? piece.text : '')).join('');
  const images = pieces.flatMap((piece) => (piece.kind === 'image' ? [piece.image] : []));
  const audio = pieces.map((piece) => (piece.kind === 'audio' ? piece.data : ''));
  const message: ChatMessage = {
    role: 'assistant',
    content: content === '' ? null : content,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...callFields(calls, context.isLegacy),
    ...(images.length > 0 && { images: images.map((image, index) => ({ index, ...image })) }),
    ...(audio.some((data) => data !== '') && { audio: audioOf(joinedBase64(audio), context.stamp) }),
    ...(finish.refusal !== undefined && { refusal: finish.refusal }),
    ...extras.fields(candidate),
  };
  const logprobs = logprobsOf(candidate);
  return {
    index: numberOf(candidate['index']) ?? at,
    message,
    finish_reason: legacyFinish(finish.finish_reason ?? 'stop', context.isLegacy),
    ...(logprobs && { logprobs }),
    ...finish.native,
  };
}

export const legacyFinish = (reason: string | null, isLegacy: boolean): string | null =>
  isLegacy && reason === 'tool_calls' ? 'function_call' : reason;

/** `functions` had one call at a time. */
function callFields(calls: readonly JsonObject[], isLegacy: boolean): JsonObject {
  if (calls.length === 0) return {};
  return isLegacy ? { function_call: calls[0]?.['function'] } : { tool_calls: calls };
}

function callsOf(pieces: readonly Piece[], { memory, stamp }: AnswerContext): JsonObject[] {
  return pieces.flatMap((piece) => {
    if (piece.kind !== 'call') return [];
    const { call, signature } = piece;
    const name = textOf(call['name']) ?? '';
    const id = callIdOf(call, stamp);
    const args = argumentsText(call);
    memory.keep({ id, name, args: JSON.parse(args) }, signature);
    return [{ ...callHead(id, name, signature), function: { name, arguments: args } }];
  });
}

export function argumentsText({ args, partialArgs }: JsonObject): string {
  if (!Array.isArray(partialArgs)) return isObject(args) ? JSON.stringify(args) : '{}';
  const made = new PartialArguments();
  if (isObject(args)) made.assign(args);
  made.add(partialArgs);
  return made.toText();
}

const DAY_SECONDS = 86_400;

const audioOf = (data: string, stamp: AnswerStamp): JsonObject => ({
  id: `audio_${stamp.newId()}`,
  data,
  transcript: '',
  expires_at: Math.floor(stamp.nowMs() / 1000) + DAY_SECONDS,
});

/** Base64 texts cannot be joined as texts: each may end in filling. */
const joinedBase64 = (parts: readonly string[]): string =>
  parts.length === 1
    ? (parts[0] ?? '')
    : Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))).toString('base64');

interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** `logprobsResult` → OpenAI's `logprobs`. */
export function logprobsOf({ logprobsResult: result }: JsonObject): JsonObject | undefined {
  if (!isObject(result) || !Array.isArray(result['chosenCandidates'])) return undefined;
  const tops = Array.isArray(result['topCandidates']) ? result['topCandidates'] : [];
  const content = result['chosenCandidates'].map((chosen: unknown, at) => {
    const top: unknown = tops[at];
    const others = isObject(top) && Array.isArray(top['candidates']) ? top['candidates'] : [];
    return { ...tokenOf(chosen), top_logprobs: others.map(tokenOf) };
  });
  return { content, refusal: null };
}

/** OpenAI's number for "as good as impossible". */
const LEAST_LOGPROB = -9999;

function tokenOf(raw: unknown): TokenLogprob {
  const { token, logProbability } = isObject(raw) ? raw : {};
  const text = typeof token === 'string' ? token : '';
  return { token: text, logprob: numberOf(logProbability) ?? LEAST_LOGPROB, bytes: [...Buffer.from(text)] };
}
