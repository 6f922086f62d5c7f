/**
 * What a provider's answer holds, read from its own JSON as plainly as can be, whole or event by event: the gateway's
 * translation has to have all of it. Nothing of the gateway's is used.
 */
import { num, objectOf, type Raw } from './naive-cost.ts';

export interface RawCall {
  /** `undefined`: the provider gives none. */
  readonly id: string | undefined;
  readonly name: string;
  readonly arguments: unknown;
}

export interface RawAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly RawCall[];
  /** Words of the provider for why it stopped; the last one. */
  readonly finish: string | undefined;
  /** Strings that must stand somewhere in what the client gets: signatures, addresses, results of tools. */
  readonly kept: readonly string[];
}

class Collector {
  text = '';
  reasoning = '';
  finish: string | undefined;
  readonly kept: string[] = [];
  readonly #calls = new Map<string, { id: string | undefined; name: string; text: string; value: unknown }>();

  call(
    key: string,
    { id, name, text, value }: { id?: unknown; name?: unknown; text?: unknown; value?: unknown },
  ): void {
    const call = this.#calls.get(key) ?? { id: undefined, name: '', text: '', value: undefined };
    this.#calls.set(key, call);
    if (typeof id === 'string' && id !== '') call.id = id;
    if (typeof name === 'string' && name !== '') call.name = name;
    if (typeof text === 'string') call.text += text;
    if (value !== undefined) call.value = value;
  }

  keep(...values: readonly unknown[]): void {
    for (const value of values) if (typeof value === 'string' && value !== '') this.kept.push(value);
  }

  finished(word: unknown): void {
    if (typeof word === 'string' && word !== '') this.finish = word;
  }

  answer(): RawAnswer {
    const calls = [...this.#calls.values()].map(({ id, name, text, value }): RawCall => {
      const written = text.trim() === '' ? (value ?? {}) : JSON.parse(text);
      return { id, name, arguments: written };
    });
    const { text, reasoning, finish, kept } = this;
    return { text, reasoning, calls, finish, kept };
  }
}

const list = (value: unknown): readonly Raw[] => (Array.isArray(value) ? value.map(objectOf) : []);
const str = (value: unknown): string => (typeof value === 'string' ? value : '');

type Reader = (documents: readonly Raw[], into: Collector) => void;

const openAi: Reader = (documents, into) => {
  for (const document of documents) {
    into.keep(...list(document['search_results']).map(({ url }) => url));
    if (Array.isArray(document['citations'])) into.keep(...document['citations']);
    for (const choice of list(document['choices'])) {
      into.finished(choice['finish_reason']);
      // Perplexity repeats the whole message beside each delta.
      openAiMessage(objectOf(choice['delta'] ?? choice['message']), into);
    }
  }
};

function openAiMessage(said: Raw, into: Collector): void {
  const { content } = said;
  into.text += str(content);
  into.reasoning += str(said['reasoning_content']) || str(said['reasoning']);
  for (const part of list(content)) {
    into.text += part['type'] === 'text' ? str(part['text']) : '';
    // Mistral's thoughts, and Claude's as Databricks hands them on.
    for (const thought of [...list(part['thinking']), ...list(part['summary'])]) {
      into.reasoning += str(thought['text']);
      into.keep(thought['signature']);
    }
  }
  for (const [at, call] of list(said['tool_calls']).entries()) {
    const { name, arguments: text } = objectOf(call['function']);
    // An empty object at first is a place kept free.
    const isPlace = text === '{}' && call['id'] !== undefined;
    into.call(String(call['index'] ?? at), { id: call['id'], name, text: isPlace ? '' : text });
  }
}

function anthropicBlock(key: string, given: Raw, into: Collector): void {
  const { type } = given;
  into.text += str(given['text']);
  into.reasoning += str(given['thinking']);
  into.keep(given['signature'], given['data'], given['tool_use_id']);
  for (const citation of list(given['citations'])) into.keep(citation['url'], citation['cited_text']);
  if (type === 'tool_use') into.call(key, { id: given['id'], name: given['name'], value: given['input'] });
  if (str(type).endsWith('tool_use')) into.keep(given['id']);
  if (type === 'web_search_tool_result') into.keep(...list(given['content']).map(({ url }) => url));
}

function anthropicBlocks(key: string, blocks: unknown, into: Collector): void {
  for (const [at, given] of list(blocks).entries()) anthropicBlock(`${key}-${at}`, given, into);
}

const anthropic: Reader = (documents, into) => {
  const inputs = new Set<string>();
  // Some recordings are several streams in a row.
  let messages = 0;
  for (const event of documents) {
    anthropicBlocks(`${messages}-whole`, objectOf(event['message'])['content'] ?? event['content'], into);
    const delta = objectOf(event['delta']);
    into.finished(event['stop_reason'] ?? delta['stop_reason']);
    if (event['type'] === 'message_stop') messages += 1;
    const key = `${messages}-${event['index']}`;
    const begun = objectOf(event['content_block']);
    if (event['type'] === 'content_block_start') anthropicBlock(key, begun, into);
    if (begun['type'] === 'tool_use') inputs.add(key);
    anthropicBlock(key, { text: delta['text'], thinking: delta['thinking'], signature: delta['signature'] }, into);
    anthropicBlock(key, { citations: [delta['citation']] }, into);
    if (inputs.has(key)) into.call(key, { text: delta['partial_json'] });
  }
};

