/** OpenAI-shaped answers with small differences → OpenAI's own shape. State is kept for each stream. */
import { GatewayError } from '../errors.ts';
import type { ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, ChatMessage } from '../wire/openai.ts';
import type { StreamDecoder } from './adapter.ts';

export interface ReplyDifferences {
  /** The field that holds reasoning, when it is not `reasoning_content`. */
  readonly reasoningField?: string;
  /** Content may be a list with parts of type `thinking`. */
  readonly thinkingParts?: boolean;
  /** `finish_reason: stop` is sent although tools were called. */
  readonly fixesFinishReason?: boolean;
}

type Loose = Record<string, unknown>;

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Missing fields are filled, unknown ones kept. */
export function parseCompletion(body: unknown, differences: ReplyDifferences): ChatCompletion {
  if (!isObject(body) || !Array.isArray(body['choices'])) throw notACompletion();
  const choices = body['choices'].filter(isObject).map((choice, index): ChatChoice => {
    const message = normalised(isObject(choice['message']) ? choice['message'] : {}, differences);
    const finish = typeof choice['finish_reason'] === 'string' ? choice['finish_reason'] : null;
    return {
      ...choice,
      index: typeof choice['index'] === 'number' ? choice['index'] : index,
      finish_reason: fixedFinish(finish, Boolean(message['tool_calls']), differences),
      message: { ...message, role: message.role ?? 'assistant' },
    };
  });
  return {
    ...body,
    id: typeof body['id'] === 'string' ? body['id'] : `chatcmpl-${crypto.randomUUID()}`,
    object: 'chat.completion',
    created: typeof body['created'] === 'number' ? body['created'] : 0,
    model: typeof body['model'] === 'string' ? body['model'] : '',
    choices,
  };
}

/** One for each stream. */
export function createChunkDecoder(differences: ReplyDifferences): StreamDecoder {
  let calledTools = false;
  return (data) => {
    const chunk = parseObject(data);
    const choices = Array.isArray(chunk['choices']) ? chunk['choices'].filter(isObject) : [];
    const decoded = choices.map((choice, index): ChatChunkChoice => {
      const delta = normalised(isObject(choice['delta']) ? choice['delta'] : {}, differences);
      calledTools ||= Array.isArray(delta['tool_calls']) && delta['tool_calls'].length > 0;
      const finish = typeof choice['finish_reason'] === 'string' ? choice['finish_reason'] : null;
      return {
        ...choice,
        index: typeof choice['index'] === 'number' ? choice['index'] : index,
        delta,
        finish_reason: fixedFinish(finish, calledTools, differences),
      };
    });
    const { usage = groqUsage(chunk), ...rest } = chunk;
    return [
      {
        ...rest,
        id: typeof chunk['id'] === 'string' ? chunk['id'] : '',
        object: 'chat.completion.chunk',
        created: typeof chunk['created'] === 'number' ? chunk['created'] : 0,
        model: typeof chunk['model'] === 'string' ? chunk['model'] : '',
        choices: decoded,
        // Untrusted: metering checks every number.
        ...(isObject(usage) && { usage: usage as NonNullable<ChatChunk['usage']> }),
      },
    ];
  };
}

/** Groq's streams carry usage under a name of its own when it was not asked for. */
const groqUsage = (chunk: Loose): unknown => (isObject(chunk['x_groq']) ? chunk['x_groq']['usage'] : undefined);

function parseObject(data: string): Loose {
  try {
    const value: unknown = JSON.parse(data);
    if (isObject(value)) return value;
  } catch {
    // Falls through: the parser's own message would quote the model's words.
  }
  throw new GatewayError('upstream_protocol', 'The upstream sent an event that is not JSON.');
}

function normalised(message: Loose, { reasoningField, thinkingParts }: ReplyDifferences): ChatMessage {
  let out = message;
  if (
    reasoningField !== undefined &&
    typeof out[reasoningField] === 'string' &&
    out['reasoning_content'] === undefined
  ) {
    const { [reasoningField]: reasoning, ...rest } = out;
    out = { ...rest, reasoning_content: reasoning };
  }
  if (thinkingParts && Array.isArray(out['content'])) out = { ...out, ...joinedParts(out['content']) };
  // Read from the wire: the role may be absent in a delta.
  return out as ChatMessage;
}

function joinedParts(parts: readonly unknown[]): { content: string; reasoning_content?: string } {
  const textOf = (part: unknown): string => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : '');
  const thinking = parts
    .filter((part): part is Loose => isObject(part) && part['type'] === 'thinking')
    .flatMap((part) =>
      Array.isArray(part['thinking']) ? part['thinking'].map(textOf) : [String(part['thinking'] ?? '')],
    )
    .join('');
  const content = parts
    .filter((part) => isObject(part) && part['type'] === 'text')
    .map(textOf)
    .join('');
  return { content, ...(thinking !== '' && { reasoning_content: thinking }) };
}

const fixedFinish = (
  finish: string | null,
  calledTools: boolean,
  { fixesFinishReason }: ReplyDifferences,
): string | null => (fixesFinishReason && finish === 'stop' && calledTools ? 'tool_calls' : finish);

const notACompletion = (): GatewayError =>
  new GatewayError('upstream_protocol', 'The upstream answered with something that is not a chat completion.');
