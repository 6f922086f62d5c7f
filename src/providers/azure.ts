/** Azure OpenAI. Source: Microsoft's "Azure OpenAI REST API reference"; LiteLLM's documentation of `azure/`. */
import { GatewayError } from '../errors.ts';
import type { Target } from './adapter.ts';
import { openAiRules, plainEffort } from './openai.ts';
import { openAiCompatible } from './openai-compatible.ts';

const DEFAULT_API_VERSION = '2025-02-01-preview';
/** Versions of the undated API, where the model stands in the body. */
const UNDATED: ReadonlySet<string> = new Set(['v1', 'latest', 'preview']);
/** `azure/o_series/my-deployment` says which rules a freely named deployment follows. */
const SERIES: Readonly<Record<string, string>> = { 'o_series/': 'o1', 'gpt5_series/': 'gpt-5' };

interface AzureSettings {
  /** Entra token, sent instead of a key. */
  readonly adToken: string | undefined;
}

function seriesOf(model: string): string | undefined {
  return Object.keys(SERIES).find((prefix) => model.startsWith(prefix));
}

const deploymentName = (model: string): string => model.slice(seriesOf(model)?.length ?? 0);

/** The model whose rules apply: by prefix, by `base_model`, else by the deployment's name. */
function ruledBy({ upstreamModel, baseModel }: Target): string {
  const series = seriesOf(upstreamModel);
  return (series && SERIES[series]) ?? baseModel?.replace(/^azure\//, '') ?? upstreamModel;
}

function url(target: Target): string {
  const version = target.apiVersion ?? DEFAULT_API_VERSION;
  if (UNDATED.has(version)) return `${target.baseUrl}/openai/v1/chat/completions`;
  const name = encodeURIComponent(deploymentName(target.upstreamModel));
  return `${target.baseUrl}/openai/deployments/${name}/chat/completions?api-version=${encodeURIComponent(version)}`;
}

function authorization(target: Target): Record<string, string> {
  // Made by parseSettings below.
  const { adToken } = target.settings as AzureSettings;
  if (adToken !== undefined) return { authorization: `Bearer ${adToken}` };
  return target.apiKey === undefined ? {} : { 'api-key': target.apiKey };
}

/** Filtered prompts come as a 400 of many codes; missing deployments as a 404 of one. */
function parseError(status: number, body: unknown): GatewayError | undefined {
  const error = typeof body === 'object' && body !== null ? Reflect.get(body, 'error') : undefined;
  if (typeof error !== 'object' || error === null) return undefined;
  const code = Reflect.get(error, 'code');
  const message = Reflect.get(error, 'message');
  const text = typeof message === 'string' ? message : 'The upstream refused the request.';
  const details = { upstream: error, upstreamStatus: status };
  if (code === 'content_filter') return new GatewayError('content_policy_violation', text, details);
  if (code === 'DeploymentNotFound') return new GatewayError('upstream_not_found', text, details);
  return undefined;
}

export const azure = openAiCompatible({
  id: 'azure',
  defaultBaseUrl: '',
  apiKeyEnv: ['AZURE_API_KEY', 'AZURE_OPENAI_API_KEY'],
  baseUrlEnv: ['AZURE_API_BASE', 'AZURE_OPENAI_ENDPOINT'],
  rules: (target, request) => openAiRules(ruledBy(target), request),
  rewrites: { reasoning_effort: plainEffort },
  url,
  authorization,
  parseError,
  parseSettings(raw): AzureSettings {
    const token = raw['azure_ad_token'];
    if (token !== undefined && typeof token !== 'string') throw new Error('azure_ad_token must be text');
    return { adToken: token };
  },
});
