/** Whole answers of Converse in OpenAI's shape. Source: AWS's API reference, "Converse"; the table of finish reasons is LiteLLM's. */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, textOf, without } from '../lib/json.ts';
import type { ChatCompletion, ChatMessage } from '../wire/openai.ts';
import { jsonAnswer } from './anthropic-answer.ts';
import type { BedrockMemo } from './bedrock-request.ts';
import { JSON_TOOL } from './bedrock-tools.ts';
import { usageOf } from './bedrock-usage.ts';

/** For what no upstream said: the time and a name of ours. */
export interface Stamp {
  nowMs(): number;
  newId(): string;
}

export const systemStamp: Stamp = { nowMs: () => Date.now(), newId: () => crypto.randomUUID().replaceAll('-', '') };

export const NO_MEMO: BedrockMemo = { names: new Map(), answersByTool: false };

const FINISHES: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
};

/** The answer that came as a tool's arguments is an answer, not a call. */
export function finishOf(reason: unknown, hasCalls: boolean) {
  const word = textOf(reason) ?? 'end_turn';
  const known = FINISHES[word] ?? 'stop';
  const finish = known === 'tool_calls' && !hasCalls ? 'stop' : known === 'stop' && hasCalls ? 'tool_calls' : known;
  return { finish_reason: finish, provider_specific_fields: { native_finish_reason: word } };
}

/** @throws GatewayError `upstream_protocol` for what is no answer */
export function completionOf(raw: unknown, memo: BedrockMemo = NO_MEMO, stamp = systemStamp): ChatCompletion {
  const output = isObject(raw) ? raw['output'] : undefined;
  const message = isObject(output) ? output['message'] : undefined;
  if (!isObject(raw) || !isObject(message) || !Array.isArray(message['content'])) {
    throw new GatewayError('upstream_protocol', 'The upstream answered with something that is not a chat completion.');
  }
  const gathered = new Gathered(memo);
  for (const block of message['content']) if (isObject(block)) gathered.add(block);
  const usage = usageOf(raw['usage']);
  const tier = tierOf(raw['serviceTier']);
  return {
    id: `chatcmpl-${stamp.newId()}`,
    object: 'chat.completion',
    created: Math.floor(stamp.nowMs() / 1000),
    model: '',
    choices: [
      {
        index: 0,
        message: gathered.message(),
        ...finishOf(raw['stopReason'], gathered.hasCalls),
      } as ChatCompletion['choices'][number],
    ],
    ...(usage && { usage }),
    ...(tier !== undefined && { service_tier: tier }),
    // Guardrail traces, latency, fields that the request asked for, and what is added tomorrow.
    ...without(raw, 'output', 'usage', 'stopReason', 'serviceTier'),
  };
}

export const tierOf = (tier: unknown): string | undefined => (isObject(tier) ? textOf(tier['type']) : undefined);

/** The blocks of one whole message. */
class Gathered {
  readonly #memo: BedrockMemo;
  #text = '';
  #hasText = false;
  /** The answer that came as a tool's arguments; what was said beside it is no part of it. */
  #json = '';
  readonly #calls: JsonObject[] = [];
  readonly #thoughts: JsonObject[] = [];
  readonly #citations: unknown[] = [];
  readonly #annotations: JsonObject[] = [];
  readonly #images: JsonObject[] = [];
  readonly #others: JsonObject[] = [];

  constructor(memo: BedrockMemo) {
    this.#memo = memo;
  }

  get hasCalls(): boolean {
    return this.#calls.length > 0;
  }

  add(block: JsonObject): void {
    const { text, toolUse, reasoningContent, citationsContent, image } = block;
    if (typeof text === 'string') this.#say(text);
    else if (isObject(toolUse) && toolUse['type'] !== 'server_tool_use') this.#call(toolUse);
    else if (isObject(reasoningContent)) this.#thoughts.push(thoughtOf(reasoningContent));
    else if (isObject(citationsContent)) this.#cite(citationsContent);
    else if (isObject(image)) this.#images.push(imageOf(image, this.#images.length));
    else this.#others.push(block);
  }

  #say(text: string): void {
    this.#text += text;
    this.#hasText = true;
  }

  #call({ toolUseId, name, input }: JsonObject): void {
    if (this.#memo.answersByTool && name === JSON_TOOL) {
      this.#json += jsonAnswer(input, this.#memo.isWrapped ? 'wrapped' : 'plain');
      return;
    }
    const made = { name: askedName(this.#memo, name), arguments: JSON.stringify(input ?? {}) };
    this.#calls.push({ id: toolUseId, type: 'function', function: made });
  }

  #cite({ content, citations }: JsonObject): void {
    const start = charactersIn(this.#text);
    for (const part of Array.isArray(content) ? content : []) {
      if (isObject(part) && typeof part['text'] === 'string') this.#say(part['text']);
    }
    if (!Array.isArray(citations)) return;
    this.#citations.push(...citations);
    this.#annotations.push(...annotationsOf(citations, start, charactersIn(this.#text)));
  }

  message(): ChatMessage {
    const reasoning = this.#thoughts.map(({ thinking }) => textOf(thinking) ?? '').join('');
    const fields = {
      ...(this.#citations.length > 0 && { citations: this.#citations }),
      ...(this.#others.length > 0 && { blocks: this.#others }),
    };
    const hasJson = this.#json !== '';
    return {
      role: 'assistant',
      content: hasJson ? this.#json : this.#hasText ? this.#text : null,
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(this.#thoughts.length > 0 && { thinking_blocks: this.#thoughts }),
      ...(this.#calls.length > 0 && { tool_calls: this.#calls }),
      ...(this.#images.length > 0 && { images: this.#images }),
      ...(this.#annotations.length > 0 && !hasJson && { annotations: this.#annotations }),
      ...(Object.keys(fields).length > 0 && { provider_specific_fields: fields }),
    };
  }
}

export const charactersIn = (text: string): number => Array.from(text).length;

/** What stands in the web has an address; other sources are in `provider_specific_fields.citations` only. */
export function annotationsOf(citations: readonly unknown[], start: number, end: number): JsonObject[] {
  return citations.flatMap((citation) => {
    const { location, title, source } = isObject(citation) ? citation : {};
    const web = isObject(location) && isObject(location['web']) ? location['web'] : {};
    const url = textOf(web['url']);
    if (url === undefined) return [];
    const named = textOf(title) ?? textOf(web['domain']) ?? textOf(source) ?? '';
    return [{ type: 'url_citation', url_citation: { start_index: start, end_index: end, url, title: named } }];
  });
}

export const askedName = ({ names }: BedrockMemo, name: unknown): string => {
  const sent = textOf(name) ?? '';
  return names.get(sent) ?? sent;
};

/** The signature stays as it is, byte for byte: the model knows its thoughts by it. */
function thoughtOf({ reasoningText, redactedContent }: JsonObject): JsonObject {
  if (!isObject(reasoningText)) return { type: 'redacted_thinking', data: redactedContent };
  const { text, signature } = reasoningText;
  return { type: 'thinking', thinking: typeof text === 'string' ? text : '', ...(signature != null && { signature }) };
}

function imageOf({ format, source }: JsonObject, index: number): JsonObject {
  const bytes = isObject(source) ? textOf(source['bytes']) : undefined;
  const url = `data:image/${textOf(format) ?? 'png'};base64,${bytes ?? ''}`;
  return { type: 'image_url', index, image_url: { url } };
}
