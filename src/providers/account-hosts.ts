/**
 * Hosts that speak OpenAI's chat completions at an address that depends on the account or on the model. Sources: Hugging
 * Face, Inference Providers; Cloudflare, Workers AI, "OpenAI compatible API endpoints"; Snowflake, Cortex REST API;
 * Baseten, DataRobot, DigitalOcean Gradient and Clarifai, their API references; LiteLLM's pages of these providers.
 */
import { isObject, textOf } from '../lib/json.ts';
import type { ProviderAdapter, Target } from './adapter.ts';
import { chatUrl, openAiCompatible, versionedChatUrl } from './openai-compatible.ts';
import { reasoningAsContent } from './reply-differences.ts';

const TO_MAX_TOKENS = { max_completion_tokens: 'max_tokens' } as const;
const REASONING = { message: reasoningAsContent } as const;

export const ACCOUNT_HOSTS: readonly ProviderAdapter[] = [
  openAiCompatible({
    id: 'huggingface',
    defaultBaseUrl: 'https://router.huggingface.co/v1',
    apiKeyEnv: ['HF_TOKEN', 'HUGGINGFACE_API_KEY', 'HF_API_KEY'],
    baseUrlEnv: ['HF_API_BASE', 'HUGGINGFACE_API_BASE'],
    url: versionedChatUrl,
    modelOf: routedModel,
    renames: TO_MAX_TOKENS,
    reply: REASONING,
  }),
  openAiCompatible({
    id: 'cloudflare',
    defaultBaseUrl: '',
    apiKeyEnv: ['CLOUDFLARE_API_KEY', 'CLOUDFLARE_API_TOKEN'],
    ...account('CLOUDFLARE_ACCOUNT_ID', (id) => `https://api.cloudflare.com/client/v4/accounts/${id}/ai/v1`),
    // Its older endpoint, which has a dialect of its own.
    url: ({ baseUrl }) => chatUrl({ baseUrl: baseUrl.replace(/\/ai\/run$/, '/ai/v1') }),
    renames: TO_MAX_TOKENS,
    reply: REASONING,
  }),
  openAiCompatible({
    id: 'snowflake',
    defaultBaseUrl: '',
    apiKeyEnv: ['SNOWFLAKE_JWT', 'SNOWFLAKE_PAT'],
    ...account('SNOWFLAKE_ACCOUNT_ID', (id) => `https://${id}.snowflakecomputing.com`),
    url: cortexUrl,
    headers: cortexHeaders,
    secretsOf: ({ apiKey }) => (apiKey?.startsWith(TOKEN_MARK) ? [apiKey.slice(TOKEN_MARK.length)] : []),
    renames: { max_tokens: 'max_completion_tokens' },
    reply: REASONING,
  }),
  openAiCompatible({
    id: 'baseten',
    defaultBaseUrl: 'https://inference.baseten.co/v1',
    apiKeyEnv: ['BASETEN_API_KEY'],
    baseUrlOf: (_, model) => {
      // A deployment of one's own is called by its id.
      return /^[a-z0-9]{8}$/.test(model)
        ? `https://model-${model}.api.baseten.co/environments/production/sync/v1`
        : undefined;
    },
    renames: TO_MAX_TOKENS,
    reply: REASONING,
  }),
  openAiCompatible({
    id: 'datarobot',
    defaultBaseUrl: 'https://app.datarobot.com',
    apiKeyEnv: ['DATAROBOT_API_TOKEN'],
    baseUrlEnv: ['DATAROBOT_ENDPOINT'],
    url: dataRobotUrl,
    renames: TO_MAX_TOKENS,
    reply: REASONING,
  }),
  openAiCompatible({
    id: 'gradient_ai',
    defaultBaseUrl: 'https://inference.do-ai.run/v1',
    apiKeyEnv: ['GRADIENT_AI_API_KEY'],
    baseUrlEnv: ['GRADIENT_AI_AGENT_ENDPOINT', 'GRADIENT_AI_API_BASE'],
    // Any other host is an agent's.
    url: ({ baseUrl }) =>
      /\/v1$|\/chat\/completions$/.test(baseUrl)
        ? chatUrl({ baseUrl })
        : `${baseUrl}${/\.do-ai\.run$/.test(baseUrl) ? '' : '/api'}/v1/chat/completions`,
    renames: TO_MAX_TOKENS,
    reply: REASONING,
  }),
  openAiCompatible({
    id: 'clarifai',
    defaultBaseUrl: 'https://api.clarifai.com/v2/ext/openai/v1',
    apiKeyEnv: ['CLARIFAI_API_KEY', 'CLARIFAI_PAT'],
    modelOf: clarifaiModel,
    renames: TO_MAX_TOKENS,
    reply: REASONING,
  }),
  openAiCompatible({
    id: 'ragflow',
    defaultBaseUrl: '',
    apiKeyEnv: ['RAGFLOW_API_KEY'],
    modelOf: ({ upstreamModel }) => RAGFLOW.exec(upstreamModel)?.[3] ?? upstreamModel,
    url: ragflowUrl,
  }),
];

