/**
 * Members of organizations and models under tags are counted like all others from now on, and with what was used so far;
 * what is deleted and made anew begins without what was used before.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

const TABLES = [
  ...['teams', 'deleted_teams', 'team_members', 'users', 'organizations', 'organization_members'],
  ...['projects', 'customers', 'tags'],
];

const MODEL_PER_TAG = 18;
const ORGANIZATION_MEMBER = 19;

export const newScopes: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of TABLES) {
      await db.schema.alterTable(table).addColumn('counts_from_ms', 'bigint').execute();
    }
    // An older file has been brought here by code that counts them already.
    await sql`delete from scope_usage where kind in (${sql.lit(MODEL_PER_TAG)}, ${sql.lit(ORGANIZATION_MEMBER)})`.execute(
      db,
    );
    await count(db, ORGANIZATION_MEMBER, {
      first: sql`d.organization_ref`,
      second: sql`d.user_ref`,
      from: CUBE,
      where: sql`d.organization_ref <> 0 and d.user_ref <> 0`,
    });
    await count(db, MODEL_PER_TAG, {
      first: sql`t.tag_ref`,
      second: sql`d.model_group_ref`,
      from: sql`${CUBE} join tag_sets t on t.tags_ref = d.tags_ref join names n on n.id = t.tag_ref`,
      where: sql`n.name not like 'User-Agent: %' and d.model_group_ref <> coalesce((select id from names where name = ''), -1)`,
    });
  },
};

const CUBE = sql`usage_cube c join usage_dimensions d on d.id = c.dimensions_ref`;
const NO_MIRROR = sql`d.route_ref <> coalesce((select id from names where name = 'mirror'), -1)`;

interface Source {
  readonly first: RawBuilder<unknown>;
  readonly second: RawBuilder<unknown>;
  readonly from: RawBuilder<unknown>;
  readonly where: RawBuilder<unknown>;
}

/** By quarter hour, then the total since the first request, which is the sum of all quarters. */
async function count(db: Kysely<unknown>, kind: number, { first, second, from, where }: Source): Promise<void> {
  for (const quarter of [sql`c.quarter`, sql`-1`]) {
    await sql`insert into scope_usage (kind, ref, second_ref, quarter, request_count, cost_nano_usd, tokens)
      select ${sql.lit(kind)}, ${first}, ${second}, ${quarter}, sum(c.consuming), sum(c.cost_nano_usd),
        sum(c.input_tokens + c.cache_write_tokens + c.input_audio_tokens + c.output_tokens + c.reasoning_tokens
          + c.output_audio_tokens)
      from ${from} where ${where} and ${NO_MIRROR} group by 2, 3, 4`.execute(db);
  }
}
