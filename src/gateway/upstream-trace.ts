/** What an upstream calls a failure and the request that failed, so that its operator can be asked about it. */
import type { GatewayError } from '../errors.ts';
import { isObject } from '../lib/json.ts';

/** What providers call the id by which they find a request again; a name of their own goes before the general one. */
const REQUEST_IDS: readonly string[] = ['apim-request-id', 'x-amzn-requestid', 'request-id', 'x-request-id'];

/** Headers are untrusted: an id is short and has no spaces. */
export function requestIdIn(headers: Headers | undefined): string | undefined {
  return REQUEST_IDS.map((name) => headers?.get(name) ?? '').find((value) => ID.test(value));
}

export interface UpstreamTrace {
  /** The provider's own id of the request. */
  readonly upstreamRequestId?: string;
  /** The provider's own name of the failure: its `code`, else its `status` or `type`. */
  readonly upstreamCode?: string;
}

const ID = /^[\x21-\x7e]{1,200}$/;
const CODE = /^[\w .:-]{1,100}$/;

export function traceOf({ upstreamHeaders, details }: GatewayError): UpstreamTrace {
  const id = requestIdIn(upstreamHeaders);
  const own = isObject(details.upstream) ? details.upstream : {};
  const code = [own['code'], own['status'], own['type'], own['__type']].map(String).find(isWord);
  return { ...(id !== undefined && { upstreamRequestId: id }), ...(code !== undefined && { upstreamCode: code }) };
}

/** A number alone is the status once more. */
const isWord = (value: string): boolean => CODE.test(value) && !/^(\d{3}|null|undefined)$/.test(value);
