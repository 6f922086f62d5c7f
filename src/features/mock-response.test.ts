import { describe, expect, test } from 'bun:test';
import { meterAtFlatPrice, STARTED_AT_MS, sampleCall, sampleCaller } from '../../test/support/call-parts.ts';
import { limitParts } from '../../test/support/limit-parts.ts';
import type { Reply } from '../gateway/call.ts';
import { NO_GUESTS } from '../gateway/entities.ts';
import { createFeatures } from './index.ts';
import { mockResponse } from './mock-response.ts';

const NO_MIRRORS = { isMirroring: () => false, mirror: () => {} };

const parts = {
  now: () => STARTED_AT_MS,
  meter: (_call: unknown, _target: unknown, reading: Parameters<typeof meterAtFlatPrice>[0]) =>
    meterAtFlatPrice(reading),
};

async function answer(
  mock: string | undefined,
  metadata: Record<string, unknown> | undefined,
  stream = false,
): Promise<Reply | undefined> {
  const caller = metadata && sampleCaller({ metadata });
  return await mockResponse(parts).answer?.(
    sampleCall({ caller, controls: { mockResponse: mock }, request: { stream } }),
  );
}

describe('a client’s own canned answer', () => {
  test('is given to a key that may ask for one', async () => {
    const reply = await answer('Hello', { allow_client_mock_response: true });
    expect(reply?.kind === 'full' && reply.body().choices[0]?.message.content).toBe('Hello');
    expect(reply?.target).toBeUndefined();
    expect((await answer('Hello', { allow_client_mock_response: true }, true))?.kind).toBe('stream');
  });

  test.each([[{}], [{ allow_client_mock_response: 'true' }], [{ allow_client_mock_response: 1 }], [undefined]])(
    'is passed over in silence for all others: %j',
    async (metadata) => {
      expect(await answer('Hello', metadata)).toBeUndefined();
    },
  );

  test('is none when nobody asked', async () => {
    expect(await answer(undefined, { allow_client_mock_response: true })).toBeUndefined();
  });
});

test('access to the model is decided before anything answers', () => {
  const models = () => ({ resolveAlias: (name: string) => name, has: () => true, accessGroups: () => [] });
  const names = createFeatures({
    ...parts,
    models,
    guestsOf: () => NO_GUESTS,
    enforcedParams: () => ({ ofAll: [], ofServiceAccounts: [] }),
    teamModels: () => undefined,
    limits: limitParts(),
    mirror: NO_MIRRORS,
  }).map(({ name }) => name);
  expect(names).toEqual(['model-access', 'team-models', 'enforced-params', 'mirror', 'limits', 'mock-response']);
});
