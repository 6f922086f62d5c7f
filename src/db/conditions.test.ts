import { describe, expect, test } from 'bun:test';
import { expressionBuilder, sql } from 'kysely';
import { databasePlace } from '../../test/support/database-place.ts';
import { NOBODY, seeing } from '../../test/support/describe-entity-table.ts';
import { keyRow, organizationMemberRow, teamRow } from '../../test/support/entity-rows.ts';
import { type Condition, holds, isVisible, type LooseSchema, type Ownership } from './conditions.ts';
import { type KeyRow, keys } from './keys.ts';
import { organizationMembers } from './organization-members.ts';
import { teams } from './teams.ts';
import { EVERYTHING, type Visibility } from './visibility.ts';

const db = databasePlace();
const eb = expressionBuilder<LooseSchema, string>();

async function found(condition: Condition<KeyRow>): Promise<string[]> {
  const { rows } = await sql<{
    token: string;
  }>`select token from keys where ${holds(eb, condition)} order by token`.execute(db());
  return rows.map(({ token }) => token);
}

async function store(aliases: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [token, key_alias] of Object.entries(aliases)) await keys.insert(db(), keyRow(token, { key_alias }));
}

describe('a condition on a text', () => {
  test('finds what it is, what it is not, and what has none', async () => {
    await store({ a: 'one', b: 'two', c: null });
    expect(await found({ column: 'key_alias', is: 'one' })).toEqual(['a']);
    expect(await found({ column: 'key_alias', is: null })).toEqual(['c']);
    expect(await found({ column: 'key_alias', isNot: null })).toEqual(['a', 'b']);
    // What has no value is not that value.
    expect(await found({ column: 'key_alias', isNot: 'one' })).toEqual(['b', 'c']);
    expect(await found({ column: 'key_alias', in: ['one', 'two', 'three'] })).toEqual(['a', 'b']);
    expect(await found({ column: 'key_alias', in: [] })).toEqual([]);
  });

  test('finds a part in any case of ASCII letters and keeps others as they are', async () => {
    await store({ a: 'ÄPFEL und Birnen', b: 'äpfel', c: null, d: 'BIRNE' });
    expect(await found({ column: 'key_alias', contains: 'birne' })).toEqual(['a', 'd']);
    expect(await found({ column: 'key_alias', contains: 'UND' })).toEqual(['a']);
    expect(await found({ column: 'key_alias', contains: '' })).toEqual(['a', 'b', 'd']);
  });

  test('finds a beginning to the letter, at the very end of the alphabet too', async () => {
    await store({ a: 'abc', b: 'ab', c: 'aB', d: 'b', e: 'ab\u{ffff}', f: 'a' });
    expect(await found({ column: 'key_alias', startsWith: 'ab' })).toEqual(['a', 'b', 'e']);
    expect(await found({ column: 'key_alias', startsWith: 'a%' })).toEqual([]);
    expect(await found({ column: 'key_alias', startsWith: '' })).toHaveLength(6);
  });
});

describe('a condition on a number', () => {
  test('has the start of a range in it and not its end', async () => {
    for (const at of [4, 5, 6]) await keys.insert(db(), keyRow(`k${at}`, { expires_at_ms: at }));
    await keys.insert(db(), keyRow('never'));
    expect(await found({ column: 'expires_at_ms', from: 5 })).toEqual(['k5', 'k6']);
    expect(await found({ column: 'expires_at_ms', before: 5 })).toEqual(['k4']);
    expect(await found({ column: 'expires_at_ms', fromOrNull: 6 })).toEqual(['k6', 'never']);
    expect(await found({ column: 'expires_at_ms', is: 4 })).toEqual(['k4']);
  });
});

test('one of several is enough, of none is nothing, and one may hold others', async () => {
  await store({ a: 'one', b: 'two', c: null });
  const one: Condition<KeyRow> = { column: 'key_alias', is: 'one' };
  expect(await found({ any: [one, { column: 'key_alias', is: null }] })).toEqual(['a', 'c']);
  expect(await found({ any: [] })).toEqual([]);
  expect(await found({ any: [{ any: [one] }, { any: [] }] })).toEqual(['a']);
});

describe('what somebody may see', () => {
  const OWNERS: Readonly<Record<string, Ownership>> = {
    user: { user: 'user_id' },
    key: { key: 'token' },
    'either of two keys': { key: ['token', 'usage_hash'] },
    team: { team: 'team_id' },
    organization: { organization: 'organization_id' },
    'organization member': { organizationMember: 'user_id' },
    nobody: {},
  };

  async function seen(owner: Ownership, visibility: Visibility): Promise<number> {
    const { rows } = await sql<{ n: number }>`select count(*) as n from keys
      where ${isVisible(eb, visibility, owner)}`.execute(db());
    return rows[0]?.n ?? Number.NaN;
  }

  async function settle(): Promise<void> {
    const own = { user_id: 'u', team_id: 't', organization_id: 'o', usage_hash: 'first' };
    await keys.insert(db(), keyRow('k', own));
    await keys.insert(db(), keyRow('empty'));
    await teams.insert(db(), teamRow('t', { organization_id: 'above' }));
    await organizationMembers.insert(db(), organizationMemberRow('home', 'u'));
  }

  test.each(Object.entries(OWNERS))(
    'is all for who sees everything and nothing for nobody, by %s',
    async (_name, owner) => {
      await settle();
      expect([await seen(owner, EVERYTHING), await seen(owner, NOBODY)]).toEqual([2, 0]);
      expect(await seen(owner, seeing({ userId: '', keyHash: '', teams: [''], organizations: [''] }))).toBe(0);
    },
  );

  test('is told by the columns of the table and by nothing that it does not have', async () => {
    await settle();
    const ways: Readonly<Record<string, Visibility>> = {
      user: seeing({ userId: 'u' }),
      key: seeing({ keyHash: 'k' }),
      'first secret': seeing({ keyHash: 'first' }),
      team: seeing({ teams: ['t', 'x'] }),
      organization: seeing({ organizations: ['o'] }),
      'organization above the team': seeing({ organizations: ['above'] }),
      'organization of the member': seeing({ organizations: ['home'] }),
    };
    const expected: Readonly<Record<string, readonly string[]>> = {
      user: ['user'],
      key: ['key'],
      'either of two keys': ['key', 'first secret'],
      team: ['team', 'organization above the team'],
      organization: ['organization'],
      'organization member': ['organization of the member'],
      nobody: [],
    };
    for (const [name, owner] of Object.entries(OWNERS)) {
      const sees: string[] = [];
      for (const [way, visibility] of Object.entries(ways)) if ((await seen(owner, visibility)) === 1) sees.push(way);
      expect([name, sees]).toEqual([name, [...(expected[name] ?? [])]]);
    }
  });
});
