/** A key or a team that names access groups is named by them: called with every change of one, both sides say the same. */
import { textsIn } from '../auth/json-columns.ts';
import { accessGroups } from '../db/access-groups.ts';
import type { Database } from '../db/client.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { invalidRequest } from '../errors.ts';

export interface GroupMember {
  /** The key's digest, or the team's id. */
  readonly id: string;
  /** JSON. */
  readonly access_group_ids: string | null;
}

export const asKey = (row: { readonly token: string; readonly access_group_ids: string | null }): GroupMember => ({
  id: row.token,
  access_group_ids: row.access_group_ids,
});
export const asTeam = (row: { readonly team_id: string; readonly access_group_ids: string | null }): GroupMember => ({
  id: row.team_id,
  access_group_ids: row.access_group_ids,
});

/**
 * @param before as it was; `undefined`: it is new
 * @param after as it is; `undefined`: it is gone
 * @throws GatewayError 400 for a group that is not there
 */
export async function tellGroups(
  db: Database,
  field: 'assigned_key_ids' | 'assigned_team_ids',
  before: GroupMember | undefined,
  after: GroupMember | undefined,
): Promise<void> {
  const had = textsIn(before?.access_group_ids ?? null);
  const has = textsIn(after?.access_group_ids ?? null);
  const isRenamed = before?.id !== after?.id;
  for (const groupId of new Set([...had, ...has])) {
    if (!isRenamed && had.includes(groupId) === has.includes(groupId)) continue;
    const changed = await accessGroups.change(db, groupId, EVERYTHING, (row) => {
      const others = textsIn(row[field]).filter((id) => id !== before?.id && id !== after?.id);
      return { [field]: JSON.stringify(after && has.includes(groupId) ? [...others, after.id] : others) };
    });
    if (changed === undefined && !had.includes(groupId)) {
      throw invalidRequest(`There is no access group '${groupId.slice(0, 100)}'.`, 'access_group_ids');
    }
  }
}
