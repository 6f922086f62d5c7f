/** `/user/*` that only read. Source: LiteLLM's documentation of internal users. */
import { Access } from '../auth/principal.ts';
import type { Condition } from '../db/conditions.ts';
import { keys } from '../db/keys.ts';
import { organizationsOfUser } from '../db/organization-members.ts';
import { membershipsOfUser, membersOfTeam } from '../db/team-members.ts';
import { teams } from '../db/teams.ts';
import { type UserRow, users } from '../db/users.ts';
import type { AdminContext } from './context.ts';
import { keysOf } from './owned-keys.ts';
import { spendSetOf, spentBy } from './spent.ts';
import { teamViews } from './team-view.ts';
import { USER_ORDERS, type UserListQuery, type UserSearch } from './user-schema.ts';
import { userView } from './user-view.ts';
import { unknownUser } from './users.ts';

type View = Record<string, unknown>;

/** `/team/list` has pages of all. */
const MOST_TEAMS = 500;

export class UserReads {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /** Without an id the caller's own; an admin then gets the newest keys and teams of all, as in LiteLLM. */
  async info(userId: string | undefined, access: Access): Promise<View> {
    const id = userId ?? access.principal.userId ?? undefined;
    const isOfAll = userId === undefined && access.isUnlimited;
    if (isOfAll) return await this.#ofAll(access);
    if (id === undefined) return await this.#ofKey(access);
    const row = await this.#found(id, access);
    return {
      user_id: id,
      user_info: await this.#whole(row),
      keys: await keysOf(this.#context, access, { userId: id }),
      teams: await this.#teamsOf(id, access),
    };
  }

  /** The person alone, without keys. */
  async slim(userId: string | undefined, access: Access): Promise<View> {
    const id = userId ?? access.principal.userId;
    if (id === null) throw unknownUser();
    return await this.#whole(await this.#found(id, access));
  }

  async list(query: UserListQuery, access: Access): Promise<View> {
    const { page = 1, page_size = 25, sort_by, sort_order = 'desc' } = query;
    const { db } = this.#context;
    const { rows, total } = await users.list(db, {
      visibility: access.visibility,
      where: await this.#conditions(query, access),
      sort: sort_by && { by: USER_ORDERS[sort_by], order: sort_order },
      limit: page_size,
      offset: (page - 1) * page_size,
    });
    return {
      users: await this.#views(rows, new Access(access.principal, 'keys.list')),
      total,
      page,
      page_size,
      total_pages: Math.ceil(total / page_size),
    };
  }

  /** Ids and addresses that match, newest first: what a form proposes. */
  async found(query: UserSearch, access: Access): Promise<View[]> {
    const { page = 1, page_size = 50, user_id, user_email, search } = query;
    const wanted: (Condition<UserRow> | false)[] = [
      user_id !== undefined && { column: 'user_id', contains: user_id },
      user_email !== undefined && { column: 'user_email', contains: user_email },
      search !== undefined && inAnyOf(search),
    ];
    const { rows } = await users.list(this.#context.db, {
      visibility: access.visibility,
      where: wanted.filter((condition) => condition !== false),
      sort: { by: 'created_at_ms', order: 'desc' },
      limit: page_size,
      offset: (page - 1) * page_size,
    });
    return rows.map(({ user_id: id, user_email: address }) => ({ user_id: id, user_email: address }));
  }

