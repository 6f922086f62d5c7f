import { beforeAll, describe, expect, test } from 'bun:test';
import { sharedAdminPlace } from '../../test/support/admin-place.ts';
import { addTeam } from '../../test/support/key-owners.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { digest } from '../auth/digest.ts';
import type { LedgerRow } from '../db/request-row.ts';

const place = sharedAdminPlace({});

const MINI = 'openai/gpt-4o-mini';
const CLAUDE = 'anthropic/claude';
const [K1, K2] = [digest('sk-one'), digest('sk-two')];

/** Around midnight somewhere. Powers of two in dollars, so that a sum says which rows are in it. */
const ROWS: readonly (readonly [at: string, dollars: number, over: Partial<LedgerRow>])[] = [
  ['2026-01-29T23:30Z', 1, { teamId: 'red', userId: 'ann', organizationId: 'acme', endUser: 'e1', tags: ['x'] }],
  ['2026-01-30T04:30Z', 2, { teamId: 'red', userId: 'bob', organizationId: 'acme', tags: ['x', 'y'], keyHash: K2 }],
  ['2026-01-30T18:20Z', 4, { teamId: 'blue', userId: 'ann', endUser: 'e1' }],
  ['2026-01-31T00:00Z', 8, { endUser: 'e2', tags: ['y'], keyHash: K2 }],
];

beforeAll(async () => {
  await addTeam(place.db, 'red', { team_alias: 'Red team' });
  await addTeam(place.db, 'blue');
  for (const [at, dollars, over] of ROWS) {
    const startedAtMs = Date.parse(at);
    const served = over.keyHash === K2 ? { model: CLAUDE, provider: 'anthropic' } : { model: MINI, keyHash: K1 };
    const nobody = { teamId: null, userId: null, organizationId: null };
    const times = { startedAtMs, endedAtMs: startedAtMs + 500 };
    place.ledger.record(sampleRow({ ...nobody, ...times, ...served, ...over, costNanoUsd: dollars * 1e9 }));
  }
});

const ok = async (path: string) => {
  const { status, body } = await place.get(path);
  expect([path, status]).toEqual([path, 200]);
  return body;
};

describe('what was spent on each day', () => {
  test.each<[string, Record<string, number>]>([
    ['UTC', { '2026-01-29': 1, '2026-01-30': 6, '2026-01-31': 8 }],
    ['Europe/Berlin', { '2026-01-30': 7, '2026-01-31': 8 }],
    ['America/New_York', { '2026-01-29': 3, '2026-01-30': 12 }],
    ['Asia/Kathmandu', { '2026-01-30': 3, '2026-01-31': 12 }],
    ['-330', { '2026-01-30': 7, '2026-01-31': 8 }],
    ['300', { '2026-01-29': 3, '2026-01-30': 12 }],
    ['Pacific/Kiritimati', { '2026-01-30': 3, '2026-01-31': 12 }],
  ])('in %s is the sum of that day there', async (zone, days) => {
    const range = `timezone=${encodeURIComponent(zone)}&start_date=2026-01-29&end_date=2026-01-31`;
    const body = await ok(`/global/spend/logs?${range}`);
    expect(body).toEqual(Object.entries(days).map(([date, spend]) => ({ date, spend })));
    const report = await ok(`/global/spend/report?group_by=model&${range}`);
    const sums = report.map((day: { group_by_day: string; models: { total_spend: number }[] }) => [
      day.group_by_day.slice(0, 10),
      day.models.reduce((sum, { total_spend }) => sum + total_spend, 0),
    ]);
    expect(sums).toEqual(Object.entries(days));
  });

  test.each([
    ['UTC', '2026-01-29T00:00:00+00:00'],
    ['Europe/Berlin', '2026-01-30T00:00:00+01:00'],
    ['America/New_York', '2026-01-29T00:00:00-05:00'],
    ['Asia/Kathmandu', '2026-01-30T00:00:00+05:45'],
  ])('in %s begins with the midnight %s', async (zone, midnight) => {
    const [first] = await ok(`/global/spend/report?timezone=${zone}`);
    expect(first.group_by_day).toBe(midnight);
  });
});

