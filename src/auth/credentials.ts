/** Which header the key stands in. Source: LiteLLM's documentation of accepted credential headers. */
import { invalidApiKey } from '../errors.ts';
import type { HeaderBag } from '../gateway/call.ts';

export interface CredentialOptions {
  /** `general_settings.litellm_key_header_name`: if set, the only header that is read. */
  readonly keyHeaderName?: string | undefined;
}

/** Headers that hold the bare key, in order of precedence after `Authorization`. */
const BARE_HEADERS = ['api-key', 'x-api-key', 'x-goog-api-key', 'ocp-apim-subscription-key'] as const;

const HOW = 'Send it as "Authorization: Bearer sk-...".';

/** @throws GatewayError 401 with a plain reason; the credential itself is never part of it */
export function credentialFrom(headers: HeaderBag, options: CredentialOptions): string {
  if (options.keyHeaderName !== undefined) {
    const value = headers[options.keyHeaderName.toLowerCase()];
    if (value === undefined) throw invalidApiKey(`No API key was sent in the header ${options.keyHeaderName}.`);
    return fromAuthorization(value);
  }
  const own = headers['x-litellm-api-key'];
  if (own !== undefined) return wholeKey(own.replace(/^bearer\s+/i, ''));
  const authorization = headers['authorization'];
  if (authorization !== undefined) return fromAuthorization(authorization);
  for (const name of BARE_HEADERS) {
    const value = headers[name];
    if (value !== undefined) return wholeKey(value);
  }
  throw invalidApiKey(`No API key was sent. ${HOW}`);
}

function fromAuthorization(value: string): string {
  const aws = /^AWS4-HMAC-SHA256\b.*Credential=Bearer ([^/,\s]+)\//.exec(value);
  if (aws?.[1] !== undefined) return wholeKey(aws[1]);
  const space = value.indexOf(' ');
  const scheme = space === -1 ? '' : value.slice(0, space).toLowerCase();
  if (scheme !== 'bearer' && scheme !== 'basic') {
    throw invalidApiKey(
      `The API key is malformed: the Authorization header needs the word Bearer before the key. ${HOW}`,
    );
  }
  return wholeKey(value.slice(space + 1));
}

/** Repeated headers arrive joined by commas: two keys are no key. */
function wholeKey(given: string): string {
  const key = given.trim();
  if (key === '') throw invalidApiKey(`The API key is empty. ${HOW}`);
  if (/[\s,]/.test(key))
    throw invalidApiKey('The API key is malformed: exactly one key is accepted, without spaces or commas.');
  return key;
}
