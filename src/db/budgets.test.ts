import { describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, HOSTILE, seeing } from '../../test/support/describe-entity-table.ts';
import {
  budgetRow,
  customerRow,
  keyRow,
  memberRow,
  organizationMemberRow,
  organizationRow,
  projectRow,
  tagRow,
  teamRow,
  userRow,
} from '../../test/support/entity-rows.ts';
import { budgets, budgetUses, countBudgetUses } from './budgets.ts';
import { customers } from './customers.ts';
import { keys } from './keys.ts';
import { organizationMembers } from './organization-members.ts';
import { organizations } from './organizations.ts';
import { projects } from './projects.ts';
import { tags } from './tags.ts';
import { teamMembers } from './team-members.ts';
import { teams } from './teams.ts';
import { users } from './users.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({ name: 'budgets', entity: budgets, rowOf: budgetRow, key: ['budget_id'] });

const db = databasePlace();
const budget_id = 'b';

describe('who refers to a budget', () => {
  test('is told by table, each table for itself', async () => {
    const inserts: Readonly<Record<string, () => Promise<unknown>>> = {
      keys: () => keys.insert(db(), keyRow('k', { budget_id })),
      teams: () => teams.insert(db(), teamRow('t', { budget_id })),
      team_members: () => teamMembers.insert(db(), memberRow('t', 'u', { budget_id })),
      users: () => users.insert(db(), userRow('u', { budget_id })),
      organizations: () => organizations.insert(db(), organizationRow('o', { budget_id })),
      organization_members: () => organizationMembers.insert(db(), organizationMemberRow('o', 'u', { budget_id })),
      projects: () => projects.insert(db(), projectRow('p', { budget_id })),
      customers: () => customers.insert(db(), customerRow('c', { budget_id })),
      tags: () => tags.insert(db(), tagRow('g', { budget_id })),
    };
    const expected: Record<string, number> = {};
    for (const [table, insert] of Object.entries(inserts)) {
      await insert();
      expected[table] = 1;
      expect(await budgetUses(db(), budget_id)).toEqual(expected);
    }
    expect(await countBudgetUses(db(), budget_id)).toBe(9);
    expect(await budgetUses(db(), 'another')).toEqual({});
  });

  test('covers every table with a budget in it', async () => {
    const withBudget: string[] = [];
    for (const { name, columns } of await db().introspection.getTables()) {
      if (columns.some((column) => column.name === 'budget_id')) withBudget.push(name);
    }
    const told = ['keys', 'teams', 'team_members', 'users', 'organizations', 'organization_members', 'projects'];
    // The budgets themselves, and what is only kept to be looked at.
    const others = ['budgets', 'deleted_keys', 'deleted_teams'];
    expect(withBudget.sort()).toEqual([...told, 'customers', 'tags', ...others].sort());
  });

  test('are teams that give it to each of their members, besides those that have it themselves', async () => {
    const metadata = JSON.stringify({ team_member_budget_id: budget_id, note: 'x' });
    await teams.insert(db(), teamRow('gives', { metadata }));
    await teams.insert(db(), teamRow('has and gives', { metadata, budget_id }));
    await teams.insert(db(), teamRow('gives another', { metadata: '{"team_member_budget_id":"other"}' }));
    await teams.insert(db(), teamRow('speaks of it', { metadata: '{"note":"team_member_budget_id b"}' }));
    expect(await budgetUses(db(), budget_id)).toEqual({ teams: 3 });
    expect(await countBudgetUses(db(), budget_id)).toBe(3);
  });

  test.each(['{"team_member_budget_id":', 'null', '[]', '7', '"team_member_budget_id"'])(
    'is told although the metadata of a team is %p',
    async (metadata) => {
      await teams.insert(db(), teamRow('odd', { metadata: `${metadata} ` }));
      await teams.insert(db(), teamRow('odd too', { metadata: `${metadata}"team_member_budget_id"` }));
      await teams.insert(db(), teamRow('t', { metadata: '{"team_member_budget_id":"b"}' }));
      expect(await budgetUses(db(), budget_id)).toEqual({ teams: 1 });
    },
  );

  test('is asked by a name that is a value and no part of the question', async () => {
    await keys.insert(db(), keyRow('k', { budget_id }));
    for (const id of HOSTILE) {
      expect(await budgetUses(db(), id)).toEqual({});
      await teams.insert(db(), teamRow(id, { metadata: JSON.stringify({ team_member_budget_id: id }) }));
      expect(await budgetUses(db(), id)).toEqual({ teams: 1 });
    }
    expect(await budgetUses(db(), budget_id)).toEqual({ keys: 1 });
  });
});

test('budgets belong to nobody: only who sees everything finds one', async () => {
  await budgets.insert(db(), budgetRow('b', { created_by: 'u' }));
  const person = seeing({ userId: 'u', keyHash: 'b', teams: ['b'], organizations: ['b'] });
  expect(await budgets.find(db(), 'b', person)).toBeUndefined();
  expect(await budgets.count(db(), { visibility: person })).toBe(0);
  expect(await budgets.find(db(), 'b', EVERYTHING)).toBeDefined();
});
