/** Pages of keys: filters, order and total. Source: LiteLLM's documentation of `/key/list`. */
import type { Database } from './client.ts';
import type { Condition } from './conditions.ts';
import type { Page, Sort } from './entity-table.ts';
import { type DeletedKeyRow, deletedKeys, KEY_OWNER, type KeyRow, keys } from './keys.ts';
import { pageBySpend } from './keys-by-spend.ts';
import { inTransaction } from './transaction.ts';
import type { Visibility } from './visibility.ts';

export interface KeyFilter {
  readonly userId?: string | undefined;
  readonly teamId?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly budgetId?: string | undefined;
  readonly agentId?: string | undefined;
  /** One of the groups that the key is in. */
  readonly accessGroupId?: string | undefined;
  /** Any part of it, in any case. */
  readonly userIdContains?: string | undefined;
  /** A digest as it is, or any part of an alias. */
  readonly search?: { readonly token: string; readonly aliasContains: string } | undefined;
  /** Whether its life is over, blocked or not. */
  readonly isExpired?: boolean | undefined;
  /** The whole alias. */
  readonly keyAlias?: string | undefined;
  /** Any part of it, in any case. */
  readonly keyAliasContains?: string | undefined;
  readonly keyAliasStartsWith?: string | undefined;
  readonly token?: string | undefined;
  /** Keys that have a team, or have none. */
  readonly inTeam?: boolean | undefined;
  /** One of these is enough: a user's own keys, those of the teams, those that the user made. */
  readonly anyOf?:
    | {
        readonly userId?: string | undefined;
        readonly teamIds?: readonly string[] | undefined;
        readonly createdBy?: string | undefined;
      }
    | undefined;
  /** `blocked` wins over `expired`, as the status that is shown does. */
  readonly status?: 'active' | 'expired' | 'blocked' | undefined;
}

/** LiteLLM's names. */
export const KEY_ORDERS = {
  created_at: 'created_at_ms',
  updated_at: 'updated_at_ms',
  key_alias: 'key_alias',
  key_name: 'key_name',
  max_budget: 'max_budget_nano_usd',
  expires: 'expires_at_ms',
  user_id: 'user_id',
  team_id: 'team_id',
  organization_id: 'organization_id',
  project_id: 'project_id',
  created_by: 'created_by',
} as const satisfies Readonly<Record<string, keyof KeyRow>>;

/** `spend` is what the key has spent since it began. */
export type KeyOrder = keyof typeof KEY_ORDERS | 'spend';

export interface KeyListRequest {
  readonly visibility: Visibility;
  readonly filter?: KeyFilter;
  readonly sort?: { readonly by: KeyOrder; readonly order: 'asc' | 'desc' } | undefined;
  readonly limit: number;
  readonly offset: number;
  /** For the status. */
  readonly nowMs: number;
}

export async function listKeys(db: Database, request: KeyListRequest): Promise<Page<KeyRow>> {
  const { visibility, filter = {}, sort, limit, offset, nowMs } = request;
  const where = [
    ...conditionsOf(filter),
    ...statusConditions(filter.status, nowMs),
    ...lifeConditions(filter.isExpired, nowMs),
  ];
  if (sort?.by !== 'spend') return await keys.list(db, { visibility, where, sort: columnOf(sort), limit, offset });
  const page = { visibility, where, owner: KEY_OWNER, order: sort.order, limit, offset };
  return await inTransaction(db, async (transaction) => {
    const total = await keys.count(transaction, { visibility, where });
    return { rows: await pageBySpend(transaction, page, total), total };
  });
}

/** Deleted keys; a status in the filter means nothing here, nor has a spend an order. */
export function listDeletedKeys(db: Database, request: Omit<KeyListRequest, 'nowMs'>): Promise<Page<DeletedKeyRow>> {
  const { visibility, filter = {}, sort, limit, offset } = request;
  return deletedKeys.list(db, { visibility, where: conditionsOf(filter), sort: columnOf(sort), limit, offset });
}

function columnOf(sort: KeyListRequest['sort']): Sort<KeyRow> | undefined {
  return sort === undefined || sort.by === 'spend' ? undefined : { by: KEY_ORDERS[sort.by], order: sort.order };
}

