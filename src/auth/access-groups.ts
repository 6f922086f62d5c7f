/** What a key or a team may call: its own models and those of its access groups. Source: LiteLLM's documentation of access groups. */
import { accessGroups } from '../db/access-groups.ts';
import type { Database } from '../db/client.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { textsIn } from './json-columns.ts';

/** LiteLLM's word for a list that allows none. */
const NO_MODELS = 'no-default-models';

/**
 * Whoever has groups and finds no model in them may call none: an empty list would mean all, and a group that is deleted
 * or emptied must not open everything.
 * @param models JSON, its own list
 * @param groupIds JSON, `access_group_ids`
 */
export async function modelsWithGroups(
  db: Database,
  models: string | null,
  groupIds: string | null,
): Promise<readonly string[]> {
  const own = textsIn(models);
  const ids = textsIn(groupIds);
  if (ids.length === 0) return own;
  const groups = await accessGroups.findMany(db, ids, EVERYTHING);
  const all = new Set([...own, ...groups.flatMap(({ access_model_names }) => textsIn(access_model_names))]);
  return all.size === 0 ? [NO_MODELS] : [...all];
}

/** The columns of a key or a team that has lost a group. One that had nothing else may call nothing now. */
export function withoutGroup(
  row: { readonly models: string | null; readonly access_group_ids: string | null },
  groupId: string,
): { readonly access_group_ids: string | null; readonly models?: string } {
  const before = textsIn(row.access_group_ids);
  const left = before.filter((id) => id !== groupId);
  const opens = before.length > 0 && left.length === 0 && textsIn(row.models).length === 0;
  return {
    access_group_ids: left.length === 0 ? null : JSON.stringify(left),
    ...(opens && { models: JSON.stringify([NO_MODELS]) }),
  };
}
