import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ledgerPlace, until } from '../../test/support/ledger-place.ts';
import { sampleIntent, sampleRow } from '../../test/support/sample-row.ts';
import { spendByKey } from '../db/requests.ts';

const place = ledgerPlace();

describe('a database that fails', () => {
  test('rows wait in the journal, requests go on, and one warning says so and one that it is over', async () => {
    let nowMs = 0;
    const ledger = await place.open({ now: () => nowMs });
    await place.breakDatabase();
    const rows = Array.from({ length: 20 }, () => sampleRow());
    for (const row of rows) ledger.record(row);
    await until(() => place.warnings.length > 0);
    for (let index = 0; index < 3; index++) rows.push(sampleRow());
    for (const row of rows.slice(20)) ledger.record(row);
    expect(ledger.pending()).toBe(23);
    nowMs = 12_000;
    await place.mendDatabase();
    await ledger.flush();
    expect(Object.keys(await place.stored())).toHaveLength(23);
    expect(place.warnings).toEqual([
      expect.stringContaining('The database takes no request rows'),
      'The database takes request rows again, after 12 s',
    ]);
  });

  test('rows beyond the memory limit are read back from the journal, each once', async () => {
    const ledger = await place.open({ maxRowsInMemory: 10, segmentBytes: 20_000 });
    await place.breakDatabase();
    for (let index = 0; index < 300; index++) ledger.record(sampleRow({ keyHash: 'k', costNanoUsd: 1 }));
    await until(() => place.warnings.length > 0);
    await place.mendDatabase();
    const flushed = ledger.flush();
    // Rows that arrive while the journal is being read.
    for (let index = 0; index < 200; index++) {
      ledger.record(sampleRow({ keyHash: 'k', costNanoUsd: 1 }));
      if (index % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await flushed;
    await ledger.flush();
    expect(await spendByKey(place.db, 'k')).toBe(500);
    expect(Object.keys(await place.stored())).toHaveLength(500);
    expect(ledger.pending()).toBe(0);
  });

  test('closing does not wait for it, and the next start has the rows', async () => {
    const ledger = await place.open();
    await place.breakDatabase();
    const row = sampleRow();
    ledger.record(row);
    const flushed = ledger.flush().catch((error: Error) => error.message);
    await ledger.close();
    expect(await flushed).toContain('rows left in the journal');
    await place.mendDatabase();
    await place.open();
    expect(await place.stored()).toEqual({ [row.id]: 'success' });
  });

  test('a journal over its size takes no new request, but the rows of running ones', async () => {
    const ledger = await place.open({ maxJournalBytes: 2_000 });
    await place.breakDatabase();
    const running = sampleIntent();
    ledger.intend(running);
    for (let index = 0; index < 3; index++) ledger.record(sampleRow());
    expect(() => ledger.intend(sampleIntent())).toThrow(expect.objectContaining({ kind: 'unavailable', status: 503 }));
    ledger.record(sampleRow({ id: running.id }));
    await place.mendDatabase();
    await ledger.flush();
    expect(Object.keys(await place.stored())).toHaveLength(4);
  });

  test('a line that cannot be written is thrown to the caller', async () => {
    const disk = {
      write: () => {
        throw new Error('ENOSPC');
      },
      sync: async () => undefined,
    };
    const ledger = await place.open({ disk });
    expect(() => ledger.intend(sampleIntent())).toThrow('cannot be written');
    expect(() => ledger.record(sampleRow())).toThrow('cannot be written');
    expect(ledger.pending()).toBe(0);
    expect(ledger.openIntents()).toBe(0);
  });
});

describe('its state', () => {
  test('is refusing while the disk takes no line, and no longer once there is room, without another request', async () => {
    let isFull = false;
    const disk = {
      write: (_: number, text: string) => {
        if (isFull) throw new Error('ENOSPC');
        return Buffer.byteLength(text);
      },
      sync: async () => undefined,
    };
    const ledger = await place.open({ disk });
    expect(ledger.state()).toBe('storing');
    isFull = true;
    expect(() => ledger.intend(sampleIntent())).toThrow('cannot be written');
    expect(ledger.state()).toBe('refusing');
    expect(ledger.state()).toBe('refusing');
    isFull = false;
    expect(ledger.state()).toBe('storing');
  });

  test('is waiting while the database takes no rows', async () => {
    const ledger = await place.open();
    await place.breakDatabase();
    ledger.record(sampleRow());
    while (ledger.state() === 'storing') await Bun.sleep(1);
    expect(ledger.state()).toBe('waiting');
    await place.mendDatabase();
    await ledger.flush();
    expect(ledger.state()).toBe('storing');
  });

  test('is refusing while the journal is as long as it may get', async () => {
    await place.breakDatabase();
    const ledger = await place.open({ maxJournalBytes: 300 });
    ledger.record(sampleRow());
    expect(ledger.state()).toBe('refusing');
    await place.mendDatabase();
  });
});

type Step =
  | { readonly do: 'intend' | 'flush' | 'die' | 'break' | 'mend' }
  | { readonly do: 'record'; readonly nth: number; readonly cost: number };

describe('whatever happens in whatever order', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('intend' as const) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('record' as const), nth: fc.nat(9), cost: fc.nat(1_000) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('flush', 'die', 'break', 'mend' as const) }) },
  );

  test('each intent has exactly one row, crashed unless it was recorded first, and the total is the sum', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await place.end();
        await place.start();
        const small = { segmentBytes: 2_500, maxRowsInMemory: 3, writeEveryMs: 60_000, maxBackoffMs: 60_000 };
        let ledger = await place.open(small);
        let isBroken = false;
        let running: string[] = [];
        const expected: Record<string, string> = {};
        let total = 0;
        const act: Record<Step['do'], (current: Step) => Promise<void>> = {
          intend: async () => {
            const intent = sampleIntent();
            ledger.intend(intent);
            running.push(intent.id);
          },
          record: async (current) => {
            const [id] = running.splice(current.do === 'record' ? current.nth : 0, 1);
            if (id === undefined || current.do !== 'record') return;
            ledger.record(sampleRow({ id, keyHash: 'k', costNanoUsd: current.cost }));
            expected[id] = 'success';
            total += current.cost;
          },
          flush: async () => {
            if (!isBroken) await ledger.flush();
          },
          die: async () => {
            for (const id of running) expected[id] = 'crashed';
            running = [];
            ledger = await place.open(small);
          },
          break: async () => {
            if (!isBroken) await place.breakDatabase();
            isBroken = true;
          },
          mend: async () => {
            if (isBroken) await place.mendDatabase();
            isBroken = false;
          },
        };
        for (const current of [...steps, { do: 'mend' } as const, { do: 'die' } as const])
          await act[current.do](current);
        await ledger.flush();
        expect(await place.stored()).toEqual(expected);
        expect(await spendByKey(place.db, 'k')).toBe(total);
        // The dead processes' handles: their rows are in the database, so closing them writes nothing.
        await place.closeAll();
        expect(await spendByKey(place.db, 'k')).toBe(total);
      }),
      { numRuns: 60 },
    );
  });
});
