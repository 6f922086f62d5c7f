/** How AWS's services refuse. Source: AWS's API references, "Common error types" and the errors of each operation. */
import { type ErrorKindName, GatewayError } from '../errors.ts';
import { isObject, textOf } from '../lib/json.ts';

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
export function awsError(status: number, body: unknown, headers?: Headers): GatewayError | undefined {
  const outer = isObject(body) ? body : {};
  const error = isObject(outer['error']) ? outer['error'] : outer;
  const named = headers?.get('x-amzn-errortype') ?? textOf(error['type']) ?? textOf(error['__type']);
  // `ThrottlingException:http://…` or `com.amazon.coral.service#ThrottlingException`.
  const name = named?.replace(/:.*$/, '').replace(/^.*#/, '');
  const message = textOf(error['message']) ?? textOf(error['Message']) ?? 'The upstream refused the request.';
  const known = KINDS[name?.toLowerCase() ?? ''] ?? (status === 500 ? 'upstream_unavailable' : undefined);
  if (known === undefined) return undefined;
  return new GatewayError(known === 'upstream_rejected' ? rejectedAs(message) : known, message);
}

function rejectedAs(message: string): ErrorKindName {
  if (CONTEXT_WINDOW.test(message)) return 'context_window_exceeded';
  return /content filtering policy/i.test(message) ? 'content_policy_violation' : 'upstream_rejected';
}
