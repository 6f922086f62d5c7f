/**
 * Azure AI Foundry: models of many makers behind one resource, or one model behind an address of its own; Claude behind
 * Anthropic's own API. Sources: Microsoft's "Azure AI Model Inference REST API reference" and "Use Claude in Foundry";
 * LiteLLM's documentation of `azure_ai/`.
 */
import { isObject } from '../lib/json.ts';
import type { ProviderAdapter, Target } from './adapter.ts';
import { anthropicAdapter } from './anthropic.ts';
import { azure, azureError } from './azure.ts';
import type { BodyEdit } from './body-edit.ts';
import { ENTRA_ENV, type EntraSettings, entraSettings } from './entra-settings.ts';
import { allEntraSecrets, withEntraToken } from './entra-token.ts';
import { bearer, openAiCompatible } from './openai-compatible.ts';
import type { Refusal } from './parameters.ts';
import { withPromptFilters } from './prompt-filters.ts';
import { completionTokens, effortAsWord, isReasoningModel, reasoningRefusals } from './reasoning-models.ts';
import { reasoningAsContent, reasoningIntoCompletion } from './reply-differences.ts';
import { contentAsText, withoutAnswerFields, withoutCacheMarks, withoutReasoningContent } from './request-rewrites.ts';

const ID = 'azure_ai';
/** The last that Microsoft names for this API. */
const API_VERSION = '2024-05-01-preview';
const ANTHROPIC_VERSION = '2023-06-01';
/** `model_router/NAME` is the deployment NAME, which chooses a model itself. */
const ROUTER = /^model[_-]router\//;
/** Grok's reasoning models refuse stop words. */
const GROK_REASONS = /grok-(3-mini|code-fast|[4-9](?!.*non-reasoning))/;

interface FoundrySettings {
  /** Used where there is no key. */
  readonly entra: EntraSettings;
}

const entraOf = ({ settings }: Target): EntraSettings | undefined =>
  // Made by parseSettings below; a target built without it has none.
  isObject(settings) ? (settings as unknown as FoundrySettings).entra : undefined;

/** The model whose rules apply: deployments have names of their own. */
const ruledBy = ({ upstreamModel, baseModel }: Target): string => baseModel ?? upstreamModel.replace(ROUTER, '');

const isClaude = ({ upstreamModel, baseModel }: Target): boolean =>
  /claude/i.test(`${upstreamModel} ${baseModel ?? ''}`);

const isResource = (host: string): boolean => host.endsWith('.services.ai.azure.com');

function hostOf(baseUrl: string): string {
  return URL.canParse(baseUrl) ? new URL(baseUrl).hostname : '';
}

/** Resources have one path for all models, serverless deployments and OpenAI's `v1` have theirs. */
function chatUrlOf({ baseUrl, apiVersion }: Target): string {
  const [base = '', query] = baseUrl.split('?', 2);
  const isInference = isResource(hostOf(base)) && !/\/openai(\/|$)/.test(base);
  const path = isInference ? inferencePath(base) : base.replace(/\/chat\/completions$/, '');
  const version = apiVersion ?? (isInference ? API_VERSION : undefined);
  const asked = new URLSearchParams(query);
  if (version !== undefined && !asked.has('api-version')) asked.set('api-version', version);
  const { size } = asked;
  return `${path.replace(/\/+$/, '')}/chat/completions${size === 0 ? '' : `?${asked.toString()}`}`;
}

const inferencePath = (base: string): string =>
  `${base.replace(/\/+$/, '').replace(/\/models(\/chat\/completions)?$/, '')}/models`;

/** Whatever stands behind the resource's own address is left out. */
function messagesUrlOf({ baseUrl }: Target): string {
  const [base = ''] = baseUrl.split('?', 1);
  if (base.endsWith('/v1/messages')) return base;
  const root = base.replace(/\/anthropic(\/v1)?$/, '').replace(/\/(models|openai)(\/.*)?$/, '');
  return `${root}/anthropic/v1/messages`;
}

