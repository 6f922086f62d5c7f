import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleIntent } from '../../test/support/sample-row.ts';
import { requestById } from '../db/request-by-id.ts';
import { insertRequests } from '../db/requests.ts';
import { usageSince } from '../db/scope-usage.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { crashedRow, decodeIntent, encodeIntent, type Intent } from './intent.ts';

const db = databasePlace();
const name = fc.option(fc.string());

const intent: fc.Arbitrary<Intent> = fc.record({
  id: fc.string({ minLength: 1 }),
  callId: fc.string({ minLength: 1 }),
  route: fc.string(),
  startedAtMs: fc.nat(2 ** 41),
  keyHash: name,
  keyAlias: name,
  teamId: name,
  userId: name,
  requestedModel: fc.string(),
  modelGroup: fc.string(),
  stream: fc.boolean(),
});

describe('an intent', () => {
  test('comes back as it was, whatever it says', () => {
    fc.assert(
      fc.property(intent, (one) => expect(decodeIntent(encodeIntent(one))).toEqual(one)),
      { seed: 8 },
    );
  });

  test('says nothing twice: what repeats is left out', () => {
    const usual = sampleIntent({ id: 'one-id', requestedModel: 'some-model', modelGroup: 'some-model' });
    expect(encodeIntent(usual).match(/one-id/g)).toHaveLength(1);
    expect(encodeIntent(usual).match(/some-model/g)).toHaveLength(1);
    expect(encodeIntent(usual)).not.toContain('\n');
  });
});

describe('what becomes of one that nothing followed', () => {
  test('is a row that is crashed, of unknown cost, and counted for those who asked', async () => {
    const one = sampleIntent({ id: 'r', keyHash: 'k', teamId: 't', userId: 'u', stream: true });
    await insertRequests(db(), [crashedRow(one)]);
    expect(await requestById(db(), 'r', EVERYTHING)).toMatchObject({
      ...one,
      status: 'crashed',
      httpStatus: 500,
      costNanoUsd: null,
      costParts: null,
      buckets: null,
      endedAtMs: one.startedAtMs,
      error: { kind: 'crashed', type: 'internal_server_error' },
    });
    // Nobody knows whether an upstream was asked, so it is no use of anything that is limited.
    expect(await usageSince(db(), { kind: 'api_key', id: 'k' }, null)).toEqual({
      costNanoUsd: 0,
      requests: 0,
      tokens: 0,
    });
  });

  test('is the same row each time it is made, so that writing it again changes nothing', async () => {
    const one = sampleIntent({ id: 'r' });
    expect(await insertRequests(db(), [crashedRow(one)])).toBe(1);
    expect(await insertRequests(db(), [crashedRow(decodeIntent(encodeIntent(one)))])).toBe(0);
    expect(crashedRow(one)).toEqual(crashedRow(one));
  });
});
