/** `/{noun}/daily/activity/export`: the same numbers as the reports, as a table. */
import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';
import { digest } from '../auth/digest.ts';

const place = adminPlace();
const DAY = Date.UTC(2026, 0, 30, 12);
const DAYS = 'start_date=2026-01-29&end_date=2026-01-30';

beforeEach(async () => {
  await settleTenants(place.db);
  const record = (userId: string, teamId: string | null, dollars: number, model = 'openai/m'): void =>
    place.ledger.record(
      sampleRow({
        ...{ keyHash: digest(keyOf(userId)), userId, teamId, model, costNanoUsd: dollars * 1e9 },
        ...{ organizationId: userId.slice(0, 1), startedAtMs: DAY, endedAtMs: DAY + 500 },
      }),
    );
  record('a-mate', 'a-team', 1);
  record('a-mate', 'a-team', 2, 'openai/other');
  record('a-lead', 'a-team', 4);
  record('b-mate', 'b-team', 8);
});

const linesOf = async (path: string, key?: string): Promise<Record<string, string>[]> => {
  const { body } = await place.get(path, key);
  const [head = '', ...lines] = String(body).trim().split('\r\n');
  const columns = head.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, at) => [columns[at] ?? '', cell])));
};

describe('an export', () => {
  test('is a table with a name, a line for each day and entity', async () => {
    const { headers } = await place.get(`/team/daily/activity/export?${DAYS}`);
    expect(headers.get('content-type')).toStartWith('text/csv');
    expect(headers.get('content-disposition')).toBe('attachment; filename="team-activity-daily.csv"');
    const lines = await linesOf(`/team/daily/activity/export?${DAYS}`);
    expect(lines.map(({ date, entity_id, spend }) => [date, entity_id, spend]).toSorted()).toEqual([
      ['2026-01-30', 'a-team', '7'],
      ['2026-01-30', 'b-team', '8'],
    ]);
  });

  test.each([
    ['daily_with_keys', 'api_key', [digest(keyOf('a-mate')), digest(keyOf('a-lead'))], ['3', '4']],
    ['daily_with_models', 'model', ['openai/m', 'openai/other'], ['5', '2']],
    ['daily_with_users', 'user_id', ['a-mate', 'a-lead'], ['3', '4']],
  ])('%s tells them apart', async (type, column, names, spends) => {
    const lines = await linesOf(`/team/daily/activity/export?${DAYS}&team_ids=a-team&export_type=${type}`);
    const found = new Map(lines.map((line) => [line[column], line['spend']]));
    expect(names.map((name) => found.get(name))).toEqual(spends);
    expect(lines).toHaveLength(names.length);
  });

  test('of users by users is one line a user', async () => {
    const lines = await linesOf(`/user/daily/activity/export?${DAYS}&export_type=daily_with_users`);
    expect(new Map(lines.map(({ entity_id, spend }) => [entity_id, spend]))).toEqual(
      new Map([
        ['a-mate', '3'],
        ['a-lead', '4'],
        ['b-mate', '8'],
      ]),
    );
  });

  test('shows nobody what they may not see', async () => {
    expect((await linesOf(`/team/daily/activity/export?${DAYS}`, keyOf('a-mate'))).map(({ spend }) => spend)).toEqual([
      '3',
    ]);
    expect((await linesOf(`/team/daily/activity/export?${DAYS}`, keyOf('a-lead'))).map(({ spend }) => spend)).toEqual([
      '7',
    ]);
    expect(await linesOf(`/team/daily/activity/export?${DAYS}&team_ids=b-team`, keyOf('a-lead'))).toEqual([]);
  });

  test('of nothing has its columns, and JSON is a list', async () => {
    const { body } = await place.get('/tag/daily/activity/export?start_date=2020-01-01&end_date=2020-01-02');
    expect(String(body)).toStartWith('date,entity_id,');
    const json = await place.get('/tag/daily/activity/export?format=json&start_date=2020-01-01&end_date=2020-01-02');
    expect(json.body).toEqual([]);
  });

  test('of a kind that nobody knows is refused', async () => {
    expect((await place.get('/team/daily/activity/export?export_type=hourly')).status).toBe(400);
  });
});

test('an estimate of a model without a price is told as one', async () => {
  const { status, body } = await place.post('/cost/estimate', { model: 'nobody', input_tokens: 1, output_tokens: 1 });
  expect([status, body.error.param]).toEqual([404, 'model']);
  const many = { model: 'gpt-4o-mini', input_tokens: 1_000, output_tokens: 0, num_requests_per_month: 1_000 };
  expect((await place.post('/cost/estimate', many)).body).toMatchObject({ monthly_cost: 0.15, daily_cost: null });
});
