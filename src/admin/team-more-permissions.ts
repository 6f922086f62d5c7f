/** `/team/permissions_bulk_update`. Source: LiteLLM's documentation of team member permissions. */
import { z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { type TeamRow, teams } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { id, MOST_ITEMS, texts } from './fields.ts';
import { about, makingOf, unknownTeam } from './team-changes.ts';
import { memberPermissions, refuseUnknownPermissions } from './team-permissions.ts';
import { teamView, type View } from './team-view.ts';
import { type Author, audited } from './write.ts';

const TEAMS_AT_ONCE = 500;

export const morePermissionsBody = z.strictObject({
  permissions: texts,
  team_ids: z.array(id).max(MOST_ITEMS).nullish(),
  apply_to_all_teams: z.boolean().nullish(),
});

type MorePermissions = z.output<typeof morePermissionsBody>;

/** Those that a team has stay. All teams are changed or none. */
export async function addPermissions(context: AdminContext, body: MorePermissions, author: Author): Promise<View> {
  const { permissions } = body;
  refuseUnknownPermissions(permissions, 'permissions');
  if (permissions.length === 0) return { message: 'No permissions provided', teams_updated: 0 };
  const wanted = teamsIn(body);
  const { nowMs, by } = makingOf(context, author);
  const teams_updated = await audited(context, author, async (db, note) => {
    let changes = 0;
    for await (const row of wanted === undefined ? everyTeam(db) : named(db, wanted)) {
      const now = memberPermissions(row);
      if (permissions.every((each) => now.includes(each))) continue;
      const team_member_permissions = JSON.stringify([...new Set([...now, ...permissions])].toSorted());
      const columns = { team_member_permissions, updated_at_ms: nowMs, updated_by: by };
      const changed = await teams.change(db, row.team_id, EVERYTHING, () => columns);
      if (changed === undefined || changed.taken !== undefined) throw unknownTeam();
      const views = { before: teamView(changed.before, []), after: teamView(changed.after, []) };
      note({ ...about(row), action: 'updated', ...views });
      changes += 1;
    }
    return changes;
  });
  context.directory.invalidateAll();
  return { message: 'Team permissions updated successfully', teams_updated, permissions_appended: permissions };
}

/** `undefined`: all there are. */
function teamsIn({ team_ids, apply_to_all_teams }: MorePermissions): readonly string[] | undefined {
  const ids = team_ids ?? [];
  const isAll = apply_to_all_teams === true;
  if (isAll && ids.length > 0)
    throw invalidRequest("Name 'team_ids' or set 'apply_to_all_teams', not both.", 'team_ids');
  if (!isAll && ids.length === 0) throw invalidRequest("Name 'team_ids', or set 'apply_to_all_teams'.", 'team_ids');
  return isAll ? undefined : [...new Set(ids)];
}

async function* named(db: Database, ids: readonly string[]): AsyncGenerator<TeamRow> {
  const rows = await teams.findMany(db, ids, EVERYTHING);
  if (rows.length < ids.length) throw unknownTeam();
  yield* rows;
}

async function* everyTeam(db: Database): AsyncGenerator<TeamRow> {
  for (let offset = 0; ; offset += TEAMS_AT_ONCE) {
    const sort = { by: 'team_id', order: 'asc' } as const;
    const { rows } = await teams.list(db, { visibility: EVERYTHING, sort, limit: TEAMS_AT_ONCE, offset });
    yield* rows;
    if (rows.length < TEAMS_AT_ONCE) return;
  }
}
