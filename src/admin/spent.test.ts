import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { adminPlace, NOW_MS } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { parseWindow, windowAt } from '../limits/window.ts';
import { type Spender, spentBy } from './spent.ts';

const place = adminPlace();
const HOUR_MS = 3_600_000;

const context = (timeZone = 'UTC') => ({
  db: place.db,
  ledger: place.ledger,
  settings: () => ({ ...place.settings, timeZone }),
  now: () => place.nowMs,
});

const record = (endUser: string, nanoUsd: number, startedAtMs: number): void =>
  place.ledger.record(sampleRow({ endUser, costNanoUsd: nanoUsd, startedAtMs }));

describe('what was spent in the current window', () => {
  test('is the sum over the log since the window began, in any zone, for many at once', async () => {
    const request = fc.record({
      who: fc.constantFrom('ada', 'bob', 'cem'),
      nanoUsd: fc.integer({ min: 0, max: 5_000_000_000 }),
      agoMs: fc.integer({ min: 0, max: 40 * 24 * HOUR_MS }),
    });
    const duration = fc.constantFrom(null, '30s', '1h', '1d', '7d', '30d', '1mo', 'weekly');
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/New_York');
    const recorded: { who: string; nanoUsd: number; atMs: number }[] = [];
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { maxLength: 12 }),
        fc.array(duration, { minLength: 3, maxLength: 3 }),
        zone,
        async (requests, durations, timeZone) => {
          for (const { who, nanoUsd, agoMs } of requests) {
            recorded.push({ who, nanoUsd, atMs: NOW_MS - agoMs });
            record(who, nanoUsd, NOW_MS - agoMs);
          }
          const spenders: Spender[] = ['ada', 'bob', 'cem'].map((id, at) => ({
            id,
            budgetDuration: durations[at] ?? null,
          }));
          const spent = await spentBy(context(timeZone), 'end_user', spenders);
          for (const { id, budgetDuration } of spenders) {
            const window = parseWindow(budgetDuration, timeZone);
            const span = windowAt(window ?? { kind: 'lifetime' }, NOW_MS);
            const sum = (sinceMs: number): number =>
              recorded
                .filter(({ who, atMs }) => who === id && atMs >= sinceMs)
                .reduce((total, { nanoUsd }) => total + nanoUsd, 0) / 1e9;
            expect(spent(id).spend).toBeCloseTo(sum(span.startMs), 9);
            expect(spent(id).total_spend).toBeCloseTo(sum(0), 9);
            expect(spent(id).budget_reset_at).toBe(span.endMs === null ? null : new Date(span.endMs).toISOString());
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test('starts from what an admin has set, as long as that window lasts', async () => {
    record('ada', 7_000_000_000, NOW_MS - HOUR_MS);
    record('ada', 2_000_000_000, NOW_MS);
    const spendSet = { nanoUsd: 500_000_000, atMs: NOW_MS - HOUR_MS / 2 };
    const ada = { id: 'ada', budgetDuration: '1d', spendSet };
    expect((await spentBy(context(), 'end_user', [ada]))('ada')).toMatchObject({ spend: 2.5, total_spend: 9 });
    place.nowMs += 24 * HOUR_MS;
    expect((await spentBy(context(), 'end_user', [ada]))('ada')).toMatchObject({ spend: 0, total_spend: 9 });
  });

  test('is nothing for whom nobody asked', async () => {
    expect((await spentBy(context(), 'end_user', []))('nobody')).toEqual({
      spend: 0,
      total_spend: 0,
      budget_reset_at: null,
    });
  });
});
