import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { usageOrMirrorRow } from '../../../test/support/usage-rows.ts';
import { type Database, openDatabase } from '../client.ts';
import { insertRequests } from '../requests.ts';
import { SCOPE_KINDS } from '../usage-scopes.ts';
import { MIGRATIONS } from './index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-scopes-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const KINDS = [SCOPE_KINDS.indexOf('model_per_tag'), SCOPE_KINDS.indexOf('organization_member')];

const totals = (db: Database): Promise<unknown[]> =>
  db
    .selectFrom('scope_usage')
    .selectAll()
    .where('kind', 'in', KINDS)
    .orderBy('kind')
    .orderBy('ref')
    .orderBy('second_ref')
    .orderBy('quarter')
    .execute();

const older = Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => name < '0010'));

test.each([true, false])(
  'what was used before is counted as if it had always been (counted already: %p)',
  async (kept) => {
    const url = `sqlite:${join(folder, 'tollgate.db')}`;
    const rows = fc
      .sample(usageOrMirrorRow, { numRuns: 80, seed: 4 })
      .map((row, at) => ({ ...row, tags: at % 3 === 0 ? ['User-Agent: curl', ...row.tags] : row.tags }));
    const old = await openDatabase({ url, migrations: older });
    await insertRequests(old, rows);
    const expected = await totals(old);
    expect(expected.length).toBeGreaterThan(40);
    if (!kept) await old.deleteFrom('scope_usage').where('kind', 'in', KINDS).execute();
    await old.destroy();
    const now = await openDatabase({ url });
    expect(await totals(now)).toEqual(expected);
    await now.destroy();
  },
);
