/** Failures that users' own tests ask for. Source: LiteLLM's documentation of `mock_testing_fallbacks` and its kin. */
import { type ErrorKindName, GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Call, MockFailure } from './call.ts';

const KINDS: Readonly<Record<MockFailure, ErrorKindName>> = {
  fallbacks: 'upstream_failed',
  context_fallbacks: 'context_window_exceeded',
  content_policy_fallbacks: 'content_policy_violation',
  rate_limit_error: 'upstream_busy',
};

/** The group that was asked first fails, so that its fallbacks are tried; of a rate limit only the first attempt, so that a retry is. */
export function mockFailure(call: Call, { modelGroup }: Target): GatewayError | undefined {
  const asked = call.controls.mockFailure;
  if (asked === undefined) return undefined;
  const isOfAttempt = asked === 'rate_limit_error';
  const isDue = isOfAttempt
    ? call.attempts.length === 0
    : call.attempts.every(({ target }) => target.modelGroup === modelGroup);
  if (!isDue) return undefined;
  return new GatewayError(KINDS[asked], `This failure was asked for with mock_testing_${asked}.`, {
    pretended: isOfAttempt ? 'attempt' : 'group',
  });
}

/** As of an upstream that never answers. */
export const mockTimeout = (timeoutMs: number): GatewayError =>
  new GatewayError('upstream_timeout', `The upstream did not answer within ${Math.round(timeoutMs) / 1000} seconds.`, {
    pretended: 'attempt',
  });
