/** What kind of failure an error is for routing: LiteLLM's classes of its retry and cooldown policies. */
import type { ErrorClass, ErrorKindName, GatewayError } from '../errors.ts';

export type { ErrorClass };

/**
 * `blame`: whether it speaks against the deployment. `at_once`: it would fail for everybody, so one failure is enough.
 * What the client did, or this gateway itself, is nobody's fault up there.
 */
interface Verdict {
  readonly class: ErrorClass;
  readonly blame: 'none' | 'counted' | 'at_once';
}

const VERDICTS: Partial<Record<ErrorKindName, Verdict>> = {
  upstream_busy: { class: 'rate_limit', blame: 'at_once' },
  upstream_rejected: { class: 'bad_request', blame: 'none' },
  context_window_exceeded: { class: 'bad_request', blame: 'none' },
  content_policy_violation: { class: 'content_policy', blame: 'none' },
  upstream_unauthorized: { class: 'authentication', blame: 'at_once' },
  upstream_payment_required: { class: 'authentication', blame: 'at_once' },
  upstream_forbidden: { class: 'authentication', blame: 'at_once' },
  upstream_not_found: { class: 'not_found', blame: 'at_once' },
  upstream_timeout: { class: 'timeout', blame: 'counted' },
  upstream_gateway_timeout: { class: 'timeout', blame: 'counted' },
  upstream_failed: { class: 'internal', blame: 'counted' },
  upstream_bad_gateway: { class: 'bad_gateway', blame: 'counted' },
  upstream_unavailable: { class: 'unavailable', blame: 'counted' },
  upstream_unreachable: { class: 'internal', blame: 'counted' },
  upstream_protocol: { class: 'bad_gateway', blame: 'counted' },
  upstream_truncated: { class: 'bad_gateway', blame: 'counted' },
};

/** `undefined`: no upstream failed. */
export const classOf = (error: GatewayError): ErrorClass | undefined => VERDICTS[error.kind]?.class;

export const blameOf = (error: GatewayError): Verdict['blame'] => VERDICTS[error.kind]?.blame ?? 'none';

/** Our own credential was refused: somebody must be told. */
export const isCredentialRefused = (error: GatewayError): boolean => error.kind === 'upstream_unauthorized';
