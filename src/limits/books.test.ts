import { describe, expect, test } from 'bun:test';
import { asking, DAY, KEY, limitOn, MINUTE, NOTHING, TEAM } from '../../test/support/limit-place.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { type Account, Period } from './account.ts';
import { Announcer } from './announcer.ts';
import { Books, type Replay } from './books.ts';
import { Check, isChecked } from './check.ts';
import { Counters } from './counters.ts';
import { MemoryHold } from './hold.ts';
import type { Limit, LimitEvent, Part } from './types.ts';

const NOW_MS = Date.parse('2026-10-08T12:00:00Z');
const budget = limitOn(KEY, 'usd', 100);
const perMinute = limitOn(KEY, 'tokens', 100, { window: MINUTE });

function place(replay?: Replay) {
  const clock = { nowMs: NOW_MS };
  const events: LimitEvent[] = [];
  const books = new Books({
    now: () => clock.nowMs,
    recordedRows: () => 0,
    counters: new Counters(100),
    announcer: new Announcer((event) => events.push(event)),
    replay,
  });
  return { books, clock, events };
}

/** Its counter, with a past of nothing. */
function readyFor(books: Books, limit: Limit, nowMs = NOW_MS) {
  const counter = books.counterFor(limit, nowMs);
  const current = counter.at(nowMs);
  if (current instanceof Period) current.endLoading(0, 0);
  return current;
}

const holdIn = (books: Books, base: Part, demand = asking(40, 30)) =>
  new MemoryHold(books, demand, { base, attempt: NOTHING }, books.now());

describe('the time of the books', () => {
  test('never goes back when the clock does', () => {
    const { books, clock } = place();
    expect(books.now()).toBe(NOW_MS);
    clock.nowMs -= 3_600_000;
    expect(books.now()).toBe(NOW_MS);
    clock.nowMs = NOW_MS + 1;
    expect(books.now()).toBe(NOW_MS + 1);
  });
});

describe('booking', () => {
  test('takes once from a scope that is named twice, in every counter that it has', () => {
    const { books } = place();
    const [money, tokens] = [readyFor(books, budget), readyFor(books, perMinute)];
    const hold = holdIn(books, { scopes: [KEY, TEAM, KEY], limits: [budget, perMinute] });
    expect([money.held, tokens.held]).toEqual([40, 30]);
    hold.release();
    expect([money.held, tokens.held]).toEqual([0, 0]);
  });

  test('takes nothing where nothing is counted', () => {
    const { books } = place();
    const accounts: Account[] = [];
    const hold = holdIn(books, NOTHING);
    books.book([KEY, TEAM], hold, accounts, { booking: books.nextBooking(), nowMs: NOW_MS });
    expect(accounts).toEqual([]);
  });

  test('keeps a counter in memory for as long as somebody holds something there', () => {
    const { books } = place();
    const counter = books.counterFor(budget, NOW_MS);
    const holds = [1, 2].map(() => holdIn(books, { scopes: [KEY], limits: [] }));
    expect([counter.live, books.live.size]).toEqual([2, 2]);
    holds[0]?.settle({ nanoUsd: 1, tokens: 1 });
    expect([counter.live, books.live.size]).toEqual([1, 1]);
    holds[1]?.release();
    expect([counter.live, books.live.size]).toEqual([0, 0]);
  });

  test('adds calls under way to a counter that comes later, at the time that it counts them by', () => {
    const { books, clock } = place();
    const hold = holdIn(books, { scopes: [KEY], limits: [] });
    clock.nowMs += 59_999;
    expect(readyFor(books, perMinute, books.now()).held).toBe(30);
    clock.nowMs += 1;
    const longer = limitOn(KEY, 'tokens', 100, { window: { kind: 'sliding', ms: 60_000.5 } });
    expect(readyFor(books, longer, books.now()).held).toBe(30);
    const over = limitOn(KEY, 'requests', 100, { window: MINUTE });
    expect(readyFor(books, over, books.now()).held).toBe(0);
    hold.release();
    expect(readyFor(books, perMinute, books.now()).held).toBe(0);
  });
});

describe('who waits for something to be given back', () => {
  test('waits with all others for the same, and is told once', async () => {
    const { books } = place();
    const hold = holdIn(books, NOTHING);
    const waiting = books.freed();
    expect(books.freed()).toBe(waiting);
    hold.release();
    await waiting;
    expect(books.freed()).not.toBe(waiting);
  });
});

