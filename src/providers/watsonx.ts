/**
 * IBM watsonx.ai's chat, for its models and for deployments of one's own. Sources: IBM's "watsonx.ai API reference", "Text
 * chat", and "Identity and access management"; LiteLLM's documentation of `watsonx/`.
 */
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { Change, ChatInput, ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import { BodyEdit } from './body-edit.ts';
import { THE_GATEWAYS } from './extra-body.ts';
import { exchangedToken, keptToken, keptTokens } from './fetched-token.ts';
import { takeExtras } from './openai-compatible.ts';
import { chunkDecoder, completionReader } from './openai-decoder.ts';
import { applyDefaults, applyParameterRules, type ParameterRules } from './parameters.ts';
import { reasoningAsContent } from './reply-differences.ts';
import {
  contentAsText,
  developerAsSystem,
  imageUrlObjects,
  type MessageRewrite,
  plainToolChoice,
  rewriteMessages,
  thinkingAsEffort,
  withoutAnswerFields,
  withoutCacheMarks,
  withoutInTools,
  withoutReasoningContent,
} from './request-rewrites.ts';
import { withoutThoughtSignatures } from './thought-signatures.ts';
import { upstreamError } from './upstream-error.ts';
import { watsonxError } from './watsonx-error.ts';

/** LiteLLM's, so that a config without one goes on working. */
const DEFAULT_VERSION = '2024-03-13';
const IAM_URL = 'https://iam.cloud.ibm.com/identity/token';
const DEPLOYMENT = 'deployment/';

interface WatsonxSettings {
  readonly projectId: string | undefined;
  readonly spaceId: string | undefined;
  readonly region: string | undefined;
  /** A token of one's own; it stands over the keys. */
  readonly token: string | undefined;
  /** Of IBM's own installations at its customers. */
  readonly zenApiKey: string | undefined;
  readonly iamUrl: string;
}

const settingsOf = ({ settings }: Target): WatsonxSettings | undefined =>
  // Made by parseSettings below; a target built without it has none.
  isObject(settings) ? (settings as unknown as WatsonxSettings) : undefined;

const REGION = /^[a-z]{2,}-[a-z]+$/;

function parseSettings(raw: Readonly<Record<string, unknown>>): WatsonxSettings {
  const region = textOf(raw['watsonx_region_name']) ?? textOf(raw['region_name']);
  return {
    projectId: textOf(raw['project_id']) ?? textOf(raw['watsonx_project']),
    spaceId: textOf(raw['space_id']),
    region: region !== undefined && REGION.test(region) ? region : undefined,
    token: textOf(raw['token']),
    zenApiKey: textOf(raw['zen_api_key']),
    iamUrl: textOf(raw['iam_url']) ?? IAM_URL,
  };
}

function urlOf({ baseUrl, upstreamModel, apiVersion }: Target, isStream: boolean): string {
  const isDeployment = upstreamModel.startsWith(DEPLOYMENT);
  const place = isDeployment ? `deployments/${encodeURIComponent(upstreamModel.slice(DEPLOYMENT.length))}/` : '';
  const root = baseUrl.replace(/\/ml\/v1$/, '');
  const version = encodeURIComponent(apiVersion ?? DEFAULT_VERSION);
  return `${root}/ml/v1/${place}text/chat${isStream ? '_stream' : ''}?version=${version}`;
}

function credentials(target: Target): Readonly<Record<string, string>> {
  const { token, zenApiKey } = settingsOf(target) ?? {};
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  return zenApiKey === undefined ? {} : { authorization: `ZenApiKey ${zenApiKey}` };
}

/** A key buys a token for an hour. */
function authorize(request: UpstreamRequest, target: Target, nowMs: number): Promise<UpstreamRequest> | undefined {
  const { apiKey } = target;
  const settings = settingsOf(target);
  const hasKey = apiKey !== undefined && apiKey !== '';
  if (!settings || !hasKey || request.headers['authorization'] !== undefined) return undefined;
  const exchange = {
    issuer: 'IBM Cloud',
    url: settings.iamUrl,
    form: { grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey: apiKey },
    advice: "check the deployment's api_key, or give a token",
  };
  const fetching = keptToken(settings, apiKey, nowMs, (now) => exchangedToken(exchange, now));
  return fetching.then((token) => ({
    ...request,
    headers: { ...request.headers, authorization: `Bearer ${token}` },
  }));
}

const rules: ParameterRules = {
  id: 'watsonx',
  unsupported: new Set([
    ...['logit_bias', 'user', 'parallel_tool_calls', 'functions', 'function_call', 'modalities', 'audio', 'prediction'],
    ...['web_search_options', 'store', 'verbosity', 'service_tier', 'safety_identifier'],
    ...['prompt_cache_key', 'prompt_cache_retention'],
  ]),
  renames: () => [['max_completion_tokens', 'max_tokens']],
  refuses: undefined,
};

/** Only the user's turns may be lists. */
const textsOfOthers: MessageRewrite = {
  ...contentAsText,
  apply: (message) => (message.role === 'user' ? message : contentAsText.apply(message)),
};

const MESSAGE_REWRITES = [
  imageUrlObjects,
  developerAsSystem,
  withoutThoughtSignatures,
  withoutAnswerFields,
  withoutReasoningContent,
  withoutCacheMarks,
  textsOfOthers,
];
const withoutStrictness = withoutInTools(['strict', 'additionalProperties'], true);

function buildRequest(input: ChatInput, target: Target, changes: Change[]): UpstreamRequest {
  const edit = new BodyEdit(input.request);
  const defaults = Object.entries(target.defaults).filter(([name]) => !THE_GATEWAYS.has(name));
  applyDefaults(
    edit,
    defaults.map(([name, value]) => [name, value, JSON.stringify(value)] as const),
  );
  applyParameterRules(edit, { rules, input, target, changes });
  rewriteMessages(edit, MESSAGE_REWRITES, changes);
  for (const rewrite of [plainToolChoice, thinkingAsEffort, withoutStrictness]) rewrite(edit, changes);
  setToolChoice(edit, changes);
  const headers = takeExtras(edit, { headers: headersOf(target) }, changes, input.text);
  // The address says it, and usage comes in any case.
  for (const name of ['stream', 'stream_options', 'model']) edit.remove(name);
  setPlace(edit, target);
  const isStream = input.request.stream === true;
  return { url: urlOf(target, isStream), headers, body: edit.toText(input.text, input.gatewayKeys) };
}

function headersOf(target: Target): Record<string, string> {
  const operators = Object.entries(target.extraHeaders).map(([name, value]) => [name.toLowerCase(), value]);
  return { 'content-type': 'application/json', ...credentials(target), ...Object.fromEntries(operators) };
}

/** Words have a field of their own. */
function setToolChoice(edit: BodyEdit, changes: Change[]): void {
  if (typeof edit.get('tool_choice') !== 'string') return;
  edit.rename('tool_choice', 'tool_choice_option');
  changes.push({ field: 'tool_choice', action: 'renamed', note: 'tool_choice_option' });
}

/** A deployment knows its model and its place. */
function setPlace(edit: BodyEdit, target: Target): void {
  if (target.upstreamModel.startsWith(DEPLOYMENT)) return;
  const { projectId, spaceId } = settingsOf(target) ?? {};
  edit.set('model_id', target.upstreamModel);
  if (projectId !== undefined) edit.set('project_id', projectId);
  else if (spaceId !== undefined) edit.set('space_id', spaceId);
}

const reply = {
  whole: (body: JsonObject): JsonObject => ({ ...body, model: textOf(body['model']) ?? body['model_id'] }),
  message: reasoningAsContent,
};

export const watsonx: ProviderAdapter = {
  id: rules.id,
  // Every region and installation has an address of its own.
  defaultBaseUrl: '',
  apiKeyEnv: ['WATSONX_APIKEY', 'WATSONX_API_KEY', 'WX_API_KEY'],
  baseUrlEnv: ['WATSONX_API_BASE', 'WATSONX_URL', 'WX_URL', 'WML_URL'],
  settingsEnv: {
    project_id: ['WATSONX_PROJECT_ID', 'WX_PROJECT_ID'],
    space_id: ['WATSONX_DEPLOYMENT_SPACE_ID', 'WATSONX_SPACE_ID', 'WX_SPACE_ID'],
    watsonx_region_name: ['WATSONX_REGION', 'WX_REGION'],
    token: ['WATSONX_TOKEN'],
    zen_api_key: ['WATSONX_ZENAPIKEY'],
    iam_url: ['WATSONX_IAM_URL'],
  },
  relaysBytes: false,
  parseSettings,
  baseUrlOf(settings) {
    const region = isObject(settings) ? settings['region'] : undefined;
    return typeof region === 'string' ? `https://${region}.ml.cloud.ibm.com` : undefined;
  },
  buildRequest,
  authorize,
  parseResponse: completionReader(reply),
  createStreamDecoder(target) {
    const decode = chunkDecoder(reply);
    return (data) => {
      const chunks = decode(data);
      const failed = chunks.some(({ choices, ...rest }) => choices.length === 0 && Array.isArray(rest['errors']));
      if (failed) throw upstreamError({ target, status: 200, body: data, headers: new Headers() });
      return chunks;
    };
  },
  parseError: watsonxError,
  secretsOf(target) {
    const settings = settingsOf(target);
    if (!settings) return [];
    const { token, zenApiKey } = settings;
    return [...[token, zenApiKey].filter((secret) => secret !== undefined), ...keptTokens(settings)];
  },
};
