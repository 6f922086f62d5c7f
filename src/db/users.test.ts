import { describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, HOSTILE, NOBODY, seeing } from '../../test/support/describe-entity-table.ts';
import { organizationMemberRow, userRow } from '../../test/support/entity-rows.ts';
import { organizationMembers } from './organization-members.ts';
import { findUserByEmail, users } from './users.ts';
import { EVERYTHING, type Visibility } from './visibility.ts';

describeEntityTable({
  name: 'users',
  entity: users,
  rowOf: userRow,
  key: ['user_id'],
  unique: ['sso_user_id', 'user_email'],
});

const db = databasePlace();

describe('an address', () => {
  test('finds its user in any case', async () => {
    await users.insert(db(), userRow('a', { user_email: 'Ann.Lee@Example.com' }));
    for (const email of ['ann.lee@example.com', 'ANN.LEE@EXAMPLE.COM', 'Ann.Lee@Example.com']) {
      expect(await findUserByEmail(db(), email)).toMatchObject({ user_id: 'a', user_email: 'Ann.Lee@Example.com' });
    }
    for (const email of ['ann_lee@example.com', 'ann.lee@example.co', '%', 'ann%', '', ...HOSTILE]) {
      expect(await findUserByEmail(db(), email)).toBeUndefined();
    }
  });

  test('may be changed in its case by who has it and by nobody else', async () => {
    await users.insert(db(), userRow('a', { user_email: 'ann@x.com' }));
    await users.insert(db(), userRow('b', { user_email: 'bob@x.com' }));
    const toUpper = () => ({ user_email: 'ANN@X.COM' });
    expect(await users.change(db(), 'b', EVERYTHING, toUpper)).toEqual({ taken: 'user_email' });
    expect(await users.change(db(), 'a', EVERYTHING, toUpper)).toMatchObject({ after: { user_email: 'ANN@X.COM' } });
  });

  test('is not needed, and any number of users have none', async () => {
    for (const id of ['a', 'b', 'c']) expect(await users.insert(db(), userRow(id))).toBeUndefined();
    expect(await users.count(db(), { visibility: EVERYTHING })).toBe(3);
  });

  test('of two who ask for it at once in different cases is given to one', async () => {
    const asked = ['x@y.com', 'X@y.com', 'x@Y.com', 'X@Y.COM'].map((user_email, at) =>
      users.insert(db(), userRow(`u${at}`, { user_email })),
    );
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === undefined)).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome?.taken === 'user_email')).toHaveLength(3);
  });
});

describe('who sees a user', () => {
  test('are they themselves and the organizations that they are of or a member in', async () => {
    await users.insert(db(), userRow('own'));
    await users.insert(db(), userRow('of', { organization_id: 'o' }));
    await users.insert(db(), userRow('member'));
    await organizationMembers.insert(db(), organizationMemberRow('o', 'member'));
    const found = async (visibility: Visibility) =>
      (await users.list(db(), { visibility, sort: { by: 'user_id', order: 'asc' }, limit: 9 })).rows.map(
        ({ user_id }) => user_id,
      );
    expect(await found(NOBODY)).toEqual([]);
    expect(await found(seeing({ userId: 'own' }))).toEqual(['own']);
    expect(await found(seeing({ organizations: ['o'] }))).toEqual(['member', 'of']);
    expect(await found(seeing({ userId: 'own', organizations: ['o', 'p'] }))).toEqual(['member', 'of', 'own']);
    expect(await found(seeing({ teams: ['own', 'of'], keyHash: 'own' }))).toEqual([]);
    await organizationMembers.remove(db(), ['o\u001fmember'], EVERYTHING);
    expect(await found(seeing({ organizations: ['o'] }))).toEqual(['of']);
  });
});
