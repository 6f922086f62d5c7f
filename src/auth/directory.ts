/** Teams, users, organizations and the like in memory, for the request path. */
import { isDeepStrictEqual } from 'node:util';
import { type BudgetRow, budgets } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import { customers } from '../db/customers.ts';
import { organizationMembers } from '../db/organization-members.ts';
import { organizations } from '../db/organizations.ts';
import { projects } from '../db/projects.ts';
import { tags } from '../db/tags.ts';
import { teamMembers } from '../db/team-members.ts';
import { teams } from '../db/teams.ts';
import { users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import type { Directory, EndUser, EntityKind, EntityOf } from '../gateway/entities.ts';
import { modelsWithGroups } from './access-groups.ts';
import {
  endUserOf,
  organizationMemberOf,
  organizationOf,
  projectOf,
  tagOf,
  teamMemberOf,
  teamOf,
  unknownEndUser,
  userOf,
} from './entities.ts';
import { objectIn } from './json-columns.ts';
import { createMemoryCache, type MemoryCache } from './memory-cache.ts';

export interface DirectoryOptions {
  readonly db: Database;
  now(): number;
  ttlMs(): number;
  /** Of each kind. */
  readonly maxEntities?: number;
  /** `litellm_settings.max_end_user_budget_id`: for end users that are not stored, or have no budget of their own. */
  defaultEndUserBudgetId(): string | null;
}

type Caches = { readonly [Kind in EntityKind]: MemoryCache<EntityOf[Kind]> };

const MAX_ENTITIES = 50_000;

export function createDirectory(options: DirectoryOptions): Directory {
  const { now, ttlMs, maxEntities = MAX_ENTITIES, defaultEndUserBudgetId } = options;
  let version = 0;
  const cacheOf = <Value extends object>(subject: string, load: (id: string) => Promise<Value | undefined>) =>
    createMemoryCache<Value>({
      load,
      now,
      ttlMs,
      max: maxEntities,
      unknownTtlMs: ttlMs,
      graceForUnknown: true,
      subject,
      onReload: (before, after) => {
        // Another process, or a hand on the database, changed it.
        if (!isDeepStrictEqual(before, after)) version += 1;
      },
    });
  const loaders = createLoaders(options);
  const caches: Caches = {
    team: cacheOf('The team', loaders.team),
    team_member: cacheOf('The team membership', loaders.team_member),
    user: cacheOf('The user', loaders.user),
    organization: cacheOf('The organization', loaders.organization),
    organization_member: cacheOf('The organization membership', loaders.organization_member),
    project: cacheOf('The project', loaders.project),
    end_user: cacheOf('The end user', loaders.end_user),
    tag: cacheOf('The tag', loaders.tag),
  };
  const defaultBudgets = cacheOf<BudgetRow>('The budget of end users', (id) =>
    budgets.find(options.db, id, EVERYTHING),
  );

  /** Not kept for each end user: their names come from clients, and there is no end of them. */
  function peekUnknown(id: string): EndUser | null | undefined {
    const budgetId = defaultEndUserBudgetId();
    const budget = budgetId === null ? null : defaultBudgets.peek(budgetId);
    return budget && unknownEndUser(id, budget);
  }

  async function fetchUnknown(id: string): Promise<EndUser | null> {
    const budgetId = defaultEndUserBudgetId();
    const budget = budgetId === null ? null : await defaultBudgets.fetch(budgetId);
    return budget && unknownEndUser(id, budget);
  }

  // `kind` is `end_user` where these are used, so an EndUser is what `Kind` stands for.
  const as = <Kind extends EntityKind>(found: EndUser | null | undefined) => found as EntityOf[Kind] | null | undefined;

  return {
    peek<Kind extends EntityKind>(kind: Kind, id: string) {
      const found = caches[kind].peek(id);
      return found === null && kind === 'end_user' ? as<Kind>(peekUnknown(id)) : found;
    },
    async fetch<Kind extends EntityKind>(kind: Kind, id: string) {
      const found = await caches[kind].fetch(id);
      return found === null && kind === 'end_user' ? (as<Kind>(await fetchUnknown(id)) ?? null) : found;
    },
    invalidate(kind, id) {
      version += 1;
      caches[kind].invalidate(id);
    },
    invalidateAll() {
      version += 1;
      for (const cache of [...Object.values(caches), defaultBudgets]) cache.invalidateAll();
    },
    version: () => version,
  };
}

type Loaders = { readonly [Kind in EntityKind]: (id: string) => Promise<EntityOf[Kind] | undefined> };

function createLoaders({ db, defaultEndUserBudgetId }: DirectoryOptions): Loaders {
  const budgetOf = async (id: unknown): Promise<BudgetRow | undefined> =>
    typeof id === 'string' ? await budgets.find(db, id, EVERYTHING) : undefined;

  return {
    async team(id) {
      const row = await teams.find(db, id, EVERYTHING);
      if (row === undefined) return undefined;
      const memberBudgetId = objectIn(row.metadata)['team_member_budget_id'];
      const team = teamOf(row, await budgetOf(row.budget_id), await budgetOf(memberBudgetId));
      return { ...team, models: await modelsWithGroups(db, row.models, row.access_group_ids) };
    },
    async team_member(id) {
      const row = await teamMembers.find(db, id, EVERYTHING);
      return row && teamMemberOf(row, await budgetOf(row.budget_id));
    },
    async user(id) {
      const row = await users.find(db, id, EVERYTHING);
      return row && userOf(row, await budgetOf(row.budget_id));
    },
    async organization(id) {
      const row = await organizations.find(db, id, EVERYTHING);
      return row && organizationOf(row, await budgetOf(row.budget_id));
    },
    async organization_member(id) {
      const row = await organizationMembers.find(db, id, EVERYTHING);
      return row && organizationMemberOf(row, await budgetOf(row.budget_id));
    },
    async project(id) {
      const row = await projects.find(db, id, EVERYTHING);
      return row && projectOf(row, await budgetOf(row.budget_id));
    },
    async end_user(id) {
      const row = await customers.find(db, id, EVERYTHING);
      return row && endUserOf(row, await budgetOf(row.budget_id ?? defaultEndUserBudgetId()));
    },
    async tag(id) {
      const row = await tags.find(db, id, EVERYTHING);
      return row && tagOf(row, await budgetOf(row.budget_id));
    },
  };
}
