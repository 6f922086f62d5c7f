/**
 * Google's Gemini through AI Studio: `generateContent` and `streamGenerateContent`. The translation is the same behind any
 * door to these models; what differs is where they are and how one signs in. Sources: Google's "Gemini API" reference;
 * `google.rpc.Status` and `google.rpc.RetryInfo` of googleapis; LiteLLM's documentation of `gemini/`.
 */
import { type ErrorKindName, GatewayError } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { Change, ChatInput, ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import { type AnswerContext, type AnswerStamp, geminiCompletion } from './gemini-answer.ts';
import { geminiModel } from './gemini-model.ts';
import { geminiRequest } from './gemini-request.ts';
import { geminiChunkDecoder } from './gemini-stream.ts';
import { withExtraHeaders } from './request-headers.ts';
import { SignatureMemory } from './thought-signatures.ts';

/** A way to the models. */
export interface GeminiDoor
  extends Pick<
    ProviderAdapter,
    'id' | 'defaultBaseUrl' | 'apiKeyEnv' | 'baseUrlEnv' | 'settingsEnv' | 'parseSettings' | 'baseUrlOf' | 'secretsOf'
  > {
  /** @param method `generateContent`, `streamGenerateContent` or `countTokens` */
  url(target: Target, method: string): string;
  /** Credentials, lower case. */
  headers(target: Target): Readonly<Record<string, string>>;
  /** What only this door adds to the request. */
  finish?(request: UpstreamRequest, target: Target): UpstreamRequest;
  /** What `countTokens` is asked about such a body. */
  countBody?(body: JsonObject, target: Target): JsonObject;
}

export interface GeminiParts {
  readonly memory: SignatureMemory;
  readonly stamp: AnswerStamp;
}

const ID_BYTES = 14;
const newId = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(ID_BYTES))).toString('hex');

const systemParts = (): GeminiParts => ({ memory: new SignatureMemory(), stamp: { nowMs: () => Date.now(), newId } });

/** What reading the answer takes to know of the request. */
interface Memo {
  readonly isLegacy: boolean;
}

export function geminiAdapter(door: GeminiDoor, parts = systemParts()): ProviderAdapter {
  const { url, headers, finish = (request) => request, countBody = wholeRequest, ...facts } = door;
  const contextOf = (target: Target, memo: unknown): AnswerContext => ({
    ...parts,
    billsQueries: geminiModel(target).isThirdOrLater,
    isLegacy: isObject(memo) && memo['isLegacy'] === true,
  });
  return {
    ...facts,
    relaysBytes: false,
    buildRequest: (input, target, changes) => finish(build(input, target, changes), target),
    countRequest(input, target) {
      const built = finish(build(input, target, []), target);
      // It is what was written two lines above.
      const body = JSON.parse(built.body) as JsonObject;
      return {
        url: url(target, COUNT),
        headers: built.headers,
        body: JSON.stringify(countBody(body, target)),
      };
    },
    readCount: (body) => (isObject(body) ? numberOf(body['totalTokens']) : undefined),
    parseResponse: (body, target, memo) => geminiCompletion(body, contextOf(target, memo)),
    createStreamDecoder: (target, memo) => geminiChunkDecoder(contextOf(target, memo)),
    parseError: geminiError,
  };

  function build(input: ChatInput, target: Target, changes: Change[]): UpstreamRequest {
    const { body, isStream, extraHeaders } = geminiRequest(input, target, changes, parts.memory);
    const own = { 'content-type': 'application/json', ...headers(target), ...operatorsHeaders(target) };
    const memo: Memo = {
      isLegacy: Array.isArray(input.request['functions']) && !Array.isArray(input.request['tools']),
    };
    return {
      url: url(target, isStream ? 'streamGenerateContent' : 'generateContent'),
      headers: withExtraHeaders(own, extraHeaders, changes),
      body: JSON.stringify(body),
      memo,
    };
  }
}

const operatorsHeaders = ({ extraHeaders }: Target) =>
  Object.fromEntries(Object.entries(extraHeaders).map(([name, value]) => [name.toLowerCase(), value]));

const STREAM = 'streamGenerateContent';
const COUNT = 'countTokens';

/** @param base up to and without `/{model}`, with the folder of models */
export const methodUrl = (base: string, method: string): string =>
  `${base}:${method}${method === STREAM ? '?alt=sse' : ''}`;

