/**
 * Streams for models that have none: the upstream is asked for a whole answer, and the client gets it in the events of a
 * stream, from which OpenAI's own libraries rebuild it. Sources: LiteLLM's documentation of `fake_stream`; OpenAI's API
 * reference, "The chat completion chunk object".
 */
import { GatewayError } from '../errors.ts';
import type { Change, ChatInput, Target } from '../providers/adapter.ts';
import type { ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, ChatMessage } from '../wire/openai.ts';
import type { FullReply, StreamBody, StreamReply } from './call.ts';
import { wordsOf } from './mock-reply.ts';
import { frame, newTally, type StreamContext, usageChunk } from './stream-source.ts';

/** What the provider cannot do nobody can switch on; else the deployment's word stands before what is known of the model. */
export function streamsAt(target: Target): boolean {
  const { adapter, fakeStream, knownModel, upstreamModel } = target;
  if (adapter.streamsAt?.(target) === false) return false;
  if (fakeStream !== undefined) return !fakeStream;
  return knownModel?.(upstreamModel)?.flags['supports_native_streaming'] !== false;
}

/** The same request for a whole answer. */
export function wholeInput(input: ChatInput): ChatInput {
  const { stream: _, stream_options: __, ...request } = input.request;
  return { ...input, request, gatewayKeys: [...input.gatewayKeys, 'stream', 'stream_options'] };
}

export const EMULATED: Change = { field: 'stream', action: 'emulated', note: 'a whole answer in pieces' };

export interface EmulationParts extends Pick<StreamContext, 'wantsUsage' | 'keepEvents' | 'now' | 'meter'> {
  readonly onChunk: ((chunk: ChatChunk) => ChatChunk) | undefined;
}

/** Pieces are sent together: nobody waits for any of them. */
const READ_BYTES = 16 * 1024;

/**
 * All of it is paid for already, so its tally is whole from the start, wherever the client leaves.
 * @throws GatewayError `upstream_protocol` when the answer has no choices
 */
export function emulatedStream(reply: FullReply, parts: EmulationParts): StreamReply {
  const completion = reply.body();
  if (!Array.isArray(completion.choices) || completion.choices.length === 0) {
    throw new GatewayError('upstream_protocol', 'The upstream answered with something that is not a chat completion.');
  }
  const { outputChars, serviceTier } = reply.reading();
  const tally = newTally(parts.keepEvents);
  tally.responseId = reply.responseId;
  tally.usage = reply.usage;
  tally.serviceTier = serviceTier;
  tally.outputChars = typeof outputChars === 'function' ? outputChars() : outputChars;
  tally.firstContentAtMs = parts.now();
  const frames = framesOf(completion, tally, parts);
  const body: StreamBody = {
    tally,
    next: async () => {
      const pieces: Buffer[] = [];
      for (let size = 0, next = frames.next(); !next.done; next = frames.next()) {
        pieces.push(next.value);
        size += next.value.length;
        if (size >= READ_BYTES) break;
      }
      return pieces.length === 0 ? undefined : Buffer.concat(pieces);
    },
    cancel: () => {},
  };
  return { kind: 'stream', target: reply.target, upstreamHeaders: reply.upstreamHeaders, body };
}

function* framesOf(completion: ChatCompletion, tally: StreamBody['tally'], parts: EmulationParts): Generator<Buffer> {
  for (const chunk of chunksOf(completion)) {
    const out = JSON.stringify(parts.onChunk?.(chunk) ?? chunk);
    tally.stored?.push(out);
    yield frame(out);
  }
  if (parts.wantsUsage) yield usageChunk(completion, parts.meter(tally));
}

/** Members that every event of a stream has. */
const OF_EVERY_CHUNK = ['id', 'created', 'model', 'system_fingerprint', 'service_tier'];

/** What is said once about all of the answer, such as search results, stands in the first event. */
function* chunksOf(completion: ChatCompletion): Generator<ChatChunk> {
  const { choices, usage: _, object: __, ...head } = completion;
  const repeated = Object.fromEntries(Object.entries(head).filter(([name]) => OF_EVERY_CHUNK.includes(name)));
  let isFirst = true;
  for (const [at, choice] of choices.entries()) {
    for (const part of deltasOf(choice, at)) {
      const { id, created, model } = head;
      const members = isFirst ? head : repeated;
      yield { ...members, id, created, model, object: 'chat.completion.chunk', choices: [part] };
      isFirst = false;
    }
  }
}

function* deltasOf(choice: ChatChoice, at: number): Generator<ChatChunkChoice> {
  const { index = at, message, finish_reason: finish, logprobs, ...rest } = choice;
  const { content, ...more } = message ?? SILENT;
  const pieces = piecesOf(content);
  const measured = logprobs == null ? {} : { logprobs };
  for (const delta of openingOf(content, more)) yield { index, delta, finish_reason: null };
  for (const [place, piece] of pieces.entries()) {
    yield { index, delta: { content: piece }, finish_reason: null, ...(place === 0 && measured) };
  }
  for (const delta of closingOf(more)) yield { index, delta, finish_reason: null };
  yield { ...rest, ...(pieces.length === 0 && measured), index, delta: {}, finish_reason: finish ?? 'stop' };
}

type Delta = ChatChunkChoice['delta'];

/** Who speaks, and what was thought: in one piece, since accumulators only join the members that they know. */
function openingOf(content: unknown, more: Delta): readonly Delta[] {
  const { role, refusal, annotations: _, audio: __, tool_calls: ___, function_call: ____, ...thoughts } = more;
  const opening = { role: role ?? 'assistant', content: typeof content === 'string' ? '' : null };
  return [
    refusal === null ? { ...opening, refusal } : opening,
    ...(Object.keys(thoughts).length > 0 ? [thoughts] : []),
  ];
}

/** What the text rests on, and what is called. */
function closingOf({ refusal, annotations, audio, function_call, tool_calls }: Delta): readonly Delta[] {
  const members = Object.entries({ refusal, annotations, audio, function_call });
  return [
    ...members.filter(([, value]) => value != null).map(([name, value]) => ({ [name]: value })),
    ...callsIn(tool_calls).map((call, index) => ({ tool_calls: [{ ...call, index }] })),
  ];
}

/** Content that is no text stays in one piece. */
function piecesOf(content: ChatMessage['content']): readonly NonNullable<ChatMessage['content']>[] {
  if (content == null) return [];
  return typeof content === 'string' ? wordsOf(content) : [content];
}

/** In place of a message that is missing. */
const SILENT: ChatChoice['message'] = { role: 'assistant' };

const callsIn = (calls: unknown): readonly object[] =>
  Array.isArray(calls) ? calls.filter((call) => typeof call === 'object' && call !== null) : [];