/** An address made of the account, which an environment variable names; `api_base` goes before it. */
function account(
  variable: string,
  addressOf: (id: string) => string,
): Pick<ProviderAdapter, 'settingsEnv' | 'parseSettings' | 'baseUrlOf'> {
  return {
    settingsEnv: { account_id: [variable] },
    parseSettings: (raw) => ({ accountId: textOf(raw['account_id']) }),
    baseUrlOf(settings) {
      const id = isObject(settings) ? textOf(settings['accountId']) : undefined;
      if (id === undefined) throw new Error(`no address: set ${variable}, or api_base.`);
      return addressOf(encodeURIComponent(id));
    },
  };
}

/** `{provider}/{org}/{model}` as the router has it: `{org}/{model}:{provider}`. Other servers know their own names. */
function routedModel({ upstreamModel, baseUrl }: Target): string {
  const [provider, ...rest] = upstreamModel.split('/');
  const isRouted = /^https:\/\/router\.huggingface\.co(\/v1)?$/.test(baseUrl);
  return isRouted && rest.length > 1 ? `${rest.join('/')}:${provider}` : upstreamModel;
}

/** Before a programmatic access token, where a key pair's token is the rule. */
const TOKEN_MARK = 'pat/';

/** The host, LiteLLM's `…/api/v2`, or the whole of it. */
function cortexUrl({ baseUrl }: Pick<Target, 'baseUrl'>): string {
  const root = baseUrl.replace(/\/api\/v2(\/cortex(\/inference:complete|\/v1(\/chat\/completions)?)?)?$/, '');
  return `${root}/api/v2/cortex/v1/chat/completions`;
}

function cortexHeaders({ apiKey }: Target): Readonly<Record<string, string>> {
  if (apiKey === undefined || apiKey === '') return {};
  const isMarked = apiKey.startsWith(TOKEN_MARK);
  const isKeyPairs = !isMarked && apiKey.startsWith('eyJ');
  return {
    authorization: `Bearer ${isMarked ? apiKey.slice(TOKEN_MARK.length) : apiKey}`,
    'x-snowflake-authorization-token-type': isKeyPairs ? 'KEYPAIR_JWT' : 'PROGRAMMATIC_ACCESS_TOKEN',
  };
}

/** The gateway for models, unless the address is a deployment's. */
function dataRobotUrl({ baseUrl }: Target): string {
  if (/\/(deployments\/|genai\/llmgw)/.test(baseUrl)) return chatUrl({ baseUrl });
  const root = /\/api\/v2$/.test(baseUrl) ? baseUrl : `${baseUrl}/api/v2`;
  return `${root}/genai/llmgw/chat/completions`;
}

/** `{user}.{app}.{model}` as the address of the model. */
function clarifaiModel({ upstreamModel }: Target): string {
  const [, user, app, model] = /^([^./:]+)\.([^./:]+)\.([^/:]+)$/.exec(upstreamModel) ?? [];
  return model === undefined ? upstreamModel : `https://clarifai.com/${user}/${app}/models/${model}`;
}

/** `chat/{id}/{model}` or `agent/{id}/{model}`. */
const RAGFLOW = /^(chat|agent)\/([^/]+)\/(.+)$/;

function ragflowUrl({ upstreamModel, baseUrl }: Target): string {
  const [, kind, id] = RAGFLOW.exec(upstreamModel) ?? [];
  if (kind === undefined || id === undefined) return chatUrl({ baseUrl });
  const root = baseUrl.replace(/(\/api)?\/v1$/, '');
  return `${root}/api/v1/${kind}s_openai/${encodeURIComponent(id)}/chat/completions`;
}
