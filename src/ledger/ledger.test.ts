import { describe, expect, test } from 'bun:test';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ledgerPlace, until } from '../../test/support/ledger-place.ts';
import { sampleIntent, sampleRow } from '../../test/support/sample-row.ts';
import type { LedgerRow } from '../db/request-row.ts';
import { spendByKey } from '../db/requests.ts';

const place = ledgerPlace();

describe('recording', () => {
  test('a recorded row is in the database after a flush, with its cost in the total', async () => {
    const ledger = await place.open();
    const intent = sampleIntent();
    ledger.intend(intent);
    expect(ledger.openIntents()).toBe(1);
    ledger.record(sampleRow({ id: intent.id, keyHash: 'k', costNanoUsd: 12 }));
    expect(ledger.openIntents()).toBe(0);
    expect(ledger.pending()).toBe(1);
    await ledger.flush();
    expect(ledger.pending()).toBe(0);
    expect(await place.stored()).toEqual({ [intent.id]: 'success' });
    expect(await spendByKey(place.db, 'k')).toBe(12);
  });

  test('rows reach the database without a flush, more than a batch of them', async () => {
    const ledger = await place.open();
    for (let index = 0; index < 1_203; index++) ledger.record(sampleRow());
    await until(() => ledger.pending() === 0);
    expect(Object.keys(await place.stored())).toHaveLength(1_203);
  });

  test('a request without an intent, refused before any upstream, is a row like any other', async () => {
    const ledger = await place.open();
    const row = sampleRow({ status: 'failure', httpStatus: 401 });
    ledger.record(row);
    await ledger.flush();
    expect(await place.stored()).toEqual({ [row.id]: 'failure' });
  });

  test('a row recorded twice counts once', async () => {
    const ledger = await place.open();
    const row = sampleRow({ keyHash: 'k', costNanoUsd: 5 });
    ledger.record(row);
    ledger.record(row);
    await ledger.flush();
    ledger.record(row);
    await ledger.flush();
    expect(await spendByKey(place.db, 'k')).toBe(5);
  });

  test('flushing or closing with nothing recorded returns at once, and closing twice is harmless', async () => {
    const ledger = await place.open();
    await ledger.flush();
    await ledger.close();
    await ledger.close();
  });

  test('closing moves everything to the database', async () => {
    const ledger = await place.openDying();
    const row = sampleRow();
    ledger.record(row);
    await ledger.close();
    expect(await place.stored()).toEqual({ [row.id]: 'success' });
    expect(() => ledger.record(sampleRow())).toThrow('closed');
  });

  test('an intent takes less than 300 bytes', async () => {
    const ledger = await place.open();
    ledger.intend(sampleIntent({ keyAlias: 'production', teamId: 'team-1', userId: 'user-1' }));
    const text = readFileSync(join(place.dataDir, 'journal', place.segments()[0] ?? ''), 'latin1');
    // What is filled in beforehand is not the line's.
    const bytes = text.replace(/\0+$/, '').length;
    expect(bytes).toBeLessThan(300);
  });
});