describe('the window', () => {
  test.each([
    ['', 15],
    ['start_date=2026-01-30', 14],
    ['end_date=2026-01-30', 7],
    ['start_date=2026-01-30&end_date=2026-01-30', 6],
    ['start_date=2026-01-30&end_date=2026-01-30&timezone=Europe/Berlin', 7],
    ['start_date=2026-01-30&end_date=2026-01-30&timezone=America/New_York', 12],
    ['start_date=2026-01-30 04:30&end_date=2026-01-30 18:20', 6],
    ['start_date=2026-01-30 04:30:00.001&end_date=2026-01-30 18:20', 4],
    ['start_date=2026-01-30 04:30&end_date=2026-01-30 18:19:59', 2],
    ['start_date=2026-01-31T00:00:00Z', 8],
    ['start_date=2025-01-01&end_date=2026-01-28', 0],
    ['end_date=2026-01-31&start_date=2026-01-31&timezone=-60', 8],
  ])('%p holds %p dollars, by every kind of total', async (query, dollars) => {
    const total = (rows: Record<string, number>[], field: string): number =>
      rows.reduce((sum, row) => sum + (row[field] ?? 0), 0);
    expect(total(await ok(`/global/spend/logs?${query}`), 'spend')).toBe(dollars);
    expect(total(await ok(`/global/spend/keys?${query}`), 'total_spend')).toBe(dollars);
    expect(total(await ok(`/global/spend/models?${query}`), 'total_spend')).toBe(dollars);
    expect(total(await ok(`/global/spend/provider?${query}`), 'spend')).toBe(dollars);
    expect(total(await ok(`/global/spend/report?group_by=api_key&${query}`), 'total_cost')).toBe(dollars);
  });
});

interface Day {
  readonly [list: string]: Record<string, unknown>[];
}

describe('a report day by day', () => {
  test.each<[string, string, string, Record<string, number>]>([
    ['team', 'teams', 'team_name', { 'Red team': 3, blue: 4, 'Unassigned Team': 8 }],
    ['customer', 'customers', 'customer', { e1: 5, '': 2, e2: 8 }],
    ['user', 'users', 'user_id', { ann: 5, bob: 2 }],
    ['organization', 'organizations', 'organization_id', { acme: 3 }],
    ['tag', 'tags', 'tag', { x: 3, y: 10 }],
    ['model', 'models', 'model', { [MINI]: 5, [CLAUDE]: 10 }],
  ])('by %s adds up to what each has spent', async (group, list, label, expected) => {
    const days: Day[] = await ok(`/global/spend/report?group_by=${group}`);
    const sums: Record<string, number> = {};
    for (const item of days.flatMap((day) => day[list] ?? [])) {
      const name = String(item[label]);
      sums[name] = (sums[name] ?? 0) + Number(item['total_spend']);
    }
    expect(sums).toEqual(expected);
  });

  test('tells of each item its models and keys', async () => {
    const [first] = await ok('/global/spend/report?start_date=2026-01-30&end_date=2026-01-30&team_id=red');
    expect(first).toEqual({
      group_by_day: '2026-01-30T00:00:00+00:00',
      teams: [
        {
          team_name: 'Red team',
          total_spend: 2,
          metadata: [{ model: CLAUDE, spend: 2, total_tokens: 120, api_key: K2 }],
        },
      ],
    });
  });

  test('as a table has the same lines', async () => {
    const text: string = await ok('/global/spend/report?format=csv&start_date=2026-01-30');
    const lines = text.trimEnd().split(/\r?\n/);
    const columns = (lines[0] ?? '').split(',').slice(0, 6);
    expect(columns).toEqual(['date', 'timezone', 'team_name', 'model', 'api_key', 'spend']);
    expect(lines.slice(1).map((line) => line.split(',').slice(0, 6).join(' '))).toEqual([
      `2026-01-30 UTC blue ${MINI} ${K1} 4`,
      `2026-01-30 UTC Red team ${CLAUDE} ${K2} 2`,
      `2026-01-31 UTC Unassigned Team ${CLAUDE} ${K2} 8`,
    ]);
  });
});

