/** What a scope has used: since it began, or since any instant, exact to the millisecond. */
import { type RawBuilder, sql } from 'kysely';
import type { Database } from './client.ts';
import { REQUEST_TABLES, type RequestTable } from './counted-requests.ts';
import { knownRefs } from './dictionary.ts';
import { ROW_STATUSES } from './request-codec.ts';
import type { RequestsTable } from './request-tables.ts';
import { inTransaction } from './transaction.ts';
import { MIRROR_ROUTE, SCOPE_KINDS, type Scope, type ScopeKind, scopeParts } from './usage-scopes.ts';
import { LIFETIME, QUARTER_MS, RATE_TOKEN_SUMS } from './usage-tables.ts';

export interface ScopeUsage {
  /** Requests of unknown price count as 0. */
  readonly costNanoUsd: number;
  /** Those that were served, or tried at an upstream: a refused request uses nothing. */
  readonly requests: number;
  readonly tokens: number;
}

const NOTHING: ScopeUsage = { costNanoUsd: 0, requests: 0, tokens: 0 };
const IDS_PER_QUERY = 500;

/** Of the requests that started at `sinceMs` (epoch milliseconds) or later; `null`: of all, which reads one row. */
export async function usageSince(db: Database, scope: Scope, sinceMs: number | null): Promise<ScopeUsage> {
  return (await usageOf(db, { kind: scope.kind, ids: [scope.id], sinceMs })).get(scope.id) ?? NOTHING;
}

