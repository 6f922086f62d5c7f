import { beforeEach, describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { databasePlace } from '../../test/support/database-place.ts';
import { HOSTILE, seeing } from '../../test/support/describe-entity-table.ts';
import {
  keyRow,
  memberRow,
  organizationMemberRow,
  organizationRow,
  teamRow,
  userRow,
} from '../../test/support/entity-rows.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { appendAudit, auditLog, verifyAudit } from './audit-log.ts';
import { budgetUses } from './budgets.ts';
import { addNames, knownRefs, namesOf, refOf } from './dictionary.ts';
import { failuresBy } from './failure-counts.ts';
import { KEY_ORDERS, listDeletedKeys, listKeyAliases, listKeys } from './key-list.ts';
import {
  changeKeys,
  deleteKeys,
  findDeletedKey,
  findKey,
  insertKey,
  isOldSecret,
  keys,
  keysCountedAs,
  tokensByAlias,
} from './keys.ts';
import { totalsByDay } from './log-totals.ts';
import { membersOfOrganization, organizationMembers, organizationsOfUser } from './organization-members.ts';
import { organizations } from './organizations.ts';
import { directReader } from './reader.ts';
import { findReplacement, regenerateKey, usageHashFor } from './regenerated-keys.ts';
import { removeOrganizations, removeTeams, removeUsers } from './removals.ts';
import { requestById } from './request-by-id.ts';
import { insertRequests, spendByKey } from './requests.ts';
import { spendOf, spendSince } from './scope-usage.ts';
import { isSeen } from './seen-scopes.ts';
import { readSetting, writeSetting } from './settings.ts';
import { findLogs, type LogFilter } from './spend-logs.ts';
import { membershipsOfUser, membersOfTeams, teamMembers } from './team-members.ts';
import { teams } from './teams.ts';
import { usageBy } from './usage-reports.ts';
import { usageItems } from './usage-row-pages.ts';
import { joined, SCOPE_KINDS } from './usage-scopes.ts';
import { findUserByEmail, users } from './users.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();
const reader = () => directReader(db());
const RANGE = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER } as const;

/** One of everything, under names that nobody attacks with. */
beforeEach(async () => {
  await organizations.insert(db(), organizationRow('o'));
  await teams.insert(db(), teamRow('t', { organization_id: 'o' }));
  await users.insert(db(), userRow('u', { user_email: 'u@example.com' }));
  await teamMembers.insert(db(), memberRow('t', 'u'));
  await organizationMembers.insert(db(), organizationMemberRow('o', 'u'));
  await insertKey(db(), keyRow('k', { key_alias: 'alias', team_id: 't', user_id: 'u', budget_id: 'b' }));
  await insertKey(db(), keyRow('gone', { key_alias: 'gone' }));
  await deleteKeys(db(), ['gone'], 5);
  const row = {
    keyHash: 'k',
    teamId: 't',
    userId: 'u',
    organizationId: 'o',
    endUser: 'e',
    projectId: 'p',
    tags: ['g'],
  };
  await insertRequests(db(), [sampleRow(row), sampleRow({ ...row, status: 'failure', sessionId: 's' })]);
});

/** Everything that is stored, and what the tables are. */
async function everything(): Promise<string> {
  const { rows } = await sql<{ name: string; sql: string }>`select name, sql from sqlite_master order by name`.execute(
    db(),
  );
  const content: unknown[] = [rows];
  for (const { name, sql: made } of rows) {
    if (!/^create table/i.test(made ?? '')) continue;
    content.push((await sql`select * from ${sql.table(name)}`.execute(db())).rows);
  }
  return JSON.stringify(content);
}

const pages = async (filter: LogFilter) => (await findLogs(reader(), filter, { limit: 9, offset: 0 })).rows;
const list = { visibility: EVERYTHING, limit: 9, offset: 0, nowMs: 5 };
const person = (text: string) => seeing({ userId: text, keyHash: text, teams: [text], organizations: [text] });

