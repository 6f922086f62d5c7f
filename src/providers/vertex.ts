/**
 * Google's Vertex AI: Gemini and Claude by their makers' APIs, Mistral and Jamba by theirs behind `rawPredict`, all other
 * models by OpenAI's chat completions. Sources: Google's "Vertex AI" REST reference, "Partner models", "Open models" and
 * "Express mode"; Anthropic's "Claude on Vertex AI"; LiteLLM's documentation of `vertex_ai/`.
 */
import { GatewayError } from '../errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import { anthropicAdapter } from './anthropic.ts';
import { geminiAdapter, geminiError } from './gemini.ts';
import { mistralAdapter } from './mistral.ts';
import { openAiCompatible } from './openai-compatible.ts';
import type { ParameterRules } from './parameters.ts';
import { reasoningAsContent } from './reply-differences.ts';
import { finishClaude, withServedSwitches } from './vertex-claude.ts';
import { gemmaAdapter } from './vertex-gemma.ts';
import { addressOf, type Dialect, hostOf, locationFor, UNKNOWN_PROJECT, vertexModel } from './vertex-model.ts';
import { parseSettings, SETTINGS_ENV, settingsOf, type VertexSettings } from './vertex-settings.ts';
import { signedIn, vertexSecrets } from './vertex-token.ts';

const facts = { defaultBaseUrl: '', apiKeyEnv: [], baseUrlEnv: ['VERTEXAI_API_BASE', 'VERTEX_API_BASE'] } as const;

const url = (target: Target, tail: string): string => addressOf(target, vertexModel(target), tail);

/** Google's own tokens begin so; anything else is an API key. */
const TOKEN = /^ya29\./;

function credentials({ apiKey }: Target): Readonly<Record<string, string>> {
  if (apiKey === undefined || apiKey === '') return {};
  return TOKEN.test(apiKey) ? { authorization: `Bearer ${apiKey}` } : { 'x-goog-api-key': apiKey };
}

const TO_MAX_TOKENS = { max_completion_tokens: 'max_tokens' } as const;
/** Containers at endpoints of one's own refuse what they do not know. */
const OPENAI_ONLY = ['audio', 'modalities', 'prediction', 'prompt_cache_key', 'prompt_cache_retention'];
const OPENAI_SERVICE = ['safety_identifier', 'service_tier', 'store', 'web_search_options', 'verbosity'];

const ofOwnEndpoint: NonNullable<ParameterRules['refuses']> = (edit, target) => {
  const { name, dialect } = vertexModel(target);
  if (name !== '' && dialect !== 'gemma') return [];
  return [...OPENAI_ONLY, ...OPENAI_SERVICE].filter((field) => edit.has(field)).map((field) => ({ field }));
};

/** The address says whether an answer is streamed, and the dialects below are told by the model alone. */
const RAW = ':rawPredict';
const asStream = (request: UpstreamRequest): UpstreamRequest => ({
  ...request,
  url: request.url.replace(/:rawPredict$/, ':streamRawPredict'),
});

const COUNTED: ReadonlySet<string> = new Set(['contents', 'systemInstruction', 'tools', 'generationConfig']);

const countedMembers = (body: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([name]) => COUNTED.has(name)));

const withoutVersion = (target: Target): string => vertexModel(target).name.replace(/@.*$/, '');

function dialectsOf(id: string): Readonly<Record<Dialect, ProviderAdapter>> {
  const open = { id, ...facts, headers: credentials };
  const chat = openAiCompatible({
    ...open,
    url: (target) => url(target, '/chat/completions'),
    modelOf: (target) => vertexModel(target).name,
    renames: TO_MAX_TOKENS,
    refuses: ofOwnEndpoint,
    reply: { message: reasoningAsContent },
  });
  const predicting = openAiCompatible({
    ...open,
    url: (target) => url(target, ':predict'),
    renames: TO_MAX_TOKENS,
    refuses: ofOwnEndpoint,
    reply: { message: reasoningAsContent },
  });
  const messages = anthropicAdapter({
    ...open,
    url: (target) => url(target, RAW),
    finish: finishClaude,
    count: (target) => ({
      url: url(target, RAW).replace(/[^/]*:rawPredict$/, 'count-tokens:rawPredict'),
      model: vertexModel(target).name,
    }),
  });
  return {
    gemini: geminiAdapter({
      ...open,
      url: (target, method) => `${url(target, `:${method}`)}${method.startsWith('stream') ? '?alt=sse' : ''}`,
      countBody: countedMembers,
    }),
    claude: {
      ...messages,
      buildRequest: (input, target, changes) =>
        withServedSwitches(messages.buildRequest(input, target, changes), changes),
      countRequest(input, target) {
        const request = messages.countRequest?.(input, target);
        return request && withServedSwitches(request, []);
      },
    },
    mistral: mistralAdapter({ ...open, url: (target) => url(target, RAW), modelOf: withoutVersion }),
    jamba: openAiCompatible({
      ...open,
      url: (target) => url(target, RAW),
      modelOf: (target) => vertexModel(target).name,
      renames: TO_MAX_TOKENS,
      streamUsage: 'always',
      reply: { message: reasoningAsContent },
    }),
    chat,
    gemma: { ...predicting, ...gemmaAdapter(predicting) },
  };
}

