/** Azure OpenAI. Source: Microsoft's "Azure OpenAI REST API reference"; LiteLLM's documentation of `azure/`. */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { LookUp, ProviderAdapter, Target } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import { ENTRA_ENV, type EntraSettings, entraSettings } from './entra-settings.ts';
import { allEntraSecrets, withEntraToken } from './entra-token.ts';
import { withJsonTool } from './json-tool.ts';
import { openAiCompatible } from './openai-compatible.ts';
import type { Refusal } from './parameters.ts';
import { withPromptFilters } from './prompt-filters.ts';
import { completionTokens, effortAsWord, reasoningRefusals } from './reasoning-models.ts';
import { withoutForeignFields, withoutMarks, withoutReasoningContent } from './request-rewrites.ts';

/** LiteLLM's, so that a config without one goes on working. */
const DEFAULT_API_VERSION = '2025-02-01-preview';
/** Versions of the undated API, where the model stands in the body. */
const UNDATED: ReadonlySet<string> = new Set(['v1', 'latest', 'preview']);
const DATED = /^\d{4}-\d{2}-\d{2}(-preview)?$/;

/** `azure/o_series/my-deployment` says which rules a freely named deployment follows. */
const SERIES: readonly (readonly [string, string])[] = [
  ['o_series/', 'o1'],
  ['gpt5_series/', 'gpt-5'],
];

interface AzureSettings {
  /** Used where there is no key. */
  readonly entra: EntraSettings;
  readonly apiVersion: string;
}

const settingsOf = ({ settings }: Target): AzureSettings | undefined =>
  // Made by parseSettings below; a target built without it has none.
  isObject(settings) ? (settings as unknown as AzureSettings) : undefined;

const versionOf = (target: Target): string =>
  target.apiVersion ?? settingsOf(target)?.apiVersion ?? DEFAULT_API_VERSION;

const seriesOf = (model: string): readonly [string, string] | undefined =>
  SERIES.find(([prefix]) => model.startsWith(prefix));

const deploymentOf = (model: string): string => model.slice(seriesOf(model)?.[0].length ?? 0);

/** The model whose rules apply: by prefix, by `base_model`, else by the deployment's name. */
const ruledBy = ({ upstreamModel, baseModel }: Target): string =>
  seriesOf(upstreamModel)?.[1] ?? baseModel ?? upstreamModel;

function urlOf(target: Target): string {
  const { baseUrl, upstreamModel } = target;
  const version = versionOf(target);
  if (baseUrl.includes('/chat/completions')) return withVersion(baseUrl, version);
  if (UNDATED.has(version) || /\/openai\/v1$/.test(baseUrl)) {
    const root = baseUrl.replace(/\/openai(\/v1)?$/, '');
    return `${root}/openai/v1/chat/completions${version === 'preview' ? '?api-version=preview' : ''}`;
  }
  const root = baseUrl.includes('/openai/deployments/')
    ? baseUrl
    : `${baseUrl.replace(/\/openai$/, '')}/openai/deployments/${encodeURIComponent(deploymentOf(upstreamModel))}`;
  return withVersion(`${root}/chat/completions`, version);
}

const withVersion = (url: string, version: string): string =>
  url.includes('api-version=')
    ? url
    : `${url}${url.includes('?') ? '&' : '?'}api-version=${encodeURIComponent(version)}`;