/** Every question with a text in it: it finds nothing, since nothing has such a name. */
const QUESTIONS: Readonly<Record<string, (text: string) => Promise<unknown>>> = {
  findKey: (text) => findKey(db(), text),
  findDeletedKey: (text) => findDeletedKey(db(), text),
  tokensByAlias: (text) => tokensByAlias(db(), [text]),
  isOldSecret: (text) => isOldSecret(db(), text),
  keysCountedAs: async (text) => [...(await keysCountedAs(db(), [text], EVERYTHING))],
  findReplacement: (text) => findReplacement(db(), text),
  'listKeys, by user': async (text) => (await listKeys(db(), { ...list, filter: { userId: text } })).rows,
  'listKeys, by team': async (text) => (await listKeys(db(), { ...list, filter: { teamId: text } })).rows,
  'listKeys, by organization': async (text) =>
    (await listKeys(db(), { ...list, filter: { organizationId: text } })).rows,
  'listKeys, by project': async (text) => (await listKeys(db(), { ...list, filter: { projectId: text } })).rows,
  'listKeys, by maker': async (text) => (await listKeys(db(), { ...list, filter: { createdBy: text } })).rows,
  'listKeys, by budget': async (text) => (await listKeys(db(), { ...list, filter: { budgetId: text } })).rows,
  'listKeys, by alias': async (text) => (await listKeys(db(), { ...list, filter: { keyAlias: text } })).rows,
  'listKeys, by part': async (text) => (await listKeys(db(), { ...list, filter: { keyAliasContains: text } })).rows,
  'listKeys, by start': async (text) => (await listKeys(db(), { ...list, filter: { keyAliasStartsWith: text } })).rows,
  'listKeys, by token': async (text) => (await listKeys(db(), { ...list, filter: { token: text } })).rows,
  'listKeys, by any': async (text) =>
    (await listKeys(db(), { ...list, filter: { anyOf: { userId: text, teamIds: [text], createdBy: text } } })).rows,
  'listKeys, of a person': async (text) => (await listKeys(db(), { ...list, visibility: person(text) })).rows,
  'listKeys, by spend': async (text) =>
    (await listKeys(db(), { ...list, filter: { userId: text }, sort: { by: 'spend', order: 'desc' } })).rows,
  listDeletedKeys: async (text) => (await listDeletedKeys(db(), { ...list, filter: { keyAlias: text } })).rows,
  listKeyAliases: async (text) => (await listKeyAliases(db(), { ...list, filter: { keyAliasContains: text } })).rows,
  membersOfTeams: (text) => membersOfTeams(db(), [text]),
  membershipsOfUser: (text) => membershipsOfUser(db(), text),
  membersOfOrganization: (text) => membersOfOrganization(db(), text),
  organizationsOfUser: (text) => organizationsOfUser(db(), text),
  findUserByEmail: (text) => findUserByEmail(db(), text),
  'users of a person': async (text) => (await users.list(db(), { visibility: person(text), limit: 9 })).rows,
  budgetUses: (text) => budgetUses(db(), text),
  refOf: (text) => refOf(db(), text),
  knownRefs: async (text) => [...(await knownRefs(db(), [text]))],
  'isSeen, of tags': (text) => isSeen(db(), 'tag', text),
  'isSeen, of end users': (text) => isSeen(db(), 'end_user', text),
  readSetting: (text) => readSetting(db(), text),
  spendByKey: (text) => spendByKey(db(), text),
  'audit log': async (text) =>
    (await auditLog.list(db(), { visibility: EVERYTHING, where: [{ column: 'object_id', is: text }], limit: 9 })).rows,
  requestById: (text) => requestById(db(), text, EVERYTHING),
  'requestById, of a person': (text) => requestById(db(), text, person(text)),
  'removeTeams, of nobody': async (text) => (await removeTeams(db(), [text], removal)).rows,
  'removeUsers, of nobody': async (text) => (await removeUsers(db(), [text], removal)).rows,
  'removeOrganizations, of nobody': async (text) => (await removeOrganizations(db(), [text], removal)).rows,
  'deleteKeys, of nobody': (text) => deleteKeys(db(), [text], 5),
  'changeKeys, of nobody': async (text) =>
    [...(await changeKeys(db(), [text], EVERYTHING, () => ({ blocked: 1 }))).values()].filter(Boolean),
  'regenerateKey, of nobody': (text) =>
    regenerateKey(db(), text, { newToken: 'n', oldValidUntilMs: null, nowMs: 1, change: () => ({}) }),
  ...Object.fromEntries(
    (
      ['requestId', 'keyHash', 'keyAlias', 'userId', 'teamId', 'organizationId', 'endUser', 'deploymentId'] as const
    ).map((name) => [`findLogs, by ${name}`, (text: string) => pages({ [name]: text })]),
  ),
  ...Object.fromEntries(
    (['model', 'sessionId', 'errorCode', 'errorMessage'] as const).map((name) => [
      `findLogs, by ${name}`,
      (text: string) => pages({ [name]: text }),
    ]),
  ),
  'findLogs, by tags': (text) => pages({ tags: [text] }),
  'findLogs, of a person': (text) => pages({ anyOf: [{ keys: [text] }, { users: [text] }] }),
  totalsByDay: (text) => totalsByDay(reader(), { ...RANGE, keyHash: text }, 'UTC'),
  failuresBy: (text) =>
    failuresBy(reader(), { ...RANGE, filters: { models: [text] }, httpStatus: 200, byDeployment: true }),
  ...Object.fromEntries(
    (['keys', 'teams', 'users', 'organizations', 'projects', 'endUsers', 'models', 'modelGroups'] as const).map(
      (name) => [
        `usageBy, by ${name}`,
        (text: string) => usageBy(reader(), { ...RANGE, filters: { [name]: [text] }, groupBy: ['day'] }),
      ],
    ),
  ),
  'usageBy, by tags': (text) => usageBy(reader(), { ...RANGE, filters: { tags: [text] }, groupBy: ['tag'] }),
  usageItems: async (text) => {
    const items: unknown[] = [];
    for await (const page of usageItems(reader(), { ...RANGE, filters: { routes: [text] }, groupBy: [] }))
      items.push(...page);
    return items;
  },
};

