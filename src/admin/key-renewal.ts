/** A new secret for a key, and a new beginning for what it has spent. Source: LiteLLM's documentation of both routes. */
import type { z } from '@hono/zod-openapi';
import { digest } from '../auth/digest.ts';
import { textsIn } from '../auth/json-columns.ts';
import { accessGroups } from '../db/access-groups.ts';
import type { Database } from '../db/client.ts';
import { type KeyRow, keys } from '../db/keys.ts';
import { regenerateKey } from '../db/regenerated-keys.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { endOfDuration } from '../lib/duration.ts';
import type { AdminContext } from './context.ts';
import { asKey, tellGroups } from './group-members.ts';
import { placeOf, standingOn } from './key-place.ts';
import type { KeyFields, regenerateBody } from './key-schema.ts';
import { chosenSecret, keyTaken, nameOfSecret, newSecret } from './key-secret.ts';
import { viewOfKey } from './key-spend.ts';
import { spendColumns } from './key-view.ts';
import { aliasTaken, allowedChange, namedKey, noteOf, unknownKey, type View } from './keys.ts';
import { memberMay } from './team-permissions.ts';
import { type Author, audited } from './write.ts';

type RegenerateRequest = z.output<typeof regenerateBody>;

/**
 * The key stays the same one: its row, what it has spent, its limits and its log go on. Without a grace time the old
 * secret is refused from now on.
 */
export function renewKey(
  context: AdminContext,
  key: string,
  { key: _, new_key, grace_period = null, send_invite_email: __, ...fields }: RegenerateRequest,
  author: Author,
): Promise<View> {
  const { caller } = author.access;
  const secret = new_key == null ? newSecret(context) : chosenSecret(context, new_key, caller, 'new_key');
  return renewed(context, key, { secret, gracePeriod: grace_period, fields }, author);
}

export interface Renewal {
  readonly secret: string;
  readonly gracePeriod: string | null;
  readonly fields: KeyFields;
  /** It is nobody's work: its user may go on changing a key of their own. */
  readonly keepsAuthor?: boolean;
}

/** @param key its secret, or an old one that still works, or the digest of one */
export async function renewed(
  context: AdminContext,
  key: string,
  { secret, gracePeriod, fields, keepsAuthor = false }: Renewal,
  author: Author,
): Promise<View> {
  const nowMs = Math.round(context.now());
  const newToken = digest(secret);
  const { before, after } = await audited(context, author, async (db, note) => {
    const row = await namedKey(db, key, author.access, nowMs);
    const writing = { context, db, note, author };
    const change = await allowedChange(writing, row, { fields, route: '/key/regenerate', token: newToken });
    const outcome = await regenerateKey(db, row.token, {
      newToken,
      nowMs,
      oldValidUntilMs: gracePeriod === null ? null : Math.round(endOfDuration(gracePeriod, nowMs) ?? nowMs),
      change: () => ({
        ...change,
        ...(keepsAuthor && { updated_by: row.updated_by }),
        key_name: nameOfSecret(secret),
        rotation_count: Number(row.rotation_count ?? 0) + 1,
        last_rotation_at_ms: nowMs,
      }),
    });
    if (outcome === undefined) throw unknownKey();
    if (outcome.taken !== undefined) throw outcome.taken === 'token' ? keyTaken('new_key') : aliasTaken();
    await tellGroups(db, 'assigned_key_ids', asKey(outcome.before), asKey(outcome.after));
    await renameInGroups(db, outcome.before, outcome.after.token);
    note(noteOf('regenerated', outcome.before, outcome.after));
    return outcome;
  });
  for (const token of [before.token, after.token]) context.keys.invalidate(token);
  return { key: secret, token: after.token, token_id: after.token, ...(await viewOfKey(context, after)) };
}

/** Access groups list their keys by digest. */
async function renameInGroups(db: Database, { token, access_group_ids }: KeyRow, newToken: string): Promise<void> {
  for (const id of textsIn(access_group_ids)) {
    await accessGroups.change(db, id, EVERYTHING, ({ assigned_key_ids }) => {
      const assigned = textsIn(assigned_key_ids).map((each) => (each === token ? newToken : each));
      return assigned.includes(newToken) ? { assigned_key_ids: JSON.stringify(assigned) } : {};
    });
  }
}

/** What it has spent in its current window counts as `reset_to` from now on. The log and `total_spend` stay. */
export async function resetSpend(context: AdminContext, key: string, resetTo: number, author: Author): Promise<View> {
  const { visibility } = author.access;
  const found = await namedKey(context.db, key, author.access, context.now());
  const previous = Number((await viewOfKey(context, found))['spend']);
  if (resetTo > previous) {
    throw invalidRequest(`'reset_to' is more than the key has spent (${previous}).`, 'reset_to');
  }
  const row = await audited(context, author, async (db, note) => {
    await refuseOwner(db, found, author);
    const columns = spendColumns(resetTo, Math.round(context.now()));
    const changed = await keys.change(db, found.token, visibility, () => columns);
    if (changed === undefined || changed.taken !== undefined) throw unknownKey();
    const { action, before, after, ...note_ } = noteOf('reset', changed.before, changed.after);
    note({ ...note_, action, before: { ...before, spend: previous }, after: { ...after, spend: resetTo } });
    return changed.after;
  });
  context.keys.invalidate(row.token);
  const { spend, max_budget, budget_reset_at } = await viewOfKey(context, row);
  return { key_hash: row.token, spend, previous_spend: previous, max_budget, budget_reset_at };
}

/** @throws GatewayError 403 for whoever is limited by what they would reset */
async function refuseOwner(db: Database, row: KeyRow, { access }: Author): Promise<void> {
  const place = await placeOf(db, row);
  if (standingOn(access, row, place) !== 'self') return;
  if (place.team && memberMay(place.team, '/key/{key}/reset_spend')) return;
  throw new GatewayError(
    'permission_denied',
    'What a key has spent can only be reset by an admin of its team, its organization or the platform.',
  );
}
