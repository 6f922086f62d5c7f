/**
 * Amazon Bedrock by its Converse API, whichever model is behind it. Source: AWS's API reference, "Converse",
 * "ConverseStream" and "Common error types"; LiteLLM's documentation of `bedrock/`.
 */
import type { ProviderAdapter } from './adapter.ts';
import { awsError } from './aws-error.ts';
import { completionOf } from './bedrock-answer.ts';
import { countRequest, readCount } from './bedrock-count.ts';
import { authorize } from './bedrock-credentials.ts';
import { DEFAULT_REGION, runtimeUrl } from './bedrock-model.ts';
import { type BedrockMemo, buildRequest } from './bedrock-request.ts';
import {
  BEARER_ENV,
  baseUrlOf,
  parseSettings,
  regionOf,
  SETTINGS_ENV,
  secretsOf,
  settingsOf,
} from './bedrock-settings.ts';
import { streamDecoder } from './bedrock-stream.ts';

/** Nobody else gives an answer of this adapter its memo. */
const memoOf = (memo: unknown): BedrockMemo | undefined => memo as BedrockMemo | undefined;

export const bedrock: ProviderAdapter = {
  id: 'bedrock',
  defaultBaseUrl: runtimeUrl(DEFAULT_REGION),
  apiKeyEnv: [BEARER_ENV],
  baseUrlEnv: [],
  relaysBytes: false,
  framing: 'aws-event-stream',
  settingsEnv: SETTINGS_ENV,
  parseSettings,
  baseUrlOf,
  buildRequest,
  countRequest,
  readCount,
  authorize,
  parseResponse: (body, _, memo) => completionOf(body, memoOf(memo)),
  createStreamDecoder: (_, memo) => streamDecoder(memoOf(memo)),
  parseError: awsError,
  billing: ({ settings, upstreamModel }) => ({ listRegion: regionOf(settingsOf({ settings }), upstreamModel) }),
  secretsOf,
};
