/** Every provider, one line each. Sources: the providers' own references and LiteLLM's list of providers. */
import type { ProviderAdapter } from './adapter.ts';
import { azure } from './azure.ts';
import { openai } from './openai.ts';
import { openAiCompatible } from './openai-compatible.ts';
import { collapsedContent, looseTools, requiredIsAny } from './rewrites.ts';

const ADAPTERS: readonly ProviderAdapter[] = [
  openai,
  azure,
  openAiCompatible({
    id: 'groq',
    defaultBaseUrl: 'https://api.groq.com/openai/v1',
    apiKeyEnv: 'GROQ_API_KEY',
    baseUrlEnv: 'GROQ_API_BASE',
    reply: { reasoningField: 'reasoning' },
  }),
  openAiCompatible({
    id: 'deepseek',
    defaultBaseUrl: 'https://api.deepseek.com',
    apiKeyEnv: 'DEEPSEEK_API_KEY',
    baseUrlEnv: 'DEEPSEEK_API_BASE',
    rewrites: { messages: collapsedContent },
  }),
  openAiCompatible({
    id: 'xai',
    defaultBaseUrl: 'https://api.x.ai/v1',
    apiKeyEnv: 'XAI_API_KEY',
    baseUrlEnv: 'XAI_API_BASE',
    rules: { renames: { max_completion_tokens: 'max_tokens' } },
    rewrites: { tools: looseTools },
    reply: { fixesFinishReason: true },
  }),
  openAiCompatible({
    id: 'openrouter',
    defaultBaseUrl: 'https://openrouter.ai/api/v1',
    apiKeyEnv: ['OPENROUTER_API_KEY', 'OR_API_KEY'],
    baseUrlEnv: 'OPENROUTER_API_BASE',
    reportsCost: true,
    reply: { reasoningField: 'reasoning' },
  }),
  openAiCompatible({
    id: 'together_ai',
    defaultBaseUrl: 'https://api.together.xyz/v1',
    apiKeyEnv: ['TOGETHERAI_API_KEY', 'TOGETHER_API_KEY', 'TOGETHER_AI_API_KEY'],
    baseUrlEnv: 'TOGETHERAI_API_BASE',
  }),
  openAiCompatible({
    id: 'fireworks_ai',
    defaultBaseUrl: 'https://api.fireworks.ai/inference/v1',
    apiKeyEnv: ['FIREWORKS_API_KEY', 'FIREWORKS_AI_API_KEY', 'FIREWORKSAI_API_KEY'],
    baseUrlEnv: 'FIREWORKS_API_BASE',
    modelPrefix: 'accounts/fireworks/models/',
    rewrites: { tool_choice: requiredIsAny },
  }),
  openAiCompatible({
    id: 'mistral',
    defaultBaseUrl: 'https://api.mistral.ai/v1',
    apiKeyEnv: 'MISTRAL_API_KEY',
    baseUrlEnv: 'MISTRAL_API_BASE',
    rules: { renames: { seed: 'random_seed', max_completion_tokens: 'max_tokens' } },
    rewrites: { tool_choice: requiredIsAny },
    reply: { thinkingParts: true },
  }),
  openAiCompatible({
    id: 'codestral',
    defaultBaseUrl: 'https://codestral.mistral.ai/v1',
    apiKeyEnv: 'CODESTRAL_API_KEY',
    rules: { renames: { seed: 'random_seed' } },
  }),
  openAiCompatible({
    id: 'perplexity',
    defaultBaseUrl: 'https://api.perplexity.ai',
    apiKeyEnv: ['PERPLEXITYAI_API_KEY', 'PERPLEXITY_API_KEY'],
    baseUrlEnv: 'PERPLEXITY_API_BASE',
  }),
  openAiCompatible({
    id: 'cerebras',
    defaultBaseUrl: 'https://api.cerebras.ai/v1',
    apiKeyEnv: 'CEREBRAS_API_KEY',
    baseUrlEnv: 'CEREBRAS_API_BASE',
    reply: { reasoningField: 'reasoning' },
  }),
  openAiCompatible({
    id: 'sambanova',
    defaultBaseUrl: 'https://api.sambanova.ai/v1',
    apiKeyEnv: 'SAMBANOVA_API_KEY',
    baseUrlEnv: 'SAMBANOVA_API_BASE',
  }),
  openAiCompatible({
    id: 'nvidia_nim',
    defaultBaseUrl: 'https://integrate.api.nvidia.com/v1',
    apiKeyEnv: 'NVIDIA_NIM_API_KEY',
    baseUrlEnv: 'NVIDIA_NIM_API_BASE',
  }),
  openAiCompatible({
    id: 'deepinfra',
    defaultBaseUrl: 'https://api.deepinfra.com/v1/openai',
    apiKeyEnv: 'DEEPINFRA_API_KEY',
    baseUrlEnv: 'DEEPINFRA_API_BASE',
  }),
  openAiCompatible({
    id: 'moonshot',
    defaultBaseUrl: 'https://api.moonshot.ai/v1',
    apiKeyEnv: 'MOONSHOT_API_KEY',
    baseUrlEnv: 'MOONSHOT_API_BASE',
  }),
  openAiCompatible({
    id: 'dashscope',
    defaultBaseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    apiKeyEnv: 'DASHSCOPE_API_KEY',
    baseUrlEnv: 'DASHSCOPE_API_BASE',
  }),
  openAiCompatible({ id: 'novita', defaultBaseUrl: 'https://api.novita.ai/v3/openai', apiKeyEnv: 'NOVITA_API_KEY' }),
  openAiCompatible({
    id: 'nebius',
    defaultBaseUrl: 'https://api.studio.nebius.ai/v1',
    apiKeyEnv: 'NEBIUS_API_KEY',
    baseUrlEnv: 'NEBIUS_API_BASE',
  }),
  openAiCompatible({
    id: 'hyperbolic',
    defaultBaseUrl: 'https://api.hyperbolic.xyz/v1',
    apiKeyEnv: 'HYPERBOLIC_API_KEY',
    baseUrlEnv: 'HYPERBOLIC_API_BASE',
  }),
  openAiCompatible({ id: 'ai21', defaultBaseUrl: 'https://api.ai21.com/studio/v1', apiKeyEnv: 'AI21_API_KEY' }),
  openAiCompatible({ id: 'meta_llama', defaultBaseUrl: 'https://api.llama.com/compat/v1', apiKeyEnv: 'LLAMA_API_KEY' }),
  openAiCompatible({
    id: 'github',
    defaultBaseUrl: 'https://models.inference.ai.azure.com',
    apiKeyEnv: 'GITHUB_API_KEY',
  }),
  openAiCompatible({ id: 'lambda_ai', defaultBaseUrl: 'https://api.lambda.ai/v1', apiKeyEnv: 'LAMBDA_API_KEY' }),
  openAiCompatible({
    id: 'minimax',
    defaultBaseUrl: 'https://api.minimax.io/v1',
    apiKeyEnv: 'MINIMAX_API_KEY',
    baseUrlEnv: 'MINIMAX_API_BASE',
  }),
  openAiCompatible({ id: 'zai', defaultBaseUrl: 'https://api.z.ai/api/paas/v4', apiKeyEnv: 'ZAI_API_KEY' }),
  openAiCompatible({
    id: 'volcengine',
    defaultBaseUrl: 'https://ark.cn-beijing.volces.com/api/v3',
    apiKeyEnv: ['VOLCENGINE_API_KEY', 'ARK_API_KEY'],
  }),
  openAiCompatible({
    id: 'featherless_ai',
    defaultBaseUrl: 'https://api.featherless.ai/v1',
    apiKeyEnv: 'FEATHERLESS_AI_API_KEY',
  }),
  // Servers of one's own: an address is needed, a key is not.
  openAiCompatible({
    id: 'hosted_vllm',
    defaultBaseUrl: '',
    apiKeyEnv: 'HOSTED_VLLM_API_KEY',
    baseUrlEnv: 'HOSTED_VLLM_API_BASE',
    reply: { reasoningField: 'reasoning' },
  }),
  openAiCompatible({ id: 'vllm', defaultBaseUrl: '', apiKeyEnv: [], reply: { reasoningField: 'reasoning' } }),
  openAiCompatible({
    id: 'lm_studio',
    defaultBaseUrl: 'http://localhost:1234/v1',
    apiKeyEnv: 'LM_STUDIO_API_KEY',
    baseUrlEnv: 'LM_STUDIO_API_BASE',
  }),
  openAiCompatible({
    id: 'llamafile',
    defaultBaseUrl: 'http://127.0.0.1:8080/v1',
    apiKeyEnv: 'LLAMAFILE_API_KEY',
    baseUrlEnv: 'LLAMAFILE_API_BASE',
  }),
  openAiCompatible({
    id: 'ollama',
    defaultBaseUrl: 'http://localhost:11434/v1',
    apiKeyEnv: 'OLLAMA_API_KEY',
    url: ollamaUrl,
    reply: { reasoningField: 'reasoning' },
  }),
  openAiCompatible({
    id: 'ollama_chat',
    defaultBaseUrl: 'http://localhost:11434/v1',
    apiKeyEnv: 'OLLAMA_API_KEY',
    url: ollamaUrl,
    reply: { reasoningField: 'reasoning' },
  }),
  openAiCompatible({
    id: 'litellm_proxy',
    defaultBaseUrl: '',
    apiKeyEnv: 'LITELLM_PROXY_API_KEY',
    baseUrlEnv: 'LITELLM_PROXY_API_BASE',
  }),
  openAiCompatible({
    id: 'openai_like',
    defaultBaseUrl: '',
    apiKeyEnv: 'OPENAI_LIKE_API_KEY',
    baseUrlEnv: 'OPENAI_LIKE_API_BASE',
  }),
  openAiCompatible({
    id: 'custom_openai',
    defaultBaseUrl: '',
    apiKeyEnv: 'OPENAI_LIKE_API_KEY',
    baseUrlEnv: 'OPENAI_LIKE_API_BASE',
  }),
];

/** Configs give Ollama's address without the path of its OpenAI-compatible API. */
function ollamaUrl({ baseUrl }: { readonly baseUrl: string }): string {
  return `${baseUrl.replace(/\/(api|v1)$/, '')}/v1/chat/completions`;
}

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
