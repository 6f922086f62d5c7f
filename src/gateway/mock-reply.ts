/** Canned answers: a deployment's or a permitted client's `mock_response`. Source: LiteLLM's documentation of mocking. */
import { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { ChatChunk, ChatCompletion, ChatRequest } from '../wire/openai.ts';
import type { Call, FullReply, StreamBody, StreamReply } from './call.ts';
import { type Metered, replyOf } from './full-reply.ts';
import { frame, newTally, usageChunk } from './stream-source.ts';

export interface MockParts {
  readonly call: Call;
  readonly target: Target | undefined;
  readonly content: string;
  readonly now: () => number;
  /** `always_include_stream_usage`. */
  readonly alwaysUsage?: boolean;
  meter(outputChars: number): Metered;
}

/** These texts stand for failures instead of answers. */
const FAILURES: ReadonlyMap<string, () => GatewayError> = new Map([
  ['litellm.RateLimitError', () => new GatewayError('upstream_busy', 'This is a mock rate limit error.')],
  [
    'litellm.ContextWindowExceededError',
    () => new GatewayError('context_window_exceeded', 'This is a mock context window error.'),
  ],
  ['litellm.InternalServerError', () => new GatewayError('upstream_failed', 'This is a mock server error.')],
]);

export function mockReply(parts: MockParts): FullReply | StreamReply {
  const { call, content } = parts;
  const failure = FAILURES.get(content);
  if (failure) throw failure();
  if (content.startsWith('Exception: content_filter_policy')) {
    throw new GatewayError('content_policy_violation', 'This is a mock content policy error.');
  }
  return call.request.stream === true ? mockStream(parts) : mockFull(parts);
}

function mockFull({ call, target, content, now, meter }: MockParts): FullReply {
  const body: ChatCompletion = {
    id: `chatcmpl-${call.id}`,
    object: 'chat.completion',
    created: Math.floor(now() / 1000),
    model: call.requestedModel,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: meter(content.length).usage,
  };
  const usage = body.usage ?? undefined;
  return replyOf({
    target,
    text: JSON.stringify(body),
    usage,
    responseId: body.id,
    serviceTier: undefined,
    upstreamHeaders: undefined,
  });
}

function mockStream({ call, target, content, now, meter, alwaysUsage }: MockParts): StreamReply {
  const id = `chatcmpl-${call.id}`;
  const created = Math.floor(now() / 1000);
  const tally = newTally(false);
  tally.responseId = id;
  const head = { id, object: 'chat.completion.chunk' as const, created, model: call.requestedModel };
  const frames: Buffer[] = deltasOf(content).map((choice) =>
    frame(JSON.stringify({ ...head, choices: [choice] } satisfies ChatChunk)),
  );
  if (alwaysUsage || wantsUsage(call.request, target)) frames.push(usageChunk(head, meter(content.length)));
  let sent = 0;
  const body: StreamBody = {
    tally,
    next: async () => {
      tally.firstContentAtMs ??= now();
      const bytes = frames[sent++];
      if (bytes) tally.outputChars = Math.min(content.length, Math.round((content.length * sent) / frames.length));
      else tally.outputChars = content.length;
      return bytes;
    },
    cancel: () => {},
  };
  return { kind: 'stream', target, upstreamHeaders: undefined, body };
}

/** The deployment's `stream_options` stand in for a client that has none. */
export function wantsUsage(request: ChatRequest, target: Target | undefined): boolean {
  const options: unknown = request.stream_options ?? target?.defaults['stream_options'];
  return (
    typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
  );
}

/** Together they are the text. */
export const wordsOf = (text: string): readonly string[] => text.match(/\S+\s*|\s+/g) ?? [];

/** One word a chunk, as a model would send it. */
function deltasOf(content: string): ChatChunk['choices'] {
  return [
    { index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null },
    ...wordsOf(content).map((word) => ({ index: 0, delta: { content: word }, finish_reason: null })),
    { index: 0, delta: {}, finish_reason: 'stop' },
  ];
}
