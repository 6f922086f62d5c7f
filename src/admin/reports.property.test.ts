import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { adminPlace } from '../../test/support/admin-place.ts';
import { FROM_MS, sumOf, TO_MS, tokensOf, usageRow, ZONES } from '../../test/support/usage-rows.ts';
import { digest } from '../auth/digest.ts';
import type { LedgerRow } from '../db/request-row.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import { price } from '../pricing/price.ts';

const place = adminPlace();

const ROWS = fc.sample(usageRow, { numRuns: 160, seed: 11 }).map(
  (row, at): LedgerRow => ({
    ...row,
    keyHash: row.keyHash === null ? null : digest(row.keyHash),
    id: Bun.randomUUIDv7('hex', row.startedAtMs + at),
    httpStatus: row.status === 'failure' && at % 3 === 0 ? 429 : row.httpStatus,
    // Sums of these stay exact as JSON numbers.
    costNanoUsd: row.costNanoUsd === null ? null : row.costNanoUsd % 1_000_003,
  }),
);

async function record(): Promise<void> {
  for (const row of ROWS) place.ledger.record(row);
  await place.ledger.flush();
}

const cost = (rows: readonly LedgerRow[]): number => sumOf(rows, ({ costNanoUsd }) => costNanoUsd ?? 0);
const nano = (dollars: number | null): number => Math.round((dollars ?? 0) * 1e9);
const sumUp = (views: readonly Record<string, number>[], field: string): number =>
  sumOf(views, (view) => nano(view[field] ?? 0));

/** Lines of a CSV whose cells hold no quotes, by column. */
function table(text: string): Record<string, string>[] {
  const [head = '', ...lines] = text.trimEnd().split('\r\n');
  const columns = head.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, at) => [columns[at] ?? '', cell])));
}

const csvNano = (lines: readonly Record<string, string>[]): number =>
  sumOf(lines, ({ spend = '' }) => Math.round(Number(spend) * 1e9));

/** The local date, by another way than the report's. */
const dayOf = (ms: number, timeZone: string): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(ms);

const DAYS = ['2026-03-28', '2026-03-29', '2026-03-30'] as const;
const asked = fc.record({
  timeZone: fc.constantFrom(...ZONES),
  days: fc.constantFrom<readonly [first: string, last: string]>(
    [DAYS[0], DAYS[2]],
    [DAYS[1], DAYS[1]],
    [DAYS[1], DAYS[2]],
  ),
});

type Asked = typeof asked extends fc.Arbitrary<infer Value> ? Value : never;

const queryOf = ({ timeZone, days: [first, last] }: Asked): string =>
  new URLSearchParams({ start_date: first, end_date: last, timezone: timeZone }).toString();

function within({ timeZone, days: [first, last] }: Asked): LedgerRow[] {
  return ROWS.filter(({ startedAtMs }) => {
    const day = dayOf(startedAtMs, timeZone);
    return day >= first && day <= last;
  });
}

async function csvOf(path: string): Promise<string> {
  const { status, body } = await place.get(`${path}&format=csv`);
  expect(status).toBe(200);
  return body;
}

async function everyTotal(query: string, rows: readonly LedgerRow[]): Promise<void> {
  const get = async (path: string) => {
    const { status, body } = await place.get(path);
    if (status !== 200) throw new Error(`${path}: ${JSON.stringify(body)}`);
    return body;
  };
  const total = cost(rows);
  const tokens = sumOf(rows, tokensOf);
  for (const limit of ['', '&limit=1000']) {
    expect(sumUp(await get(`/global/spend/keys?${query}${limit}`), 'total_spend')).toBe(total);
    expect(sumUp(await get(`/global/spend/models?${query}${limit}`), 'total_spend')).toBe(total);
  }
  expect(sumUp(await get(`/global/spend/provider?${query}`), 'spend')).toBe(total);
  expect(sumUp(await get(`/global/spend/logs?${query}`), 'spend')).toBe(total);
  const inTeams = rows.filter(({ teamId }) => teamId !== null);
  const teams = await get(`/global/spend/teams?${query}`);
  expect(sumUp(teams.total_spend_per_team, 'total_spend')).toBe(cost(inTeams));
  for (const team of ['t1', 't2']) {
    expect(sumUp(teams.daily_spend, team)).toBe(cost(rows.filter(({ teamId }) => teamId === team)));
  }
  expect(await get(`/global/activity?${query}`)).toMatchObject({
    sum_api_requests: rows.length,
    sum_total_tokens: tokens,
  });
  const models = await get(`/global/activity/model?${query}`);
  expect(sumOf(models, ({ sum_api_requests }: { sum_api_requests: number }) => sum_api_requests)).toBe(rows.length);
  const hits = await get(`/global/activity/cache_hits?${query}`);
  expect(sumOf(hits, ({ total_rows }: { total_rows: number }) => total_rows)).toBe(rows.length);
  const limited = rows.filter(({ httpStatus }) => httpStatus === 429);
  const exceptions = await get(`/global/activity/exceptions?${query}`);
  expect(exceptions.sum_num_rate_limit_exceptions).toBe(limited.length);
}

