/** Client headers that go on to the upstream, where the operator wants that. Source: LiteLLM's documentation of header forwarding. */
import type { Call, HeaderBag } from './call.ts';

export interface ForwardSettings {
  /** Forward the client's own `x-*` headers for this model group. */
  headersFor(modelGroup: string): boolean;
  readonly traceparent: boolean;
  /** `general_settings.litellm_key_header_name`: it holds the caller's key, so it stays here whatever its name. */
  readonly keyHeaderName?: string | undefined;
}

/** Ours, a proxy's, an SDK's, a credential, or what says where a request goes and who pays for it: never forwarded. */
const KEPT_BACK =
  /^x-(litellm-|tollgate-|stainless-|forwarded-|real-ip|api-key$|goog-api-key$|goog-user-project$|amz-|amzn-sagemaker-(inference-component|target-)|snowflake-authorization-|portkey-(api-key|config|provider|virtual-key|custom-host)$)/;
const FORWARDED = /^(x-|anthropic-beta$)/;

/**
 * @param always names that go on wherever they are sent, because the upstream's API defines them
 * @returns `undefined` when nothing is to be added
 */
export function forwardedHeaders(
  call: Call,
  settings: ForwardSettings,
  always: readonly string[] = [],
): Record<string, string> | undefined {
  const all = settings.headersFor(call.modelGroup);
  const own = always.flatMap((name) => (call.headers[name] === undefined ? [] : [[name, call.headers[name]] as const]));
  if (!all && !settings.traceparent && own.length === 0) return undefined;
  return {
    ...Object.fromEntries(own),
    ...(all && clientHeaders(call.headers, settings.keyHeaderName?.toLowerCase())),
    ...(settings.traceparent &&
      call.headers['traceparent'] !== undefined && { traceparent: call.headers['traceparent'] }),
  };
}

function clientHeaders(headers: HeaderBag, keyHeader: string | undefined): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (name === keyHeader || KEPT_BACK.test(name)) continue;
    if (value !== undefined && FORWARDED.test(name)) chosen[name] = value;
  }
  return chosen;
}

/** Lists of switches: what the client asks for is added to what the request needs. */
const JOINED = 'anthropic-beta';

/** The gateway's own headers win over forwarded ones. */
export function withForwarded(
  own: Record<string, string>,
  forwarded: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  if (forwarded === undefined) return own;
  const [asked, needed] = [forwarded[JOINED], own[JOINED]];
  const all = { ...forwarded, ...own };
  if (asked === undefined || needed === undefined) return all;
  const names = `${needed},${asked}`.split(',').map((name) => name.trim());
  return { ...all, [JOINED]: [...new Set(names.filter((name) => name !== ''))].join(',') };
}
