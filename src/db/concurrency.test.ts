import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { databasePlace } from '../../test/support/database-place.ts';
import { keyRow, memberRow, organizationRow, teamRow, userRow } from '../../test/support/entity-rows.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { appendAudit, verifyAudit } from './audit-log.ts';
import { changeKey, changeKeys, deleteKeys, findDeletedKey, findKey, insertKey, keys } from './keys.ts';
import { organizations } from './organizations.ts';
import { findReplacement, regenerateKey, usageHashFor } from './regenerated-keys.ts';
import { removeOrganizations, removeTeams, removeUsers } from './removals.ts';
import { insertRequests } from './requests.ts';
import { usageSince } from './scope-usage.ts';
import { readSetting, writeSetting } from './settings.ts';
import { teamMembers } from './team-members.ts';
import { teams } from './teams.ts';
import { inTransaction } from './transaction.ts';
import { users } from './users.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();
const REMOVAL = { visibility: EVERYTHING, nowMs: 5, by: null };
const many = <Result>(count: number, run: (at: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => run(at)));

describe('of many at once', () => {
  test('one gets the alias, the others are told, and only one key is there', async () => {
    const outcomes = await many(30, (at) => insertKey(db(), keyRow(`k${at}`, { key_alias: 'wanted' })));
    expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'alias taken')).toHaveLength(29);
    expect(await keys.count(db(), { visibility: EVERYTHING })).toBe(1);
  });

  test('one renames to a name that all want', async () => {
    await many(10, (at) => insertKey(db(), keyRow(`k${at}`)));
    const outcomes = await many(10, (at) => changeKey(db(), `k${at}`, () => ({ key_alias: 'wanted' })));
    expect(outcomes.filter((outcome) => outcome !== 'alias taken')).toHaveLength(1);
  });

  test('every change counts: none is written over by another that read before it', async () => {
    await insertKey(db(), keyRow('k', { rotation_count: 0 }));
    await teams.insert(db(), teamRow('t', { rpm_limit: 0 }));
    await Promise.all([
      many(40, () => changeKey(db(), 'k', (row) => ({ rotation_count: Number(row.rotation_count) + 1 }))),
      many(40, () => teams.change(db(), 't', EVERYTHING, (row) => ({ rpm_limit: Number(row.rpm_limit) + 1 }))),
    ]);
    expect(await findKey(db(), 'k')).toMatchObject({ rotation_count: 40 });
    expect(await teams.find(db(), 't', EVERYTHING)).toMatchObject({ rpm_limit: 40, version: 41 });
  });

  test('rows of the log are counted once, whoever brings them', async () => {
    const rows = Array.from({ length: 60 }, (_, at) => sampleRow({ id: `r${at}`, keyHash: 'k', costNanoUsd: at }));
    const added = await many(6, (at) => insertRequests(db(), rows.slice(at * 5, at * 5 + 30)));
    expect(added.reduce((sum, count) => sum + count, 0)).toBe(55);
    expect(await usageSince(db(), { kind: 'api_key', id: 'k' }, null)).toMatchObject({
      requests: 55,
      costNanoUsd: rows.slice(0, 55).reduce((sum, row) => sum + Number(row.costNanoUsd), 0),
    });
  });

  test('audit rows stand in one chain although changes of many kinds are made between them', async () => {
    const entry = (object_id: string) => ({
      at_ms: 1,
      actor_key: null,
      actor_user: null,
      actor_role: null,
      action: 'created',
      object_kind: 'teams',
      object_id,
      organization_id: null,
      team_id: null,
      before_values: null,
      after_values: null,
      changed_by: null,
      call_id: null,
    });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, (_, at) =>
        inTransaction(db(), async (transaction) => {
          await teams.insert(transaction, teamRow(`t${at}`));
          await appendAudit(transaction, entry(`t${at}`));
          if (at % 4 === 0) throw new Error('changed its mind');
        }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(10);
    expect(await verifyAudit(db())).toMatchObject({ intact: true, rows: 30 });
    expect(await teams.count(db(), { visibility: EVERYTHING })).toBe(30);
  });

  test('a setting is one of those that were written, never a mix', async () => {
    const values = Array.from({ length: 20 }, (_, at) => String(at).repeat(50));
    await Promise.all(values.map((value) => writeSetting(db(), 'name', value)));
    expect(values).toContain((await readSetting(db(), 'name')) ?? '');
  });
});