const removal = { visibility: EVERYTHING, nowMs: 5, by: null };
const isNothing = (answer: unknown): boolean =>
  answer === undefined ||
  answer === false ||
  answer === 0 ||
  (Array.isArray(answer) ? answer.length === 0 : typeof answer === 'object' && Object.keys(answer ?? {}).length === 0);

/** No name, no alias, no part of one: these find nothing whatever the question means by them. */
const ATTACKS = HOSTILE.filter((text) => text !== '_' && text !== '%');

describe('a question with a text in it', () => {
  test('finds nothing and changes nothing', async () => {
    const before = await everything();
    for (const [name, ask] of Object.entries(QUESTIONS)) {
      for (const text of ATTACKS) expect([name, text, isNothing(await ask(text))]).toEqual([name, text, true]);
      expect([name, (await everything()) === before]).toEqual([name, true]);
    }
  });

  test('the signs that stand for any text are only signs', async () => {
    const before = await everything();
    for (const [name, ask] of Object.entries(QUESTIONS)) {
      for (const text of ['%', '_', '*', '?']) expect([name, isNothing(await ask(text))]).toEqual([name, true]);
    }
    expect(await everything()).toBe(before);
  });

  test('would find something if the text were the right one', async () => {
    expect(isNothing(await QUESTIONS['findKey']?.('k'))).toBe(false);
    expect(isNothing(await QUESTIONS['listKeys, by part']?.('LIA'))).toBe(false);
    expect(isNothing(await QUESTIONS['findLogs, by sessionId']?.('s'))).toBe(false);
    expect(isNothing(await QUESTIONS['findLogs, by tags']?.('g'))).toBe(false);
    expect(isNothing(await QUESTIONS['usageBy, by teams']?.('t'))).toBe(false);
    expect(isNothing(await QUESTIONS['listKeys, of a person']?.('u'))).toBe(false);
    expect(isNothing(await QUESTIONS['isSeen, of tags']?.('g'))).toBe(false);
  });
});