describe('every total', () => {
  test('of every route is the sum over the rows, for random zones and days', async () => {
    await record();
    let counted = 0;
    await fc.assert(
      fc.asyncProperty(asked, async (one) => {
        const rows = within(one);
        await everyTotal(queryOf(one), rows);
        counted += rows.length;
      }),
      { numRuns: 10, seed: 2 },
    );
    expect(counted).toBeGreaterThan(300);
  });

  test('of a report by group is the sum over its rows, and its table says the same', async () => {
    await record();
    const having = {
      // As in LiteLLM, what nobody is charged for is in the report too.
      team: () => true,
      customer: () => true,
      user: ({ userId }: LedgerRow) => userId !== null,
      organization: ({ organizationId }: LedgerRow) => organizationId !== null,
      model: () => true,
    };
    const group = fc.constantFrom(...(Object.keys(having) as (keyof typeof having)[]));
    await fc.assert(
      fc.asyncProperty(asked, group, async (one, by) => {
        const rows = within(one).filter(having[by]);
        const path = `/global/spend/report?${queryOf(one)}&group_by=${by}`;
        const { body } = await place.get(path);
        const lists: Record<string, number>[] = body.flatMap((day: Record<string, object[]>) => Object.values(day)[1]);
        expect(sumUp(lists, 'total_spend')).toBe(cost(rows));
        const parts = lists.flatMap((item) => Object(item)['metadata']);
        expect(sumUp(parts, 'spend')).toBe(cost(rows));
        const days = new Set(rows.map(({ startedAtMs }) => dayOf(startedAtMs, one.timeZone)));
        expect(body.map(({ group_by_day }: { group_by_day: string }) => group_by_day.slice(0, 10))).toEqual(
          [...days].sort(),
        );
        const lines = table(await csvOf(path));
        expect(csvNano(lines)).toBe(cost(rows));
        expect(sumOf(lines, ({ api_requests }) => Number(api_requests))).toBe(rows.length);
      }),
      { numRuns: 15, seed: 4 },
    );
  });

  test('of keys and people is the sum over their rows, with their models', async () => {
    await record();
    await fc.assert(
      fc.asyncProperty(asked, fc.constantFrom('k1', 'k2'), async (one, key) => {
        const rows = within(one).filter(({ keyHash }) => keyHash !== null);
        const { body } = await place.get(`/global/spend/report?${queryOf(one)}&group_by=api_key`);
        expect(sumUp(body, 'total_cost')).toBe(cost(rows));
        const mine = rows.filter(({ keyHash }) => keyHash === digest(key));
        const found = body.filter(({ api_key }: { api_key: string }) => api_key === digest(key));
        expect(sumUp(found, 'total_cost')).toBe(cost(mine));
        const details = found.flatMap(({ model_details }: { model_details: object[] }) => model_details);
        expect(sumUp(details, 'total_cost')).toBe(cost(mine));
      }),
      { numRuns: 6, seed: 9 },
    );
  });
});

const NOUNS = {
  '/user/daily/activity': {
    has: () => true,
    param: 'user_id',
    names: ['u1', 'u2'],
    of: (row: LedgerRow) => row.userId,
  },
  '/team/daily/activity': {
    has: (row: LedgerRow) => row.teamId !== null,
    param: 'team_ids',
    names: ['t1', 't2'],
    of: (row: LedgerRow) => row.teamId,
  },
  '/organization/daily/activity': {
    has: (row: LedgerRow) => row.organizationId !== null,
    param: 'organization_ids',
    names: ['o1'],
    of: (row: LedgerRow) => row.organizationId,
  },
  '/customer/daily/activity': {
    has: (row: LedgerRow) => row.endUser !== null,
    param: 'end_user_ids',
    names: ['e2', 'e1'],
    of: (row: LedgerRow) => row.endUser,
  },
  '/end_user/daily/activity': {
    has: (row: LedgerRow) => row.endUser !== null,
    param: 'end_user_ids',
    names: ['e1'],
    of: (row: LedgerRow) => row.endUser,
  },
} as const;

interface Day {
  readonly date: string;
  readonly metrics: Record<string, number>;
  readonly breakdown: Record<string, Record<string, { readonly metrics: Record<string, number> }>>;
}

