/** How many tokens a prompt was counted for, should the very same request come again: then no bound is needed. */
import { LRUCache } from 'lru-cache';

export interface PromptMemory {
  /** `undefined`: this request has not been seen with this model. */
  recall(model: string, body: string): number | undefined;
  remember(model: string, body: string, promptTokens: number): void;
}

const MAX_PROMPTS = 20_000;

/**
 * @param hash of a text, salted with what clients do not know, so that no two requests can be made to look alike
 */
export function createPromptMemory(hash: (text: string) => bigint | number): PromptMemory {
  const seen = new LRUCache<string, number>({ max: MAX_PROMPTS });
  const keyOf = (model: string, body: string): string => `${hash(body)} ${body.length} ${model}`;
  return {
    recall: (model, body) => seen.get(keyOf(model, body)),
    remember(model, body, promptTokens) {
      const key = keyOf(model, body);
      seen.set(key, Math.max(promptTokens, seen.get(key) ?? 0));
    },
  };
}