  async #ofAll(access: Access): Promise<View> {
    const { db } = this.#context;
    const { userId } = access.principal;
    const row = userId === null ? undefined : await users.find(db, userId, access.visibility);
    const page = await teams.list(db, { visibility: access.visibility, limit: MOST_TEAMS });
    return {
      user_id: row?.user_id ?? null,
      user_info: row ? await this.#whole(row) : null,
      keys: await keysOf(this.#context, access, {}),
      teams: await teamViews(this.#context, page.rows),
    };
  }

  /** A key of nobody sees itself. */
  async #ofKey(access: Access): Promise<View> {
    return { user_id: null, user_info: null, keys: await keysOf(this.#context, access, {}), teams: [] };
  }

  async #found(id: string, access: Access): Promise<UserRow> {
    const row = await users.find(this.#context.db, id, access.visibility);
    if (row === undefined) throw unknownUser();
    return row;
  }

  async #teamsOf(userId: string, access: Access): Promise<View[]> {
    const { db } = this.#context;
    const ids = (await membershipsOfUser(db, userId)).map(({ team_id }) => team_id);
    const { visibility } = new Access(access.principal, 'teams.read');
    return await teamViews(this.#context, await teams.findMany(db, ids, visibility));
  }

  async #whole(row: UserRow): Promise<View> {
    const { db } = this.#context;
    const [view] = await this.#spentViews([row]);
    const memberships = await membershipsOfUser(db, row.user_id);
    const organizations = await organizationsOfUser(db, row.user_id);
    return {
      ...view,
      teams: memberships.map(({ team_id }) => team_id),
      organization_memberships: organizations.map(({ organization_id, user_id, user_role }) => ({
        organization_id,
        user_id,
        user_role,
      })),
    };
  }

  async #spentViews(rows: readonly UserRow[]): Promise<View[]> {
    const spent = await spentBy(
      this.#context,
      'user',
      rows.map((row) => ({ id: row.user_id, budgetDuration: row.budget_duration, spendSet: spendSetOf(row) })),
    );
    return rows.map((row) => userView(row, spent(row.user_id)));
  }

  async #views(rows: readonly UserRow[], { visibility }: Access): Promise<View[]> {
    const { db } = this.#context;
    const views: View[] = [];
    for (const view of await this.#spentViews(rows)) {
      const userId = String(view['user_id']);
      const memberships = await membershipsOfUser(db, userId);
      views.push({
        ...view,
        teams: memberships.map(({ team_id }) => team_id),
        key_count: await keys.count(db, { visibility, where: [{ column: 'user_id', is: userId }] }),
      });
    }
    return views;
  }

  async #conditions(query: UserListQuery, access: Access): Promise<Condition<UserRow>[]> {
    const { team } = query;
    const plain = plainConditions(query);
    return team === undefined ? plain : [...plain, { column: 'user_id', in: await this.#membersOf(team, access) }];
  }

  /** Of a team that the caller sees; nobody is in any other. */
  async #membersOf(teamId: string, access: Access): Promise<string[]> {
    const { db } = this.#context;
    const { visibility } = new Access(access.principal, 'teams.read');
    if ((await teams.find(db, teamId, visibility)) === undefined) return [];
    return (await membersOfTeam(db, teamId)).map(({ user_id }) => user_id);
  }
}

function plainConditions(query: UserListQuery): Condition<UserRow>[] {
  const { role, user_role, user_ids, sso_user_ids, user_email, user_alias } = query;
  const { organization_id, organization_ids, search, blocked } = query;
  const wanted: (Condition<UserRow> | '' | false | undefined)[] = [
    role && { column: 'user_role', is: role },
    user_role && { column: 'user_role', is: user_role },
    user_ids !== undefined && { column: 'user_id', in: listed(user_ids) },
    sso_user_ids !== undefined && { column: 'sso_user_id', in: listed(sso_user_ids) },
    user_email !== undefined && { column: 'user_email', contains: user_email },
    user_alias !== undefined && { column: 'user_alias', contains: user_alias },
    organization_id !== undefined && { column: 'organization_id', is: organization_id },
    organization_ids !== undefined && { column: 'organization_id', in: listed(organization_ids) },
    search !== undefined && inAnyOf(search),
    blocked !== undefined && { column: 'blocked', is: blocked ? 1 : 0 },
  ];
  return wanted.filter((condition) => typeof condition === 'object');
}

const inAnyOf = (search: string): Condition<UserRow> => ({
  any: [
    { column: 'user_id', contains: search },
    { column: 'user_email', contains: search },
  ],
});

const listed = (text: string): string[] =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
