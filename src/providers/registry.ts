/**
 * Every provider, by its id. Those that speak OpenAI's chat completions are data in `hosted.ts`, `plain-hosts.ts`,
 * `account-hosts.ts` and `own-servers.ts`; each dialect of its own has a file.
 */

import { ACCOUNT_HOSTS } from './account-hosts.ts';
import type { ProviderAdapter } from './adapter.ts';
import { anthropic } from './anthropic.ts';
import { azure } from './azure.ts';
import { azureAi } from './azure-ai.ts';
import { bedrock, bedrockConverse, bedrockMantle } from './bedrock.ts';
import { cohere, cohereChat } from './cohere.ts';
import { databricks } from './databricks.ts';
import { gemini } from './gemini.ts';
import { HOSTED } from './hosted.ts';
import { withModelRouter } from './model-router.ts';
import { ollama, ollamaChat } from './ollama.ts';
import { openai } from './openai.ts';
import { OWN_SERVERS } from './own-servers.ts';
import { PLAIN_HOSTS } from './plain-hosts.ts';
import { replicate } from './replicate.ts';
import { sagemaker, sagemakerChat } from './sagemaker.ts';
import { vertexAi, vertexAiBeta } from './vertex.ts';
import { watsonx } from './watsonx.ts';

const ADAPTERS: readonly ProviderAdapter[] = [
  openai,
  withModelRouter(azure),
  withModelRouter(azureAi),
  anthropic,
  bedrock,
  bedrockConverse,
  bedrockMantle,
  gemini,
  cohere,
  cohereChat,
  databricks,
  watsonx,
  vertexAi,
  vertexAiBeta,
  sagemakerChat,
  sagemaker,
  replicate,
  ollama,
  ollamaChat,
  ...HOSTED,
  ...ACCOUNT_HOSTS,
  ...PLAIN_HOSTS,
  ...OWN_SERVERS,
];

export const registry: ReadonlyMap<string, ProviderAdapter> = new Map(ADAPTERS.map((adapter) => [adapter.id, adapter]));

export const providerIds: readonly string[] = [...registry.keys()];

/** The dialect of a model behind an address of its own that names no provider. */
export const DEFAULT_PROVIDER_ID = openai.id;

export interface ResolvedModel {
  readonly adapter: ProviderAdapter;
  readonly upstreamModel: string;
}

/** `groq/llama-3` → groq's adapter and `llama-3`. A given provider wins over a prefix; `undefined` when neither is known. */
export function resolveModel(model: string, provider: string | undefined): ResolvedModel | undefined {
  const slash = model.indexOf('/');
  const prefix = slash === -1 ? undefined : model.slice(0, slash);
  const adapter = registry.get(provider ?? prefix ?? '');
  if (!adapter) return undefined;
  return { adapter, upstreamModel: prefix === adapter.id ? model.slice(slash + 1) : model };
}
