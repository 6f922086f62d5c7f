/**
 * Databricks' answers: texts, thoughts and citations as parts of a list. Source: Databricks' "Query reasoning models" and
 * "Foundation model REST API reference"; LiteLLM's documentation of `databricks/` for what becomes of them.
 */
import { isObject, type JsonObject, textOf, without } from '../lib/json.ts';
import type { ChatChunk, ChatChunkChoice } from '../wire/openai.ts';
import type { StreamDecoder } from './adapter.ts';

/** A message or a delta whose content is a list, in the words of OpenAI and Anthropic. */
export function listAsFields(message: JsonObject): JsonObject {
  const { content } = message;
  if (!Array.isArray(content)) return message;
  const parts = content.filter(isObject);
  const texts = parts.filter(({ type }) => type === 'text');
  const blocks = parts.flatMap(blocksOf);
  const citations = texts.flatMap(citationsOf);
  const others = parts.filter((part) => part['type'] !== 'text' && blocksOf(part).length === 0);
  const extras = {
    ...(citations.length > 0 && { citations }),
    ...(others.length > 0 && { content_parts: others }),
  };
  return {
    ...message,
    content: texts.length === 0 ? null : texts.map(({ text }) => textOf(text) ?? '').join(''),
    ...(blocks.length > 0 && { reasoning_content: blocks.map(thoughtOf).join(''), thinking_blocks: blocks }),
    ...(citations.length > 0 && { annotations: citations.flat().flatMap(annotationOf) }),
    ...(Object.keys(extras).length > 0 && { provider_specific_fields: extras }),
  };
}

const thoughtOf = ({ thinking }: JsonObject): string => textOf(thinking) ?? '';

/** None of a part that is no thought that can be read. */
function blocksOf({ type, summary }: JsonObject): JsonObject[] {
  if (type !== 'reasoning' || !Array.isArray(summary)) return [];
  const readable = summary.filter(isObject).filter(({ text }) => typeof text === 'string');
  return readable.map(({ text, signature }) => {
    const signed = textOf(signature) === undefined ? {} : { signature };
    return { type: 'thinking', thinking: text, ...signed };
  });
}

/** As LiteLLM has them: one list for each text, the text itself beside each source. */
function citationsOf({ text, citations }: JsonObject): JsonObject[][] {
  if (!Array.isArray(citations) || citations.length === 0) return [];
  return [
    citations
      .flat()
      .filter(isObject)
      .map((citation) => ({ ...citation, supported_text: text })),
  ];
}

function annotationOf({ url, title }: JsonObject): JsonObject[] {
  if (typeof url !== 'string') return [];
  return [{ type: 'url_citation', url_citation: { url, title: textOf(title) ?? '', start_index: 0, end_index: 0 } }];
}

/** What a stream has said so far of one choice. */
interface Gathered {
  readonly blocks: JsonObject[];
  readonly annotations: unknown[];
  readonly citations: unknown[];
  readonly parts: unknown[];
  /** Calls whose arguments began with an empty object. */
  readonly emptyCalls: Set<unknown>;
}

/**
 * Lists go out whole, right before the end, because OpenAI's own clients keep the last piece of a field that they do not
 * know. An empty object in front of a call's real arguments is held back until it is clear that there are no others.
 */
export function gatheringStream(decode: StreamDecoder): StreamDecoder {
  const byChoice = new Map<number, Gathered>();
  const choiceOf = (choice: ChatChunkChoice): ChatChunkChoice => {
    const known = byChoice.get(choice.index);
    const gathered = known ?? { blocks: [], annotations: [], citations: [], parts: [], emptyCalls: new Set() };
    byChoice.set(choice.index, gathered);
    return passed(choice, gathered);
  };
  return (data) => decode(data).map((chunk): ChatChunk => ({ ...chunk, choices: chunk.choices.map(choiceOf) }));
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function passed(choice: ChatChunkChoice, gathered: Gathered): ChatChunkChoice {
  const given: JsonObject = isObject(choice.delta) ? choice.delta : {};
  const { thinking_blocks: blocks, annotations, provider_specific_fields: fields } = given;
  for (const block of listOf(blocks)) if (isObject(block)) addBlock(gathered.blocks, block);
  gathered.annotations.push(...listOf(annotations));
  gathered.citations.push(...listOf(isObject(fields) ? fields['citations'] : undefined));
  gathered.parts.push(...listOf(isObject(fields) ? fields['content_parts'] : undefined));
  const plain = without(given, 'thinking_blocks', 'annotations', 'provider_specific_fields');
  const rest = withoutEmptyStart(plain, gathered.emptyCalls);
  const delta = choice.finish_reason ? { ...rest, ...endOf(gathered, rest) } : rest;
  return { ...choice, delta };
}

/** A block is complete with its signature; what comes after it is another. */
function addBlock(blocks: JsonObject[], block: JsonObject): void {
  const last = blocks.at(-1);
  const isOpen = last?.['type'] === 'thinking' && last['signature'] === undefined && block['type'] === 'thinking';
  if (!isOpen) blocks.push(block);
  else blocks[blocks.length - 1] = { ...last, ...block, thinking: thoughtOf(last) + thoughtOf(block) };
}

function withoutEmptyStart(delta: JsonObject, emptyCalls: Set<unknown>): JsonObject {
  const { tool_calls: calls } = delta;
  if (!Array.isArray(calls)) return delta;
  const held = calls.map((call: unknown) => {
    const made = isObject(call) ? call['function'] : undefined;
    if (!isObject(call) || !isObject(made)) return call;
    const { arguments: text } = made;
    if (text === '{}' && textOf(made['name']) !== undefined) {
      emptyCalls.add(call['index']);
      return { ...call, function: { ...made, arguments: '' } };
    }
    if (textOf(text) !== undefined) emptyCalls.delete(call['index']);
    return call;
  });
  return { ...delta, tool_calls: held };
}

function endOf({ blocks, annotations, citations, parts, emptyCalls }: Gathered, delta: JsonObject): JsonObject {
  const fields = { ...(citations.length > 0 && { citations }), ...(parts.length > 0 && { content_parts: parts }) };
  const closing = [...emptyCalls].map((index) => ({ index, function: { arguments: '{}' } }));
  emptyCalls.clear();
  return {
    ...(blocks.length > 0 && { thinking_blocks: blocks }),
    ...(annotations.length > 0 && { annotations }),
    ...(Object.keys(fields).length > 0 && { provider_specific_fields: fields }),
    ...(closing.length > 0 && { tool_calls: [...listOf(delta['tool_calls']), ...closing] }),
  };
}