describe('a report on the whole time', () => {
  test.each<[string, string, Record<string, number>]>([
    ['group_by=api_key', 'api_key', { [K2]: 10, [K1]: 5 }],
    ['group_by=internal_user', 'internal_user_id', { ann: 5, bob: 2 }],
    ['api_key=sk-one', 'api_key', { [K1]: 5 }],
    [`api_key=${K2}`, 'api_key', { [K2]: 10 }],
    ['internal_user_id=ann', 'api_key', { [K1]: 5 }],
    ['internal_user_id=bob', 'api_key', { [K2]: 2 }],
    ['internal_user_id=nobody', 'api_key', {}],
    ['group_by=api_key&team_id=red', 'api_key', { [K1]: 1, [K2]: 2 }],
    ['group_by=api_key&organization_id=acme', 'api_key', { [K1]: 1, [K2]: 2 }],
    ['group_by=api_key&customer_id=e1', 'api_key', { [K1]: 5 }],
    ['group_by=api_key&customer_id=e1&team_id=blue', 'api_key', { [K1]: 4 }],
  ])('asked with %s has each with what it has spent', async (query, label, expected) => {
    const items: Record<string, unknown>[] = await ok(`/global/spend/report?${query}`);
    expect(Object.fromEntries(items.map((item) => [item[label], item['total_cost']]))).toEqual(expected);
    for (const item of items) {
      const details = item['model_details'] as { total_cost: number }[]; // JSON of this route.
      expect(details.reduce((sum, { total_cost }) => sum + total_cost, 0)).toBe(Number(item['total_cost']));
    }
  });

  test.each([
    ['/team/spend/report', 'team_id=red', 3],
    ['/team/spend/report', 'customer_id=e2', 8],
    ['/organization/spend/report', '', 3],
    ['/user/spend/report', 'internal_user_id=ann', 5],
  ])('%s?%s is day by day and has %p dollars', async (path, query, dollars) => {
    const days: Day[] = await ok(`${path}?${query}`);
    const items = days.flatMap((day) => Object.values(day).filter((value) => Array.isArray(value))).flat();
    expect(items.reduce((sum, item) => sum + Number(item['total_spend']), 0)).toBe(dollars);
  });
});

describe('a total', () => {
  test.each<[string, unknown]>([
    [
      '/global/spend/provider',
      [
        { provider: 'anthropic', spend: 10 },
        { provider: 'openai', spend: 5 },
      ],
    ],
    ['/global/spend/models?limit=1', [{ model: CLAUDE, total_spend: 10 }]],
    ['/global/spend/models?api_key=sk-one', [{ model: MINI, total_spend: 5 }]],
    ['/global/spend/keys?limit=1', [{ api_key: K2, key_alias: null, key_name: null, total_spend: 10 }]],
    ['/spend/tags?tags=x', [{ individual_request_tag: 'x', log_count: 2, total_spend: 3 }]],
    ['/spend/tags?tags=nobody', []],
    [
      '/global/spend/tags',
      {
        spend_per_tag: [
          { name: 'y', spend: 10, log_count: 2 },
          { name: 'x', spend: 3, log_count: 2 },
        ],
      },
    ],
    ['/global/spend', { spend: 15, max_budget: null }],
    ['/global/spend/all_tag_names', { tag_names: ['y', 'x'] }],
    [
      '/global/spend/teams?start_date=2026-01-29&end_date=2026-01-31',
      {
        daily_spend: [
          { date: '2026-01-29', 'Red team': 1 },
          { date: '2026-01-30', 'Red team': 2, blue: 4 },
        ],
        teams: ['Red team', 'blue'],
        total_spend_per_team: [
          { team_id: 'blue', total_spend: 4 },
          { team_id: 'Red team', total_spend: 3 },
        ],
      },
    ],
  ])('of %s is exact', async (path, expected) => {
    expect(await ok(path)).toEqual(expected);
  });

  test.each<[object, [string, number, number][]]>([
    [
      {},
      [
        ['e2', 1, 8],
        ['e1', 2, 5],
      ],
    ],
    [{ limit: 1 }, [['e2', 1, 8]]],
    [{ selectedKey: 'sk-one' }, [['e1', 2, 5]]],
    [{ startTime: '2026-01-30', endTime: '2026-01-30' }, [['e1', 1, 4]]],
    [{ startTime: '2026-01-30', selectedKey: 'sk-two' }, [['e2', 1, 8]]],
  ])('of end users asked with %p is exact', async (body, expected) => {
    const answer = await place.post('/global/spend/end_users', body);
    expect(answer.body).toEqual(
      expected.map(([end_user, total_count, total_spend]) => ({ end_user, total_count, total_spend })),
    );
  });
});

test.each([
  ['/global/spend/report?group_by=nobody', 'group_by'],
  ['/global/spend/report?timezone=Mars', 'timezone'],
  ['/global/spend/report?start_date=2026-02-30', 'start_date'],
  ['/global/spend/report?format=xml', 'format'],
  ['/global/spend/logs?limit=1', 'limit'],
  ['/global/spend/models?limit=0', 'limit'],
  ['/global/spend/models?limit=10001', 'limit'],
  ['/global/spend/teams?end_date=x', 'end_date'],
  ['/team/spend/report?group_by=team', 'group_by'],
])('%s is refused by the name of its fault', async (path, param) => {
  const { status, body } = await place.get(path);
  expect([status, body.error.param]).toEqual([400, param]);
});
