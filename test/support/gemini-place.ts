/** Gemini's adapter with ids that count up and a clock that stands, and what it would send. */
import type { Change, ProviderAdapter, Target } from '../../src/providers/adapter.ts';
import { type GeminiParts, gemini, geminiAdapter } from '../../src/providers/gemini.ts';
import { SignatureMemory } from '../../src/providers/thought-signatures.ts';
import { type Asking, ask, targetFor } from './provider-parts.ts';

export const NOW_MS = 1_764_000_000_000;

export interface GeminiPlace {
  readonly adapter: ProviderAdapter;
  readonly memory: SignatureMemory;
  target(model?: string, over?: Partial<Target>): Target;
  /** The body sent for a model, and what was changed on the way. */
  sent(body: object, model?: string, asking?: Asking): GeminiSent;
}

export interface GeminiSent {
  readonly body: Readonly<Record<string, unknown>>;
  readonly changes: readonly Change[];
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly memo: unknown;
}

/** Made anew for each, so that ids begin at 1 and nothing is remembered. */
export function geminiPlace(): GeminiPlace {
  let count = 0;
  const memory = new SignatureMemory();
  const stamp: GeminiParts['stamp'] = {
    nowMs: () => NOW_MS,
    newId: () => (++count).toString(16).padStart(28, '0'),
  };
  const adapter = geminiAdapter(
    {
      id: gemini.id,
      defaultBaseUrl: gemini.defaultBaseUrl,
      apiKeyEnv: gemini.apiKeyEnv,
      baseUrlEnv: gemini.baseUrlEnv,
      url: ({ baseUrl, upstreamModel }, method) => `${baseUrl}/${upstreamModel}:${method}`,
      headers: () => ({ 'x-goog-api-key': 'k' }),
    },
    { memory, stamp },
  );
  const target = (model = 'gemini-2.5-flash', over: Partial<Target> = {}): Target =>
    targetFor(adapter, { upstreamModel: model, litellmModel: `${adapter.id}/${model}`, ...over });
  return {
    adapter,
    memory,
    target,
    sent(body, model, asking = {}) {
      const asked = ask(target(model), { ...asking, body: { ...body } });
      return { ...asked, body: asked.sent, memo: asked.memo };
    },
  };
}

/** An answer with one candidate. */
export const answerOf = (parts: readonly object[], candidate: object = {}, body: object = {}): object => ({
  candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0, ...candidate }],
  usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
  modelVersion: 'gemini-2.5-flash',
  responseId: 'resp-1',
  ...body,
});
