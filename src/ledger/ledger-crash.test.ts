import { afterEach, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../db/client.ts';
import { ROW_STATUSES } from '../db/request-codec.ts';
import { spendByKey } from '../db/requests.ts';
import { openLedger } from './ledger.ts';

const children: Bun.Subprocess[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await child.exited;
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-crash-'));
  folders.push(folder);
  return folder;
}

const PROCESS = join(import.meta.dir, '../../test/support/ledger-process.ts');

/** Runs the process until it has said `lines` lines, kills it with -9, and returns everything it said. */
async function runAndKill(dataDir: string, lines: number): Promise<string[]> {
  const child = Bun.spawn([process.execPath, PROCESS, dataDir], { stdout: 'pipe', stderr: 'inherit' });
  children.push(child);
  let said = '';
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    said += decoder.decode(bytes, { stream: true });
    if (said.split('\n').length > lines) child.kill('SIGKILL');
  }
  await child.exited;
  // The last line may be cut: it was not acknowledged.
  return said.split('\n').slice(0, -1);
}

test('after kill -9 under load, time after time, every acknowledged row is there exactly once', async () => {
  const dataDir = freshFolder();
  const said: string[] = [];
  for (const lines of [1, 30, 200, 700, 1_500]) said.push(...(await runAndKill(dataDir, lines)));

  const db = await openDatabase({ url: `sqlite:${join(dataDir, 'tollgate.db')}` });
  const ledger = await openLedger({ db, dataDir, now: Date.now, onWarning: () => undefined });
  const rows = await db.selectFrom('requests').select(['id', 'status', 'cost_nano_usd']).execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  const intended = said.filter((line) => line.startsWith('i ')).map((line) => line.slice(2));
  const recorded = said.filter((line) => line.startsWith('r ')).map((line) => line.split(' '));
  expect(recorded.length).toBeGreaterThan(1_000);

  for (const [, id, cost] of recorded) expect(byId.get(id ?? '')?.cost_nano_usd).toBe(Number(cost));
  for (const id of intended) expect(byId.has(id)).toBe(true);
  // What was never acknowledged may still have been written; each death can leave one intent and one row of that kind.
  const acknowledged = new Set(recorded.map(([, id]) => id));
  const extra = rows.filter((row) => !acknowledged.has(row.id) && ROW_STATUSES[row.status] !== 'crashed');
  expect(extra.length).toBeLessThanOrEqual(5);
  const sum = rows.reduce((total, row) => total + (row.cost_nano_usd ?? 0), 0);
  expect(await spendByKey(db, 'k')).toBe(sum);
  await ledger.close();
  await db.destroy();
}, 20_000);

test('a file that may not grow refuses the request, and everything accepted before is there', async () => {
  const dataDir = freshFolder();
  // 512-byte blocks: the journal segment cannot pass 8 KB, as on a full disk. The database is a memory one.
  const script = `
    const { openDatabase } = await import(${JSON.stringify(join(import.meta.dir, '../db/client.ts'))});
    const { openLedger } = await import(${JSON.stringify(join(import.meta.dir, 'ledger.ts'))});
    const { sampleRow } = await import(${JSON.stringify(join(import.meta.dir, '../../test/support/sample-row.ts'))});
    const db = await openDatabase({ url: 'sqlite::memory:' });
    const ledger = await openLedger({ db, dataDir: process.argv.at(-1), now: Date.now, onWarning: () => {}, writeEveryMs: 60000 });
    let accepted = 0;
    try { for (;;) { ledger.record(sampleRow()); accepted += 1; } } catch (error) { console.log(accepted, error.kind, error.status); }
    process.exit(0);`;
  const child = Bun.spawn(
    ['sh', '-c', `trap '' XFSZ; ulimit -f 16; exec "$0" -e "$1" "$2"`, process.execPath, script, dataDir],
    { stdout: 'pipe', stderr: 'inherit' },
  );
  children.push(child);
  const [accepted, kind, status] = (await new Response(child.stdout).text()).trim().split(' ');
  expect({ kind, status }).toEqual({ kind: 'unavailable', status: '503' });
  expect(Number(accepted)).toBeGreaterThan(2);

  const db = await openDatabase({ url: 'sqlite::memory:' });
  const warnings: string[] = [];
  const ledger = await openLedger({ db, dataDir, now: Date.now, onWarning: (message) => warnings.push(message) });
  const rows = await db.selectFrom('requests').select('id').execute();
  expect(rows).toHaveLength(Number(accepted));
  await ledger.close();
  await db.destroy();
  expect(readdirSync(join(dataDir, 'journal')).length).toBeLessThanOrEqual(1);
});
