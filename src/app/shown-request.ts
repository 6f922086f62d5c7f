/** A provider's request as a person may see it: no secret of it, and of the operator's own addresses only what is theirs to see. */
import type { ShownRequest } from '../admin/request-preview.ts';
import type { Target, UpstreamRequest } from '../providers/adapter.ts';
import { redactor } from '../providers/redaction.ts';

const HIDDEN = '****';
const CARRIERS = /auth|key|token|secret|cookie|password|signature|credential/i;
/** Query parameters that hold no credential. */
const PLAIN_QUERY: ReadonlySet<string> = new Set(['alt', 'api-version', 'version']);

/** @param inFull shows addresses other than the provider's public one */
export function shownRequest({ url, headers, body }: UpstreamRequest, target: Target, inFull: boolean): ShownRequest {
  const hide = redactor(target);
  const operators = new Set(Object.keys(target.extraHeaders).map((name) => name.toLowerCase()));
  const shownHeaders = Object.entries(headers).map(([name, value]) => {
    const isSecret = CARRIERS.test(name) || operators.has(name.toLowerCase());
    return [name, isSecret ? hiddenValue(value) : hide(value)];
  });
  return {
    url: hide(shownUrl(url, target, inFull)),
    headers: Object.fromEntries(shownHeaders),
    body: JSON.parse(hide(body)),
  };
}

/** What kind of credential it is may be seen. */
const hiddenValue = (value: string): string => `${/^(Bearer|Basic|Token) /i.exec(value)?.[0] ?? ''}${HIDDEN}`;

function shownUrl(text: string, { adapter }: Target, inFull: boolean): string {
  const url = URL.parse(text);
  if (url === null) return HIDDEN;
  const query = [...url.searchParams].map(([name, value]) => `${name}=${PLAIN_QUERY.has(name) ? value : HIDDEN}`);
  const isPublic = inFull || url.origin === URL.parse(adapter.defaultBaseUrl)?.origin;
  const path = isPublic ? `${url.origin}${url.pathname}` : `https://${HIDDEN}${url.pathname}`;
  return query.length === 0 ? path : `${path}?${query.join('&')}`;
}