function baseUrlOf(settings: unknown, upstreamModel: string): string {
  if (/^(agent_engine|bge)\//.test(upstreamModel)) {
    throw new Error('vertex_ai/agent_engine/ and vertex_ai/bge/ are not supported; name a model that chats.');
  }
  if (upstreamModel.startsWith('gemma/')) {
    throw new Error('vertex_ai/gemma/ is an endpoint of your own; set litellm_params.api_base to its address.');
  }
  return hostOf(locationFor(settingsOf({ settings }), upstreamModel));
}

const CREDENTIALS = ['authorization', 'x-goog-api-key'];

/** Also fills in the project, where only the credentials know it. */
function authorize(request: UpstreamRequest, target: Target, nowMs: number): Promise<UpstreamRequest> | undefined {
  const hasCredentials = CREDENTIALS.some((name) => request.headers[name] !== undefined);
  const lacksProject = request.url.includes(UNKNOWN_PROJECT);
  if (hasCredentials && !lacksProject) return undefined;
  return signedIn(settingsOf(target), nowMs).then(({ token, project }) => {
    const { headers } = request;
    return {
      ...request,
      url: lacksProject ? request.url.replace(UNKNOWN_PROJECT, encodeURIComponent(named(project))) : request.url,
      headers: hasCredentials ? headers : { ...headers, authorization: `Bearer ${token}` },
    };
  });
}

function named(project: string | undefined): string {
  if (project !== undefined) return project;
  throw new GatewayError(
    'upstream_unauthorized',
    'The credentials for Vertex AI do not say which project they are of; set vertex_project.',
  );
}

/** @param id the alias is a name of its own in errors and in the log */
function vertexAdapter(id: string): ProviderAdapter {
  const dialects = dialectsOf(id);
  const doorOf = (target: Target): ProviderAdapter => dialects[vertexModel(target).dialect];
  return {
    ...facts,
    id,
    forwards: dialects.claude.forwards ?? [],
    relaysBytes: false,
    settingsEnv: SETTINGS_ENV,
    parseSettings: (raw): VertexSettings => parseSettings(raw),
    baseUrlOf,
    // Some models cost more where they are not served everywhere.
    billing: (target) => {
      const { billing } = doorOf(target);
      const isGlobal = locationFor(settingsOf(target), target.upstreamModel) === 'global';
      const { dearestRegion: _, ...bill } = billing?.(target) ?? {};
      return isGlobal ? bill : { ...bill, region: 'regional' };
    },
    streamsAt: (target) => doorOf(target).streamsAt?.(target) !== false,
    buildRequest(input, target, changes) {
      const request = doorOf(target).buildRequest(input, target, changes);
      return input.request.stream === true ? asStream(request) : request;
    },
    authorize,
    countRequest: (input, target) => doorOf(target).countRequest?.(input, target),
    // The two answers have no field in common.
    readCount: (body) => dialects.gemini.readCount?.(body) ?? dialects.claude.readCount?.(body),
    parseResponse: (body, target, memo) => doorOf(target).parseResponse(body, target, memo),
    createStreamDecoder: (target, memo) => doorOf(target).createStreamDecoder(target, memo),
    // Google's words around all models, Anthropic's about Claude.
    parseError: (status, body, headers) =>
      geminiError(status, body) ?? dialects.claude.parseError?.(status, body, headers),
    secretsOf: (target) => vertexSecrets(settingsOf(target)),
  };
}

export const vertexAi = vertexAdapter('vertex_ai');
export const vertexAiBeta = vertexAdapter('vertex_ai_beta');
