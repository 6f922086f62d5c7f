import { describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { requestById } from './request-by-id.ts';
import type { LedgerRow } from './request-row.ts';
import { insertRequests } from './requests.ts';
import type { RoutingRecord } from './routing-record.ts';
import { EVERYTHING, type Visibility } from './visibility.ts';

const db = databasePlace();
const ROUTING: RoutingRecord = {
  choices: [
    {
      group: 'gpt-4o-mini',
      strategy: 'least-busy',
      candidates: [{ deploymentId: 'a', score: 2, health: 'up' }],
      passedOver: [{ deploymentId: 'b', reason: 'it is cooling down' }],
      picked: 'a',
      pinned: false,
    },
  ],
  limits: [{ scope: 'api_key', unit: 'usd', max: 1e9, used: 5, remaining: 999_999_995, resetsAtMs: null }],
  waits: [{ kind: 'backoff', durationMs: 12.5, afterAttempts: 1 }],
  notAsked: [{ deploymentId: 'c', reason: 'deployment_busy' }],
};

const only = (over: Partial<Exclude<Visibility, { all: true }>>): Visibility => ({
  all: false,
  userId: null,
  keyHash: null,
  teams: [],
  organizations: [],
  ...over,
});

async function stored(over: Partial<LedgerRow> = {}): Promise<LedgerRow> {
  const row = sampleRow(over);
  await insertRequests(db(), [row]);
  return row;
}

test('a row comes back with how it was routed', async () => {
  const row = await stored({ routing: ROUTING });
  expect(await requestById(db(), row.id, EVERYTHING)).toEqual(row);
});

test('a plain row keeps nothing beside it', async () => {
  const row = await stored();
  expect(Object.keys((await requestById(db(), row.id, EVERYTHING)) ?? {})).not.toContain('routing');
  expect(await db().selectFrom('request_details').selectAll().execute()).toEqual([]);
});

test('its id, its call id and its answer’s id find it, and nothing else does', async () => {
  const row = await stored({ callId: 'call of mine', responseId: 'chatcmpl-7' });
  for (const id of [row.id, 'call of mine', 'chatcmpl-7']) {
    expect((await requestById(db(), id, EVERYTHING))?.id).toBe(row.id);
  }
  for (const id of ['', '%', 'call', row.id.slice(0, -1)]) {
    expect(await requestById(db(), id, EVERYTHING)).toBeUndefined();
  }
});

test('stored prompts do not come with it', async () => {
  const row = await stored({ requestBody: '{"messages":[]}', responseBody: '{}' });
  const found = await requestById(db(), row.id, EVERYTHING);
  expect([found?.requestBody, found?.responseBody]).toEqual([undefined, undefined]);
});

describe('of rows that are not everybody’s', () => {
  test.each([
    ['the key', only({ keyHash: 'k1' }), true],
    ['its user', only({ userId: 'u1' }), true],
    ['its team', only({ teams: ['t0', 't1'] }), true],
    ['its organization', only({ organizations: ['o1'] }), true],
    ['another key', only({ keyHash: 'k2' }), false],
    ['another user', only({ userId: 'u2' }), false],
    ['a key named like the user', only({ keyHash: 'u1' }), false],
    ['a team named like the organization', only({ teams: ['o1'] }), false],
    ['nobody', only({}), false],
    ['somebody that no row ever had', only({ keyHash: 'never seen' }), false],
  ])('%s', async (_, visibility, isSeen) => {
    const row = await stored({ keyHash: 'k1', userId: 'u1', teamId: 't1', organizationId: 'o1' });
    await stored({ keyHash: 'k2', userId: 'u2', teamId: null });
    expect((await requestById(db(), row.id, visibility))?.id).toBe(isSeen ? row.id : undefined);
  });

  test('the newest of them with a call id that others have used too', async () => {
    const callId = 'shared';
    const ids: string[] = [];
    for (const keyHash of ['k1', 'k1', 'k2']) ids.push((await stored({ callId, keyHash })).id);
    expect((await requestById(db(), callId, only({ keyHash: 'k1' })))?.id).toBe(ids[1]);
    expect((await requestById(db(), callId, EVERYTHING))?.id).toBe(ids[2]);
  });
});
