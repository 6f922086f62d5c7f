/** `/user/*` that change something. Source: LiteLLM's documentation of internal users. */
import { objectIn } from '../auth/json-columns.ts';
import type { Database } from '../db/client.ts';
import { removeUsers } from '../db/removals.ts';
import { joined } from '../db/usage-scopes.ts';
import { EMPTY_USER, findUserByEmail, type UserRow, users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest, toGatewayError } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { filledUser } from './entity-defaults.ts';
import { nothingYet } from './key-rights.ts';
import { keyView } from './key-view.ts';
import { countsFrom } from './made-anew.ts';
import type { Making } from './member-users.ts';
import { newId } from './new-id.ts';
import { forget, makingOf } from './team-changes.ts';
import { joinAll, organizationsWanted, teamsWanted } from './user-joining.ts';
import { makeFirstKey } from './user-key.ts';
import {
  refuseBeyondHome,
  refuseUndulyOfUser,
  refuseWithoutAdmin,
  standingOverUser,
  withGuardedUserMetadata,
} from './user-rights.ts';
import type { BulkUserUpdate, NewUser, UserFields, UserUpdate } from './user-schema.ts';
import { userColumns, userView, userViews } from './user-view.ts';
import { type Author, audited, type Note } from './write.ts';

type View = Record<string, unknown>;

const MOST_USERS_AT_ONCE = 10_000;

export class Users {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /** With a key unless `auto_create_key` is false: the only answer that ever holds it. */
  async create(fields: NewUser, author: Author): Promise<View> {
    const context = this.#context;
    const { access } = author;
    const { user_id, auto_create_key, ...rest } = fields;
    const teams = teamsWanted(rest);
    const organizations = organizationsWanted(rest, access);
    const own = userFieldsOf(rest);
    const standing = access.isUnlimited ? 'platform' : 'organization';
    refuseUndulyOfUser({ ...own, organization_id: undefined }, undefined, { access, standing });
    const password = await hashOf(rest.password);
    const making: Making = { ...makingOf(context, author), organizationId: organizations[0] ?? null };
    const wanted: UserRow = {
      ...EMPTY_USER,
      user_id: user_id ?? newId(context),
      created_at_ms: making.nowMs,
      updated_at_ms: making.nowMs,
      created_by: making.by,
      updated_by: making.by,
      ...password,
      organization_id: making.organizationId,
    };
    const { row, key } = await audited(context, author, async (db, note) => {
      await refuseBeyondHome(db, own, { organizationId: wanted.organization_id, standing });
      const filled = await filledUser(db, own, { ...making, standing });
      const row = {
        ...wanted,
        ...userColumns(withGuardedUserMetadata(filled, undefined, standing), {}),
        user_role: filled.user_role ?? 'internal_user',
        organization_id: making.organizationId,
        counts_from_ms: await countsFrom(db, 'user', wanted.user_id, making.nowMs),
      };
      const taken = await users.insert(db, row);
      if (taken !== undefined) throw userTaken(taken.taken);
      note({ ...about(row), action: 'created', after: userView(row) });
      await joinAll(db, row, { teams, organizations }, { making, note, author });
      if (auto_create_key === false) return { row, key: undefined };
      const made = await makeFirstKey(db, row, rest, { ...making, randomBytes: () => context.randomBytes() });
      note({ ...about(row), action: 'created', kind: 'key', id: made.row.token });
      return { row, key: made };
    });
    for (const { teamId } of teams) forget(context, teamId, [row.user_id]);
    context.directory.invalidate('user', row.user_id);
    for (const id of organizations) context.directory.invalidate('organization_member', joined(id, row.user_id));
    if (key !== undefined) context.keys.invalidate(key.row.token);
    return {
      ...keyView(key?.row ?? nothingYet({ ...row, token: '' })),
      ...userView(row),
      teams: teams.map(({ teamId }) => teamId),
      organizations,
      key: key?.secret ?? null,
      token: key?.row.token ?? null,
      token_id: key?.row.token ?? null,
    };
  }