const VERSION = /\/v\d+[a-z0-9]*$/;
/** Models in folders of their own say so. */
const IN_FOLDER = /^(models|tunedModels)\//;

function studioUrl({ baseUrl, upstreamModel, apiVersion }: Target, method: string): string {
  const [, folder = 'models'] = IN_FOLDER.exec(upstreamModel) ?? [];
  const model = encodeURIComponent(upstreamModel.replace(IN_FOLDER, ''));
  const root = baseUrl.replace(/\/models$/, '');
  const versioned = VERSION.test(root) ? root : `${root}/${apiVersion ?? 'v1beta'}`;
  return methodUrl(`${versioned}/${folder}/${model}`, method);
}

/** With instructions and tools, which a list of contents leaves out. Its model is named once more. */
function wholeRequest(body: JsonObject, { upstreamModel }: Target): JsonObject {
  const model = IN_FOLDER.test(upstreamModel) ? upstreamModel : `models/${upstreamModel}`;
  return { generateContentRequest: { model, ...body } };
}

/** In a header: addresses end up in logs. */
const studioHeaders = ({ apiKey }: Target): Readonly<Record<string, string>> =>
  apiKey === undefined || apiKey === '' ? {} : { 'x-goog-api-key': apiKey };

export const gemini = geminiAdapter({
  id: 'gemini',
  defaultBaseUrl: 'https://generativelanguage.googleapis.com',
  apiKeyEnv: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  baseUrlEnv: ['GEMINI_API_BASE'],
  url: studioUrl,
  headers: studioHeaders,
});

const BY_STATUS: Readonly<Record<string, ErrorKindName>> = {
  UNAUTHENTICATED: 'upstream_unauthorized',
  PERMISSION_DENIED: 'upstream_forbidden',
  NOT_FOUND: 'upstream_not_found',
  RESOURCE_EXHAUSTED: 'upstream_busy',
  DEADLINE_EXCEEDED: 'upstream_gateway_timeout',
  UNAVAILABLE: 'upstream_unavailable',
  INTERNAL: 'upstream_failed',
};

/** Words that say more than the status beside them. */
const BY_WORDS: readonly (readonly [ErrorKindName, RegExp])[] = [
  ['upstream_unauthorized', /API key not valid|API_KEY_INVALID|API key expired/i],
  [
    'context_window_exceeded',
    /token count .*exceeds the maximum|payload size exceeds|exceeds the maximum number of tokens/i,
  ],
  ['content_policy_violation', /the response was blocked|prohibited use policy/i],
  ['upstream_busy', /resource (has been )?exhausted|quota exceeded/i],
];

/** `google.rpc.Status` in its JSON form; a list of one when a stream was asked for. */
export function geminiError(status: number, raw: unknown): GatewayError | undefined {
  const body: unknown = Array.isArray(raw) ? raw[0] : raw;
  const error = isObject(body) ? body['error'] : undefined;
  if (!isObject(error)) return undefined;
  const { message, details, ...upstream } = error;
  const text = textOf(message) ?? 'The upstream refused the request.';
  const list = Array.isArray(details) ? details.filter(isObject) : [];
  const kind = kindOf(text, textOf(error['status']), list);
  if (kind === undefined) return undefined;
  const retryAfterMs = retryDelayMs(list);
  return new GatewayError(kind, text, {
    upstream,
    upstreamStatus: status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function kindOf(text: string, status: string | undefined, details: readonly JsonObject[]): ErrorKindName | undefined {
  const reasons = details.map(({ reason }) => textOf(reason) ?? '').join(' ');
  const rule = BY_WORDS.find(([, pattern]) => pattern.test(`${text} ${reasons}`));
  if (rule) return rule[0];
  return status !== undefined && Object.hasOwn(BY_STATUS, status) ? BY_STATUS[status] : undefined;
}

const LONGEST_DELAY_MS = 24 * 3_600_000;

/** `RetryInfo.retryDelay`: seconds as text, `34.4s`. */
function retryDelayMs(details: readonly JsonObject[]): number | undefined {
  const delays = details.map(({ retryDelay }) => /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(textOf(retryDelay) ?? '')?.[1]);
  const seconds = delays.find((delay) => delay !== undefined);
  const ms = seconds === undefined ? undefined : Math.round(Number(seconds) * 1000);
  return ms !== undefined && ms <= LONGEST_DELAY_MS ? ms : undefined;
}
