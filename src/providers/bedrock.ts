/**
 * Amazon Bedrock by its Converse API, whichever model is behind it. Source: AWS's API reference, "Converse",
 * "ConverseStream" and "Common error types"; LiteLLM's documentation of `bedrock/`.
 */
import { type ErrorKindName, GatewayError } from '../errors.ts';
import { isObject, textOf } from '../lib/json.ts';
import type { ProviderAdapter } from './adapter.ts';
import { completionOf } from './bedrock-answer.ts';
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

/** Exceptions by name, in lower case. */
const KINDS: Readonly<Record<string, ErrorKindName>> = {
  throttlingexception: 'upstream_busy',
  toomanyrequestsexception: 'upstream_busy',
  servicequotaexceededexception: 'upstream_busy',
  modelnotreadyexception: 'upstream_busy',
  validationexception: 'upstream_rejected',
  accessdeniedexception: 'upstream_forbidden',
  accessdenied: 'upstream_forbidden',
  unrecognizedclientexception: 'upstream_unauthorized',
  invalidsignatureexception: 'upstream_unauthorized',
  incompletesignature: 'upstream_unauthorized',
  incompletesignatureexception: 'upstream_unauthorized',
  missingauthenticationtoken: 'upstream_unauthorized',
  missingauthenticationtokenexception: 'upstream_unauthorized',
  invalidclienttokenid: 'upstream_unauthorized',
  expiredtoken: 'upstream_unauthorized',
  expiredtokenexception: 'upstream_unauthorized',
  notauthorized: 'upstream_unauthorized',
  resourcenotfoundexception: 'upstream_not_found',
  modeltimeoutexception: 'upstream_timeout',
  modelerrorexception: 'upstream_failed',
  modelstreamerrorexception: 'upstream_failed',
  internalserverexception: 'upstream_unavailable',
  internalfailure: 'upstream_unavailable',
  serviceunavailableexception: 'upstream_unavailable',
  serviceunavailable: 'upstream_unavailable',
};

const CONTEXT_WINDOW =
  /too many (input )?tokens|input is too long|expected maxlength:|prompt is too long|exceed context limit|maximum (context|tokens)|exceeds the maximum number of tokens|context (window|length)/i;

/** `details.upstream` keeps the exception's name, which stands in a header of whole answers. */
function parseError(status: number, body: unknown, headers?: Headers): GatewayError | undefined {
  const outer = isObject(body) ? body : {};
  const error = isObject(outer['error']) ? outer['error'] : outer;
  const named = headers?.get('x-amzn-errortype') ?? textOf(error['type']) ?? textOf(error['__type']);
  // `ThrottlingException:http://…` or `com.amazon.coral.service#ThrottlingException`.
  const name = named?.replace(/:.*$/, '').replace(/^.*#/, '');
  const message = textOf(error['message']) ?? textOf(error['Message']) ?? 'The upstream refused the request.';
  const known = KINDS[name?.toLowerCase() ?? ''] ?? (status === 500 ? 'upstream_unavailable' : undefined);
  if (known === undefined) return undefined;
  const isTooLong = known === 'upstream_rejected' && CONTEXT_WINDOW.test(message);
  return new GatewayError(isTooLong ? 'context_window_exceeded' : known, message);
}

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
  authorize,
  parseResponse: (body, _, memo) => completionOf(body, memoOf(memo)),
  createStreamDecoder: (_, memo) => streamDecoder(memoOf(memo)),
  parseError,
  billing: ({ settings, upstreamModel }) => ({ listRegion: regionOf(settingsOf({ settings }), upstreamModel) }),
  secretsOf,
};
