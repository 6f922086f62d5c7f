/** Streams of ConverseStream in OpenAI's shape, event by event. Source: AWS's API reference, "ConverseStream". */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { ChatChunk, ChatMessage } from '../wire/openai.ts';
import type { StreamDecoder } from './adapter.ts';
import { askedName, finishOf, NO_MEMO, type Stamp, systemStamp, tierOf } from './bedrock-answer.ts';
import type { BedrockMemo } from './bedrock-request.ts';
import { JSON_TOOL } from './bedrock-tools.ts';
import { usageOf } from './bedrock-usage.ts';

/** @returns one stream's decoder; it throws `upstream_protocol` for an event that is no JSON object */
export function streamDecoder(memo: BedrockMemo = NO_MEMO, stamp = systemStamp): StreamDecoder {
  const stream = new ConverseStream(memo, stamp);
  return (data) =>
    Object.entries(eventOf(data)).flatMap(([type, payload]) => (isObject(payload) ? stream.take(type, payload) : []));
}

/** A tool call that is being streamed. */
interface OpenCall {
  readonly index: number;
  /** Its arguments are the answer. */
  readonly isAnswer: boolean;
  hasInput: boolean;
}

type Delta = Partial<ChatMessage>;

class ConverseStream {
  readonly #memo: BedrockMemo;
  readonly #head: Pick<ChatChunk, 'id' | 'created' | 'model'>;
  readonly #calls = new Map<number, OpenCall>();
  /** Thoughts with the number of their block. */
  readonly #thoughts: { readonly at: number; block: JsonObject }[] = [];
  #callCount = 0;
  #roleSent = false;

  constructor(memo: BedrockMemo, stamp: Stamp) {
    this.#memo = memo;
    this.#head = { id: `chatcmpl-${stamp.newId()}`, created: Math.floor(stamp.nowMs() / 1000), model: '' };
  }

  /** What is not known adds nothing: AWS says that types of events may be added. */
  take(type: string, payload: JsonObject): ChatChunk[] {
    switch (type) {
      case 'messageStart':
        return this.#said({ content: '' });
      case 'contentBlockStart':
        return this.#start(payload);
      case 'contentBlockDelta':
        return this.#delta(payload);
      case 'contentBlockStop':
        return this.#stop(blockAt(payload));
      case 'messageStop':
        return this.#finish(payload);
      case 'metadata':
        return this.#metadata(payload);
      default:
        return [];
    }
  }

  #chunk(choices: ChatChunk['choices'], more: JsonObject = {}): ChatChunk {
    return { ...this.#head, object: 'chat.completion.chunk', choices, ...more };
  }

  #said(delta: Delta): ChatChunk[] {
    const whole = this.#roleSent ? delta : { role: 'assistant', ...delta };
    this.#roleSent = true;
    return [this.#chunk([{ index: 0, delta: whole, finish_reason: null }])];
  }

  #start(payload: JsonObject): ChatChunk[] {
    const { start } = payload;
    const toolUse = isObject(start) ? start['toolUse'] : undefined;
    if (!isObject(toolUse) || toolUse['type'] === 'server_tool_use') return [];
    const isAnswer = this.#memo.answersByTool && toolUse['name'] === JSON_TOOL;
    const call: OpenCall = { index: isAnswer ? -1 : this.#callCount++, isAnswer, hasInput: false };
    this.#calls.set(blockAt(payload), call);
    if (isAnswer) return [];
    const made = { name: askedName(this.#memo, toolUse['name']), arguments: '' };
    return this.#said({
      tool_calls: [{ index: call.index, id: toolUse['toolUseId'], type: 'function', function: made }],
    });
  }

  #delta(payload: JsonObject): ChatChunk[] {
    const { delta } = payload;
    if (!isObject(delta)) return [];
    const { text, toolUse, reasoningContent, citation } = delta;
    if (typeof text === 'string') return this.#said({ content: text });
    if (isObject(toolUse)) return this.#input(textOf(toolUse['input']) ?? '', blockAt(payload));
    if (isObject(reasoningContent)) return this.#thought(reasoningContent, blockAt(payload));
    if (isObject(citation)) return this.#said({ provider_specific_fields: { citations: [citation] } });
    return this.#said({ provider_specific_fields: { blocks: [delta] } });
  }

  /** Words leave at once; the blocks leave whole at the end, because client libraries do not join lists that come in pieces. */
  #thought({ text, signature, redactedContent }: JsonObject, at: number): ChatChunk[] {
    const open = this.#thoughts.findLast(({ block }) => block['type'] === 'thinking');
    if (redactedContent !== undefined) {
      this.#thoughts.push({ at, block: { type: 'redacted_thinking', data: redactedContent } });
    } else {
      const thought = open?.at === at ? open : { at, block: { type: 'thinking', thinking: '' } as JsonObject };
      if (thought !== open) this.#thoughts.push(thought);
      const thinking = `${textOf(thought.block['thinking']) ?? ''}${textOf(text) ?? ''}`;
      thought.block = { ...thought.block, thinking, ...(textOf(signature) !== undefined && { signature }) };
    }
    return textOf(text) === undefined ? [] : this.#said({ reasoning_content: textOf(text) });
  }

  #input(text: string, at: number): ChatChunk[] {
    const call = this.#calls.get(at);
    if (!call || text === '') return [];
    call.hasInput = true;
    if (call.isAnswer) return this.#said({ content: text });
    return this.#said({ tool_calls: [{ index: call.index, function: { arguments: text } }] });
  }

  /** A call without arguments has an empty object of them. */
  #stop(at: number): ChatChunk[] {
    return this.#calls.get(at)?.hasInput === false ? this.#input('{}', at) : [];
  }

  #finish({ stopReason, ...rest }: JsonObject): ChatChunk[] {
    const { finish_reason, provider_specific_fields: fields } = finishOf(stopReason, this.#callCount > 0);
    const blocks = this.#thoughts.map(({ block }) => block);
    const delta = {
      ...(!this.#roleSent && { role: 'assistant' as const }),
      ...(blocks.length > 0 && { thinking_blocks: blocks }),
    };
    return [this.#chunk([{ index: 0, delta, finish_reason, provider_specific_fields: { ...fields, ...rest } }])];
  }

  #metadata({ usage: raw, serviceTier, trace }: JsonObject): ChatChunk[] {
    const usage = usageOf(raw);
    const tier = tierOf(serviceTier);
    const counted = this.#chunk([], { ...(usage && { usage }), ...(tier !== undefined && { service_tier: tier }) });
    // Only a chunk with a choice reaches the client.
    const traced = isObject(trace) ? [this.#chunk([{ index: 0, delta: {}, finish_reason: null }], { trace })] : [];
    return [...traced, counted];
  }
}

const blockAt = ({ contentBlockIndex: at }: JsonObject): number => numberOf(at) ?? 0;

function eventOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Falls through: the parser's message would quote the model's words.
  }
  throw new GatewayError('upstream_protocol', 'The upstream sent an event that is not a JSON object.');
}
