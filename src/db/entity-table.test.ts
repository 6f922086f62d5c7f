import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { databasePlace } from '../../test/support/database-place.ts';
import {
  accessGroupRow,
  budgetRow,
  credentialRow,
  customerRow,
  memberRow,
  modelRow,
  organizationMemberRow,
  organizationRow,
  projectRow,
  tagRow,
  teamRow,
  userRow,
} from '../../test/support/entity-rows.ts';
import { accessGroups } from './access-groups.ts';
import { budgets, countBudgetUses } from './budgets.ts';
import { credentials } from './credentials.ts';
import { customers } from './customers.ts';
import type { EntityTable } from './entity-table.ts';
import { models } from './models.ts';
import { membersOfOrganization, organizationMembers, organizationsOfUser } from './organization-members.ts';
import { organizations } from './organizations.ts';
import { projects } from './projects.ts';
import { tags } from './tags.ts';
import { membershipsOfUser, membersOfTeam, teamMembers } from './team-members.ts';
import { teams } from './teams.ts';
import { inTransaction } from './transaction.ts';
import { joined } from './usage-scopes.ts';
import { users } from './users.ts';
import { EVERYTHING, type Visibility } from './visibility.ts';

const db = databasePlace();

/** One noun, with its rows' type closed over, so that one test serves all of them. */
interface Noun {
  readonly name: string;
  insert(id: string, createdAtMs?: number): Promise<boolean>;
  isFound(id: string, visibility?: Visibility): Promise<boolean>;
  /** The version before and after, or nothing when there is no such row. */
  touch(id: string, updatedAtMs: number): Promise<readonly [number, number] | undefined>;
  removed(ids: readonly string[]): Promise<number>;
  versions(ids: readonly string[]): Promise<number[]>;
  total(visibility: Visibility): Promise<number>;
  createdInOrder(limit: number, offset: number): Promise<number[]>;
}

function noun<Row extends { version: number; created_at_ms: number; updated_at_ms: number }>(
  name: string,
  table: EntityTable<Row>,
  rowOf: (id: string, over: { created_at_ms: number }) => Row,
): Noun {
  return {
    name,
    insert: async (id, at = 1) => (await table.insert(db(), rowOf(id, { created_at_ms: at }))) === undefined,
    isFound: async (id, visibility = EVERYTHING) => (await table.find(db(), id, visibility)) !== undefined,
    touch: async (id, at) => {
      const changed = await table.change(db(), id, EVERYTHING, () => ({ updated_at_ms: at }) as Partial<Row>);
      if (changed === undefined || !('after' in changed)) return undefined;
      return [changed.before.version, changed.after.version];
    },
    removed: async (ids) => (await table.remove(db(), ids, EVERYTHING)).length,
    versions: async (ids) => (await table.findMany(db(), ids, EVERYTHING)).map(({ version }) => version),
    total: async (visibility) => (await table.list(db(), { visibility, limit: 1 })).total,
    createdInOrder: async (limit, offset) =>
      (await table.list(db(), { visibility: EVERYTHING, limit, offset })).rows.map((row) => row.created_at_ms),
  };
}

const pair = (id: string): [string, string] => [id, `${id} user`];
const NOUNS: readonly Noun[] = [
  noun('teams', teams, teamRow),
  noun('users', users, userRow),
  noun('organizations', organizations, organizationRow),
  noun('projects', projects, projectRow),
  noun('customers', customers, customerRow),
  noun('budgets', budgets, budgetRow),
  noun('tags', tags, tagRow),
  noun('access groups', accessGroups, accessGroupRow),
  noun('models', models, modelRow),
  noun('credentials', credentials, credentialRow),
];

const NOBODY: Visibility = { all: false, userId: null, keyHash: null, teams: [], organizations: [] };

