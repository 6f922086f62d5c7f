/** Filters and visibility as parts of a WHERE clause, for tables that are given as data. */
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely';
import type { Database } from './client.ts';
import type { Visibility } from './visibility.ts';

/** Tables whose columns are data. What is read from one is given the type of its rows where the table is defined. */
export type LooseSchema = Record<string, Record<string, unknown>>;
export type Builder = ExpressionBuilder<LooseSchema, string>;

// Kysely's types want a table by its name; one function for many tables cannot have that.
export const loosely = (db: Database): Kysely<LooseSchema> => db as unknown as Kysely<LooseSchema>;

type Value = string | number;

/** What a row must be like. Texts are values and never a part of the query; `%` and `_` in them stand for themselves. */
export type Condition<Row> =
  | { readonly column: keyof Row & string; readonly is: Value | null }
  | { readonly column: keyof Row & string; readonly isNot: Value | null }
  | { readonly column: keyof Row & string; readonly in: readonly Value[] }
  /** In any place, without regard to the case of ASCII letters. */
  | { readonly column: keyof Row & string; readonly contains: string }
  | { readonly column: keyof Row & string; readonly startsWith: string }
  | { readonly column: keyof Row & string; readonly from: number }
  | { readonly column: keyof Row & string; readonly before: number }
  /** For times where `null` stands for never. */
  | { readonly column: keyof Row & string; readonly fromOrNull: number }
  | { readonly any: readonly Condition<Row>[] };

export function holds<Row>(eb: Builder, condition: Condition<Row>): Expression<SqlBool> {
  if ('any' in condition) return eb.or(condition.any.map((one) => holds(eb, one)));
  const column: string = condition.column;
  if ('is' in condition) return eb(column, condition.is === null ? 'is' : '=', condition.is);
  if ('isNot' in condition) return eb(column, 'is distinct from', condition.isNot);
  if ('in' in condition) return isOneOf(eb, column, condition.in);
  if ('from' in condition) return eb(column, '>=', condition.from);
  if ('before' in condition) return eb(column, '<', condition.before);
  if ('fromOrNull' in condition) {
    // One expression and no `or`, which would be searched in two indexes and read every row for the rest.
    return sql<SqlBool>`coalesce(${sql.ref(column)}, ${Number.MAX_SAFE_INTEGER}) >= ${condition.fromOrNull}`;
  }
  if ('startsWith' in condition) return startsWith(eb, column, condition.startsWith);
  const pattern = `%${condition.contains.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
  return sql<SqlBool>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`;
}

/** A range, because an index can serve it. */
function startsWith(eb: Builder, column: string, prefix: string): Expression<SqlBool> {
  return eb.and([eb(column, '>=', prefix), eb(column, '<', `${prefix}\u{10ffff}`)]);
}

function isOneOf(eb: Builder, column: string, values: readonly Value[]): Expression<SqlBool> {
  return values.length === 0 ? sql<SqlBool>`1 = 0` : eb(column, 'in', [...values]);
}

/** The columns that say whose a row is. A person sees it when one of them is theirs; with none, only who sees everything. */
export interface Ownership<Column extends string = string> {
  readonly user?: Column;
  /** One of these names the key. */
  readonly key?: Column | readonly Column[];
  readonly team?: Column;
  readonly organization?: Column;
  /** A user who may be a member of organizations. */
  readonly organizationMember?: Column;
}

export function isVisible(eb: Builder, visibility: Visibility, owner: Ownership): Expression<SqlBool> {
  if (visibility.all) return sql<SqlBool>`1 = 1`;
  const { userId, keyHash, teams, organizations } = visibility;
  const ways: Expression<SqlBool>[] = [];
  if (owner.user !== undefined && userId !== null) ways.push(eb(owner.user, '=', userId));
  if (keyHash !== null) for (const column of [owner.key ?? []].flat()) ways.push(eb(column, '=', keyHash));
  if (owner.team !== undefined && teams.length > 0) ways.push(eb(owner.team, 'in', [...teams]));
  if (organizations.length > 0) ways.push(...throughOrganization(eb, organizations, owner));
  return ways.length === 0 ? sql<SqlBool>`1 = 0` : eb.or(ways);
}

function throughOrganization(
  eb: Builder,
  organizations: readonly string[],
  { organization, team, organizationMember }: Ownership,
): Expression<SqlBool>[] {
  const ways: Expression<SqlBool>[] = [];
  const within = (table: string, column: string) =>
    eb
      .selectFrom(table)
      .select(column)
      .where('organization_id', 'in', [...organizations]);
  if (organization !== undefined) ways.push(eb(organization, 'in', [...organizations]));
  if (team !== undefined) ways.push(eb(team, 'in', within('teams', 'team_id')));
  if (organizationMember !== undefined)
    ways.push(eb(organizationMember, 'in', within('organization_members', 'user_id')));
  return ways;
}