/** What the parts of a day add up to. */
const partSum = (days: readonly Day[], part: string, field: 'spend' | 'api_requests'): number =>
  sumOf(days, ({ breakdown }) =>
    sumOf(Object.values(breakdown[part] ?? {}), ({ metrics }) =>
      field === 'spend' ? nano(metrics['spend'] ?? 0) : (metrics[field] ?? 0),
    ),
  );

describe('daily activity', () => {
  const noun = fc.constantFrom(...(Object.keys(NOUNS) as (keyof typeof NOUNS)[]));
  const filter = fc.constantFrom('none', 'names', 'model', 'key');

  test('adds up to the rows in its totals, its days and each of its parts, in JSON and in its table', async () => {
    await record();
    let counted = 0;
    await fc.assert(
      fc.asyncProperty(asked, noun, filter, async (one, path, by) => {
        const { has, param, names, of } = NOUNS[path];
        const extra = {
          none: {},
          names: { [param]: names.join(',') },
          model: { model: 'small' },
          key: { api_key: 'k1' },
        };
        const query = `${queryOf(one)}&${new URLSearchParams(extra[by])}`;
        const rows = within(one).filter(
          (row) =>
            has(row) &&
            (by !== 'names' || (names as readonly (string | null)[]).includes(of(row))) &&
            (by !== 'model' || row.modelGroup === 'small') &&
            (by !== 'key' || row.keyHash === digest('k1')),
        );
        const { status, body } = await place.get(`${path}/aggregated?${query}`);
        expect(status).toBe(200);
        const days: Day[] = body.results;
        expect(nano(body.metadata.total_spend)).toBe(cost(rows));
        expect(body.metadata).toMatchObject({
          total_tokens: sumOf(rows, tokensOf),
          total_api_requests: rows.length,
          total_successful_requests: rows.filter(({ status: end }) => end === 'success').length,
          total_failed_requests: rows.filter(({ status: end }) => end !== 'success').length,
          total_unpriced_requests: rows.filter(({ costNanoUsd }) => costNanoUsd === null).length,
          page: 1,
          has_more: false,
        });
        const dates = new Set(rows.map(({ startedAtMs }) => dayOf(startedAtMs, one.timeZone)));
        expect(days.map(({ date }) => date)).toEqual([...dates].sort().reverse());
        expect(sumOf(days, ({ metrics }) => nano(metrics['spend'] ?? 0))).toBe(cost(rows));
        for (const part of ['models', 'model_groups', 'providers', 'endpoints', 'api_keys', 'entities']) {
          expect([part, partSum(days, part, 'spend')]).toEqual([part, cost(rows)]);
          expect([part, partSum(days, part, 'api_requests')]).toEqual([part, rows.length]);
        }
        const lines = table(await csvOf(`${path}?${query}`));
        expect(csvNano(lines)).toBe(cost(rows));
        expect(sumOf(lines, ({ total_tokens }) => Number(total_tokens))).toBe(sumOf(rows, tokensOf));
        counted += rows.length;
      }),
      { numRuns: 14, seed: 6 },
    );
    expect(counted).toBeGreaterThan(300);
  });

  test('of tags counts a request with two under each, and once in every total', async () => {
    await record();
    const tagged = ROWS.filter(({ tags }) => tags.length > 0);
    const query = 'start_date=2026-03-28&end_date=2026-03-30&timezone=UTC';
    const { body } = await place.get(`/tag/daily/activity?${query}`);
    expect([nano(body.metadata.total_spend), body.metadata.total_api_requests]).toEqual([cost(tagged), tagged.length]);
    expect(partSum(body.results, 'models', 'spend')).toBe(cost(tagged));
    const named = sumOf(tagged, ({ tags }) => new Set(tags).size);
    expect(partSum(body.results, 'entities', 'api_requests')).toBe(named);
    expect(named).toBeGreaterThan(tagged.length);
    const one = await place.get(`/tag/daily/activity?${query}&tags=a`);
    const withA = ROWS.filter(({ tags }) => tags.includes('a'));
    expect(one.body.metadata.total_api_requests).toBe(withA.length);
    expect(partSum(one.body.results, 'entities', 'spend')).toBe(cost(withA));
  });

  test('in pages gives each day once, newest first, with the totals of all', async () => {
    await record();
    const query = 'start_date=2026-03-28&end_date=2026-03-30&timezone=Europe/Berlin&page_size=1';
    const rows = within({ timeZone: 'Europe/Berlin', days: [DAYS[0], DAYS[2]] });
    for (const [at, date] of DAYS.toReversed().entries()) {
      const { body } = await place.get(`/user/daily/activity?${query}&page=${at + 1}`);
      expect(body.results.map((day: Day) => day.date)).toEqual([date]);
      expect(body.metadata).toMatchObject({ page: at + 1, total_pages: 3, has_more: at < 2 });
      expect(nano(body.metadata.total_spend)).toBe(cost(rows));
      const ofDay = rows.filter(({ startedAtMs }) => dayOf(startedAtMs, 'Europe/Berlin') === date);
      expect(partSum(body.results, 'models', 'api_requests')).toBe(ofDay.length);
    }
  });
});

