import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Database, openDatabase } from './client.ts';
import { type KeyFilter, listKeys } from './key-list.ts';
import {
  changeKey,
  deleteKeys,
  EMPTY_KEY,
  findDeletedKey,
  findKey,
  insertKey,
  type KeyRow,
  tokensByAlias,
} from './keys.ts';
import { readSetting, writeSetting } from './settings.ts';
import { EVERYTHING } from './visibility.ts';

let db: Database;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
});
afterEach(() => db.destroy());

const keyRow = (token: string, over: Partial<KeyRow> = {}): KeyRow => ({
  ...EMPTY_KEY,
  key_name: null,
  token,
  blocked: 0,
  created_at_ms: 1,
  updated_at_ms: 1,
  ...over,
});

const page = (filter: KeyFilter, limit: number, offset = 0) =>
  listKeys(db, { visibility: EVERYTHING, filter, limit, offset, nowMs: 0 });

describe('a key', () => {
  test('is read back as it was written, large numbers included', async () => {
    const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const text = fc.string({ unit: 'grapheme' });
    const row = fc.record({
      key_alias: text,
      metadata: text,
      expires_at_ms: whole,
      max_budget_nano_usd: whole,
      tpm_limit: fc.option(whole, { nil: null }),
      blocked: fc.constantFrom(0, 1),
    });
    let at = 0;
    await fc.assert(
      fc.asyncProperty(row, async (fields) => {
        const written = keyRow(`token ${at++}`, {
          ...fields,
          key_alias: `${fields.key_alias.replaceAll('\0', '')} ${at}`,
        });
        expect(await insertKey(db, written)).toBe('inserted');
        expect(await findKey(db, written.token)).toEqual(written);
      }),
      { numRuns: 60 },
    );
  });

  test('that is there already, by token or by alias, is not written over', async () => {
    expect(await insertKey(db, keyRow('a', { key_alias: 'x', team_id: 'first' }))).toBe('inserted');
    expect(await insertKey(db, keyRow('a', { key_alias: 'y', team_id: 'second' }))).toBe('key taken');
    expect(await insertKey(db, keyRow('b', { key_alias: 'x' }))).toBe('alias taken');
    expect((await findKey(db, 'a'))?.team_id).toBe('first');
    expect(await findKey(db, 'b')).toBeUndefined();
  });

  test('may be without an alias, as many as there are', async () => {
    expect(await insertKey(db, keyRow('a'))).toBe('inserted');
    expect(await insertKey(db, keyRow('b'))).toBe('inserted');
  });
});

