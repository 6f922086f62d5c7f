/**
 * Databricks' serving endpoints and its AI gateway. Sources: Databricks' "Foundation model REST API reference" and
 * "Authorize service principal access to Databricks with OAuth"; LiteLLM's documentation of `databricks/`.
 */
import { isObject, textOf } from '../lib/json.ts';
import type { ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import { gatheringStream, listAsFields } from './databricks-reply.ts';
import { databricksRefusals, databricksRewrite, isClaude } from './databricks-request.ts';
import { exchangedToken, keptToken, keptTokens } from './fetched-token.ts';
import { withJsonTool } from './json-tool.ts';
import { openAiCompatible } from './openai-compatible.ts';

/** A service principal's. */
interface DatabricksSettings {
  readonly clientId: string;
  readonly clientSecret: string;
}

const settingsOf = ({ settings }: Target): DatabricksSettings | undefined =>
  // Made by parseSettings below; a target built without it has none.
  isObject(settings) ? (settings as unknown as DatabricksSettings) : undefined;

function parseSettings(raw: Readonly<Record<string, unknown>>): DatabricksSettings | undefined {
  const { client_id: id, client_secret: secret } = raw;
  const clientId = textOf(id);
  const clientSecret = textOf(secret);
  return clientId && clientSecret ? { clientId, clientSecret } : undefined;
}

/** `catalog.schema.model` is a model of the AI gateway; other names are serving endpoints. */
const isGateways = (model: string): boolean => model.split('.').length > 2;

/** A workspace's address alone gets the path that the model needs; any other path is the operator's. */
function urlOf({ baseUrl, upstreamModel }: Target): string {
  if (baseUrl.endsWith('/chat/completions')) return baseUrl;
  const isWorkspace = !/^https?:\/\/[^/]+\/./.test(baseUrl);
  const root = baseUrl.replace(/\/serving-endpoints$/, '');
  if (isGateways(upstreamModel) && (isWorkspace || root !== baseUrl)) {
    return `${root}/ai-gateway/mlflow/v1/chat/completions`;
  }
  return `${baseUrl}${isWorkspace ? '/serving-endpoints' : ''}/chat/completions`;
}

function authorize(request: UpstreamRequest, target: Target, nowMs: number): Promise<UpstreamRequest> | undefined {
  const settings = settingsOf(target);
  if (settings === undefined || request.headers['authorization'] !== undefined) return undefined;
  const { origin } = new URL(request.url);
  const { clientId, clientSecret } = settings;
  const exchange = {
    issuer: 'Databricks',
    url: `${origin}/oidc/v1/token`,
    form: { grant_type: 'client_credentials', scope: 'all-apis' },
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
    advice: "check the deployment's client_id and client_secret and its api_base",
  };
  const fetching = keptToken(settings, origin, nowMs, (now) => exchangedToken(exchange, now));
  return fetching.then((token) => ({
    ...request,
    headers: { ...request.headers, authorization: `Bearer ${token}` },
  }));
}

const chat = openAiCompatible({
  id: 'databricks',
  // Every workspace has an address of its own.
  defaultBaseUrl: '',
  apiKeyEnv: ['DATABRICKS_API_KEY', 'DATABRICKS_TOKEN'],
  settingsEnv: { client_id: ['DATABRICKS_CLIENT_ID'], client_secret: ['DATABRICKS_CLIENT_SECRET'] },
  renames: { max_completion_tokens: 'max_tokens' },
  unsupported: [
    ...['seed', 'frequency_penalty', 'presence_penalty', 'logit_bias', 'functions', 'function_call', 'user'],
    ...['parallel_tool_calls', 'modalities', 'audio', 'prediction', 'web_search_options', 'store', 'verbosity'],
    ...['prompt_cache_key', 'prompt_cache_retention', 'safety_identifier'],
  ],
  refuses: databricksRefusals,
  rewrites: [databricksRewrite],
  // Each event has it, and the field that asks for it is refused.
  streamUsage: 'always',
  url: urlOf,
  parseSettings,
  authorize,
  secretsOf: (target) => {
    const settings = settingsOf(target);
    return settings === undefined ? [] : [settings.clientSecret, ...keptTokens(settings)];
  },
  reply: { message: listAsFields },
});

const gathering: ProviderAdapter = {
  ...chat,
  createStreamDecoder: (target, memo) => gatheringStream(chat.createStreamDecoder(target, memo)),
};

/** Claude takes schemas only. */
export const databricks = withJsonTool(
  gathering,
  (format, target) => format['type'] === 'json_object' && isClaude(target),
);