/** Azure's own hosts take a header of their own, serverless deployments a bearer. */
function chatCredentials(target: Target): Readonly<Record<string, string>> {
  const { apiKey } = target;
  const host = hostOf(target.baseUrl);
  // What is not in Microsoft's list of parameters goes to the model, instead of being refused.
  const extra = isResource(host) ? { 'extra-parameters': 'pass-through' } : {};
  if (apiKey === undefined || apiKey === '') return { ...entraBearer(target), ...extra };
  return { ...(isResource(host) ? { 'api-key': apiKey } : bearer(target)), ...extra };
}

function entraBearer(target: Target): Readonly<Record<string, string>> {
  const token = entraOf(target)?.token;
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

function messagesCredentials(target: Target): Readonly<Record<string, string>> {
  const { apiKey, apiVersion } = target;
  // A date of Azure's own API may stand there for the other models.
  const version = apiVersion?.startsWith('2023-') === true ? apiVersion : ANTHROPIC_VERSION;
  const hasKey = apiKey !== undefined && apiKey !== '';
  return { ...(hasKey ? { 'x-api-key': apiKey } : entraBearer(target)), 'anthropic-version': version };
}

function refusals(edit: BodyEdit, target: Target): readonly Refusal[] {
  const model = ruledBy(target);
  const stop = GROK_REASONS.test(model) && edit.get('stop') !== undefined ? [{ field: 'stop' }] : [];
  return [...stop, ...reasoningRefusals(edit, model)];
}

/** Only OpenAI's reasoning models want the newer name; the others know only the older one. */
function renames(edit: BodyEdit, target: Target): readonly (readonly [string, string])[] {
  const model = ruledBy(target);
  if (isReasoningModel(model)) return completionTokens(edit, model);
  return edit.get('max_completion_tokens') === undefined ? [] : [['max_completion_tokens', 'max_tokens']];
}

/** How one signs in and what is secret are the same behind both doors. */
const shared = {
  id: ID,
  defaultBaseUrl: '',
  apiKeyEnv: ['AZURE_AI_API_KEY'],
  baseUrlEnv: ['AZURE_AI_API_BASE'],
  settingsEnv: ENTRA_ENV,
  parseSettings: (raw, lookUp = () => undefined): FoundrySettings => ({ entra: entraSettings(raw, lookUp) }),
  authorize: (request, target, nowMs) => withEntraToken(request, entraOf(target), nowMs),
  secretsOf: (target) => allEntraSecrets(entraOf(target)),
} as const satisfies Partial<ProviderAdapter>;

const chat = openAiCompatible({
  ...shared,
  unsupported: ['thinking'],
  renames,
  refuses: refusals,
  rewrites: [effortAsWord],
  messageRewrites: [withoutAnswerFields, withoutReasoningContent, withoutCacheMarks, contentAsText],
  modelOf: ({ upstreamModel }) => upstreamModel.replace(ROUTER, ''),
  url: chatUrlOf,
  headers: chatCredentials,
  parseError: azureError,
  reply: { message: reasoningAsContent, usage: reasoningIntoCompletion },
});

const messages = anthropicAdapter({
  ...shared,
  url: messagesUrlOf,
  headers: messagesCredentials,
  finish: (edit, { upstreamModel }) => edit.set('model', upstreamModel),
});

/** Addresses of Azure OpenAI speak its API, whatever the prefix says. */
const isAzureOpenAi = ({ baseUrl }: Target): boolean =>
  /\.(openai|cognitiveservices)\.azure\.com$/.test(hostOf(baseUrl));

function doorOf(target: Target): ProviderAdapter {
  if (isAzureOpenAi(target)) return azure;
  return isClaude(target) ? messages : chat;
}

export const azureAi: ProviderAdapter = {
  ...messages,
  relaysBytes: false,
  buildRequest: (input, target, changes) => doorOf(target).buildRequest(input, target, changes),
  countRequest: (input, target) => doorOf(target).countRequest?.(input, target),
  parseResponse: (body, target, memo) => doorOf(target).parseResponse(body, target, memo),
  createStreamDecoder: (target, memo) => withPromptFilters(doorOf(target).createStreamDecoder(target, memo)),
  // Each knows its own refusals; neither's words are the other's.
  parseError: (status, body, headers) => azureError(status, body) ?? messages.parseError?.(status, body, headers),
};
