import { describe, expect, test } from 'bun:test';
import { ERROR_KINDS, type ErrorKindName, GatewayError } from '../errors.ts';
import { blameOf, classOf, type ErrorClass, isCredentialRefused } from './error-class.ts';

/** Kind of failure → its class, and whether it speaks against the deployment. */
const EXPECTED: Readonly<Partial<Record<ErrorKindName, readonly [ErrorClass, 'none' | 'counted' | 'at_once']>>> = {
  upstream_busy: ['rate_limit', 'at_once'],
  upstream_rejected: ['bad_request', 'none'],
  context_window_exceeded: ['bad_request', 'none'],
  content_policy_violation: ['content_policy', 'none'],
  upstream_unauthorized: ['authentication', 'at_once'],
  upstream_payment_required: ['authentication', 'at_once'],
  upstream_forbidden: ['authentication', 'at_once'],
  upstream_not_found: ['not_found', 'at_once'],
  upstream_timeout: ['timeout', 'counted'],
  upstream_gateway_timeout: ['timeout', 'counted'],
  upstream_failed: ['internal', 'counted'],
  upstream_bad_gateway: ['bad_gateway', 'counted'],
  upstream_unavailable: ['unavailable', 'counted'],
  upstream_unreachable: ['internal', 'counted'],
  upstream_protocol: ['bad_gateway', 'counted'],
  upstream_truncated: ['bad_gateway', 'counted'],
};

// The table's keys, read back from it.
const KINDS = Object.keys(ERROR_KINDS) as ErrorKindName[];
const error = (kind: ErrorKindName): GatewayError => new GatewayError(kind, 'no');

describe('every kind of failure', () => {
  test.each(KINDS)('%s has its class, and is blamed on whom it belongs to', (kind) => {
    const [errorClass, blame] = EXPECTED[kind] ?? [undefined, 'none'];
    expect([classOf(error(kind)), blameOf(error(kind))]).toEqual([errorClass, blame]);
  });

  test('of an upstream has a class, so that every policy can count it', () => {
    const upstream = KINDS.filter((kind) => /^(upstream_|context_|content_)/.test(kind));
    expect(upstream.filter((kind) => classOf(error(kind)) === undefined)).toEqual([]);
  });

  test('of a client, or of the gateway itself, blames no deployment', () => {
    const own = KINDS.filter((kind) => !kind.startsWith('upstream_'));
    expect(own.filter((kind) => blameOf(error(kind)) !== 'none')).toEqual([]);
  });

  test('is worth an alarm when our own credential was refused, and only then', () => {
    expect(KINDS.filter((kind) => isCredentialRefused(error(kind)))).toEqual(['upstream_unauthorized']);
  });
});