function credentials(target: Target): Readonly<Record<string, string>> {
  if (target.apiKey !== undefined && target.apiKey !== '') return { 'api-key': target.apiKey };
  const token = settingsOf(target)?.entra.token;
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** First version that takes it, and whether the request asks for it. Source: the API's change log. */
const SINCE: readonly (readonly [field: string, what: string, version: string, asks: (value: unknown) => boolean])[] = [
  ['tool_choice', '', '2023-12-01', (choice) => choice !== undefined],
  ['tool_choice', 'required ', '2024-06-01', (choice) => choice === 'required'],
  ['response_format', '', '2023-12-01', (format) => isObject(format)],
];

/** What old dated versions of the API do not know. */
function versionRefusals(edit: BodyEdit, target: Target): Refusal[] {
  const version = versionOf(target);
  if (!DATED.test(version)) return [];
  const needed = SINCE.filter(([field, , since, asks]) => version < since && asks(edit.get(field)));
  const refusals = needed.map(([field, what, since]) => ({ field, why: `${what}needs api_version ${since} or later` }));
  return refusals.filter(({ field }, at) => refusals.findIndex((other) => other.field === field) === at);
}

/** Filtered prompts come as a 400 with the reason inside; a missing deployment as a 404, sometimes another status. */
export function azureError(status: number, body: unknown): GatewayError | undefined {
  const error = isObject(body) ? body['error'] : undefined;
  if (!isObject(error)) return undefined;
  const code = textOf(error['code']);
  const inner = isObject(error['innererror']) ? textOf(error['innererror']['code']) : undefined;
  const { message, ...upstream } = error;
  const text = textOf(message) ?? 'The upstream refused the request.';
  const details = { upstream, upstreamStatus: status };
  if (code === 'content_filter' || inner === 'ResponsibleAIPolicyViolation') {
    return new GatewayError('content_policy_violation', text, details);
  }
  return code === 'DeploymentNotFound' ? new GatewayError('upstream_not_found', text, details) : undefined;
}

function parseSettings(raw: Readonly<Record<string, unknown>>, lookUp: LookUp = () => undefined): AzureSettings {
  const { api_version: version } = raw;
  if (version !== undefined && version !== null && !isVersion(version)) {
    throw new Error(
      'api_version must be a date such as 2024-10-21, with -preview or without, or v1, latest or preview',
    );
  }
  return { entra: entraSettings(raw, lookUp), apiVersion: textOf(version) ?? DEFAULT_API_VERSION };
}

const isVersion = (version: unknown): boolean =>
  typeof version === 'string' && (version === '' || UNDATED.has(version) || DATED.test(version));

const chat = openAiCompatible({
  id: 'azure',
  // Every resource has an address of its own: api_base, or AZURE_API_BASE.
  defaultBaseUrl: '',
  apiKeyEnv: ['AZURE_API_KEY', 'AZURE_OPENAI_API_KEY'],
  baseUrlEnv: ['AZURE_API_BASE', 'AZURE_OPENAI_ENDPOINT'],
  settingsEnv: { api_version: ['AZURE_API_VERSION'], ...ENTRA_ENV },
  takesDeveloperRole: true,
  unsupported: ['thinking'],
  renames: (edit, target) => completionTokens(edit, ruledBy(target)),
  refuses: (edit, target) => [
    ...versionRefusals(edit, target),
    ...reasoningRefusals(edit, ruledBy(target), target.knownModel?.(target.upstreamModel)),
  ],
  rewrites: [effortAsWord, withoutMarks],
  messageRewrites: [withoutForeignFields, withoutReasoningContent],
  modelOf: ({ upstreamModel }) => deploymentOf(upstreamModel),
  url: urlOf,
  headers: credentials,
  parseSettings,
  authorize: (request, target, nowMs) => withEntraToken(request, settingsOf(target)?.entra, nowMs),
  parseError: azureError,
  secretsOf: (target) => allEntraSecrets(settingsOf(target)?.entra),
});

/** Versions and models that take tools but no schemas. */
function lacksSchemas(format: JsonObject, target: Target): boolean {
  if (format['type'] !== 'json_schema') return false;
  const version = versionOf(target);
  const isOld = DATED.test(version) && version < '2024-08-01';
  const takesTools = !DATED.test(version) || version >= '2023-12-01';
  return takesTools && (isOld || /gpt-3\.?5/.test(ruledBy(target)));
}

const filtered: ProviderAdapter = {
  ...chat,
  createStreamDecoder: (target, memo) => withPromptFilters(chat.createStreamDecoder(target, memo)),
};

export const azure = withJsonTool(filtered, lacksSchemas);