describe('a text that is stored', () => {
  test('comes back as it was sent, and takes nothing else along', async () => {
    const counted = async () => [
      await keys.count(db(), { visibility: EVERYTHING }),
      await teams.count(db(), { visibility: EVERYTHING }),
    ];
    const before = await counted();
    for (const text of HOSTILE) {
      expect(await insertKey(db(), keyRow(text, { key_alias: text, metadata: text, user_id: text }))).toBe('inserted');
      expect(await findKey(db(), text)).toMatchObject({ key_alias: text, metadata: text, user_id: text });
      expect(await tokensByAlias(db(), [text])).toEqual([text]);
      expect(
        (await listKeys(db(), { ...list, filter: { keyAliasContains: text } })).rows.map(({ token }) => token),
      ).toContain(text);
      await writeSetting(db(), text, text);
      expect(await readSetting(db(), text)).toBe(text);
      const renewed = { newToken: `new ${text}`, oldValidUntilMs: 9, nowMs: 1, change: () => ({}) };
      expect(await regenerateKey(db(), text, renewed)).toMatchObject({ after: { usage_hash: text } });
      expect(await usageHashFor(db(), `new ${text}`)).toBe(text);
      expect(await deleteKeys(db(), [`new ${text}`], 5)).toEqual([`new ${text}`]);
    }
    expect(await counted()).toEqual(before);
  });

  test('is counted under itself in every scope, every report and the log', async () => {
    const short = HOSTILE.filter((text) => text.length < 1_000);
    for (const text of short) {
      const names = { keyHash: text, teamId: text, userId: text, organizationId: text, projectId: text, endUser: text };
      const served = { modelGroup: text, deploymentId: text, model: text, provider: text, route: text };
      await insertRequests(db(), [sampleRow({ id: `row ${text}`, ...names, ...served, tags: [text], costNanoUsd: 3 })]);
      expect(await requestById(db(), `row ${text}`, EVERYTHING)).toMatchObject({ ...names, ...served, tags: [text] });
    }
    for (const kind of SCOPE_KINDS) {
      if (kind === 'global' || kind === 'mirror' || kind === 'tag_per_key') continue;
      const isPair = kind === 'team_member' || kind === 'organization_member' || kind.startsWith('model_per');
      const ids = short.map((text) => (isPair ? joined(text, text) : text));
      const used = await spendOf(db(), kind, ids);
      expect([kind, ids.filter((id) => used.get(id)?.costNanoUsd !== 3)]).toEqual([kind, []]);
      const since = await spendSince(db(), kind, ids, 1);
      expect([kind, ids.filter((id) => since.get(id)?.costNanoUsd !== 3)]).toEqual([kind, []]);
    }
    for (const group of ['key', 'team', 'end_user', 'model', 'tag', 'route'] as const) {
      const rows = await usageBy(reader(), { ...RANGE, groupBy: [group] });
      const told = new Set(rows.map(({ by }) => by[group]));
      expect([group, short.filter((text) => !told.has(text))]).toEqual([group, []]);
    }
  });

  test('has a number in the dictionary and is what the number stands for', async () => {
    const short = HOSTILE.filter((text) => text.length < 1_000);
    const refs = await addNames(db(), short);
    expect(new Set(refs.values()).size).toBe(short.length);
    const names = await namesOf(db(), refs.values());
    for (const text of short) expect(names.get(refs.get(text) ?? 0)).toBe(text);
  });

  test('in the audit log leaves it intact', async () => {
    const base = { at_ms: 1, action: 'a', object_kind: 'k', organization_id: null, team_id: null, call_id: null };
    for (const text of HOSTILE) {
      const by = { actor_key: text, actor_user: text, actor_role: text, changed_by: text };
      await appendAudit(db(), { ...base, ...by, object_id: text, before_values: text, after_values: text });
    }
    expect(await verifyAudit(db())).toMatchObject({ intact: true, rows: HOSTILE.length });
  });
});

test('names of columns never come from a text: an order that nobody wrote into the list of orders is none', async () => {
  const sent = 'token; drop table keys';
  expect(Object.keys(KEY_ORDERS)).not.toContain(sent);
  const ask = listKeys(db(), { ...list, sort: { by: sent as keyof typeof KEY_ORDERS, order: 'asc' } });
  await ask.catch(() => undefined);
  expect(await keys.count(db(), { visibility: EVERYTHING })).toBe(1);
});
