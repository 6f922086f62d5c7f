/** What reports call teams. */
import type { Database } from '../db/client.ts';
import { teams } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';

/**
 * Teams are told by their aliases, as in LiteLLM. One whose alias another of them has, as its alias or as its id, is told
 * by its id: two teams under one name would be one sum.
 * @param taken names that mean something else in the report
 */
export async function teamNames(
  db: Database,
  ids: readonly string[],
  taken: string,
): Promise<ReadonlyMap<string, string>> {
  const found = await teams.findMany(db, ids, EVERYTHING);
  const counts = new Map([taken, ...ids].map((name) => [name, 1]));
  for (const { team_id, team_alias } of found) {
    if (team_alias !== null && team_alias !== team_id) counts.set(team_alias, (counts.get(team_alias) ?? 0) + 1);
  }
  const isOwn = (alias: string | null): alias is string => alias !== null && counts.get(alias) === 1;
  return new Map(found.map(({ team_id, team_alias }) => [team_id, isOwn(team_alias) ? team_alias : team_id]));
}
