import { describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';

const place = adminPlace();
const DAY_MS = 86_400_000;
let serial = 0;

interface Used {
  readonly tags: readonly string[];
  readonly userId: string | null;
  readonly daysAgo?: number;
  readonly costNanoUsd?: number;
}

function used({ tags, userId, daysAgo = 0, costNanoUsd = 1_000_000 }: Used): void {
  serial += 1;
  const startedAtMs = place.nowMs - 1_000 - daysAgo * DAY_MS;
  place.ledger.record(
    sampleRow({ id: `t-${serial}`, callId: `t-${serial}`, tags: [...tags], userId, costNanoUsd, startedAtMs }),
  );
}

const dayAgo = (days: number): string => new Date(place.nowMs - 1_000 - days * DAY_MS).toISOString().slice(0, 10);
type Result = Record<string, unknown>;
const results = async (path: string): Promise<Result[]> => (await place.get(path)).body.results;

describe('active people', () => {
  test('of a day are counted once for each tag, newest day first', async () => {
    used({ tags: ['red', 'blue'], userId: 'ada' });
    used({ tags: ['red'], userId: 'ada' });
    used({ tags: ['red'], userId: 'bob' });
    used({ tags: ['red'], userId: 'bob', daysAgo: 1 });
    expect(await results('/tag/dau')).toEqual([
      { tag: 'red', active_users: 2, date: dayAgo(0), period_start: null, period_end: null },
      { tag: 'blue', active_users: 1, date: dayAgo(0), period_start: null, period_end: null },
      { tag: 'red', active_users: 1, date: dayAgo(1), period_start: null, period_end: null },
    ]);
  });

  test('are those of seven days, and requests of nobody or without tags are not among them', async () => {
    used({ tags: ['red'], userId: 'ada', daysAgo: 6 });
    used({ tags: ['red'], userId: 'ada', daysAgo: 7 });
    used({ tags: ['red'], userId: null });
    used({ tags: [], userId: 'ada' });
    expect((await results('/tag/dau')).map(({ date }) => date)).toEqual([dayAgo(6)]);
  });

  test('of a week are counted once, the oldest week first', async () => {
    used({ tags: ['red'], userId: 'ada' });
    used({ tags: ['red'], userId: 'ada', daysAgo: 6 });
    used({ tags: ['red'], userId: 'bob', daysAgo: 7 });
    used({ tags: ['red'], userId: 'eve', daysAgo: 49 });
    const weeks = await results('/tag/wau');
    expect(weeks).toMatchObject([
      { tag: 'red', active_users: 1, period_start: dayAgo(13), period_end: dayAgo(7) },
      { tag: 'red', active_users: 1, period_start: dayAgo(6), period_end: dayAgo(0) },
    ]);
    expect(weeks.map(({ date }) => String(date).slice(0, 6))).toEqual(['Week 6', 'Week 7']);
  });

  test('of a month are counted in times of thirty days', async () => {
    used({ tags: ['red'], userId: 'ada', daysAgo: 29 });
    used({ tags: ['red'], userId: 'bob', daysAgo: 0 });
    used({ tags: ['red'], userId: 'ada', daysAgo: 30 });
    expect(await results('/tag/mau')).toMatchObject([
      { active_users: 1, period_start: dayAgo(59), period_end: dayAgo(30) },
      { active_users: 2, period_start: dayAgo(29), period_end: dayAgo(0) },
    ]);
  });

  test('are found by whole tags or by a part of one, whole ones first', async () => {
    for (const tag of ['red', 'infrared', 'blue']) used({ tags: [tag], userId: 'ada' });
    const tags = async (query: string) => (await results(`/tag/dau?${query}`)).map(({ tag }) => tag).toSorted();
    expect(await tags('tag_filter=RED')).toEqual(['infrared', 'red']);
    expect(await tags('tag_filters=red,blue')).toEqual(['blue', 'red']);
    expect(await tags('tag_filters=blue&tag_filter=red')).toEqual(['blue']);
    expect(await tags('tag_filter=green')).toEqual([]);
  });

  test('are counted on the days of the zone that was asked for', async () => {
    used({ tags: ['red'], userId: 'ada' });
    const [utc] = await results('/tag/dau?timezone=UTC');
    const [kiritimati] = await results('/tag/dau?timezone=Pacific/Kiritimati');
    const there = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Pacific/Kiritimati' }).format(place.nowMs - 1_000);
    expect([utc?.['date'], kiritimati?.['date']]).toEqual([dayAgo(0), there]);
    expect((await place.get('/tag/dau?timezone=Mars')).body.error.param).toBe('timezone');
  });
});

test('the summary tells what was used with each tag, and by how many people', async () => {
  used({ tags: ['red'], userId: 'ada' });
  used({ tags: ['red'], userId: 'bob' });
  used({ tags: ['red'], userId: null });
  used({ tags: ['blue'], userId: null, costNanoUsd: 5_000_000 });
  const found = await results(`/tag/summary?start_date=${dayAgo(1)}&end_date=${dayAgo(0)}`);
  expect(found).toMatchObject([
    { tag: 'red', unique_users: 2, total_requests: 3, successful_requests: 3, failed_requests: 0, total_spend: 0.003 },
    { tag: 'blue', unique_users: 0, total_requests: 1, total_spend: 0.005 },
  ]);
  expect(await results(`/tag/summary?start_date=${dayAgo(9)}&end_date=${dayAgo(8)}`)).toEqual([]);
  expect((await place.get('/tag/summary')).body.error.param).toBe('start_date');
});

test('the tags there are come most used first', async () => {
  used({ tags: ['rare'], userId: 'ada', daysAgo: 400 });
  for (let each = 0; each < 3; each++) used({ tags: ['usual'], userId: 'ada' });
  expect(await results('/tag/distinct')).toEqual([{ tag: 'usual' }, { tag: 'rare' }]);
});

describe('what each person has used', () => {
  test('counts a request once, however many tags it has', async () => {
    await place.post('/user/new', { user_id: 'ada', user_email: 'ada@example.com', auto_create_key: false });
    used({ tags: ['red', 'blue', 'User-Agent: curl'], userId: 'ada' });
    used({ tags: ['red'], userId: 'ada' });
    used({ tags: ['blue'], userId: 'bob' });
    used({ tags: ['red'], userId: 'eve', daysAgo: 31 });
    const { body } = await place.get('/tag/user-agent/per-user-analytics');
    expect(body).toMatchObject({ total_count: 2, page: 1, page_size: 50, total_pages: 1 });
    expect(body.results).toMatchObject([
      { user_id: 'ada', user_email: 'ada@example.com', user_agent: 'red', total_requests: 2, spend: 0.002 },
      { user_id: 'bob', user_email: null, user_agent: 'blue', total_requests: 1, spend: 0.001 },
    ]);
  });

  test('can be asked for by tag, and in pages', async () => {
    for (const userId of ['ada', 'bob']) used({ tags: ['red'], userId });
    used({ tags: ['blue'], userId: 'bob' });
    const blue = (await place.get('/tag/user-agent/per-user-analytics?tag_filter=blu')).body;
    expect(blue.results).toMatchObject([{ user_id: 'bob', total_requests: 1, user_agent: 'blue' }]);
    expect((await place.get('/tag/user-agent/per-user-analytics?tag_filter=green')).body.total_count).toBe(0);
    const last = (await place.get('/tag/user-agent/per-user-analytics?page=2&page_size=1')).body;
    expect(last).toMatchObject({ total_count: 2, total_pages: 2, results: [{ user_id: 'ada' }] });
  });
});

test('who sees only a part of the requests is told none of it', async () => {
  const key = await place.key({ user_id: 'ada' });
  for (const path of ['dau', 'wau', 'mau', 'distinct', 'summary', 'user-agent/per-user-analytics']) {
    expect((await place.get(`/tag/${path}`, key)).status).toBe(403);
  }
});
