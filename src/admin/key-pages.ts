/** Pages of keys and of their aliases. Source: LiteLLM's documentation of `/key/list` and `/key/aliases`. */
import type { Access } from '../auth/principal.ts';
import { type KeyFilter, type KeyListRequest, listDeletedKeys, listKeyAliases, listKeys } from '../db/key-list.ts';
import type { KeyRow } from '../db/keys.ts';
import { membershipsOfUser } from '../db/team-members.ts';
import { users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import type { AdminContext } from './context.ts';
import type { AliasQuery, ListQuery } from './key-schema.ts';
import { tokenOf } from './key-secret.ts';
import { keyViews } from './key-spend.ts';
import { statusOf } from './key-view.ts';

type View = Record<string, unknown>;

const KEYS_A_PAGE = 10;

export async function keyPage(context: AdminContext, query: ListQuery, access: Access): Promise<View> {
  const { page = 1, size = KEYS_A_PAGE } = query;
  const request: KeyListRequest = {
    visibility: access.visibility,
    filter: await filterOf(context, query, access),
    sort: query.sort_by && { by: query.sort_by, order: query.sort_order ?? 'desc' },
    limit: size,
    offset: (page - 1) * size,
    nowMs: context.now(),
  };
  const isDeleted = query.status === 'deleted';
  const { lists } = context.reader;
  const { rows, total } = isDeleted ? await listDeletedKeys(lists, request) : await listKeys(lists, request);
  const isFull = query.return_full_object === true || expands(query).length > 0;
  return {
    keys: isFull ? await fullKeys(context, rows, { isDeleted, query }) : rows.map(({ token }) => token),
    total_count: total,
    current_page: page,
    total_pages: Math.ceil(total / size),
  };
}

const expands = ({ expand }: ListQuery): string[] => (expand ?? '').split(',').filter((part) => part !== '');

async function filterOf({ db }: AdminContext, query: ListQuery, access: Access): Promise<KeyFilter> {
  const { status, search, expires } = query;
  const isLoose = query.substring_matching === true;
  return {
    ...(await ownersOf(db, query, access)),
    agentId: query.agent_id,
    accessGroupId: query.access_group_id,
    search: search === undefined || search === '' ? undefined : { token: tokenOf(search), aliasContains: search },
    isExpired: expires && expires === 'expired',
    teamId: query.team_id,
    organizationId: query.organization_id,
    projectId: query.project_id,
    ...(isLoose ? { keyAliasContains: query.key_alias } : { keyAlias: query.key_alias }),
    token: query.key_hash,
    status: status === 'revoked' ? 'blocked' : status === 'deleted' ? undefined : status,
  };
}

/** A user's keys, and with them those of the teams they administer or those they have made. */
async function ownersOf(db: AdminContext['db'], query: ListQuery, access: Access): Promise<KeyFilter> {
  const { user_id, include_team_keys, include_created_by_keys } = query;
  const userId = user_id ?? (access.isUnlimited ? undefined : (access.principal.userId ?? undefined));
  const isWider = include_team_keys === true || include_created_by_keys === true;
  const isLoose = query.substring_matching === true && access.isUnlimited && !isWider;
  if (isLoose) return { userIdContains: user_id };
  if (!isWider || userId === undefined) return { userId: user_id };
  const teams = include_team_keys === true ? await membershipsOfUser(db, userId) : [];
  return {
    anyOf: {
      userId,
      teamIds: teams.flatMap(({ team_id, role }) => (role === 'admin' ? team_id : [])),
      createdBy: include_created_by_keys === true ? userId : undefined,
    },
  };
}

async function fullKeys(
  context: AdminContext,
  rows: readonly KeyRow[],
  { isDeleted, query }: { readonly isDeleted: boolean; readonly query: ListQuery },
): Promise<View[]> {
  const views = await keyViews(context, rows);
  const people = expands(query).includes('user') ? await peopleOf(context, rows) : undefined;
  return rows.map((row, at) => ({
    token: row.token,
    ...views[at],
    status: isDeleted ? 'deleted' : statusOf(row, context.now()),
    ...(people && { user: people.get(row.user_id) ?? null, created_by_user: people.get(row.created_by) ?? null }),
  }));
}

async function peopleOf({ db }: AdminContext, rows: readonly KeyRow[]): Promise<ReadonlyMap<string | null, View>> {
  const ids = rows.flatMap(({ user_id, created_by }) => [user_id ?? [], created_by ?? []].flat());
  const found = await users.findMany(db, ids, EVERYTHING);
  return new Map(
    found.map(({ user_id, user_email, user_alias }) => [user_id, { user_id, user_email, user_alias }] as const),
  );
}

export async function aliasPage(context: AdminContext, query: AliasQuery, access: Access): Promise<View> {
  const { page = 1, size = 50 } = query;
  const { rows, total } = await listKeyAliases(context.reader.lists, {
    visibility: access.visibility,
    filter: {
      userId: query.user_id,
      teamId: query.team_id,
      organizationId: query.organization_id,
      projectId: query.project_id,
      keyAliasContains: query.search,
    },
    limit: size,
    offset: (page - 1) * size,
  });
  return { aliases: rows, total_count: total, current_page: page, total_pages: Math.ceil(total / size), size };
}
