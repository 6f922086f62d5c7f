/**
 * Amazon Bedrock by its Converse API, whichever model is behind it, and by the APIs that other routes name. Source: AWS's API
 * reference, "Converse", "ConverseStream" and "Common error types"; LiteLLM's documentation of `bedrock/` and
 * `bedrock_mantle/`.
 */
import type { ProviderAdapter, Target } from './adapter.ts';
import { awsError } from './aws-error.ts';
import { completionOf } from './bedrock-answer.ts';
import { countRequest, readCount } from './bedrock-count.ts';
import { authorize } from './bedrock-credentials.ts';
import { dialectOf, dialects } from './bedrock-dialects.ts';
import { DEFAULT_REGION, mantleUrl, runtimeUrl } from './bedrock-model.ts';
import { type BedrockMemo, buildRequest } from './bedrock-request.ts';
import {
  BEARER_ENV,
  baseUrlOf,
  parseSettings,
  REGION_ENV,
  regionOf,
  SETTINGS_ENV,
  secretsOf,
  settingsOf,
} from './bedrock-settings.ts';
import { streamDecoder } from './bedrock-stream.ts';

/** Nobody else gives an answer of this adapter its memo. */
const memoOf = (memo: unknown): BedrockMemo | undefined => memo as BedrockMemo | undefined;

const facts = {
  defaultBaseUrl: runtimeUrl(DEFAULT_REGION),
  apiKeyEnv: [BEARER_ENV],
  baseUrlEnv: [],
  relaysBytes: false,
  settingsEnv: SETTINGS_ENV,
  parseSettings,
  baseUrlOf,
  authorize,
  billing: ({ settings, upstreamModel }: Target) => ({ listRegion: regionOf(settingsOf({ settings }), upstreamModel) }),
  secretsOf,
} as const;

const converse: ProviderAdapter = {
  ...facts,
  id: 'bedrock',
  framing: 'aws-event-stream',
  buildRequest,
  parseResponse: (body, _, memo) => completionOf(body, memoOf(memo)),
  createStreamDecoder: (_, memo) => streamDecoder(memoOf(memo)),
};

const COUNTED: ReadonlySet<string> = new Set(['converse', 'messages']);

/** @param id an alias is a name of its own in errors and in the log */
function bedrockAs(id: string): ProviderAdapter {
  const all = { converse, ...dialects(id) };
  const doorOf = (target: Target): ProviderAdapter => all[dialectOf(target)];
  return {
    ...facts,
    id,
    framing: 'aws-event-stream',
    framingFor: (target) => doorOf(target).framing,
    buildRequest: (input, target, changes) => doorOf(target).buildRequest(input, target, changes),
    // A prompt is as long whichever API it goes through.
    countRequest: (input, target) => (COUNTED.has(dialectOf(target)) ? countRequest(input, target) : undefined),
    readCount,
    parseResponse: (body, target, memo) => doorOf(target).parseResponse(body, target, memo),
    createStreamDecoder: (target, memo) => doorOf(target).createStreamDecoder(target, memo),
    // AWS's words around all models, Anthropic's about Claude.
    parseError: (status, body, headers) =>
      awsError(status, body, headers) ?? all.messages.parseError?.(status, body, headers),
  };
}

export const bedrock = bedrockAs('bedrock');
/** LiteLLM's other name of the same. */
export const bedrockConverse = bedrockAs('bedrock_converse');

const MANTLE_ENV = ['BEDROCK_MANTLE_API_KEY', BEARER_ENV];
/** LiteLLM's. */
const MANTLE_REGION = 'us-east-1';

const inMantle = (model: string): string => (model.startsWith('mantle/') ? model : `mantle/${model}`);

/** The same object each time: requests of a target are prepared once. */
const mantleTargets = new WeakMap<Target, Target>();

function asMantle(target: Target): Target {
  const known = mantleTargets.get(target) ?? { ...target, upstreamModel: inMantle(target.upstreamModel) };
  mantleTargets.set(target, known);
  return known;
}

function mantleProvider(id: string): ProviderAdapter {
  const { framing: _, framingFor: __, countRequest: ___, readCount: ____, ...whole } = bedrockAs(id);
  return {
    ...whole,
    defaultBaseUrl: mantleUrl(MANTLE_REGION),
    apiKeyEnv: MANTLE_ENV,
    baseUrlEnv: ['BEDROCK_MANTLE_API_BASE'],
    settingsEnv: {
      ...SETTINGS_ENV,
      environment_region: ['BEDROCK_MANTLE_REGION', ...REGION_ENV],
      environment_bearer: MANTLE_ENV,
    },
    parseSettings: (raw, lookUp) => parseSettings({ environment_region: MANTLE_REGION, ...present(raw) }, lookUp),
    baseUrlOf: (settings, upstreamModel) => baseUrlOf(settings, inMantle(upstreamModel)),
    buildRequest: (input, target, changes) => whole.buildRequest(input, asMantle(target), changes),
    authorize: (request, target, nowMs) => authorize(request, asMantle(target), nowMs),
    parseResponse: (body, target, memo) => whole.parseResponse(body, asMantle(target), memo),
    createStreamDecoder: (target, memo) => whole.createStreamDecoder(asMantle(target), memo),
  };
}

const present = (raw: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined));

/** Bedrock's newer endpoint as a provider of its own. */
export const bedrockMantle = mantleProvider('bedrock_mantle');
