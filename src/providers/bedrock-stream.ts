/** Streams of ConverseStream in OpenAI's shape, event by event. Source: AWS's API reference, "ConverseStream". */

import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { ChatChunk, ChatMessage } from '../wire/openai.ts';
import type { StreamDecoder } from './adapter.ts';
import { jsonAnswer } from './anthropic-answer.ts';
import {
  annotationsOf,
  askedName,
  charactersIn,
  finishOf,
  NO_MEMO,
  type Stamp,
  systemStamp,
  tierOf,
} from './bedrock-answer.ts';
import type { BedrockMemo } from './bedrock-request.ts';
import { JSON_TOOL } from './bedrock-tools.ts';
import { usageOf } from './bedrock-usage.ts';
import { eventObject } from './stream-event.ts';

/** @returns one stream's decoder; it throws `upstream_protocol` for an event that is no JSON object */
export function streamDecoder(memo: BedrockMemo = NO_MEMO, stamp = systemStamp): StreamDecoder {
  const stream = new ConverseStream(memo, stamp);
  return (data) =>
    Object.entries(eventObject(data)).flatMap(([type, payload]) =>
      isObject(payload) ? stream.take(type, payload) : [],
    );
}

/** A tool call that is being streamed. */
interface OpenCall {
  readonly index: number;
  /** Its arguments are the answer. */
  readonly isAnswer: boolean;
  input: string;
}

type Delta = Partial<ChatMessage>;

class ConverseStream {
  readonly #memo: BedrockMemo;
  readonly #head: Pick<ChatChunk, 'id' | 'created' | 'model'>;
  readonly #calls = new Map<number, OpenCall>();
  /** Thoughts with the number of their block. */
  readonly #thoughts: { readonly at: number; block: JsonObject }[] = [];
  /** They leave whole at the end, too. */
  readonly #citations: unknown[] = [];
  readonly #annotations: JsonObject[] = [];
  readonly #others: JsonObject[] = [];
  /** Citations of the block that is being written, and the number of characters before it. */
  readonly #cited: unknown[] = [];
  #blockStart = 0;
  #characters = 0;
  /** Words while the answer is awaited as a tool's arguments. */
  #held = '';
  #hasJson = false;
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
    const call: OpenCall = { index: isAnswer ? -1 : this.#callCount++, isAnswer, input: '' };
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
    if (typeof text === 'string') return this.#text(text);
    if (isObject(toolUse)) return this.#input(textOf(toolUse['input']) ?? '', blockAt(payload));
    if (isObject(reasoningContent)) return this.#thought(reasoningContent, blockAt(payload));
    if (isObject(citation)) {
      this.#cited.push(citation);
      return [];
    }
    this.#others.push(delta);
    return [];
  }

  #text(text: string): ChatChunk[] {
    this.#characters += charactersIn(text);
    if (!this.#memo.answersByTool) return this.#said({ content: text });
    this.#held += text;
    return [];
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
    call.input += text;
    if (call.isAnswer) return this.#memo.isWrapped ? [] : this.#answer(text);
    return this.#said({ tool_calls: [{ index: call.index, function: { arguments: text } }] });
  }

  #answer(text: string): ChatChunk[] {
    this.#hasJson = true;
    return this.#said({ content: text });
  }

  /** A call without arguments has an empty object of them, and a wrapped answer is unwrapped once it is whole. */
  #stop(at: number): ChatChunk[] {
    this.#closeBlock();
    const call = this.#calls.get(at);
    if (call?.isAnswer && this.#memo.isWrapped) return this.#answer(jsonAnswer(parsedOr(call.input), 'wrapped'));
    return call?.input === '' ? this.#input('{}', at) : [];
  }

  #closeBlock(): void {
    this.#annotations.push(...annotationsOf(this.#cited, this.#blockStart, this.#characters));
    this.#citations.push(...this.#cited.splice(0));
    this.#blockStart = this.#characters;
  }

  #finish({ stopReason, ...rest }: JsonObject): ChatChunk[] {
    this.#closeBlock();
    const { finish_reason, provider_specific_fields: fields } = finishOf(stopReason, this.#callCount > 0);
    const blocks = this.#thoughts.map(({ block }) => block);
    const ownFields = {
      ...(this.#citations.length > 0 && { citations: this.#citations }),
      ...(this.#others.length > 0 && { blocks: this.#others }),
    };
    const told = this.#held !== '' && !this.#hasJson;
    const delta = {
      ...(!this.#roleSent && { role: 'assistant' as const }),
      ...(told && { content: this.#held }),
      ...(blocks.length > 0 && { thinking_blocks: blocks }),
      ...(this.#annotations.length > 0 && !this.#hasJson && { annotations: this.#annotations }),
      ...(Object.keys(ownFields).length > 0 && { provider_specific_fields: ownFields }),
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

/** Cut-off arguments are no answer, but all there is. */
function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch {
    return text;
  }
}

const blockAt = ({ contentBlockIndex: at }: JsonObject): number => numberOf(at) ?? 0;
