/** Hosts that speak OpenAI's chat completions as OpenAI does: id, address and key variable are all there is to say. */
import type { ProviderAdapter } from './adapter.ts';
import { openAiCompatible } from './openai-compatible.ts';

export const PLAIN_HOSTS: readonly ProviderAdapter[] = [
  plain('nebius', 'https://api.studio.nebius.ai/v1', 'NEBIUS_API_KEY'),
  plain('minimax', 'https://api.minimax.io/v1', 'MINIMAX_API_KEY'),
  plain('github', 'https://models.inference.ai.azure.com', 'GITHUB_API_KEY'),
  plain('meta_llama', 'https://api.llama.com/compat/v1', 'LLAMA_API_KEY'),
  plain('lambda_ai', 'https://api.lambda.ai/v1', 'LAMBDA_API_KEY'),
  plain('nscale', 'https://inference.api.nscale.com/v1', 'NSCALE_API_KEY'),
  plain('galadriel', 'https://api.galadriel.com/v1', 'GALADRIEL_API_KEY'),
];

function plain(id: string, defaultBaseUrl: string, apiKeyEnv: string): ProviderAdapter {
  return openAiCompatible({ id, defaultBaseUrl, apiKeyEnv: [apiKeyEnv] });
}