describe('after a death', () => {
  test('recorded rows are there once, and requests that were running became crashed rows', async () => {
    const dying = await place.openDying();
    const [done, running] = [sampleIntent(), sampleIntent({ callId: 'mine', keyHash: 'k', stream: true })];
    dying.intend(done);
    dying.intend(running);
    dying.record(sampleRow({ id: done.id, keyHash: 'k', costNanoUsd: 9 }));

    await place.open();
    expect(await place.stored()).toEqual({ [done.id]: 'success', [running.id]: 'crashed' });
    expect(await spendByKey(place.db, 'k')).toBe(9);
    expect(place.warnings).toEqual(['1 request(s) were cut off when the last process died']);
    const crashed = await place.db
      .selectFrom('requests')
      .selectAll()
      .where('id', '=', running.id)
      .executeTakeFirstOrThrow();
    expect(crashed).toMatchObject({ http_status: 500, cost_nano_usd: null, call_id: 'mine', stream: 1 });
    const details = await place.db.selectFrom('request_details').selectAll().executeTakeFirstOrThrow();
    expect(details.error_message).toBe('The gateway stopped before this request had ended');
  });

  test('starting again and again adds nothing', async () => {
    const dying = await place.openDying();
    dying.intend(sampleIntent());
    dying.record(sampleRow({ keyHash: 'k', costNanoUsd: 3 }));
    await place.open();
    const once = await place.stored();
    await place.open();
    await place.open();
    expect(await place.stored()).toEqual(once);
    expect(await spendByKey(place.db, 'k')).toBe(3);
    expect(place.warnings).toHaveLength(1);
  });

  test('a half-written row is dropped and its request counts as crashed', async () => {
    const dying = await place.openDying();
    const intent = sampleIntent();
    dying.intend(intent);
    appendFileSync(join(place.dataDir, 'journal', place.segments()[0] ?? ''), `12345678 r {"id":"${intent.id}","sta`);
    await place.open();
    expect(await place.stored()).toEqual({ [intent.id]: 'crashed' });
  });

  test('a database that is down at the start does not stop the start', async () => {
    const dying = await place.openDying();
    const [done, running] = [sampleIntent(), sampleIntent()];
    dying.intend(done);
    dying.intend(running);
    dying.record(sampleRow({ id: done.id }));
    await place.breakDatabase();
    const ledger = await place.open();
    const later = sampleRow();
    ledger.record(later);
    expect(ledger.pending()).toBe(3);
    await place.mendDatabase();
    await ledger.flush();
    expect(await place.stored()).toEqual({ [done.id]: 'success', [running.id]: 'crashed', [later.id]: 'success' });
  });

  test('a line of a shape that can never be stored is set aside and holds nothing up', async () => {
    const dying = await place.openDying();
    const rows = [sampleRow(), sampleRow()];
    // JSON edge: what an older program might have written.
    dying.record(JSON.parse('{"id":"stranger"}'));
    for (const row of rows) dying.record(row);
    const ledger = await place.open();
    expect(ledger.pending()).toBe(0);
    expect(Object.keys(await place.stored())).toEqual(rows.map(({ id }) => id).sort());
    expect(readFileSync(join(place.dataDir, 'journal', 'rejected.jsonl'), 'utf8')).toBe('{"id":"stranger"}\n');
    expect(place.warnings.join()).toContain('stranger cannot be stored');
  });
});

describe('a request that only counts', () => {
  const HOUR_MS = 3_600_000;
  const unkept = (over: Partial<LedgerRow> = {}): LedgerRow =>
    sampleRow({ keyHash: 'k', costNanoUsd: 5, totalsOnly: true, ...over });
  const remembered = async (): Promise<number> =>
    (await place.db.selectFrom('counted_requests').select('id').execute()).length;

  test('leaves no row, and counts once however often its process dies', async () => {
    const dying = await place.openDying();
    const [done, running] = [sampleIntent({ totalsOnly: true }), sampleIntent({ totalsOnly: true })];
    dying.intend(done);
    dying.intend(running);
    dying.record(unkept({ id: done.id }));
    for (let start = 0; start < 3; start++) {
      await place.open();
      expect([await place.stored(), await spendByKey(place.db, 'k')]).toEqual([{}, 5]);
    }
  });

  test('is remembered as long as a line of the journal can bring it again, and an hour', async () => {
    let nowMs = 1_764_000_000_000;
    const clocked = { segmentBytes: 3_000, now: () => nowMs };
    const ledger = await place.open(clocked);
    const minutes = async (count: number): Promise<void> => {
      for (let minute = 0; minute < count; minute++) {
        nowMs += 60_000;
        for (let index = 0; index < 4; index++) ledger.record(unkept({ startedAtMs: nowMs - 5, endedAtMs: nowMs }));
        await ledger.flush();
      }
      await until(() => place.segments().length === 1);
    };
    await minutes(20);
    expect(await remembered()).toBe(80);
    await minutes(100);
    expect(await remembered()).toBeLessThan(4 * 70);
    expect(await remembered()).toBeGreaterThan(4 * 59);
    expect(await spendByKey(place.db, 'k')).toBe(480 * 5);
    nowMs += 9 * HOUR_MS; // A quiet night: what its segment still holds must not count again.
    const next = await place.open(clocked);
    await next.flush();
    expect(await spendByKey(place.db, 'k')).toBe(480 * 5);
  });
});

describe('segments', () => {
  test('finished ones are deleted, and an open intent in them is carried along', async () => {
    const ledger = await place.open({ segmentBytes: 3_000 });
    const slow = sampleIntent();
    ledger.intend(slow);
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 10; index++) ledger.record(sampleRow());
      await ledger.flush();
    }
    await until(() => place.segments().length === 1);
    await place.openDying();
    expect((await place.stored())[slow.id]).toBe('crashed');
  });

  test('while the database is down they all stay', async () => {
    const ledger = await place.open({ segmentBytes: 3_000 });
    await place.breakDatabase();
    for (let index = 0; index < 30; index++) ledger.record(sampleRow());
    await until(() => place.warnings.length > 0);
    expect(place.segments().length).toBeGreaterThan(5);
    await place.mendDatabase();
    await ledger.flush();
    await until(() => place.segments().length === 1);
  });
});
