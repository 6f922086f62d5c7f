import { beforeEach, describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { databasePlace } from '../../test/support/database-place.ts';
import {
  budgetRow,
  customerRow,
  memberRow,
  organizationRow,
  projectRow,
  tagRow,
  teamRow,
  userRow,
} from '../../test/support/entity-rows.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { budgets } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import { customers } from '../db/customers.ts';
import { organizations } from '../db/organizations.ts';
import { projects } from '../db/projects.ts';
import { tags } from '../db/tags.ts';
import { teamMembers } from '../db/team-members.ts';
import { teams } from '../db/teams.ts';
import { joined } from '../db/usage-scopes.ts';
import { users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import type { Directory, EntityKind } from '../gateway/entities.ts';
import { createDirectory } from './directory.ts';

const TTL_MS = 60_000;
const GRACE_MS = 60_000;

const db = databasePlace();
let nowMs: number;
let queries: number;
let defaultBudgetId: string | null;

function open(maxEntities?: number): Directory {
  const counted: Database = db().withPlugin({
    transformQuery: ({ node }) => {
      queries += 1;
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  return createDirectory({
    db: counted,
    now: () => nowMs,
    ttlMs: () => TTL_MS,
    defaultEndUserBudgetId: () => defaultBudgetId,
    ...(maxEntities !== undefined && { maxEntities }),
  });
}

beforeEach(() => {
  nowMs = 1_000_000;
  queries = 0;
  defaultBudgetId = null;
});

const KINDS: readonly [EntityKind, string][] = [
  ['team', 't'],
  ['team_member', joined('t', 'u')],
  ['user', 'u'],
  ['organization', 'o'],
  ['project', 'p'],
  ['end_user', 'c'],
  ['tag', 'x'],
];

async function storeAll(): Promise<void> {
  await budgets.insert(db(), budgetRow('b', { tpm_limit: 9 }));
  const over = { budget_id: 'b', rpm_limit: 1 };
  const metadata = '{"team_member_budget_id":"b","team_member_rpm_limit":4}';
  await teams.insert(
    db(),
    teamRow('t', { ...over, team_alias: 'T', metadata, model_aliases: '{"a":"b"}', blocked: 1 }),
  );
  await teamMembers.insert(db(), memberRow('t', 'u', { ...over, role: 'admin', allowed_models: '["m"]' }));
  await users.insert(db(), userRow('u', { ...over, user_email: 'u@x', user_role: 'internal_user' }));
  await organizations.insert(db(), organizationRow('o', { ...over, models: '["m"]' }));
  await projects.insert(db(), projectRow('p', { ...over, team_id: 't', model_rpm_limit: '{"m":3}' }));
  await customers.insert(db(), customerRow('c', { ...over, default_model: 'm', allowed_model_region: 'eu' }));
  await tags.insert(db(), tagRow('x', { ...over, models: '["m"]' }));
}

describe('every kind', () => {
  test('is given with its own limits over those of its budget', async () => {
    await storeAll();
    const directory = open();
    const limits = { rpmLimit: 1, tpmLimit: 9 };
    const found = await Promise.all(KINDS.map(([kind, id]) => directory.fetch(kind, id)));
    expect(found).toMatchObject([
      {
        ...{ kind: 'team', id: 't', name: 'T', blocked: true, aliases: { a: 'b' }, allowance: limits },
        memberAllowance: { rpmLimit: 4, tpmLimit: 9 },
      },
      { kind: 'team_member', id: joined('t', 'u'), role: 'admin', models: ['m'], allowance: limits },
      { kind: 'user', id: 'u', name: 'u@x', role: 'internal_user', blocked: false, allowance: limits },
      { kind: 'organization', id: 'o', models: ['m'], allowance: limits },
      { kind: 'project', id: 'p', teamId: 't', allowance: { ...limits, perModel: { m: { rpmLimit: 3 } } } },
      { kind: 'end_user', id: 'c', defaultModel: 'm', allowedModelRegion: 'eu', allowance: limits },
      { kind: 'tag', id: 'x', name: 'x', models: ['m'], allowance: limits },
    ]);
  });

  test.each(KINDS)('%s: is not in memory at first, then without a query and as the same object', async (kind, id) => {
    await storeAll();
    const directory = open();
    expect(directory.peek(kind, id)).toBeUndefined();
    const found = await directory.fetch(kind, id);
    queries = 0;
    for (let i = 0; i < 50; i++) expect(directory.peek(kind, id)).toBe(found);
    expect(queries).toBe(0);
  });

  test.each(KINDS)('%s: that does not exist is known not to, until it is made', async (kind, id) => {
    const directory = open();
    expect(await directory.fetch(kind, id)).toBeNull();
    queries = 0;
    for (let i = 0; i < 50; i++) expect(directory.peek(kind, id)).toBeNull();
    expect(queries).toBe(0);
    await storeAll();
    directory.invalidate(kind, id);
    expect(directory.peek(kind, id)).toBeUndefined();
    expect((await directory.fetch(kind, id))?.id).toBe(id);
  });
});

test('many who ask at once for one thing ask the database once', async () => {
  await teams.insert(db(), teamRow('t'));
  const directory = open();
  await Promise.all(Array.from({ length: 30 }, () => directory.fetch('team', 't')));
  expect(queries).toBe(1);
});

test('memory is bounded, each kind for itself', async () => {
  await storeAll();
  for (const id of ['t2', 't3']) await teams.insert(db(), teamRow(id));
  const directory = open(2);
  for (const [kind, id] of KINDS) await directory.fetch(kind, id);
  for (const id of ['t2', 't3']) await directory.fetch('team', id);
  expect([directory.peek('team', 't'), directory.peek('user', 'u')]).toMatchObject([undefined, { id: 'u' }]);
});

describe('the version', () => {
  test('grows with every change that is told', async () => {
    const directory = open();
    const before = directory.version();
    directory.invalidate('team', 't');
    directory.invalidateAll();
    expect(directory.version()).toBe(before + 2);
  });

  test('grows when a reload finds something else, and not when it finds the same', async () => {
    await storeAll();
    const directory = open();
    await directory.fetch('team', 't');
    await directory.fetch('team', 'not yet');
    const before = directory.version();
    nowMs += TTL_MS;
    expect(directory.peek('team', 't')).toBeUndefined();
    await directory.fetch('team', 't');
    expect(directory.version()).toBe(before);
    await teams.change(db(), 't', EVERYTHING, () => ({ rpm_limit: 2 }));
    await teams.insert(db(), teamRow('not yet'));
    nowMs += TTL_MS;
    expect(await directory.fetch('team', 't')).toMatchObject({ allowance: { rpmLimit: 2 } });
    expect(directory.version()).toBe(before + 1);
    await directory.fetch('team', 'not yet');
    expect(directory.version()).toBe(before + 2);
  });
});

test('a change to a shared budget is seen by all who refer to it', async () => {
  await storeAll();
  const directory = open();
  for (const [kind, id] of KINDS) await directory.fetch(kind, id);
  await budgets.change(db(), 'b', EVERYTHING, () => ({ tpm_limit: 77 }));
  directory.invalidateAll();
  for (const [kind, id] of KINDS) {
    expect(directory.peek(kind, id)).toBeUndefined();
    expect(await directory.fetch(kind, id)).toMatchObject({ allowance: { tpmLimit: 77 } });
  }
});

describe('end users', () => {
  beforeEach(async () => {
    await budgets.insert(db(), budgetRow('default', { rpm_limit: 5 }));
    await budgets.insert(db(), budgetRow('own', { rpm_limit: 6 }));
    await customers.insert(db(), customerRow('plain', { blocked: 1 }));
    await customers.insert(db(), customerRow('rich', { budget_id: 'own' }));
  });

  test('that nobody stored do not exist while there is no budget for them', async () => {
    expect(await open().fetch('end_user', 'new')).toBeNull();
  });

  test('have the default budget when they are not stored, or have none of their own', async () => {
    defaultBudgetId = 'default';
    const directory = open();
    const blocked = { id: 'plain', blocked: true, allowance: { rpmLimit: 5 } };
    expect(await directory.fetch('end_user', 'plain')).toMatchObject(blocked);
    expect(await directory.fetch('end_user', 'rich')).toMatchObject({ id: 'rich', allowance: { rpmLimit: 6 } });
    const unknown = { kind: 'end_user', id: 'new', blocked: false, models: [], allowance: { rpmLimit: 5 } };
    expect(await directory.fetch('end_user', 'new')).toMatchObject(unknown);
    queries = 0;
    expect(directory.peek('end_user', 'new')).toMatchObject(unknown);
    expect(queries).toBe(0);
  });

  test('that clients make up push nobody out of memory', async () => {
    defaultBudgetId = 'default';
    const directory = open(3);
    await directory.fetch('end_user', 'rich');
    for (let i = 0; i < 50; i++) await directory.fetch('end_user', `made up ${i}`);
    expect(directory.peek('end_user', 'rich')).toMatchObject({ allowance: { rpmLimit: 6 } });
  });

  test('whose default budget is not there have none', async () => {
    defaultBudgetId = 'gone';
    expect(await open().fetch('end_user', 'new')).toBeNull();
  });
});

test('a user whom the identity provider switched off is blocked, and an unknown role is none', async () => {
  await users.insert(db(), userRow('u', { metadata: '{"scim_active":false}', user_role: 'emperor' }));
  expect(await open().fetch('user', 'u')).toMatchObject({ blocked: true, role: null });
});

describe('while the database is down', () => {
  const breakDatabase = () => sql`alter table teams rename to teams_away`.execute(db());

  test('what was seen goes on for sixty seconds past its time, then is 503', async () => {
    await teams.insert(db(), teamRow('t'));
    const directory = open();
    await directory.fetch('team', 't');
    await directory.fetch('team', 'nobody');
    await breakDatabase();
    nowMs += TTL_MS + GRACE_MS - 1;
    expect((await directory.fetch('team', 't'))?.id).toBe('t');
    expect(await directory.fetch('team', 'nobody')).toBeNull();
    nowMs += 1;
    for (const id of ['t', 'nobody']) {
      const error = await refusalOf(() => directory.fetch('team', id));
      expect([error.status, error.kind, error.details.code]).toEqual([503, 'unavailable', 'no_db_connection']);
    }
  });

  test('what was just changed, or never seen, is 503', async () => {
    await teams.insert(db(), teamRow('t'));
    const directory = open();
    await directory.fetch('team', 't');
    directory.invalidate('team', 't');
    await breakDatabase();
    expect((await refusalOf(() => directory.fetch('team', 't'))).message).toContain('The team could not be checked');
    expect((await refusalOf(() => directory.fetch('team', 'new'))).status).toBe(503);
  });
});
