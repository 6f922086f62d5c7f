/** Servers of one's own that speak OpenAI's chat completions: most need an address, none needs a key. */
import type { ProviderAdapter } from './adapter.ts';
import { schemaInItsPlace, videosAsAddresses } from './hosted-rewrites.ts';
import { openAiCompatible, versionedChatUrl } from './openai-compatible.ts';
import { reasoningAsContent } from './reply-differences.ts';
import { thinkingAsEffort, withoutAnswerFields, withoutInTools } from './request-rewrites.ts';
import { withTaggedThoughts } from './tagged-thoughts.ts';

const SERVERS: readonly ProviderAdapter[] = [
  ownServer('hosted_vllm', '', 'HOSTED_VLLM_API_KEY'),
  ownServer('vllm', '', 'VLLM_API_KEY'),
  openAiCompatible({
    id: 'lm_studio',
    defaultBaseUrl: 'http://localhost:1234/v1',
    apiKeyEnv: ['LM_STUDIO_API_KEY'],
    rewrites: [schemaInItsPlace],
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({ id: 'llamafile', defaultBaseUrl: 'http://127.0.0.1:8080/v1', apiKeyEnv: ['LLAMAFILE_API_KEY'] }),
  openAiCompatible({
    id: 'xinference',
    defaultBaseUrl: 'http://127.0.0.1:9997/v1',
    apiKeyEnv: ['XINFERENCE_API_KEY'],
    url: versionedChatUrl,
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'lemonade',
    defaultBaseUrl: 'http://localhost:8000/api/v1',
    apiKeyEnv: ['LEMONADE_API_KEY'],
    renames: { max_completion_tokens: 'max_tokens' },
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'docker_model_runner',
    defaultBaseUrl: 'http://localhost:22088/engines/llama.cpp',
    apiKeyEnv: ['DOCKER_MODEL_RUNNER_API_KEY'],
    url: versionedChatUrl,
    renames: { max_completion_tokens: 'max_tokens' },
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'oobabooga',
    defaultBaseUrl: '',
    apiKeyEnv: ['OOBABOOGA_API_KEY'],
    url: versionedChatUrl,
    renames: { max_completion_tokens: 'max_tokens' },
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'litellm_proxy',
    defaultBaseUrl: '',
    apiKeyEnv: ['LITELLM_PROXY_API_KEY'],
    takesDeveloperRole: true,
    takesThoughtSignatures: true,
  }),
  likeOpenAi('openai_like'),
  likeOpenAi('custom_openai'),
  likeOpenAi('aiohttp_openai'),
];

/** Servers that are not told how a model writes its thoughts leave them in its text. */
export const OWN_SERVERS: readonly ProviderAdapter[] = SERVERS.map((server) =>
  server.relaysBytes ? server : withTaggedThoughts(server),
);

/** vLLM: newer versions call reasoning `reasoning`; older ones refuse schemas made for strict mode. */
function ownServer(id: string, defaultBaseUrl: string, apiKeyEnv: string): ProviderAdapter {
  return openAiCompatible({
    id,
    defaultBaseUrl,
    apiKeyEnv: [apiKeyEnv],
    rewrites: [thinkingAsEffort, videosAsAddresses, withoutInTools(['strict', 'additionalProperties'], true)],
    messageRewrites: [withoutAnswerFields],
    reply: { message: reasoningAsContent },
  });
}

function likeOpenAi(id: string): ProviderAdapter {
  return openAiCompatible({
    id,
    defaultBaseUrl: '',
    apiKeyEnv: ['OPENAI_LIKE_API_KEY'],
    baseUrlEnv: ['OPENAI_LIKE_API_BASE'],
    takesDeveloperRole: true,
  });
}
