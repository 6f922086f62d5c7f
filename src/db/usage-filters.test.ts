import { describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { addNames } from './dictionary.ts';
import { directReader } from './reader.ts';
import { insertRequests } from './requests.ts';
import { conditionOf, filterRefs, type UsageFilters } from './usage-filters.ts';
import { usageBy } from './usage-reports.ts';

const db = databasePlace();

async function refs(filters: UsageFilters): Promise<Record<string, readonly number[]> | undefined> {
  const found = await filterRefs(db(), filters);
  return found && Object.fromEntries(found);
}

describe('names become numbers', () => {
  test('of the dimension that they are names in; 0 stands for none', async () => {
    const names = await addNames(db(), ['t', 'k']);
    const [t, k] = [names.get('t') ?? -1, names.get('k') ?? -1];
    expect(await refs({})).toEqual({});
    expect(await refs({ teams: ['t'] })).toEqual({ team_ref: [t] });
    expect(await refs({ teams: ['t', null], keys: ['k'] })).toEqual({ team_ref: [t, 0], key_ref: [k] });
    expect(await refs({ tags: ['t'], routes: ['k'] })).toEqual({ tags_ref: [t], route_ref: [k] });
  });

  test('of those that any request had; when it had none of them, nothing can match', async () => {
    const names = await addNames(db(), ['t']);
    expect(await refs({ teams: ['t', 'never seen'] })).toEqual({ team_ref: [names.get('t') ?? -1] });
    expect(await refs({ teams: ['never seen'] })).toBeUndefined();
    expect(await refs({ teams: [] })).toBeUndefined();
    expect(await refs({ teams: ['t'], users: ['never seen'] })).toBeUndefined();
    expect(await db().selectFrom('names').selectAll().execute()).toHaveLength(1);
  });

  test('to have some name is a condition of its own, which no name fulfils that is none', async () => {
    const names = await addNames(db(), ['t']);
    expect(await refs({ having: ['teams', 'tags'] })).toEqual({ team_ref: [], tags_ref: [] });
    expect(await refs({ having: ['teams'], teams: ['t', null] })).toEqual({ team_ref: [names.get('t') ?? -1] });
    expect(await refs({ having: ['teams'], teams: [null] })).toBeUndefined();
  });
});

describe('a condition', () => {
  const KINDS = {
    keys: 'keyHash',
    teams: 'teamId',
    users: 'userId',
    organizations: 'organizationId',
    projects: 'projectId',
    endUsers: 'endUser',
    models: 'model',
    modelGroups: 'modelGroup',
    deployments: 'deploymentId',
    providers: 'provider',
    routes: 'route',
  } as const;

  async function count(filters: UsageFilters): Promise<number> {
    const [row] = await usageBy(directReader(db()), { fromMs: 0, toMs: 2e12, filters, groupBy: [] });
    return row?.requests ?? Number.NaN;
  }

  test.each(Object.entries(KINDS))('on %s finds those of the name, and those without one', async (kind, member) => {
    const isRequired = member === 'modelGroup' || member === 'route';
    await insertRequests(db(), [
      sampleRow({ [member]: 'x' }),
      sampleRow({ [member]: 'x' }),
      sampleRow({ [member]: 'y' }),
      sampleRow({ [member]: isRequired ? 'z' : null }),
    ]);
    expect(await count({ [kind]: ['x'] })).toBe(2);
    expect(await count({ [kind]: ['x', 'y'] })).toBe(3);
    expect(await count({ [kind]: ['unknown'] })).toBe(0);
    expect(await count({ [kind]: ['unknown', 'y'] })).toBe(1);
    expect(await count({ [kind]: [] })).toBe(0);
    if (!isRequired) expect([await count({ [kind]: [null] }), await count({ [kind]: ['x', null] })]).toEqual([1, 3]);
  });

  test('on tags finds requests with any of them, each once', async () => {
    await insertRequests(db(), [
      sampleRow({ tags: ['a', 'b'] }),
      sampleRow({ tags: ['b'] }),
      sampleRow({ tags: ['c'] }),
      sampleRow({ tags: [] }),
    ]);
    expect(await count({ tags: ['a'] })).toBe(1);
    expect(await count({ tags: ['a', 'b'] })).toBe(2);
    expect(await count({ tags: ['b', 'c', 'none'] })).toBe(3);
    expect(await count({ tags: [null] })).toBe(1);
    expect(await count({ tags: [null, 'a'] })).toBe(2);
    expect(await count({ having: ['tags'] })).toBe(3);
  });

  test('holds only together with all others', async () => {
    await insertRequests(db(), [
      sampleRow({ keyHash: 'k', teamId: 't' }),
      sampleRow({ keyHash: 'k', teamId: 'u' }),
      sampleRow({ keyHash: 'l', teamId: 't' }),
    ]);
    expect(await count({ keys: ['k'], teams: ['t'] })).toBe(1);
    expect(await count({ keys: ['k', 'l'], teams: ['t'] })).toBe(2);
    expect(await count({ keys: ['l'], teams: ['u'] })).toBe(0);
  });

  test('without any is always true', async () => {
    const none = sql<{ one: number }>`select 1 as one where ${conditionOf(new Map(), () => sql`0`)}`;
    expect((await none.execute(db())).rows).toEqual([{ one: 1 }]);
  });
});
