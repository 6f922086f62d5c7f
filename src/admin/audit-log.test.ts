import { beforeEach, expect, test } from 'bun:test';
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

/** What others did, as their own routes note it. */
const did = (over: Partial<Entry>): Promise<unknown> =>
  inTransaction(place.db, (db) =>
    appendAudit(db, {
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
      ...over,
    }),
  );

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

test('a row that is not there is not found', async () => {
  for (const id of ['4', '0', 'x', '1e0', '%27']) expect((await place.get(`/audit/${id}`)).status).toBe(404);
});

test('an organization’s admin sees what was done in the organization, and counts no more', async () => {
  await users.insert(place.db, userRow('ada', { user_role: 'internal_user' }));
  await organizations.insert(place.db, organizationRow('acme'));
  await organizationMembers.insert(place.db, organizationMemberRow('acme', 'ada', { user_role: 'org_admin' }));
  const key = await place.key({ user_id: 'ada' });
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
