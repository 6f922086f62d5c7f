import { Database as BunDatabase } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { verifyAudit } from './audit-log.ts';
import { type Database, openDatabase } from './client.ts';
import { spendOf } from './scope-usage.ts';

const PROCESS = join(import.meta.dir, '../../test/support/writing-process.ts');
let folder = '';
let file = '';
const children: Bun.Subprocess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-kill-'));
  file = join(folder, 'tollgate.db');
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await child.exited;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Kills the process `afterMs` later than it has said `lines` lines, and returns them. */
async function writeAndKill(lines: number, afterMs: number): Promise<string[]> {
  const child = Bun.spawn([process.execPath, PROCESS, file], { stdout: 'pipe', stderr: 'inherit' });
  children.push(child);
  let said = '';
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    said += decoder.decode(bytes, { stream: true });
    if (said.split('\n').length <= lines || child.killed) continue;
    // Wherever it is by then, in the middle of a transaction as likely as between two.
    await Bun.sleep(afterMs);
    child.kill('SIGKILL');
  }
  await child.exited;
  return said.split('\n').slice(0, -1);
}

async function numbers(db: Database, query: string): Promise<number[]> {
  const { rows } = await sql.raw<{ n: number }>(query).execute(db);
  return rows.map(({ n }) => n);
}

/** What would be different had only a part of a transaction reached the file; each query finds what is out of step. */
const TORN: Readonly<Record<string, string>> = {
  'a team without its five members': `select 1 as n from teams t
    where (select count(*) from team_members m where m.team_id = t.team_id) <> 5`,
  'a team without its five keys': `select 1 as n from teams t where (select count(*) from keys k where k.team_id = t.team_id)
    + (select count(*) from deleted_keys d where d.team_id = t.team_id) <> 5`,
  'a team that nobody wrote of': `select 1 as n from teams t where (select count(*) from audit_log a
    where a.object_kind = 'teams' and a.object_id = t.team_id) <> 1`,
  'a deleted key that nobody wrote of': `select 1 as n from deleted_keys d where (select count(*) from audit_log a
    where a.object_kind = 'keys' and a.object_id = d.token) <> 1`,
  'a key in two places': 'select 1 as n from keys k join deleted_keys d on d.token = k.token',
  'a new secret without the old one': `select 1 as n from keys k where k.token like '%new key%'
    and not exists (select 1 from deprecated_keys d where d.active_token = k.token and d.token = k.usage_hash)`,
  'an old secret of nothing': `select 1 as n from deprecated_keys d
    where not exists (select 1 from keys k where k.token = d.active_token)`,
  'a change without its version': 'select 1 as n from keys where blocked = 1 and updated_at_ms <> 2',
  'a total that is not the sum of its rows': `select 1 as n from scope_usage s where s.kind = 2 and s.quarter = -1
    and s.cost_nano_usd <> (select 7 * count(*) from requests r where r.team_ref = s.ref)`,
  'a cube that is not the sum of the rows': `select 1 as n where (select coalesce(sum(requests), 0) from usage_cube)
    <> (select count(*) from requests)`,
  'a row of a batch without the rest': 'select 1 as n from requests group by team_ref having count(*) <> 20',
};

test('whenever a process is killed, the file is whole and no transaction is there in part', async () => {
  const finished: string[] = [];
  for (const [lines, afterMs] of [
    [1, 0],
    [3, 1],
    [6, 2],
    [10, 3],
    [15, 7],
  ] as const) {
    finished.push(...(await writeAndKill(lines, afterMs)));
    // As another program would find it, before ours has opened it.
    const raw = new BunDatabase(file);
    expect(raw.query('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    raw.close();
    const db = await openDatabase({ url: `sqlite:${file}` });
    for (const [what, query] of Object.entries(TORN)) expect([what, await numbers(db, query)]).toEqual([what, []]);
    expect(await verifyAudit(db)).toMatchObject({ intact: true });
    await db.destroy();
  }
  expect(finished.length).toBeGreaterThan(30);
  const db = await openDatabase({ url: `sqlite:${file}` });
  // What it had said was done is there to the last part.
  const { rows } = await sql<{ team_id: string }>`select team_id from teams`.execute(db);
  const stored = new Set(rows.map(({ team_id }) => team_id));
  expect(finished.filter((team) => !stored.has(team))).toEqual([]);
  const spent = await spendOf(db, 'team', finished);
  expect(finished.filter((team) => spent.get(team)?.costNanoUsd !== 140)).toEqual([]);
  await db.destroy();
}, 20_000);