const bedrock: Reader = (documents, into) => {
  const block = (key: string, given: Raw): void => {
    into.text += str(given['text']);
    const thought = objectOf(given['reasoningContent']);
    const whole = objectOf(thought['reasoningText']);
    into.reasoning += str(thought['text']) + str(whole['text']);
    into.keep(thought['signature'], whole['signature'], thought['redactedContent']);
    const { toolUseId: id, name, input } = objectOf(given['toolUse']);
    if (given['toolUse'] === undefined) return;
    into.call(key, { id, name, ...(typeof input === 'string' ? { text: input } : { value: input }) });
  };
  for (const event of documents) {
    const message = objectOf(objectOf(event['output'])['message']);
    for (const [at, given] of list(message['content']).entries()) block(String(at), given);
    for (const name of ['contentBlockStart', 'contentBlockDelta']) {
      const given = objectOf(event[name]);
      block(String(given['contentBlockIndex']), objectOf(given['start'] ?? given['delta']));
    }
    into.finished(event['stopReason'] ?? objectOf(event['messageStop'])['stopReason']);
  }
};

/** `$.operations[0].price`; a text comes in pieces, ended by an empty one. */
function setAt(root: Raw, path: string, value: unknown): void {
  const steps = path.replace(/^\$\.?/, '').match(/[^.[\]]+/g) ?? [];
  let at = root as Record<string, unknown>;
  for (const [index, step] of steps.entries()) {
    if (index === steps.length - 1) {
      at[step] = typeof value === 'string' ? str(at[step]) + value : value;
      return;
    }
    at[step] ??= /^\d+$/.test(steps[index + 1] ?? '') ? [] : {};
    at = at[step] as Record<string, unknown>;
  }
}

const argumentOf = (piece: Raw): unknown => piece['stringValue'] ?? piece['numberValue'] ?? piece['boolValue'] ?? null;

const gemini: Reader = (documents, into) => {
  let count = 0;
  let open: Raw | undefined;

  function called({ id, name, args, partialArgs, willContinue }: Raw): void {
    if (typeof name === 'string') {
      count += 1;
      open = args === undefined ? {} : objectOf(args);
      into.call(String(count), { id, name, value: open });
    }
    for (const piece of list(partialArgs)) setAt(open ?? {}, str(piece['jsonPath']), argumentOf(piece));
    if (willContinue !== true) open = undefined;
  }

  for (const candidate of documents.flatMap((document) => list(document['candidates']))) {
    into.finished(candidate['finishReason']);
    const { groundingChunks } = objectOf(candidate['groundingMetadata']);
    into.keep(...list(groundingChunks).map(({ web }) => objectOf(web)['uri']));
    for (const part of list(objectOf(candidate['content'])['parts'])) {
      into.keep(part['thoughtSignature']);
      if (part['thought'] === true) into.reasoning += str(part['text']);
      else into.text += str(part['text']);
      if (part['functionCall'] !== undefined) called(objectOf(part['functionCall']));
    }
  }
};

/** Whole answers have lists where streams have single ones. */
const listOrOne = (value: unknown): readonly Raw[] => (Array.isArray(value) ? list(value) : [objectOf(value)]);

const cohere: Reader = (documents, into) => {
  for (const document of documents) {
    const delta = objectOf(document['delta']);
    const message = objectOf(document['message'] ?? delta['message']);
    into.finished(document['finish_reason'] ?? delta['finish_reason']);
    into.reasoning += str(message['tool_plan']);
    into.text += str(message['content']);
    for (const part of listOrOne(message['content'])) {
      into.text += str(part['text']);
      into.reasoning += str(part['thinking']);
    }
    for (const [at, call] of listOrOne(message['tool_calls']).entries()) {
      const { name, arguments: text } = objectOf(call['function']);
      if (call['function'] !== undefined) into.call(String(document['index'] ?? at), { id: call['id'], name, text });
    }
    into.keep(...listOrOne(message['citations']).map(({ text }) => text));
  }
};

const ollama: Reader = (documents, into) => {
  for (const document of documents) {
    const message = objectOf(document['message']);
    into.text += str(message['content']);
    into.reasoning += str(message['thinking']);
    into.finished(document['done_reason']);
    for (const [at, call] of list(message['tool_calls']).entries()) {
      const { index, name, arguments: value } = objectOf(call['function']);
      into.call(`${num(index)}-${at}`, { id: call['id'], name, value });
    }
  }
};

const READERS: Readonly<Record<string, Reader>> = { anthropic, bedrock, gemini, cohere, ollama_chat: ollama };

export function rawAnswer(provider: string, documents: readonly unknown[]): RawAnswer {
  const into = new Collector();
  (READERS[provider] ?? openAi)(documents.map(objectOf), into);
  return into.answer();
}
