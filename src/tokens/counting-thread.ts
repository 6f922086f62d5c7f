/** The other side of `token-counter.ts`: tables of tokens and the counting, in a thread of their own. */
import type { Encoding } from './encodings.ts';
import { type CountText, type Prompt, promptTokens } from './prompt-tokens.ts';
import { boundedCount, textPieces } from './text-pieces.ts';

export interface CountQuestion {
  readonly encoding: Encoding;
  readonly prompt: Prompt;
}

export type CountAnswer = { readonly tokens: number } | { readonly message: string };

declare const self: Worker;

/** What looks like a control token in a prompt is only text there. */
const AS_TEXT = { disallowedSpecial: new Set<string>() };

/** A table is some megabytes of text: only those that are asked for are read. */
const LOADERS: Readonly<Record<Encoding, () => Promise<{ countTokens(text: string, how: typeof AS_TEXT): number }>>> = {
  o200k_base: () => import('gpt-tokenizer/encoding/o200k_base'),
  cl100k_base: () => import('gpt-tokenizer/encoding/cl100k_base'),
  p50k_base: () => import('gpt-tokenizer/encoding/p50k_base'),
  r50k_base: () => import('gpt-tokenizer/encoding/r50k_base'),
};

async function countWith(encoding: Encoding): Promise<CountText> {
  const { countTokens } = await LOADERS[encoding]();
  return boundedCount((text) => {
    let tokens = 0;
    for (const piece of textPieces(text)) if (piece !== '') tokens += countTokens(piece, AS_TEXT);
    return tokens;
  });
}

async function answerTo({ encoding, prompt }: CountQuestion): Promise<CountAnswer> {
  try {
    return { tokens: promptTokens(prompt, await countWith(encoding)) };
  } catch (error) {
    return { message: error instanceof Error ? error.name : 'Error' };
  }
}

self.onmessage = async ({ data }: MessageEvent<CountQuestion>) => self.postMessage(await answerTo(data));