describe.each(NOUNS.map((one) => [one.name, one] as const))('%s', (_name, one) => {
  test('are stored once, found, changed with a growing version, and removed', async () => {
    expect(await one.insert('a')).toBe(true);
    expect(await one.insert('a')).toBe(false);
    expect(await one.touch('a', 5)).toEqual([1, 2]);
    expect(await one.touch('a', 6)).toEqual([2, 3]);
    expect(await one.touch('b', 6)).toBeUndefined();
    expect(await one.removed(['a', 'a', 'b'])).toBe(1);
    expect(await one.isFound('a')).toBe(false);
    expect(await one.removed([])).toBe(0);
  });

  test('of many made at once under one id are one', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => one.insert('a')));
    expect(made.filter(Boolean)).toHaveLength(1);
  });

  test('are found together, each once, those that are there', async () => {
    await one.insert('a');
    await one.insert('b');
    await one.touch('b', 5);
    expect((await one.versions(['b', 'a', 'c', 'a'])).sort()).toEqual([1, 2]);
    expect(await one.versions([])).toEqual([]);
  });

  test('are neither found nor counted for somebody who owns nothing', async () => {
    await one.insert('a');
    expect(await one.isFound('a', NOBODY)).toBe(false);
    expect([await one.total(NOBODY), await one.total(EVERYTHING)]).toEqual([0, 1]);
  });

  test('come in pages, newest first, each once', async () => {
    for (let at = 0; at < 5; at++) await one.insert(`id ${at}`, at);
    expect([await one.createdInOrder(2, 0), await one.createdInOrder(2, 2), await one.createdInOrder(2, 4)]).toEqual([
      [4, 3],
      [2, 1],
      [0],
    ]);
    expect(await one.createdInOrder(2, 6)).toEqual([]);
  });
});

