import { describe, expect, test } from 'bun:test';
import { type SampleCall, sampleCall, sampleCaller } from '../../test/support/call-parts.ts';
import { GatewayError } from '../errors.ts';
import { type EnforcedParams, enforcedParams } from './enforced-params.ts';

const NOTHING: EnforcedParams = { ofAll: [], ofServiceAccounts: [] };

/** Which parameter is missing; `undefined`: none. */
function missing(call: SampleCall, configured: Partial<EnforcedParams> = {}): string | undefined {
  try {
    enforcedParams({ enforcedParams: () => ({ ...NOTHING, ...configured }) }).admit?.(sampleCall(call));
    return undefined;
  } catch (error) {
    if (error instanceof GatewayError && error.status === 400) return error.details.param;
    throw error;
  }
}

const ofKey = (...enforced_params: unknown[]): SampleCall => ({
  caller: sampleCaller({ metadata: { enforced_params } }),
});

describe('a required parameter', () => {
  test('must be in the request, whatever its value', () => {
    expect(missing(ofKey('user'))).toBe('user');
    expect(missing({ ...ofKey('user'), request: { user: 'u' } })).toBeUndefined();
    expect(missing({ ...ofKey('temperature'), request: { temperature: 0 } })).toBeUndefined();
  });

  test('is there when the gateway has taken it for itself', () => {
    expect(missing({ ...ofKey('metadata'), gatewayKeys: ['metadata'] })).toBeUndefined();
    expect(missing({ ...ofKey('tags'), gatewayKeys: ['metadata'] })).toBe('tags');
  });

  test('may lie within the metadata, or within anything else', () => {
    const controls = { metadata: { generation_name: 'g', deep: { er: 1 } } };
    expect(missing({ ...ofKey('metadata.generation_name', 'metadata.deep.er'), controls })).toBeUndefined();
    expect(missing({ ...ofKey('metadata.other'), controls })).toBe('metadata.other');
    expect(missing({ ...ofKey('metadata.generation_name.x'), controls })).toBe('metadata.generation_name.x');
    expect(missing({ ...ofKey('stream_options.include_usage') })).toBe('stream_options.include_usage');
    const request = { stream_options: { include_usage: true } };
    expect(missing({ ...ofKey('stream_options.include_usage'), request })).toBeUndefined();
  });

  test('is not met by what every object inherits', () => {
    expect(missing(ofKey('constructor'))).toBe('constructor');
    expect(missing(ofKey('metadata.toString'))).toBe('metadata.toString');
    expect(missing(ofKey('__proto__.x'))).toBe('__proto__.x');
  });

  test('that is no text asks for nothing', () => {
    expect(missing(ofKey(7, null))).toBeUndefined();
    expect(missing({ caller: sampleCaller({ metadata: { enforced_params: 'user' } }) })).toBeUndefined();
  });

  test('is asked for by the gateway, by service accounts and by teams', () => {
    expect(missing({}, { ofAll: ['user'] })).toBe('user');
    expect(missing({}, { ofServiceAccounts: ['user'] })).toBeUndefined();
    const robot = sampleCaller({ metadata: { service_account_id: 'robot' } });
    expect(missing({ caller: robot }, { ofServiceAccounts: ['user'] })).toBe('user');
    const team = { metadata: { enforced_params: ['seed'] } } as never; // All that is read of it.
    expect(missing({ caller: sampleCaller({ team }) })).toBe('seed');
  });
});
