/**
 * Thoughts that a model writes into its text, between tags at the very beginning, as `reasoning_content`. Sources: LiteLLM's
 * documentation of reasoning content; the model cards of DeepSeek R1 and Qwen 3 for the tags.
 */
import { textOf } from '../lib/json.ts';
import type { ChatChunk, ChatChunkChoice, ChatCompletion, ChatMessage } from '../wire/openai.ts';
import type { ProviderAdapter, StreamDecoder } from './adapter.ts';

/** As LiteLLM reads them. */
const THINK_TAGS = ['think', 'thinking', 'budget:thinking'] as const;

/** The adapter with thoughts taken out of the text of its answers, whole and streamed. It cannot relay bytes. */
export function withTaggedThoughts(adapter: ProviderAdapter, tags: readonly string[] = THINK_TAGS): ProviderAdapter {
  return {
    ...adapter,
    relaysBytes: false,
    parseResponse: (body, target, memo) => thoughtsApart(adapter.parseResponse(body, target, memo), tags),
    createStreamDecoder: (target, memo) => thoughtsApartInStream(adapter.createStreamDecoder(target, memo), tags),
  };
}

export function thoughtsApart(completion: ChatCompletion, tags: readonly string[] = THINK_TAGS): ChatCompletion {
  const choices = completion.choices.map((choice) => ({ ...choice, message: messageApart(choice.message, tags) }));
  return { ...completion, choices };
}

function messageApart(message: ChatMessage, tags: readonly string[]): ChatMessage {
  const { content } = message;
  if (typeof content !== 'string' || textOf(message['reasoning_content']) !== undefined) return message;
  const splitter = new ThoughtSplitter(tags);
  const [first, rest] = [splitter.take(content), splitter.end()];
  const thoughts = first.thoughts + rest.thoughts;
  return thoughts === '' && first.text + rest.text === content
    ? message
    : { ...message, content: first.text + rest.text, ...(thoughts !== '' && { reasoning_content: thoughts }) };
}

export function thoughtsApartInStream(decode: StreamDecoder, tags: readonly string[] = THINK_TAGS): StreamDecoder {
  const splitters = new Map<number, ThoughtSplitter>();
  const splitterOf = (index: number): ThoughtSplitter => {
    const splitter = splitters.get(index) ?? new ThoughtSplitter(tags);
    splitters.set(index, splitter);
    return splitter;
  };
  const apart = (chunk: ChatChunk): ChatChunk => ({
    ...chunk,
    choices: chunk.choices.map((choice) => choiceApart(choice, splitterOf(choice.index))),
  });
  return (data) => decode(data).map(apart);
}

function choiceApart(choice: ChatChunkChoice, splitter: ThoughtSplitter): ChatChunkChoice {
  if (splitter.isDone) return choice;
  const { content, ...others } = choice.delta;
  // Whoever tells thoughts apart, or calls tools, has no tags in the text.
  const isOver =
    choice.finish_reason != null || textOf(others['reasoning_content']) !== undefined || others['tool_calls'] != null;
  const taken = typeof content === 'string' ? splitter.take(content) : NOTHING;
  const last = isOver ? splitter.end() : NOTHING;
  const [thoughts, text] = [taken.thoughts + last.thoughts, taken.text + last.text];
  const delta = {
    ...others,
    ...(text !== '' ? { content: text } : typeof content === 'string' && content !== '' ? {} : { content }),
    ...(thoughts !== '' && { reasoning_content: thoughts }),
  };
  return { ...choice, delta: delta as ChatChunkChoice['delta'] }; // What it was, its text in two.
}

interface Split {
  readonly thoughts: string;
  readonly text: string;
}

/** Blanks before a tag: more of them than any model writes are text, and are not looked through again for each piece. */
const MOST_HELD_CHARS = 1_000;

const NOTHING: Split = { thoughts: '', text: '' };

/** Takes a text piece by piece; what may be the beginning of a tag waits for the rest of it. */
class ThoughtSplitter {
  readonly #tags: readonly string[];
  #phase: 'start' | 'thoughts' | 'text' = 'start';
  #closing = '';
  #held = '';

  constructor(tags: readonly string[]) {
    this.#tags = tags;
  }

  get isDone(): boolean {
    return this.#phase === 'text' && this.#held === '';
  }

  take(piece: string): Split {
    const all = this.#held + piece;
    this.#held = '';
    if (this.#phase === 'text') return { thoughts: '', text: all };
    return this.#phase === 'start' ? this.#begin(all) : this.#think(all);
  }

  /** Nothing more comes: what waited is what it looks like. */
  end(): Split {
    const held = this.#held;
    this.#held = '';
    const isThought = this.#phase === 'thoughts';
    this.#phase = 'text';
    return isThought ? { thoughts: held, text: '' } : { thoughts: '', text: held };
  }

  #begin(all: string): Split {
    const start = all.trimStart();
    const tag = this.#tags.find((name) => start.startsWith(`<${name}>`));
    if (tag !== undefined) {
      this.#phase = 'thoughts';
      this.#closing = `</${tag}>`;
      return this.#think(start.slice(tag.length + 2));
    }
    if (all.length <= MOST_HELD_CHARS && this.#tags.some((name) => `<${name}>`.startsWith(start))) {
      this.#held = all;
      return NOTHING;
    }
    this.#phase = 'text';
    return { thoughts: '', text: all };
  }

  #think(all: string): Split {
    const end = all.indexOf(this.#closing);
    if (end !== -1) {
      this.#phase = 'text';
      return { thoughts: all.slice(0, end), text: all.slice(end + this.#closing.length) };
    }
    let kept = Math.min(all.length, this.#closing.length - 1);
    while (kept > 0 && !this.#closing.startsWith(all.slice(-kept))) kept--;
    this.#held = kept === 0 ? '' : all.slice(-kept);
    return { thoughts: kept === 0 ? all : all.slice(0, -kept), text: '' };
  }
}