describe('a change', () => {
  test('sees what the change before it left, however many begin at once', async () => {
    await teams.insert(db(), teamRow('t', { rpm_limit: 0 }));
    const addOne = () => teams.change(db(), 't', EVERYTHING, (row) => ({ rpm_limit: Number(row.rpm_limit) + 1 }));
    await Promise.all(Array.from({ length: 25 }, addOne));
    expect(await teams.find(db(), 't', EVERYTHING)).toMatchObject({ rpm_limit: 25, version: 26 });
  });

  test('tells what was before and what is now', async () => {
    await teams.insert(db(), teamRow('t', { team_alias: 'old' }));
    const changed = await teams.change(db(), 't', EVERYTHING, () => ({ team_alias: 'new' }));
    expect(changed).toMatchObject({ before: { team_alias: 'old' }, after: { team_alias: 'new', version: 2 } });
    expect(await teams.find(db(), 't', EVERYTHING)).toEqual(teamRow('t', { team_alias: 'new', version: 2 }));
  });

  test('that throws has not happened', async () => {
    await teams.insert(db(), teamRow('t'));
    const failing = teams.change(db(), 't', EVERYTHING, () => {
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await teams.find(db(), 't', EVERYTHING)).toEqual(teamRow('t'));
  });

  test('is undone together with the transaction that it is a part of', async () => {
    await teams.insert(db(), teamRow('t'));
    const together = inTransaction(db(), async (transaction) => {
      await teams.change(transaction, 't', EVERYTHING, () => ({ blocked: 1 }));
      await teams.insert(transaction, teamRow('second'));
      await teams.remove(transaction, ['t'], EVERYTHING);
      expect((await teams.list(transaction, { visibility: EVERYTHING, limit: 9 })).total).toBe(1);
      throw new RangeError('audit failed');
    });
    await expect(together).rejects.toThrow('audit failed');
    expect((await teams.list(db(), { visibility: EVERYTHING, limit: 9 })).rows).toEqual([teamRow('t')]);
  });

  test('of a foreign row changes nothing, and so does its removal', async () => {
    await teams.insert(db(), teamRow('mine'));
    await teams.insert(db(), teamRow('foreign'));
    const mine: Visibility = { ...NOBODY, teams: ['mine'] };
    expect(await teams.change(db(), 'foreign', mine, () => ({ blocked: 1 }))).toBeUndefined();
    expect(await teams.remove(db(), ['foreign', 'mine'], mine)).toEqual([teamRow('mine')]);
    expect(await teams.find(db(), 'foreign', EVERYTHING)).toEqual(teamRow('foreign'));
  });
});

describe('what must be unique', () => {
  test('is said to be taken, by its column: an email in any case, a sign-on, an id', async () => {
    await users.insert(db(), userRow('a', { user_email: 'Ann@Example.com', sso_user_id: 's' }));
    expect(await users.insert(db(), userRow('b', { user_email: 'ann@example.COM' }))).toEqual({ taken: 'user_email' });
    expect(await users.insert(db(), userRow('b', { sso_user_id: 's' }))).toEqual({ taken: 'sso_user_id' });
    expect(await users.insert(db(), userRow('a'))).toEqual({ taken: 'user_id' });
    expect(await users.insert(db(), userRow('b'))).toBeUndefined();
    expect(await users.insert(db(), userRow('c'))).toBeUndefined();
  });

  test('may be kept by its owner and not be given to another', async () => {
    await users.insert(db(), userRow('a', { user_email: 'a@x' }));
    await users.insert(db(), userRow('b', { user_email: 'b@x' }));
    const give = (email: string | null) => users.change(db(), 'b', EVERYTHING, () => ({ user_email: email }));
    expect(await give('A@X')).toEqual({ taken: 'user_email' });
    expect(await users.find(db(), 'b', EVERYTHING)).toMatchObject({ user_email: 'b@x', version: 1 });
    expect(await give('B@X')).toMatchObject({ after: { user_email: 'B@X' } });
    expect(await give(null)).toMatchObject({ after: { user_email: null } });
  });

  test('holds for names of credentials and access groups', async () => {
    await credentials.insert(db(), credentialRow('1', { credential_name: 'x' }));
    await accessGroups.insert(db(), accessGroupRow('1', { access_group_name: 'x' }));
    expect(await credentials.insert(db(), credentialRow('2', { credential_name: 'x' }))).toEqual({
      taken: 'credential_name',
    });
    expect(await accessGroups.insert(db(), accessGroupRow('2', { access_group_name: 'x' }))).toEqual({
      taken: 'access_group_name',
    });
  });
});

describe('members', () => {
  test('of teams and organizations are found by both ids, and a torn id finds nothing', async () => {
    await teamMembers.insert(db(), memberRow(...pair('t')));
    await organizationMembers.insert(db(), organizationMemberRow(...pair('o')));
    expect(await teamMembers.find(db(), joined('t', 't user'), EVERYTHING)).toEqual(memberRow('t', 't user'));
    expect(await teamMembers.find(db(), 't', EVERYTHING)).toBeUndefined();
    expect(await organizationMembers.find(db(), joined('o', 'o user'), EVERYTHING)).toBeDefined();
    expect(await organizationMembers.find(db(), joined('o user', 'o'), EVERYTHING)).toBeUndefined();
  });

  test('join a team once, although they are asked in twice', async () => {
    expect(await teamMembers.insert(db(), memberRow('t', 'u'))).toBeUndefined();
    expect(await teamMembers.insert(db(), memberRow('t', 'u', { role: 'admin' }))).toEqual({ taken: 'team_id' });
    expect(await teamMembers.insert(db(), memberRow('t', 'v'))).toBeUndefined();
    await teamMembers.change(db(), joined('t', 'v'), EVERYTHING, () => ({ role: 'admin' }));
    expect((await membersOfTeam(db(), 't')).map(({ user_id, role }) => [user_id, role])).toEqual([
      ['u', 'user'],
      ['v', 'admin'],
    ]);
  });

  test('come with their email where they have an account, and each knows its teams', async () => {
    await users.insert(db(), userRow('u', { user_email: 'u@x' }));
    await teamMembers.insert(db(), memberRow('t', 'u'));
    await teamMembers.insert(db(), memberRow('t', 'v', { created_at_ms: 2 }));
    await teamMembers.insert(db(), memberRow('s', 'u'));
    await organizationMembers.insert(db(), organizationMemberRow('o', 'u', { user_role: 'org_admin' }));
    expect((await membersOfTeam(db(), 't')).map((row) => row.user_email)).toEqual(['u@x', null]);
    expect((await membersOfOrganization(db(), 'o')).map((row) => row.user_email)).toEqual(['u@x']);
    expect((await membershipsOfUser(db(), 'u')).map(({ team_id }) => team_id)).toEqual(['s', 't']);
    expect((await organizationsOfUser(db(), 'u')).map((row) => row.user_role)).toEqual(['org_admin']);
  });
});

describe('filters', () => {
  const found = async (where: Parameters<typeof users.list>[1]['where']): Promise<string[]> => {
    const request = { visibility: EVERYTHING, sort: { by: 'user_id', order: 'asc' }, limit: 99 } as const;
    const { rows, total } = await users.list(db(), { ...request, ...(where && { where }) });
    expect(total).toBe(rows.length);
    return rows.map(({ user_id }) => user_id);
  };

  test('a part of a text is found in any case, and % and _ and \\ stand for themselves', async () => {
    for (const email of ['100%@x', '1000@x', 'a_b@x', 'aXb@x', 'back\\slash@x', 'UPPER@x']) {
      await users.insert(db(), userRow(email, { user_email: email }));
    }
    const contains = (text: string) => found([{ column: 'user_email', contains: text }]);
    expect(await contains('0%')).toEqual(['100%@x']);
    expect(await contains('A_B')).toEqual(['a_b@x']);
    expect(await contains('\\')).toEqual(['back\\slash@x']);
    expect(await contains('upper')).toEqual(['UPPER@x']);
    expect(await contains("' or 1=1 --")).toEqual([]);
    expect(await contains('')).toHaveLength(6);
  });

  test('each kind finds what a list in memory would', async () => {
    const text = fc.constantFrom('a', 'ab', 'b', 'ba%', 'B');
    const user = fc.record({ user_alias: fc.option(text), rpm_limit: fc.option(fc.nat(4)) });
    await fc.assert(
      fc.asyncProperty(fc.array(user, { maxLength: 6 }), text, fc.nat(4), async (made, part, number) => {
        await db().deleteFrom('users').execute();
        const rows = made.map((over, at) => userRow(`u${at}`, over));
        for (const row of rows) await users.insert(db(), row);
        const ids = (holds: (row: (typeof rows)[number]) => boolean) => rows.filter(holds).map((row) => row.user_id);
        const alias = 'user_alias';
        const rpm = 'rpm_limit';
        expect(await found([{ column: alias, is: part }])).toEqual(ids((row) => row.user_alias === part));
        expect(await found([{ column: alias, is: null }])).toEqual(ids((row) => row.user_alias === null));
        expect(await found([{ column: alias, isNot: part }])).toEqual(ids((row) => row.user_alias !== part));
        expect(await found([{ column: alias, isNot: null }])).toEqual(ids((row) => row.user_alias !== null));
        expect(await found([{ column: alias, in: [part, 'ab'] }])).toEqual(
          ids((row) => row.user_alias === part || row.user_alias === 'ab'),
        );
        expect(await found([{ column: alias, in: [] }])).toEqual([]);
        expect(await found([{ column: alias, startsWith: part }])).toEqual(
          ids((row) => row.user_alias?.startsWith(part) ?? false),
        );
        expect(await found([{ column: alias, contains: part }])).toEqual(
          ids((row) => row.user_alias?.toLowerCase().includes(part.toLowerCase()) ?? false),
        );
        expect(await found([{ column: rpm, from: number }])).toEqual(
          ids((row) => row.rpm_limit !== null && row.rpm_limit >= number),
        );
        const before = { column: rpm, before: number } as const;
        expect(await found([before])).toEqual(ids((row) => row.rpm_limit !== null && row.rpm_limit < number));
        expect(await found([{ any: [before, { column: alias, is: part }] }])).toEqual(
          ids((row) => (row.rpm_limit !== null && row.rpm_limit < number) || row.user_alias === part),
        );
      }),
      { numRuns: 40 },
    );
  });
});

test('a budget knows how many refer to it, from every table that can', async () => {
  expect(await countBudgetUses(db(), 'b')).toBe(0);
  const over = { budget_id: 'b' };
  await teams.insert(db(), teamRow('t', over));
  await teams.insert(db(), teamRow('other', { budget_id: 'c' }));
  await teamMembers.insert(db(), memberRow('t', 'u', over));
  await users.insert(db(), userRow('u', over));
  await organizations.insert(db(), organizationRow('o', over));
  await organizationMembers.insert(db(), organizationMemberRow('o', 'u', over));
  await projects.insert(db(), projectRow('p', over));
  await customers.insert(db(), customerRow('c', over));
  await tags.insert(db(), tagRow('x', over));
  expect(await countBudgetUses(db(), 'b')).toBe(8);
});
