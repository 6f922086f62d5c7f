/**
 * Annotations of streams, whole and at the end. OpenAI's clients either keep the last of several lists or refuse a list that
 * comes in pieces; and what a text cites is known only once it is there. Source: OpenAI's guide "Web search", whose streams
 * bring them once.
 */
import { isObject, type JsonObject, textOf, without } from '../lib/json.ts';
import type { ChatChunk, ChatChunkChoice } from '../wire/openai.ts';
import type { ProviderAdapter } from './adapter.ts';

/** What an answer cites beside its text. */
export type CitedIn = (body: JsonObject, text: string) => readonly JsonObject[];

interface Held {
  text: string;
  readonly annotations: unknown[];
}

const nothing: CitedIn = () => [];

export function withLateAnnotations(adapter: ProviderAdapter, citedIn = nothing): ProviderAdapter {
  return {
    ...adapter,
    createStreamDecoder(target, memo) {
      const decode = adapter.createStreamDecoder(target, memo);
      const byChoice = new Map<number, Held>();
      return (data) => decode(data).map((chunk) => late(chunk, byChoice, citedIn));
    },
  };
}

function late(chunk: ChatChunk, byChoice: Map<number, Held>, citedIn: CitedIn): ChatChunk {
  const choices = chunk.choices.map((choice) => {
    const held = byChoice.get(choice.index) ?? { text: '', annotations: [] };
    byChoice.set(choice.index, held);
    return lateChoice(choice, held, (text) => citedIn(chunk, text));
  });
  return { ...chunk, choices };
}

function lateChoice(
  choice: ChatChunkChoice,
  held: Held,
  cited: (text: string) => readonly JsonObject[],
): ChatChunkChoice {
  const delta: JsonObject = isObject(choice.delta) ? choice.delta : {};
  const { annotations: given } = delta;
  held.text += textOf(delta['content']) ?? '';
  if (Array.isArray(given)) held.annotations.push(...given);
  const isEnd = choice.finish_reason !== null && choice.finish_reason !== undefined;
  if (!isEnd) return given === undefined ? choice : { ...choice, delta: without(delta, 'annotations') };
  const annotations = held.annotations.length > 0 ? held.annotations.splice(0) : cited(held.text);
  return annotations.length === 0 ? choice : { ...choice, delta: { ...delta, annotations } };
}