test('what was spent ever is one number in every place that tells it', async () => {
  await record();
  const total = cost(ROWS);
  expect(nano((await place.get('/global/spend')).body.spend)).toBe(total);
  for (const timeZone of ['UTC', 'Europe/Berlin'] as const) {
    const days = `start_date=${DAYS[0]}&end_date=${DAYS[1]}&timezone=${timeZone}`;
    const inTime = cost(within({ timeZone, days: [DAYS[0], DAYS[1]] }));
    expect(nano((await place.get(`/global/spend?${days}`)).body.spend)).toBe(inTime);
    expect(csvNano(table(await csvOf(`/global/spend?${days}`)))).toBe(inTime);
  }
  const query = `start_date=${new Date(FROM_MS - 86_400_000).toISOString().slice(0, 10)}&end_date=${new Date(TO_MS + 86_400_000).toISOString().slice(0, 10)}`;
  expect(nano((await place.get(`/user/daily/activity?${query}`)).body.metadata.total_spend)).toBe(total);
  const users = (await place.get('/spend/users')).body;
  expect(sumUp(users, 'total_spend')).toBe(cost(ROWS.filter(({ userId }) => userId !== null)));
  const endUsers = (await place.post('/global/spend/end_users', { startTime: '2026-03-01', endTime: '2026-04-01' }))
    .body;
  expect(sumUp(endUsers, 'total_spend')).toBe(cost(ROWS.filter(({ endUser }) => endUser !== null)));
});

test('in prices of today every sum is that of the rows priced one by one, and unpriced ones are counted', async () => {
  const small = (row: LedgerRow): LedgerRow['buckets'] =>
    row.buckets &&
    (Object.fromEntries(
      Object.entries(row.buckets).map(([name, count]) => [name, typeof count === 'number' ? count % 300_000 : count]),
    ) as unknown as LedgerRow['buckets']);
  const tiers = [undefined, { serviceTier: 'priority' }, { serviceTier: 'flex' }, { webSearches: 2 }];
  const rows = ROWS.map((row, at): LedgerRow => {
    const priceFactors = tiers[at % tiers.length];
    const model = at % 11 === 0 ? 'openai/no-longer-listed' : row.model;
    return {
      ...row,
      model,
      provider: 'openai',
      buckets: small(row),
      deploymentId: 'd1',
      ...(priceFactors && { priceFactors }),
    };
  });
  for (const row of rows) place.ledger.record(row);
  const catalog = loadCatalog();
  const costNow = ({ buckets, model, priceFactors, startedAtMs, endedAtMs }: LedgerRow): number | null => {
    if (buckets === null) return 0;
    const card = model === null ? undefined : catalog.rateCard({ model, provider: 'openai' });
    return price(buckets, card, { ...priceFactors, durationMs: endedAtMs - startedAtMs }).totalNanoUsd;
  };
  const query = 'start_date=2026-03-28&end_date=2026-03-30&timezone=UTC&as=priced-now';
  const { metadata, results } = (await place.get(`/user/daily/activity?${query}`)).body;
  const total = sumOf(rows, (row) => costNow(row) ?? 0);
  expect(total).toBeGreaterThan(0);
  expect(nano(metadata.total_spend)).toBe(total);
  expect(metadata.total_unpriced_requests).toBe(rows.filter((row) => costNow(row) === null).length);
  for (const part of ['models', 'api_keys', 'entities', 'endpoints'])
    expect(partSum(results, part, 'spend')).toBe(total);
  expect(csvNano(table(await csvOf(`/user/daily/activity?${query}`)))).toBe(total);
  expect(nano((await place.get(`/global/spend?${query}`)).body.spend)).toBe(total);
  expect(nano((await place.get('/global/spend?as=priced-now')).body.spend)).toBe(total);
  const ofTeam = (team: string) =>
    sumOf(
      rows.filter(({ teamId }) => teamId === team),
      (row) => costNow(row) ?? 0,
    );
  const teams = (await place.get(`/global/spend/teams?${query}`)).body.total_spend_per_team;
  for (const { team_id, total_spend } of teams) expect(nano(total_spend)).toBe(ofTeam(team_id));
  expect(teams).toHaveLength(2);
});
