/** Keys in the order of what they have spent since they began, which stands in the totals and not with the key. */
import { expressionBuilder, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from './client.ts';
import { type Condition, holds, isVisible, type LooseSchema, type Ownership } from './conditions.ts';
import type { KeyRow } from './keys.ts';
import { SCOPE_KINDS } from './usage-scopes.ts';
import { LIFETIME } from './usage-tables.ts';
import type { Visibility } from './visibility.ts';

export interface SpendPage {
  readonly visibility: Visibility;
  readonly where: readonly Condition<KeyRow>[];
  readonly owner: Ownership;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly offset: number;
}

/** Up to here, sorting the keys that match is cheaper than looking for them among all that spent. */
const FEW_KEYS = 5_000;

/**
 * Keys that never spent stand before all others, or after them. Those that did are read off the index of totals, so the
 * page that people want, the highest first, costs no sort however many keys there are.
 * @param total how many keys match
 */
export async function pageBySpend(db: Database, page: SpendPage, total: number): Promise<KeyRow[]> {
  const { order, limit, offset } = page;
  if (total <= FEW_KEYS) return await sorted(page).rows(db, limit, offset);
  const [first, second] = order === 'desc' ? [spent(page), unspent(page)] : [unspent(page), spent(page)];
  const rows = await first.rows(db, limit, offset);
  if (rows.length === limit) return rows;
  const ofFirst = rows.length > 0 ? offset + rows.length : await first.count(db);
  return [...rows, ...(await second.rows(db, limit - rows.length, Math.max(0, offset - ofFirst)))];
}

interface Part {
  rows(db: Database, limit: number, offset: number): Promise<KeyRow[]>;
  count(db: Database): Promise<number>;
}

function part(from: RawBuilder<unknown>, order: RawBuilder<unknown>): Part {
  return {
    rows: async (db, limit, offset) =>
      (await sql<KeyRow>`select keys.* ${from} order by ${order} limit ${limit} offset ${offset}`.execute(db)).rows,
    count: async (db) => {
      const { rows } = await sql<{ count: number }>`select count(*) as count ${from}`.execute(db);
      return Number(rows[0]?.count ?? 0);
    },
  };
}

/** Numbers are written out, because SQLite uses a partial index only where it can read that it applies. */
const isTotalOfKey = sql<SqlBool>`scope_usage.kind = ${sql.lit(SCOPE_KINDS.indexOf('api_key'))}
  and scope_usage.second_ref = 0 and scope_usage.quarter = ${sql.lit(LIFETIME)}`;

/** In the very order of the two parts. */
function sorted(page: SpendPage): Part {
  const order = [
    sql`coalesce(scope_usage.cost_nano_usd, -1)`,
    ...['coalesce(scope_usage.ref, 0)', 'keys.created_at_ms', 'keys.token'].map((text) => sql.raw(text)),
  ];
  return part(
    sql`from keys left join names on names.name = coalesce(keys.usage_hash, keys.token)
      left join scope_usage on scope_usage.ref = names.id and ${isTotalOfKey} where ${matches(page)}`,
    sql.join(order.map((one) => sql`${one} ${sql.raw(page.order)}`)),
  );
}

function spent(page: SpendPage): Part {
  const direction = sql.raw(page.order);
  // Cross joins keep SQLite to this order of tables; without the sign the name is a text, the indexed expression is none, and
  // all keys are read for each total.
  return part(
    sql`from scope_usage cross join names cross join keys
      where ${isTotalOfKey} and names.id = scope_usage.ref and coalesce(keys.usage_hash, keys.token) = +names.name and ${matches(page)}`,
    sql`scope_usage.cost_nano_usd ${direction}, scope_usage.ref ${direction}`,
  );
}

function unspent(page: SpendPage): Part {
  const direction = sql.raw(page.order);
  return part(
    sql`from keys where ${matches(page)} and not exists (select 1 from names cross join scope_usage
      where names.name = coalesce(keys.usage_hash, keys.token) and scope_usage.ref = names.id and ${isTotalOfKey})`,
    sql`keys.created_at_ms ${direction}, keys.token ${direction}`,
  );
}

function matches({ visibility, where, owner }: SpendPage): RawBuilder<unknown> {
  const eb = expressionBuilder<LooseSchema, string>();
  const conditions = where.map((condition) => holds(eb, condition));
  return sql`(${sql.join([isVisible(eb, visibility, owner), ...conditions], sql`) and (`)})`;
}
