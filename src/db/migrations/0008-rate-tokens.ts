/** Tokens of scopes anew, as rate limits count them: what was written before has those from the provider's cache in it. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Kind (its place in the list of kinds), first and second name. */
const SCOPES: readonly (readonly [kind: number, first: string, second?: string])[] = [
  [1, 'key_ref'],
  [2, 'team_ref'],
  [3, 'team_ref', 'user_ref'],
  [4, 'user_ref'],
  [5, 'organization_ref'],
  [6, 'project_ref'],
  [7, 'end_user_ref'],
  [9, 'key_ref', 'model_group_ref'],
  [10, 'team_ref', 'model_group_ref'],
  [11, 'user_ref', 'model_group_ref'],
  [12, 'organization_ref', 'model_group_ref'],
  [13, 'project_ref', 'model_group_ref'],
  [14, 'end_user_ref', 'model_group_ref'],
  [15, 'deployment_ref'],
  [16, 'provider_ref'],
];

const CUBE = sql`usage_cube c join usage_dimensions d on d.id = c.dimensions_ref`;

export const rateTokens: Migration = {
  async up(db: Kysely<unknown>) {
    // Most files know nothing of a cache, and adding up all of a large one takes a minute.
    if (!(await hasCacheReads(db))) return;
    await count(db, 0, { first: sql`(select id from names where name = '')`, second: sql`0`, from: CUBE });
    for (const [kind, first, second] of SCOPES) {
      const secondRef = second === undefined ? sql`0` : sql.ref(`d.${second}`);
      await count(db, kind, { first: sql.ref(`d.${first}`), second: secondRef, from: CUBE });
    }
    const tagged = sql`${CUBE} join tag_sets t on t.tags_ref = d.tags_ref`;
    await count(db, 8, { first: sql.ref('t.tag_ref'), second: sql`0`, from: tagged });
    // The total since the first request is the sum of all others.
    await sql`update scope_usage set tokens = coalesce((select sum(q.tokens) from scope_usage q
        where q.kind = scope_usage.kind and q.ref = scope_usage.ref and q.second_ref = scope_usage.second_ref and q.quarter >= 0), tokens)
      where quarter = -1`.execute(db);
  },
};

async function hasCacheReads(db: Kysely<unknown>): Promise<boolean> {
  const { rows } = await sql`select 1 from usage_cube where cache_read_tokens > 0 limit 1`.execute(db);
  return rows.length > 0;
}

interface Source {
  readonly first: RawBuilder<unknown>;
  readonly second: RawBuilder<unknown>;
  readonly from: RawBuilder<unknown>;
}

/** Where nothing came from a cache, the number is right already. */
async function count(db: Kysely<unknown>, kind: number, { first, second, from }: Source): Promise<void> {
  await sql`update scope_usage set tokens = u.tokens
    from (select ${first} as ref, ${second} as second_ref, c.quarter, sum(c.input_tokens + c.cache_write_tokens
        + c.input_audio_tokens + c.output_tokens + c.reasoning_tokens + c.output_audio_tokens) as tokens
      from ${from} group by 1, 2, 3 having sum(c.cache_read_tokens) > 0) u
    where scope_usage.kind = ${sql.lit(kind)} and scope_usage.ref = u.ref and scope_usage.second_ref = u.second_ref
      and scope_usage.quarter = u.quarter`.execute(db);
}
