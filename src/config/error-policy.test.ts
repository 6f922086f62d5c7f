import { describe, expect, test } from 'bun:test';
import { told, treeFrom } from '../../test/support/config-trees.ts';
import { policyOf } from './error-policy.ts';
import { Findings } from './findings.ts';
import { ALLOWED_FAILS_POLICY, RETRY_POLICY } from './schema.ts';

type Rules = typeof RETRY_POLICY | typeof ALLOWED_FAILS_POLICY;

function policy(text: string, rules: Rules = RETRY_POLICY) {
  const findings = new Findings();
  const counts = policyOf(treeFrom(text), { path: 'policy', rules }, findings);
  return { counts, findings: told(findings).filter((line) => !line.includes(' honoured ')) };
}

const NAMES = [
  ['BadRequestError', 'bad_request'],
  ['AuthenticationError', 'authentication'],
  ['TimeoutError', 'timeout'],
  ['RateLimitError', 'rate_limit'],
  ['ContentPolicyViolationError', 'content_policy'],
  ['InternalServerError', 'internal'],
  ['ServiceUnavailableError', 'unavailable'],
  ['BadGatewayError', 'bad_gateway'],
  ['NotFoundError', 'not_found'],
] as const;

describe('a policy', () => {
  test.each(NAMES)('counts retries after %s as those after %s', (name, kind) => {
    expect(policy(`${name}Retries: 3`)).toEqual({ counts: { [kind]: 3 }, findings: [] });
  });

  test.each(NAMES)('counts the failures that are borne of %s as those of %s', (name, kind) => {
    expect(policy(`${name}AllowedFails: 100`, ALLOWED_FAILS_POLICY)).toEqual({ counts: { [kind]: 100 }, findings: [] });
  });

  test('takes a default for retries, none as 0, and numbers in text', () => {
    expect(policy('{DefaultRetries: 0, TimeoutErrorRetries: "2"}').counts).toEqual({ default: 0, timeout: 2 });
  });

  test.each(['{}', '~', '{TimeoutErrorRetries: }'])('written as %s says nothing', (text) => {
    expect(policy(text)).toEqual({ counts: {}, findings: [] });
  });

  test.each([
    [
      'TimeoutErrorRetries: -1',
      '1:22 error policy.TimeoutErrorRetries: must be a whole number, 0 or more, not the number -1',
    ],
    [
      'TimeoutErrorRetries: 1.5',
      '1:22 error policy.TimeoutErrorRetries: must be a whole number, 0 or more, not the number 1.5',
    ],
    [
      'TimeoutErrorRetries: often',
      '1:22 error policy.TimeoutErrorRetries: must be a whole number, 0 or more, not text',
    ],
    [
      'TimeoutErorRetries: 1',
      '1:1 unknown policy.TimeoutErorRetries: nobody knows this key. Did you mean "TimeoutErrorRetries"?',
    ],
    [
      'timeout_error_retries: 1',
      '1:1 unknown policy.timeout_error_retries: nobody knows this key. Did you mean "TimeoutErrorRetries"?',
    ],
    ['[1]', '1:1 error policy: must be a mapping, not a list'],
    ['3', '1:1 error policy: must be a mapping, not the number 3'],
  ])('with %j says what is wrong, and counts nothing for it', (text, line) => {
    expect(policy(text)).toEqual({ counts: {}, findings: [line] });
  });

  test('keeps what is right beside what is wrong', () => {
    expect(policy('{TimeoutErrorRetries: x, RateLimitErrorRetries: 4}').counts).toEqual({ rate_limit: 4 });
  });

  test('of one sort takes no names of the other', () => {
    expect(policy('TimeoutErrorAllowedFails: 1').counts).toEqual({});
    expect(policy('DefaultRetries: 1', ALLOWED_FAILS_POLICY)).toMatchObject({
      counts: {},
      findings: ['1:1 unknown policy.DefaultRetries: nobody knows this key.'],
    });
  });
});