/** Of all their requests, for each of the ids. An id without requests has zeros. */
export function spendOf(
  db: Database,
  kind: ScopeKind,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ScopeUsage>> {
  return usageOf(db, { kind, ids, sinceMs: null });
}

/** Of the requests that started at `sinceMs` or later, for each of the ids. An id without requests has zeros. */
export function spendSince(
  db: Database,
  kind: ScopeKind,
  ids: readonly string[],
  sinceMs: number,
): Promise<ReadonlyMap<string, ScopeUsage>> {
  return usageOf(db, { kind, ids, sinceMs });
}

interface Question {
  readonly kind: ScopeKind;
  readonly ids: readonly string[];
  readonly sinceMs: number | null;
}

async function usageOf(db: Database, { kind, ids, sinceMs }: Question): Promise<ReadonlyMap<string, ScopeUsage>> {
  const found = new Map<string, ScopeUsage>();
  for (const id of ids) found.set(id, NOTHING);
  for (let start = 0; start < ids.length; start += IDS_PER_QUERY) {
    const asked = await refsOf(db, kind, ids.slice(start, start + IDS_PER_QUERY));
    if (asked.size === 0) continue;
    for (const [id, used] of await usageOfRefs(db, kind, asked, sinceMs)) found.set(id, used);
  }
  return found;
}

/** `ref,second_ref` → id, of those that any row can be about. */
type Asked = ReadonlyMap<string, string>;

async function refsOf(db: Database, kind: ScopeKind, ids: readonly string[]): Promise<Asked> {
  const parts = ids.map((id) => ({ id, names: scopeParts({ kind, id }) }));
  const refs = await knownRefs(
    db,
    parts.flatMap(({ names: [first, second] }) => (second === undefined ? [first] : [first, second])),
  );
  const asked = new Map<string, string>();
  for (const { id, names } of parts) {
    const [first, second] = names;
    const ref = refs.get(first);
    const secondRef = second === undefined ? 0 : refs.get(second);
    if (ref !== undefined && secondRef !== undefined) asked.set(`${ref},${secondRef}`, id);
  }
  return asked;
}

interface Sum {
  readonly ref: number;
  readonly second_ref: number;
  /** Some databases give big integers as text. */
  readonly request_count: number | string;
  readonly cost_nano_usd: number | string;
  readonly tokens: number | string;
}

async function usageOfRefs(
  db: Database,
  kind: ScopeKind,
  asked: Asked,
  sinceMs: number | null,
): Promise<Map<string, ScopeUsage>> {
  if (sinceMs === null) return addedUp(asked, [await sumOfQuarters(db, kind, asked, LIFETIME)]);
  const from = Math.max(0, sinceMs);
  const firstWhole = Math.ceil(from / QUARTER_MS);
  const untilMs = firstWhole * QUARTER_MS;
  if (from === untilMs) return addedUp(asked, [await sumOfQuarters(db, kind, asked, firstWhole)]);
  // Both in one transaction: a batch of rows that came between would be in one sum and not in the other.
  return inTransaction(db, async (transaction) => {
    const whole = await sumOfQuarters(transaction, kind, asked, firstWhole);
    const isQuiet = !(await hasUsage(transaction, kind, asked, firstWhole - 1));
    if (isQuiet) return addedUp(asked, [whole]);
    const sums = [whole];
    for (const table of REQUEST_TABLES) {
      const { rows } = await sumOfRows(table, { kind, asked }, from, untilMs).execute(transaction);
      sums.push(rows);
    }
    return addedUp(asked, sums);
  });
}

function addedUp(asked: Asked, sums: readonly (readonly Sum[])[]): Map<string, ScopeUsage> {
  const found = new Map<string, ScopeUsage>();
  for (const sum of sums.flat()) {
    const id = asked.get(`${sum.ref},${sum.second_ref}`);
    if (id === undefined) continue;
    const before = found.get(id) ?? NOTHING;
    found.set(id, {
      costNanoUsd: before.costNanoUsd + Number(sum.cost_nano_usd),
      requests: before.requests + Number(sum.request_count),
      tokens: before.tokens + Number(sum.tokens),
    });
  }
  return found;
}

const refsIn = (asked: Asked, part: 0 | 1): number[] => [
  ...new Set(Array.from(asked.keys(), (key) => Number(key.split(',')[part]))),
];

const whereAsked = (db: Database, kind: ScopeKind, asked: Asked) =>
  db
    .selectFrom('scope_usage')
    .where('kind', '=', SCOPE_KINDS.indexOf(kind))
    .where('ref', 'in', refsIn(asked, 0))
    .where('second_ref', 'in', refsIn(asked, 1));

/** From a quarter hour on, or `LIFETIME`. */
function sumOfQuarters(db: Database, kind: ScopeKind, asked: Asked, from: number): Promise<Sum[]> {
  return whereAsked(db, kind, asked)
    .where('quarter', from === LIFETIME ? '=' : '>=', from)
    .groupBy(['ref', 'second_ref'])
    .select(({ fn }) => [
      'ref',
      'second_ref',
      fn.sum<number>('request_count').as('request_count'),
      fn.sum<number>('cost_nano_usd').as('cost_nano_usd'),
      fn.sum<number>('tokens').as('tokens'),
    ])
    .execute();
}

async function hasUsage(db: Database, kind: ScopeKind, asked: Asked, quarter: number): Promise<boolean> {
  const found = await whereAsked(db, kind, asked).where('quarter', '=', quarter).select('ref').limit(1).execute();
  return found.length > 0;
}

type Column = keyof RequestsTable;

type ListedKind = 'tag' | 'model_per_tag' | 'tag_per_key';

/** Where a row says whom it is counted for; a tag stands in its list. */
const COLUMNS: Readonly<
  Record<Exclude<ScopeKind, 'global' | 'mirror' | ListedKind>, readonly [first: Column, second?: Column]>
> = {
  api_key: ['key_ref'],
  team: ['team_ref'],
  team_member: ['team_ref', 'user_ref'],
  user: ['user_ref'],
  organization: ['organization_ref'],
  organization_member: ['organization_ref', 'user_ref'],
  project: ['project_ref'],
  end_user: ['end_user_ref'],
  model_per_key: ['key_ref', 'model_group_ref'],
  model_per_team: ['team_ref', 'model_group_ref'],
  model_per_user: ['user_ref', 'model_group_ref'],
  model_per_organization: ['organization_ref', 'model_group_ref'],
  model_per_project: ['project_ref', 'model_group_ref'],
  model_per_end_user: ['end_user_ref', 'model_group_ref'],
  deployment: ['deployment_ref'],
  provider: ['provider_ref'],
};

/** Counted only for requests that got a model. */
const isServed = (kind: ScopeKind): boolean =>
  kind.startsWith('model_per_') || kind === 'deployment' || kind === 'provider';
const isListed = (kind: ScopeKind): kind is ListedKind =>
  kind === 'tag' || kind === 'model_per_tag' || kind === 'tag_per_key';
const ONE_REF = sql`0`;

/**
 * From the rows themselves. They are found by their start alone: the sign before a column keeps the search from all rows
 * of a busy key.
 */
function sumOfRows(
  table: RequestTable,
  { kind, asked }: { readonly kind: ScopeKind; readonly asked: Asked },
  fromMs: number,
  untilMs: number,
): RawBuilder<Sum> {
  const [first, second] = expressionsOf(kind, asked);
  const conditions = [
    sql`r.started_at_ms >= ${fromMs} and r.started_at_ms < ${untilMs}`,
    sql`${first} in (${sql.join(refsIn(asked, 0))})`,
    ...(second === ONE_REF ? [] : [sql`${second} in (${sql.join(refsIn(asked, 1))})`]),
    ...(isServed(kind) ? [HAS_MODEL_GROUP] : []),
    ...(EVERYBODYS.has(kind) ? [] : [kind === 'mirror' ? IS_MIRROR : sql`not ${IS_MIRROR}`]),
  ];
  const rows = sql`${sql.table(table)} r`;
  const from = isListed(kind) ? sql`${rows} cross join tag_sets t` : rows;
  if (isListed(kind)) conditions.push(sql`t.tags_ref = r.tags_ref`);
  const tokens = RATE_TOKEN_SUMS.map((name) => sql`coalesce(${sql.ref(`r.${name}`)}, 0)`);
  return sql<Sum>`select ${first} as ref, ${second} as second_ref, sum(case when ${IS_CONSUMING} then 1 else 0 end) as request_count,
      sum(coalesce(r.cost_nano_usd, 0)) as cost_nano_usd, sum(${sql.join(tokens, sql` + `)}) as tokens
    from ${from} where ${sql.join(conditions, sql` and `)} group by 1, 2`;
}

export const IS_CONSUMING = sql`(r.status = ${sql.lit(ROW_STATUSES.indexOf('success'))} or r.attempt_count > 0)`;
/** Mirrored requests count for these like any other. */
const EVERYBODYS: ReadonlySet<ScopeKind> = new Set(['global', 'deployment', 'provider']);
const IS_MIRROR = sql`(coalesce(r.route_ref, 0) = coalesce((select id from names where name = ${sql.lit(MIRROR_ROUTE)}), -1))`;
const HAS_MODEL_GROUP = sql`r.model_group_ref <> (select id from names where name = '')`;

function expressionsOf(kind: ScopeKind, asked: Asked): [first: RawBuilder<unknown>, second: RawBuilder<unknown>] {
  if (kind === 'global' || kind === 'mirror') return [sql`${sql.lit(refsIn(asked, 0)[0] ?? 0)} + 0`, ONE_REF];
  if (kind === 'tag') return [sql`+t.tag_ref`, ONE_REF];
  if (kind === 'model_per_tag') return [sql`+t.tag_ref`, sql`+r.model_group_ref`];
  if (kind === 'tag_per_key') return [sql`+r.key_ref`, sql`+t.tag_ref`];
  const [first, second] = COLUMNS[kind];
  return [sql`+${sql.ref(`r.${first}`)}`, second === undefined ? ONE_REF : sql`+${sql.ref(`r.${second}`)}`];
}
