/** `extra_headers` of a request, as far as a client may set headers of the gateway's own call to a provider. */
import { type GatewayError, invalidRequest } from '../errors.ts';
import { isObject } from '../lib/json.ts';
import type { Change } from './adapter.ts';

/** Credentials, billing, routing and framing are the operator's and the connection's. */
const RESERVED: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'x-goog-user-project',
  'cookie',
  'host',
  'forwarded',
  'openai-organization',
  'openai-project',
  'anthropic-workspace-id',
  'helicone-auth',
  'helicone-target-url',
  'helicone-openai-api-base',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'accept-encoding',
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'trailer',
  'upgrade',
  'expect',
]);

/** AWS's signatures and what leads to another model behind an endpoint; other gateways' destinations and keys. */
const RESERVED_FAMILIES =
  /^(?:x-amz-|x-amzn-sagemaker-(?:inference-component|target-)|x-snowflake-authorization-|x-portkey-(?:api-key|config|provider|virtual-key|custom-host)|x-forwarded-|cf-access-|cf-aig-(?:authorization|custom-))/;

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** Printable ASCII and tabs: above all no line ends, which would start a header of the client's own. */
const VALUE = /^[\t\x20-\x7e]{0,4000}$/;

/**
 * @param own the gateway's headers, lower case; they win
 * @throws GatewayError 400 for a name or a value that cannot stand in a header
 */
export function withExtraHeaders(
  own: Readonly<Record<string, string>>,
  extra: unknown,
  changes: Change[],
): Record<string, string> {
  if (extra === undefined || extra === null) return own;
  if (!isObject(extra)) throw refused('extra_headers must be an object of header names and texts.');
  const headers: Record<string, string> = { ...own };
  for (const [name, value] of Object.entries(extra)) {
    const [key, text] = header(name, value);
    if (isReserved(key) || Object.hasOwn(own, key)) {
      changes.push({ field: `extra_headers.${key}`, action: 'dropped', note: 'set by the gateway' });
    } else headers[key] = text;
  }
  return headers;
}

const isReserved = (key: string): boolean => RESERVED.has(key) || RESERVED_FAMILIES.test(key);

function header(name: string, value: unknown): readonly [string, string] {
  if (!NAME.test(name)) throw refused('extra_headers holds a name that no header can have.');
  const key = name.toLowerCase();
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof text === 'string' && VALUE.test(text)) return [key, text];
  throw refused(`The value of the extra header ${key} must be a text of printable ASCII without line ends.`);
}

const refused = (message: string): GatewayError => invalidRequest(message, 'extra_headers');
