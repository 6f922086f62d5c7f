/** One request, many keys: each is changed or left alone by itself. Source: LiteLLM's documentation of bulk updates. */
import type { z } from '@hono/zod-openapi';
import { listKeys } from '../db/key-list.ts';
import { keys } from '../db/keys.ts';
import { teams } from '../db/teams.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import type { bulkUpdateBody, KeyFields, teamBulkUpdateBody } from './key-schema.ts';
import { tokenOf } from './key-secret.ts';
import { updateKey, type View } from './keys.ts';
import type { Author } from './write.ts';

const MOST_KEYS = 10_000;

export function updateKeys(
  context: AdminContext,
  body: z.output<typeof bulkUpdateBody>,
  author: Author,
): Promise<View> {
  const changes = body.keys.map(({ key, ...fields }) => ({ key, fields }));
  return updateEach(context, changes, author);
}

/** @throws GatewayError 404 for a team without a key that the caller may see */
export async function updateTeamKeys(
  context: AdminContext,
  body: z.output<typeof teamBulkUpdateBody>,
  author: Author,
): Promise<View> {
  const { team_id: teamId, key_ids, all_keys_in_team, update_fields } = body;
  const { visibility } = author.access;
  if ((key_ids == null) === (all_keys_in_team !== true)) {
    throw invalidRequest("Name the keys in 'key_ids', or say 'all_keys_in_team': true.", 'key_ids');
  }
  const { rows, total } = await listKeys(context.db, {
    visibility,
    filter: { teamId },
    limit: MOST_KEYS,
    offset: 0,
    nowMs: context.now(),
  });
  const isSeen = total > 0 || (await teams.find(context.db, teamId, visibility)) !== undefined;
  if (!isSeen)
    throw new GatewayError('not_found', 'There is no such team.', { param: 'team_id', type: 'not_found_error' });
  if (total > MOST_KEYS) throw invalidRequest(`At most ${MOST_KEYS} keys can be changed at once.`, 'all_keys_in_team');
  const ofTeam = new Set(rows.map(({ token }) => token));
  const asked = key_ids ?? [...ofTeam];
  const changes = asked.map((key) => ({ key, fields: update_fields, isForeign: !ofTeam.has(tokenOf(key)) }));
  return await updateEach(context, changes, author);
}

interface EachChange {
  readonly key: string;
  readonly fields: KeyFields;
  /** Not of the team that was named. */
  readonly isForeign?: boolean;
}

async function updateEach(context: AdminContext, changes: readonly EachChange[], author: Author): Promise<View> {
  const done: View[] = [];
  const failed: View[] = [];
  for (const { key, fields, isForeign } of changes) {
    try {
      if (isForeign) throw new GatewayError('not_found', 'There is no such key in the team.');
      const { key: _, ...info } = await updateKey(context, { key, fields }, author);
      done.push({ key, key_info: info });
    } catch (thrown) {
      // One key that cannot be changed is told and keeps no other from being changed; a fault of ours ends it all.
      if (!(thrown instanceof GatewayError)) throw thrown;
      failed.push({ key, key_info: await aliasOf(context, key, author), failed_reason: thrown.message });
    }
  }
  return { total_requested: changes.length, successful_updates: done, failed_updates: failed };
}

/** So that people know which one it was. */
async function aliasOf({ db }: AdminContext, key: string, { access }: Author): Promise<View | null> {
  const row = await keys.find(db, tokenOf(key), access.visibility);
  return row === undefined ? null : { key_alias: row.key_alias, key_name: row.key_name, team_id: row.team_id };
}
