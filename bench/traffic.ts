/**
 * What travels: OpenAI-shaped requests, answers and stream events of fixed size, shared by the mock and the load generator.
 * Shapes: https://platform.openai.com/docs/api-reference/chat
 */

/** The name that clients ask for. The mock answers with a dated one, as OpenAI does, so a gateway has the name to put right. */
export const MODEL = 'gpt-4o-mini';
const ANSWERING_MODEL = 'gpt-4o-mini-2024-07-18';

const ANSWER_BYTES = 1024;
const EVENT_BYTES = 200;
const WORDS = 'the quick brown fox asks a model of language whether the lazy dog would rather be paid by the token ';

/** ASCII text of exactly `length` bytes. */
function prose(length: number): string {
  return WORDS.repeat(Math.ceil(length / WORDS.length)).slice(0, length);
}

function padded(bytes: number, build: (filler: string) => unknown): string {
  const bare = JSON.stringify(build('')).length;
  return JSON.stringify(build(prose(Math.max(0, bytes - bare))));
}

export interface Ask {
  /** Length of the JSON body in bytes. */
  bytes: number;
  /** 0 asks for a full answer; n for a stream of n content events. */
  chunks: number;
}

/** The mock streams as many events as `max_tokens` says: it is a field that every gateway passes on untouched. */
export function requestBody(ask: Ask): string {
  const options = ask.chunks > 0 ? { stream: true, max_tokens: ask.chunks } : { max_tokens: 256 };
  return padded(ask.bytes, (filler) => ({
    model: MODEL,
    messages: [
      { role: 'system', content: 'You are a helpful assistant.' },
      { role: 'user', content: filler },
    ],
    temperature: 0.2,
    ...options,
  }));
}

const USAGE = { prompt_tokens: 230, completion_tokens: 150, total_tokens: 380 };

export function answerBody(): string {
  return padded(ANSWER_BYTES, (filler) => ({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_760_000_000,
    model: ANSWERING_MODEL,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: filler, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: USAGE,
    system_fingerprint: 'fp_bench',
  }));
}

function chunk(choices: unknown[], extra: object): unknown {
  const head = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_760_000_000 };
  return { ...head, model: ANSWERING_MODEL, choices, ...extra };
}

const contentChunk = (content: string, extra: object): unknown =>
  chunk([{ index: 0, delta: { content }, finish_reason: null }], extra);

export interface StreamEvents {
  content: string;
  /** What follows the content: the finish event, the usage when it was asked for, and `[DONE]`. */
  ending: string[];
}

export function streamEvents(includeUsage: boolean): StreamEvents {
  const frame = (json: string): string => `data: ${json}\n\n`;
  const asked = includeUsage ? { usage: null } : {};
  const filler = prose(EVENT_BYTES - frame(JSON.stringify(contentChunk('', {}))).length);
  const content = JSON.stringify(contentChunk(filler, asked));
  const finish = JSON.stringify(chunk([{ index: 0, delta: {}, finish_reason: 'stop' }], asked));
  const usage = includeUsage ? [frame(JSON.stringify(chunk([], { usage: USAGE })))] : [];
  return { content: frame(content), ending: [frame(finish), ...usage, frame('[DONE]')] };
}

/** Full text of a streamed or full answer's content, to compare an arm's answer with the mock's. */
export function expectedText(chunks: number): string {
  if (chunks === 0) return textOf(answerBody());
  return textOf(streamEvents(false).content.repeat(chunks));
}

interface AnyChoice {
  message?: { content?: string };
  delta?: { content?: string };
}

/** The content in a response body: JSON, or SSE events one after the other. */
export function textOf(body: string): string {
  const documents = body.startsWith('{') ? [body] : body.split('\n').filter((line) => line.startsWith('data: {'));
  return documents
    .map((line) => {
      // As a JSON edge: the caller compares the text, so a wrong shape shows as a difference.
      const parsed = JSON.parse(line.replace(/^data: /, '')) as { choices: AnyChoice[] };
      const choice = parsed.choices[0];
      return choice?.message?.content ?? choice?.delta?.content ?? '';
    })
    .join('');
}