describe('a change', () => {
  test('sees what the change before it left, however many begin at once', async () => {
    await insertKey(db, keyRow('a', { rpm_limit: 0 }));
    const addOne = (row: KeyRow): Partial<KeyRow> => ({ rpm_limit: Number(row.rpm_limit) + 1 });
    await Promise.all(Array.from({ length: 25 }, () => changeKey(db, 'a', addOne)));
    expect((await findKey(db, 'a'))?.rpm_limit).toBe(25);
  });

  test('resolves to the row as it then is, and to nothing for a key that is not there', async () => {
    await insertKey(db, keyRow('a'));
    expect(await changeKey(db, 'a', () => ({ blocked: 1 }))).toEqual(keyRow('a', { blocked: 1 }));
    expect(await changeKey(db, 'b', () => ({ blocked: 1 }))).toBeUndefined();
  });

  test('to an alias of another key changes nothing; to its own it does', async () => {
    await insertKey(db, keyRow('a', { key_alias: 'x' }));
    await insertKey(db, keyRow('b', { key_alias: 'y' }));
    expect(await changeKey(db, 'b', () => ({ key_alias: 'x', blocked: 1 }))).toBe('alias taken');
    expect((await findKey(db, 'b'))?.blocked).toBe(0);
    expect(await changeKey(db, 'b', () => ({ key_alias: 'y', blocked: 1 }))).toMatchObject({ blocked: 1 });
  });

  test('that throws has not happened, and the next one can', async () => {
    await insertKey(db, keyRow('a'));
    const failing = changeKey(db, 'a', () => {
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await changeKey(db, 'a', () => ({ blocked: 1 }))).toMatchObject({ blocked: 1 });
  });
});

describe('deletion', () => {
  test('frees the alias for another key', async () => {
    await insertKey(db, keyRow('a', { key_alias: 'x' }));
    expect(await insertKey(db, keyRow('b', { key_alias: 'x' }))).toBe('alias taken');
    await deleteKeys(db, ['a'], 1);
    expect(await insertKey(db, keyRow('b', { key_alias: 'x' }))).toBe('inserted');
    expect((await findDeletedKey(db, 'a'))?.key_alias).toBe('x');
  });

  test('of one key by two at once is the work of one', async () => {
    await insertKey(db, keyRow('a'));
    const both = await Promise.all([deleteKeys(db, ['a'], 1), deleteKeys(db, ['a'], 2)]);
    expect(both.flat()).toEqual(['a']);
  });

  test('of a key named twice is told once', async () => {
    await insertKey(db, keyRow('a'));
    expect(await deleteKeys(db, ['a', 'a'], 1)).toEqual(['a']);
  });

  test('moves what is there and says what was', async () => {
    await insertKey(db, keyRow('a', { team_id: 't' }));
    await insertKey(db, keyRow('b'));
    expect(await deleteKeys(db, ['a', 'nobody'], 77)).toEqual(['a']);
    expect(await findKey(db, 'a')).toBeUndefined();
    expect(await findDeletedKey(db, 'a')).toMatchObject({ token: 'a', team_id: 't', deleted_at_ms: 77 });
    expect(await findKey(db, 'b')).toBeDefined();
    expect(await deleteKeys(db, [], 78)).toEqual([]);
  });

  test('of a key made again keeps the newer one', async () => {
    for (const team of ['old', 'new']) {
      await insertKey(db, keyRow('a', { team_id: team, key_alias: 'x' }));
      await deleteKeys(db, ['a'], 1);
    }
    expect((await findDeletedKey(db, 'a'))?.team_id).toBe('new');
  });
});

describe('finding', () => {
  test('by alias gives tokens', async () => {
    await insertKey(db, keyRow('a', { key_alias: 'x' }));
    await insertKey(db, keyRow('b', { key_alias: 'y' }));
    expect((await tokensByAlias(db, ['x', 'y', 'z'])).sort()).toEqual(['a', 'b']);
    expect(await tokensByAlias(db, [])).toEqual([]);
  });

  test('in pages gives each key once, newest first', async () => {
    for (let i = 0; i < 7; i++) await insertKey(db, keyRow(`k${i}`, { created_at_ms: i % 3, user_id: 'u' }));
    const seen: string[] = [];
    for (const offset of [0, 3, 6]) {
      const { rows, total } = await page({ userId: 'u' }, 3, offset);
      expect(total).toBe(7);
      seen.push(...rows.map(({ token }) => token));
    }
    expect(seen).toEqual(['k5', 'k2', 'k4', 'k1', 'k6', 'k3', 'k0']);
    expect(await page({ userId: 'nobody' }, 3)).toEqual({ rows: [], total: 0 });
  });

  test('by any filters gives what a list in memory would, in pages without loss', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const owner = fc.record({ user_id: fc.option(name), team_id: fc.option(name), organization_id: fc.option(name) });
    const wanted = fc.record(
      {
        userId: name,
        teamId: name,
        organizationId: name,
        token: fc.nat(9).map((at) => `k${at}`),
        keyAlias: fc.nat(9).map((at) => `alias ${at}`),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(owner, { maxLength: 8 }),
        wanted,
        fc.integer({ min: 1, max: 4 }),
        async (owners, filter, limit) => {
          await db.deleteFrom('keys').execute();
          const made = owners.map((fields, at) =>
            keyRow(`k${at}`, { ...fields, key_alias: `alias ${at}`, created_at_ms: at }),
          );
          for (const row of made) await insertKey(db, row);
          const { userId, teamId, organizationId, token, keyAlias } = filter;
          const expected = made.filter(
            (row) =>
              (userId ?? row.user_id) === row.user_id &&
              (teamId ?? row.team_id) === row.team_id &&
              (organizationId ?? row.organization_id) === row.organization_id &&
              (token ?? row.token) === row.token &&
              (keyAlias ?? row.key_alias) === row.key_alias,
          );
          const seen: KeyRow[] = [];
          for (let offset = 0; offset <= expected.length; offset += limit) {
            const { rows, total } = await page(filter, limit, offset);
            expect(total).toBe(expected.length);
            seen.push(...rows);
          }
          expect(seen).toEqual(expected.reverse());
        },
      ),
      { numRuns: 40 },
    );
  });

  test('takes every text as a value, never as a part of the query', async () => {
    await insertKey(db, keyRow('a', { key_alias: 'x' }));
    for (const text of ["' or '1'='1", 'x"; drop table keys; --', '%', '\\']) {
      expect(await findKey(db, text)).toBeUndefined();
      expect(await tokensByAlias(db, [text])).toEqual([]);
      expect((await page({ keyAlias: text }, 1)).total).toBe(0);
    }
    expect(await findKey(db, 'a')).toBeDefined();
  });
});

test('a setting is what was written last', async () => {
  expect(await readSetting(db, 'admin_key_hash')).toBeUndefined();
  await writeSetting(db, 'admin_key_hash', 'one');
  await writeSetting(db, 'admin_key_hash', 'two');
  expect(await readSetting(db, 'admin_key_hash')).toBe('two');
});
