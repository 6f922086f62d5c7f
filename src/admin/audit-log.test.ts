import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace, MASTER_KEY, NOW_MS } from '../../test/support/admin-place.ts';
import { organizationMemberRow, organizationRow, userRow } from '../../test/support/entity-rows.ts';
import { digest } from '../auth/digest.ts';
import { appendAudit } from '../db/audit-log.ts';
import { organizationMembers } from '../db/organization-members.ts';
import { organizations } from '../db/organizations.ts';
import { inTransaction } from '../db/transaction.ts';
import { users } from '../db/users.ts';

const place = adminPlace();
const HOUR_MS = 3_600_000;

type Entry = Parameters<typeof appendAudit>[1];

const ENTRY: Entry = {
  at_ms: NOW_MS,
  actor_key: 'k'.repeat(64),
  actor_user: 'boss',
  actor_role: 'platform_admin',
  action: 'updated',
  object_kind: 'team',
  object_id: 't',
  organization_id: null,
  team_id: null,
  before_values: '{"max_budget":1}',
  after_values: '{"max_budget":2}',
  changed_by: null,
  call_id: null,
};

/** What others did, as their own routes note it. */
const did = (over: Partial<Entry>): Promise<unknown> =>
  inTransaction(place.db, (db) => appendAudit(db, { ...ENTRY, ...over }));

/** The key of one. */
async function adminOf(organization: string): Promise<string> {
  await users.insert(place.db, userRow('ada', { user_role: 'internal_user' }));
  await organizations.insert(place.db, organizationRow(organization));
  await organizationMembers.insert(place.db, organizationMemberRow(organization, 'ada', { user_role: 'org_admin' }));
  return await place.key({ user_id: 'ada' });
}

const ids = async (query: string, key = MASTER_KEY): Promise<string[]> => {
  const { status, body } = await place.get(`/audit${query}`, key);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body.audit_logs.map(({ id }: { id: string }) => id);
};

beforeEach(async () => {
  await did({ at_ms: NOW_MS - 48 * HOUR_MS, action: 'created', before_values: null });
  await did({ at_ms: NOW_MS - 24 * HOUR_MS, organization_id: 'acme', team_id: 't' });
  await did({ object_kind: 'key', object_id: 'x', changed_by: 'support', organization_id: 'other' });
});

test('a row says who did what to what, before and after, in LiteLLM’s names', async () => {
  const { body } = await place.get('/audit/2');
  expect(body).toMatchObject({
    id: '2',
    updated_at: new Date(NOW_MS - 24 * HOUR_MS).toISOString(),
    changed_by: 'boss',
    changed_by_api_key: 'k'.repeat(64),
    action: 'updated',
    table_name: 'LiteLLM_TeamTable',
    object_kind: 'team',
    object_id: 't',
    before_value: { max_budget: 1 },
    updated_values: { max_budget: 2 },
    organization_id: 'acme',
  });
  expect((await place.get('/audit/1')).body.before_value).toBeNull();
  expect((await place.get('/audit/3')).body).toMatchObject({ changed_by: 'support', actor_user: 'boss' });
});

test('the newest stand first, page by page', async () => {
  const { body } = await place.get('/audit?page=1&page_size=2');
  expect(body).toMatchObject({ total: 3, page: 1, page_size: 2, total_pages: 2 });
  expect(await ids('?page_size=2')).toEqual(['3', '2']);
  expect(await ids('?page=2&page_size=2')).toEqual(['1']);
  expect(await ids('?sort_order=asc')).toEqual(['1', '2', '3']);
});

test.each([
  ['?action=created', ['1']],
  ['?table_name=LiteLLM_VerificationToken', ['3']],
  ['?object_kind=team', ['2', '1']],
  ['?object_id=x', ['3']],
  ['?changed_by=support', ['3']],
  ['?changed_by=boss', ['3', '2', '1']],
  ['?organization_id=acme', ['2']],
  ['?team_id=t', ['2']],
  [`?changed_by_api_key=${'k'.repeat(64)}&action=updated`, ['3', '2']],
  ['?changed_by_api_key=nobody', []],
  ['?start_date=2026-01-30', ['3', '2']],
  ['?end_date=2026-01-30', ['2', '1']],
  ['?start_date=2026-01-30&end_date=2026-01-30', ['2']],
  ['?start_date=2026-01-30T12:00:01Z', ['3']],
  ['?end_date=2026-01-29T12:00:00Z', ['1']],
])('%s finds %p', async (query, expected) => {
  expect(await ids(query)).toEqual(expected);
});

