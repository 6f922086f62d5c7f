import { beforeEach, describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { databasePlace } from '../../test/support/database-place.ts';
import { teamRow } from '../../test/support/entity-rows.ts';
import { type AuditEntry, appendAudit, auditLog, verifyAudit } from './audit-log.ts';
import { teams } from './teams.ts';
import { inTransaction } from './transaction.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();

const entry = (over: Partial<AuditEntry> = {}): AuditEntry => ({
  at_ms: 1_000,
  actor_key: 'digest',
  actor_user: 'root',
  actor_role: 'platform_admin',
  action: 'updated',
  object_kind: 'teams',
  object_id: 't',
  organization_id: null,
  team_id: 't',
  before_values: '{"rpm_limit":1}',
  after_values: '{"rpm_limit":2}',
  changed_by: null,
  call_id: null,
  ...over,
});

test('rows are numbered without gaps and each follows on the one before, however many come at once', async () => {
  const rows = await Promise.all(Array.from({ length: 20 }, (_, at) => appendAudit(db(), entry({ at_ms: at }))));
  expect(rows.map(({ id }) => id).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
  expect(await verifyAudit(db())).toEqual({ intact: true, rows: 20, lastHash: rows.at(-1)?.hash ?? '' });
});

test('a text that UTF-8 cannot hold does not make the log look changed', async () => {
  await appendAudit(db(), entry({ object_id: 'half \ud83d', changed_by: '\udc00\udc00' }));
  expect(await verifyAudit(db())).toMatchObject({ intact: true, rows: 1 });
});

test('an empty log is intact', async () => {
  expect(await verifyAudit(db())).toEqual({ intact: true, rows: 0, lastHash: '0'.repeat(64) });
});

test('a log longer than one read is followed over the seam', async () => {
  await inTransaction(db(), async (transaction) => {
    for (let at = 0; at < 1_001; at++) await appendAudit(transaction, entry({ at_ms: at }));
  });
  expect(await verifyAudit(db())).toMatchObject({ intact: true, rows: 1_001 });
});

test('a change and its row are one: what fails leaves neither', async () => {
  const failing = inTransaction(db(), async (transaction) => {
    await teams.insert(transaction, teamRow('t'));
    await appendAudit(transaction, entry());
    throw new RangeError('no');
  });
  await expect(failing).rejects.toThrow(RangeError);
  expect(await teams.find(db(), 't', EVERYTHING)).toBeUndefined();
  expect(await verifyAudit(db())).toMatchObject({ rows: 0 });
  expect(await appendAudit(db(), entry())).toMatchObject({ id: 1 });
});

test('pages can be asked for by object, person and time', async () => {
  await appendAudit(db(), entry({ object_id: 'a', at_ms: 1 }));
  await appendAudit(db(), entry({ object_id: 'b', at_ms: 2, actor_user: 'ann' }));
  await appendAudit(db(), entry({ object_id: 'a', at_ms: 3, action: 'deleted' }));
  const ids = async (where: Parameters<typeof auditLog.list>[1]['where'], limit = 9, offset = 0) => {
    const request = { visibility: EVERYTHING, limit, offset };
    return (await auditLog.list(db(), { ...request, ...(where && { where }) })).rows.map(({ id }) => id);
  };
  expect(await ids([{ column: 'object_id', is: 'a' }])).toEqual([3, 1]);
  expect(await ids([{ column: 'actor_user', is: 'ann' }])).toEqual([2]);
  expect(await ids([{ column: 'action', is: 'deleted' }])).toEqual([3]);
  expect(
    await ids([
      { column: 'at_ms', from: 2 },
      { column: 'at_ms', before: 3 },
    ]),
  ).toEqual([2]);
  expect([await ids([], 2), await ids([], 2, 2)]).toEqual([[3, 2], [1]]);
  expect(await auditLog.find(db(), '2', EVERYTHING)).toMatchObject({ actor_user: 'ann' });
});

test('the database itself refuses to change or remove a row', async () => {
  await appendAudit(db(), entry());
  const change = db().updateTable('audit_log').set({ actor_user: 'x' }).execute();
  await expect(change).rejects.toThrow('append-only');
  await expect(db().deleteFrom('audit_log').execute()).rejects.toThrow('append-only');
});

describe('with a hand on the file', () => {
  let hashes: string[];
  beforeEach(async () => {
    hashes = [];
    for (let at = 0; at < 5; at++) hashes.push((await appendAudit(db(), entry({ at_ms: at }))).hash);
    await sql`drop trigger audit_log_no_update`.execute(db());
    await sql`drop trigger audit_log_no_delete`.execute(db());
  });

  test.each([
    ...(['actor_key', 'actor_user', 'actor_role', 'action', 'object_kind', 'object_id', 'organization_id'] as const),
    ...(['team_id', 'before_values', 'after_values', 'changed_by', 'call_id', 'hash', 'previous_hash'] as const),
  ])('another value of %s shows', async (column) => {
    await db()
      .updateTable('audit_log')
      .set({ [column]: 'other' })
      .where('id', '=', 3)
      .execute();
    expect(await verifyAudit(db())).toMatchObject({ intact: false, brokenAtId: 3 });
  });

  test('a value that was taken away is not the same as an empty one', async () => {
    await db().updateTable('audit_log').set({ changed_by: '' }).where('id', '=', 2).execute();
    expect(await verifyAudit(db())).toMatchObject({ intact: false, brokenAtId: 2 });
  });

  test('another time shows', async () => {
    await db().updateTable('audit_log').set({ at_ms: 77 }).where('id', '=', 4).execute();
    expect(await verifyAudit(db())).toMatchObject({ brokenAtId: 4, reason: expect.stringContaining('changed') });
  });

  test('a row that is missing shows, in the middle and at the beginning', async () => {
    await db().deleteFrom('audit_log').where('id', '=', 3).execute();
    expect(await verifyAudit(db())).toMatchObject({ brokenAtId: 4, reason: 'Row 3 is missing.' });
    await db().deleteFrom('audit_log').where('id', '=', 1).execute();
    expect(await verifyAudit(db())).toMatchObject({ brokenAtId: 2, reason: 'Row 1 is missing.' });
  });

  test('an end that was cut off shows to whoever noted a row of it', async () => {
    await db().deleteFrom('audit_log').where('id', '=', 5).execute();
    expect(await verifyAudit(db())).toMatchObject({ intact: true, rows: 4 });
    expect(await verifyAudit(db(), { id: 5, hash: hashes[4] ?? '' })).toMatchObject({ intact: false, brokenAtId: 5 });
    expect(await verifyAudit(db(), { id: 4, hash: hashes[3] ?? '' })).toMatchObject({ intact: true });
  });

  test('a log written anew from a row on shows to whoever noted a later one', async () => {
    await db().deleteFrom('audit_log').where('id', '>=', 4).execute();
    await appendAudit(db(), entry({ actor_user: 'somebody else' }));
    await appendAudit(db(), entry());
    expect(await verifyAudit(db())).toMatchObject({ intact: true, rows: 5 });
    expect(await verifyAudit(db(), { id: 5, hash: hashes[4] ?? '' })).toMatchObject({ intact: false, brokenAtId: 5 });
  });
});