  async update(update: UserUpdate, author: Author): Promise<View> {
    const context = this.#context;
    const password = await hashOf(update.password);
    const row = await audited(context, author, (db, note) => this.#change(db, update, { author, note, password }));
    context.directory.invalidate('user', row.user_id);
    const [data = {}] = await userViews(context.db, [row]);
    return { user_id: row.user_id, data };
  }

  /** Each by itself: who cannot be changed is told. */
  async updateMany({ users: given, all_users, user_updates }: BulkUserUpdate, author: Author): Promise<View> {
    const updates = all_users === true ? await this.#updatesOfAll(user_updates ?? {}, author) : (given ?? []);
    if (updates.length === 0) throw invalidRequest("Say in 'users' whom to change, and how.", 'users');
    const results: View[] = [];
    for (const update of updates) results.push(await this.#tried(update, author));
    const succeeded = results.filter(({ success }) => success === true).length;
    return {
      results,
      total_requested: results.length,
      successful_updates: succeeded,
      failed_updates: results.length - succeeded,
    };
  }

  /** With their memberships and keys. */
  async remove(ids: readonly string[], author: Author): Promise<View> {
    const context = this.#context;
    const { nowMs, by } = makingOf(context, author);
    const removed = await audited(context, author, async (db, note) => {
      const { principal, visibility } = author.access;
      if (principal.userId !== null && ids.includes(principal.userId)) throw ownAccount();
      const { rows, keys } = await removeUsers(db, ids, { visibility, nowMs, by });
      if (ids.some((id) => !rows.some(({ user_id }) => user_id === id))) throw unknownUser();
      await refuseWithoutAdmin(db, rows);
      for (const row of rows) note({ ...about(row), action: 'deleted', before: userView(row) });
      for (const { token, team_id } of keys) note({ action: 'deleted', kind: 'key', id: token, teamId: team_id });
      return { rows, keys };
    });
    // Memberships are in memory too.
    context.directory.invalidateAll();
    for (const { token } of removed.keys) context.keys.invalidate(token);
    return { deleted_users: removed.rows.map(({ user_id }) => user_id) };
  }

  async #change(db: Database, update: UserUpdate, { author, note, password }: Changing): Promise<UserRow> {
    const { user_id, password: _, ...sent } = update;
    const { access } = author;
    const { nowMs, by } = makingOf(this.#context, author);
    const row = await this.#named(db, update, author);
    const standing = standingOverUser(access, row);
    // Without an id the address says whom, and is no change.
    const { user_email: name, ...unnamed } = sent;
    const fields: UserFields =
      user_id == null ? unnamed : { ...unnamed, ...(name !== undefined && { user_email: name }) };
    const asked = update.password === undefined ? fields : { ...fields, password: update.password };
    refuseUndulyOfUser(asked, row, { access, standing });
    await refuseBeyondHome(db, fields, { organizationId: row.organization_id, standing });
    const columns = userColumns(withGuardedUserMetadata(fields, row, standing), objectIn(row.metadata));
    const stamps = { updated_at_ms: nowMs, updated_by: by };
    const changed = await users.change(db, row.user_id, EVERYTHING, () => ({ ...columns, ...password, ...stamps }));
    if (changed === undefined) throw unknownUser();
    if (changed.taken !== undefined) throw userTaken(changed.taken);
    await refuseWithoutAdmin(db, [row]);
    note({ ...about(row), action: 'updated', before: userView(row), after: userView(changed.after) });
    return changed.after;
  }

  async #named(db: Database, { user_id, user_email }: UserUpdate, { access }: Author): Promise<UserRow> {
    const byEmail = user_id == null && user_email != null ? await findUserByEmail(db, user_email) : undefined;
    const id = user_id ?? byEmail?.user_id;
    if (id === undefined && user_email == null) {
      throw invalidRequest("Name the user by 'user_id' or 'user_email'.", 'user_id');
    }
    const row = id === undefined ? undefined : await users.find(db, id, access.visibility);
    if (row === undefined) throw unknownUser();
    return row;
  }

  async #tried(update: UserUpdate, author: Author): Promise<View> {
    const { user_id = null, user_email = null } = update;
    try {
      const { user_id: id, data } = await this.update(update, author);
      return { user_id: id, user_email, success: true, error: null, updated_user: data };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.status >= 500) throw thrown;
      return { user_id, user_email, success: false, error: error.message, updated_user: null };
    }
  }

  async #updatesOfAll(fields: UserFields, { access }: Author): Promise<UserUpdate[]> {
    const { rows } = await users.list(this.#context.db, {
      visibility: access.visibility,
      limit: MOST_USERS_AT_ONCE,
    });
    return rows.map(({ user_id }) => ({ ...fields, user_id }));
  }
}

interface Changing {
  readonly author: Author;
  readonly note: Note;
  readonly password: Partial<UserRow>;
}

/** Without what a new user's key and memberships are made of. */
function userFieldsOf(fields: Omit<NewUser, 'user_id' | 'auto_create_key'>): UserFields {
  const { key_alias, duration, aliases, tags, team_id, teams, organizations, send_invite_email, ...own } = fields;
  return own;
}

/** Slow on purpose, so it is made before the transaction. */
async function hashOf(password: string | null | undefined): Promise<Partial<UserRow>> {
  if (password === undefined) return {};
  return { password_hash: password === null ? null : await Bun.password.hash(password, 'argon2id') };
}

const about = (row: UserRow) => ({ kind: 'user', id: row.user_id, organizationId: row.organization_id }) as const;

const TAKEN: Readonly<Record<string, string>> = {
  user_email: 'A user with this address exists already.',
  sso_user_id: 'A user with this sign-in exists already.',
};

const userTaken = (column: string): GatewayError =>
  invalidRequest(TAKEN[column] ?? 'A user with this id exists already; choose another, or leave it out.', column);

export const unknownUser = (): GatewayError =>
  new GatewayError('not_found', 'There is no such user.', { param: 'user_id', type: 'not_found_error' });

const ownAccount = (): GatewayError =>
  new GatewayError('permission_denied', 'Nobody deletes their own account. Ask another admin.', { param: 'user_ids' });