describe('calls of the process before', () => {
  const entries = [
    { atMs: NOW_MS - 60_000, scopes: [KEY], tokens: 1 },
    { atMs: NOW_MS - 59_999, scopes: [KEY, TEAM, KEY], tokens: 10 },
    { atMs: NOW_MS + 5_000, scopes: [KEY], tokens: 100 },
  ];
  const before: Replay = { untilMs: NOW_MS + 60_000, entries };

  test.each([
    [
      'tokens within the window, those of a clock that was ahead too',
      limitOn(KEY, 'tokens', 9, { window: MINUTE }),
      110,
    ],
    ['requests, each once for a scope', limitOn(KEY, 'requests', 9, { window: MINUTE }), 2],
    ['those of another scope', limitOn(TEAM, 'tokens', 9, { window: MINUTE }), 10],
    ['no money, which slides nowhere', limitOn(KEY, 'usd', 9, { window: MINUTE }), 0],
    [
      'nothing of a scope of the same name and another kind',
      limitOn({ kind: 'user', id: 'key' }, 'tokens', 9, { window: MINUTE }),
      0,
    ],
  ])('still count: %s', (_what, limit, posted) => {
    const { books } = place(before);
    expect(readyFor(books, limit).posted).toBe(posted);
  });

  test('are forgotten once no window reaches back to them', () => {
    const { books } = place({ ...before, untilMs: NOW_MS });
    expect(readyFor(books, perMinute).posted).toBe(0);
  });

  test('do not count in calendar windows, which are read from the ledger', () => {
    const { books } = place(before);
    const daily = limitOn(KEY, 'tokens', 9, { window: DAY });
    expect(books.counterFor(daily, NOW_MS).at(NOW_MS)).toMatchObject({ posted: 0, state: 'stale' });
  });
});

describe('a check', () => {
  test.each([
    ['hard', 'usd', 1, true],
    ['shadow', 'usd', 1, true],
    ['soft', 'usd', 1, false],
    ['soft', 'parallel', 1, true],
    ['hard', 'usd', Number.POSITIVE_INFINITY, false],
    ['soft', 'parallel', Number.POSITIVE_INFINITY, false],
    ['hard', 'tokens', 0, true],
  ] as const)('looks at a %s limit of %s of %p: %p', (strength, unit, max, expected) => {
    expect(isChecked(limitOn(KEY, unit, max, { strength }))).toBe(expected);
  });

  test('is not possible under a hard limit whose past is not known, and says so', async () => {
    const { books } = place();
    const error = await refusalOf(() => new Check(books, asking(1), NOW_MS).all([budget]));
    expect([error.kind, error.message]).toEqual([
      'unavailable',
      'The usage under one of the limits of this request is not known yet. Try again.',
    ]);
  });

  test('passes over a shadow limit whose past is not known', () => {
    const { books, events } = place();
    const check = new Check(books, asking(500), NOW_MS);
    check.all([{ ...budget, strength: 'shadow' }]);
    check.tell();
    expect([check.refusal, events]).toEqual([undefined, []]);
  });

  test('keeps of all refusals the one that clears last, and takes nothing', () => {
    const { books } = place();
    const daily = limitOn(TEAM, 'usd', 60, { window: DAY });
    for (const limit of [budget, daily]) readyFor(books, limit);
    holdIn(books, { scopes: [KEY, TEAM], limits: [] });
    const check = new Check(books, asking(60.5), NOW_MS);
    check.all([daily, budget, { ...budget, max: 60 }]);
    expect(check.refusal).toMatchObject({ reason: 'too_large', standing: { held: 40 } });
    const smaller = new Check(books, asking(60), NOW_MS);
    smaller.all([daily, budget]);
    expect(smaller.refusal).toMatchObject({ clearsAtMs: Date.parse('2026-10-09T00:00:00Z'), onlyHeld: true });
    expect([readyFor(books, budget).held, readyFor(books, daily).held]).toEqual([40, 40]);
  });

  test('tells of a soft level that is passed once a minute, and only after the call was let through', () => {
    const { books, clock, events } = place();
    const level = limitOn(KEY, 'parallel', 0.5, { strength: 'soft' });
    const asked = () => {
      const check = new Check(books, asking(0), books.now());
      check.all([level]);
      return check;
    };
    const check = asked();
    expect(events).toEqual([]);
    check.tell();
    clock.nowMs += 59_999;
    asked().tell();
    expect(events.map(({ kind }) => kind)).toEqual(['soft_limit_passed']);
    clock.nowMs += 1;
    asked().tell();
    expect(events.map(({ kind }) => kind)).toEqual(['soft_limit_passed', 'soft_limit_passed']);
  });
});