describe('what is taken away while', () => {
  test('a key is regenerated is gone with both secrets, or lives under the new one', async () => {
    for (let round = 0; round < 10; round++) {
      const token = `k${round}`;
      await insertKey(db(), keyRow(token));
      const regeneration = { newToken: `new ${token}`, oldValidUntilMs: 99, nowMs: 5, change: () => ({}) };
      const both = [() => regenerateKey(db(), token, regeneration), () => deleteKeys(db(), [token], 5)];
      await Promise.all((round % 2 === 0 ? both : both.reverse()).map((one) => one()));
      const lives = await findKey(db(), `new ${token}`);
      const isDeleted = (await findDeletedKey(db(), token)) !== undefined;
      expect(isDeleted).toBe(lives === undefined);
      expect((await findReplacement(db(), token)) === undefined).toBe(isDeleted);
      expect(await usageHashFor(db(), token)).toBe(token);
    }
  });

  test('a team loses keys and members leaves none of those that were there when it went', async () => {
    for (let round = 0; round < 8; round++) {
      const team_id = `t${round}`;
      await teams.insert(db(), teamRow(team_id));
      await many(4, (at) => insertKey(db(), keyRow(`${team_id} k${at}`, { team_id })));
      await many(3, (at) => teamMembers.insert(db(), memberRow(team_id, `u${at}`)));
      const [, removed, again] = await Promise.all([
        deleteKeys(db(), [`${team_id} k0`], 1),
        removeTeams(db(), [team_id], REMOVAL),
        removeTeams(db(), [team_id], REMOVAL),
      ]);
      expect([removed.rows.length + again.rows.length, removed.keys.length + again.keys.length]).toEqual([1, 3]);
      const visibility = { all: false, userId: null, keyHash: null, teams: [team_id], organizations: [] } as const;
      expect([await keys.count(db(), { visibility }), await teamMembers.count(db(), { visibility })]).toEqual([0, 0]);
    }
  });

  test('an organization, its teams and its people go at once is deleted once', async () => {
    await organizations.insert(db(), organizationRow('o'));
    await teams.insert(db(), teamRow('t', { organization_id: 'o' }));
    await users.insert(db(), userRow('u'));
    await insertKey(db(), keyRow('k', { team_id: 't', user_id: 'u', organization_id: 'o' }));
    const removed = await Promise.all([
      removeUsers(db(), ['u'], REMOVAL),
      removeTeams(db(), ['t'], REMOVAL),
      removeOrganizations(db(), ['o'], REMOVAL),
    ]);
    expect(removed.flatMap((one) => one.keys.map(({ token }) => token))).toEqual(['k']);
    expect(await findDeletedKey(db(), 'k')).toBeDefined();
    expect(await keys.count(db(), { visibility: EVERYTHING })).toBe(0);
  });
});

test('however changes come together, each happens wholly or not at all, and all that happened add up', async () => {
  const change = fc.record({
    tokens: fc.uniqueArray(fc.constantFrom<string[]>('k0', 'k1', 'k2', 'gone'), { minLength: 1, maxLength: 3 }),
    add: fc.integer({ min: 1, max: 9 }),
    fails: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 2, maxLength: 8 }), async (changes) => {
      await keys.remove(db(), ['k0', 'k1', 'k2'], EVERYTHING);
      await many(3, (at) => insertKey(db(), keyRow(`k${at}`, { rotation_count: 0 })));
      await Promise.allSettled(
        changes.map(({ tokens, add, fails }) => {
          let seen = 0;
          return changeKeys(db(), tokens, EVERYTHING, (row) => {
            seen += 1;
            if (fails && seen === tokens.filter((token) => token !== 'gone').length) throw new Error('refused');
            return { rotation_count: Number(row.rotation_count) + add };
          });
        }),
      );
      for (const token of ['k0', 'k1', 'k2']) {
        const expected = changes
          .filter(({ tokens, fails }) => !fails && tokens.includes(token))
          .reduce((sum, { add }) => sum + add, 0);
        expect((await findKey(db(), token))?.rotation_count).toBe(expected);
      }
    }),
    { numRuns: 40, seed: 21 },
  );
});