test.each(['?page=0', '?page_size=101', '?sort_order=up', '?start_date=soon', '?who=me', '?sort_by=action'])(
  '%s is refused',
  async (query) => {
    expect((await place.get(`/audit${query}`)).status).toBe(400);
  },
);

describe('as a table', () => {
  const table = async (query: string, init: RequestInit = {}, key = MASTER_KEY): Promise<string[][]> => {
    const { status, headers, body } = await place.request(`/audit${query}`, init, key);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8; header=present']);
    expect(headers.get('content-disposition')).toContain('audit-log.csv');
    return String(body)
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/));
  };
  const idsOf = (lines: readonly string[][]): (string | undefined)[] => lines.slice(1).map(([id]) => id);

  test('all rows stand in it, whatever the page, with the fields that they have in the JSON', async () => {
    const { audit_logs: logs } = (await place.get('/audit')).body;
    const [head = [], ...lines] = await table('?format=csv&page_size=1');
    expect(head).toEqual(Object.keys(logs[0]));
    expect(lines.map(([id]) => id)).toEqual(['3', '2', '1']);
    const line = Object.fromEntries(head.map((name, at) => [name, lines[1]?.[at]]));
    expect(line).toMatchObject({ changed_by: 'boss', organization_id: 'acme', hash: logs[1].hash });
    expect(line['updated_values']).toBe('"{""max_budget"":2}"');
  });

  test('is what a client gets that accepts nothing else, filtered and in the order that it wants', async () => {
    const init = { headers: { accept: 'text/csv' } };
    expect(idsOf(await table('?object_kind=team&sort_order=asc', init))).toEqual(['1', '2']);
    expect(idsOf(await table('?object_id=nothing', init))).toEqual([]);
    expect((await place.request('/audit?format=json', init)).body).toMatchObject({ total: 3 });
    expect((await place.get('/audit?format=xml')).status).toBe(400);
  });

  test('is read on and on, without a row lost or twice', async () => {
    await inTransaction(place.db, async (db) => {
      for (let at = 0; at < 1_100; at++) await appendAudit(db, { ...ENTRY, object_id: `many-${at % 2}` });
    });
    const all = Array.from({ length: 1_103 }, (_, at) => String(at + 1));
    expect(idsOf(await table('?format=csv&sort_order=asc'))).toEqual(all);
    expect(idsOf(await table('?format=csv'))).toEqual(all.toReversed());
    expect(idsOf(await table('?format=csv&object_id=many-0'))).toHaveLength(550);
  });

  test('holds no formula, and no more than the caller may see', async () => {
    await did({ object_id: '=HYPERLINK("http://evil.example")', organization_id: 'acme' });
    const key = await adminOf('acme');
    const lines = await table('?format=csv&object_kind=team', {}, key);
    expect(idsOf(lines)).toEqual(['4', '2']);
    expect(lines[1]?.[6]).toStartWith('"\'=HYPERLINK');
    expect((await place.get('/audit?format=csv', await place.key())).status).toBe(403);
  });
});

test('a row that is not there is not found', async () => {
  for (const id of ['4', '0', 'x', '1e0', '%27']) expect((await place.get(`/audit/${id}`)).status).toBe(404);
});

test('an organization’s admin sees what was done in the organization, and counts no more', async () => {
  const key = await adminOf('acme');
  expect(await ids('', key)).toEqual(['2']);
  expect((await place.get('/audit', key)).body.total).toBe(1);
  expect((await place.get('/audit/2', key)).status).toBe(200);
  expect((await place.get('/audit/3', key)).status).toBe(404);
  expect(await ids('?organization_id=other', key)).toEqual([]);
  expect((await place.get('/audit/verify', key)).status).toBe(403);
});

test('a key sees none', async () => {
  const key = await place.key();
  for (const path of ['/audit', '/audit/1', '/audit/verify']) expect((await place.get(path, key)).status).toBe(403);
});

test('the log is as it was written', async () => {
  const { body } = await place.get('/audit/verify');
  const last = (await place.get('/audit/3')).body;
  expect(body).toEqual({ intact: true, rows: 3, last_hash: last.hash });
});

test('no row holds a key', async () => {
  const secret = await place.key({ key_alias: 'mine' });
  await place.post('/key/block', { key: secret });
  const { body } = await place.get('/audit?page_size=100');
  expect(JSON.stringify(body)).not.toContain(secret);
  expect(JSON.stringify(body)).not.toContain(MASTER_KEY);
  expect(digest(MASTER_KEY)).toHaveLength(64);
});