/** Aliases that are in use, in their order. */
export async function listKeyAliases(
  db: Database,
  request: Omit<KeyListRequest, 'nowMs' | 'sort'>,
): Promise<Page<string>> {
  const { visibility, filter = {}, limit, offset } = request;
  const { rows, total } = await keys.list(db, {
    visibility,
    where: [{ column: 'key_alias', isNot: null }, ...conditionsOf(filter)],
    sort: { by: 'key_alias', order: 'asc' },
    limit,
    offset,
  });
  return { rows: rows.flatMap(({ key_alias }) => key_alias ?? []), total };
}

/** Columns that are compared as they are. */
const EXACT = {
  userId: 'user_id',
  teamId: 'team_id',
  organizationId: 'organization_id',
  projectId: 'project_id',
  createdBy: 'created_by',
  budgetId: 'budget_id',
  agentId: 'agent_id',
  keyAlias: 'key_alias',
  token: 'token',
} as const satisfies { readonly [Name in keyof KeyFilter]?: keyof KeyRow };

function conditionsOf(filter: KeyFilter): Condition<KeyRow>[] {
  const conditions: Condition<KeyRow>[] = [];
  for (const [name, column] of Object.entries(EXACT)) {
    const value = filter[name as keyof typeof EXACT]; // `Object.entries` gives names as text.
    if (value !== undefined) conditions.push({ column, is: value });
  }
  const { keyAliasContains, keyAliasStartsWith, inTeam, anyOf } = filter;
  if (keyAliasContains !== undefined) conditions.push({ column: 'key_alias', contains: keyAliasContains });
  if (keyAliasStartsWith !== undefined) conditions.push({ column: 'key_alias', startsWith: keyAliasStartsWith });
  if (inTeam === true) conditions.push({ column: 'team_id', isNot: null });
  if (inTeam === false) conditions.push({ column: 'team_id', is: null });
  if (anyOf !== undefined) conditions.push({ any: ownersOf(anyOf) });
  return [...conditions, ...searchConditions(filter)];
}

function searchConditions({ accessGroupId, userIdContains, search }: KeyFilter): Condition<KeyRow>[] {
  const conditions: Condition<KeyRow>[] = [];
  if (userIdContains !== undefined) conditions.push({ column: 'user_id', contains: userIdContains });
  // The column is a list in JSON, in which each name stands in quotes.
  if (accessGroupId !== undefined) {
    conditions.push({ column: 'access_group_ids', contains: JSON.stringify(accessGroupId) });
  }
  if (search !== undefined) {
    const { token, aliasContains } = search;
    conditions.push({
      any: [
        { column: 'token', is: token },
        { column: 'key_alias', contains: aliasContains },
      ],
    });
  }
  return conditions;
}

function lifeConditions(isExpired: boolean | undefined, nowMs: number): Condition<KeyRow>[] {
  if (isExpired === undefined) return [];
  const after = Math.floor(nowMs) + 1;
  return [isExpired ? { column: 'expires_at_ms', before: after } : { column: 'expires_at_ms', fromOrNull: after }];
}

function ownersOf({ userId, teamIds, createdBy }: NonNullable<KeyFilter['anyOf']>): Condition<KeyRow>[] {
  return [
    { column: 'team_id', in: teamIds ?? [] },
    ...(userId === undefined ? [] : [{ column: 'user_id', is: userId } as const]),
    ...(createdBy === undefined ? [] : [{ column: 'created_by', is: createdBy } as const]),
  ];
}

function statusConditions(status: KeyFilter['status'], nowMs: number): Condition<KeyRow>[] {
  if (status === undefined) return [];
  const after = Math.floor(nowMs) + 1;
  if (status === 'blocked') return [{ column: 'blocked', is: 1 }];
  if (status === 'expired')
    return [
      { column: 'blocked', is: 0 },
      { column: 'expires_at_ms', before: after },
    ];
  return [
    { column: 'blocked', is: 0 },
    { column: 'expires_at_ms', fromOrNull: after },
  ];
}
