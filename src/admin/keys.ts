/** Making, showing, changing and deleting keys. Source: LiteLLM's documentation of virtual keys. */
import { digest } from '../auth/digest.ts';
import { objectIn } from '../auth/json-columns.ts';
import type { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import {
  deletedKeys,
  insertKey,
  type KeyRow,
  keys,
  keysCountedAs,
  removeKeys,
  tokensByAlias,
  usageHashOf,
} from '../db/keys.ts';
import { findReplacement } from '../db/regenerated-keys.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { asKey, tellGroups } from './group-members.ts';
import { refuseOverallocatedKey } from './guaranteed-rates.ts';
import { refuseMaker, withDefaults, withinCaps } from './key-defaults.ts';
import {
  type OwnerField,
  placeOf,
  refuseForeign,
  refuseUnknown,
  refuseUnknownEndUserBudget,
  refuseUnpermitted,
  refuseUnseen,
  SERVICE_ROUTE,
  standingOn,
  withHome,
  withProjectTeam,
} from './key-place.ts';
import { nothingYet, withinRights } from './key-rights.ts';
import type { GenerateFields, KeyFields } from './key-schema.ts';
import { chosenSecret, keyTaken, nameOfSecret, newSecret, tokenOf } from './key-secret.ts';
import { budgetUsage, keyViews, viewOfKey } from './key-spend.ts';
import { columnsOf, keyView, statusOf, withRotationDate } from './key-view.ts';
import { withMemberLife } from './member-keys.ts';
import { endGraces } from './old-secrets.ts';
import { type AuditNote, type Author, audited, authorOf, type Writing } from './write.ts';

export { tokenOf } from './key-secret.ts';

export type View = Record<string, unknown>;
export type KeyContext = AdminContext;

/**
 * The only answer that ever holds the key itself.
 * @param route as team member permissions name it
 */
export async function generateKey(
  context: KeyContext,
  request: GenerateFields,
  author: Author,
  route: '/key/generate' | typeof SERVICE_ROUTE = '/key/generate',
): Promise<View> {
  const { access } = author;
  const settings = context.settings().keys;
  const { key: custom, send_invite_email: _, ...fields } = withDefaults(request, settings);
  const secret = custom == null ? newSecret(context) : chosenSecret(context, custom, access.caller);
  const nowMs = Math.round(context.now());
  const by = authorOf(access.caller);
  const isOwn = !access.isUnlimited && fields.user_id === undefined && route !== SERVICE_ROUTE;
  const named = { ...fields, ...(isOwn && { user_id: access.principal.userId }) };
  const empty = nothingYet({ token: digest(secret), created_at_ms: nowMs, updated_at_ms: nowMs });
  const asked: KeyRow = {
    ...empty,
    key_name: nameOfSecret(secret),
    created_by: by,
    updated_by: by,
    ...columnsOf(named, {}, nowMs),
  };
  const row = await audited(context, author, async (db, note) => {
    const owned = await withHome(db, await withProjectTeam(db, asked), access);
    const place = await placeOf(db, owned);
    await refuseUnseen(db, { access, place, owners: owned, sent: sentOwners(request) });
    refuseUnknown(place, owned);
    refuseMaker({ ...named, team_id: owned.team_id }, access, settings);
    await refuseForeign(db, { access, owners: owned, place, route, sent: sentOwners(request) });
    const standing = standingOn(access, owned, place);
    const configured = objectIn(columnsOf(withDefaults({}, settings), {}, nowMs).metadata ?? null);
    const change = { fields: request, configured, before: empty, after: owned };
    const rights = { place, standing, access, author: by, isNew: true };
    const held = serviceAccount(await withinRights(db, { ...change, ...rights }), route);
    const isSaid = fields.duration != null;
    const made = withRotationDate(withMemberLife(held, { place, standing, isSaid, nowMs }), undefined, nowMs);
    await refuseUnknownEndUserBudget(db, made);
    await refuseOverallocatedKey(db, made, place);
    const outcome = await insertKey(db, made);
    if (outcome === 'key taken') throw keyTaken('key');
    if (outcome === 'alias taken') throw aliasTaken();
    await tellGroups(db, 'assigned_key_ids', undefined, asKey(made));
    note(noteOf('created', undefined, made));
    return made;
  });
  context.keys.invalidate(row.token);
  return { key: secret, token: row.token, token_id: row.token, ...(await viewOfKey(context, row)) };
}

/** Belongs to its team alone, so it lives on when people leave. */
function serviceAccount(row: KeyRow, route: string): KeyRow {
  if (route !== SERVICE_ROUTE) return row;
  const metadata = objectIn(row.metadata);
  const id = metadata['service_account_id'] ?? row.key_alias ?? row.token;
  return { ...row, user_id: null, metadata: JSON.stringify({ ...metadata, service_account_id: id }) };
}

/** Deleted keys still answer. What is not the caller's is as if it did not exist. */
export async function keyInfo(context: KeyContext, key: string | undefined, access: Access): Promise<View> {
  const row = key === undefined ? await ownKey(context, access) : await findVisible(context.db, tokenOf(key), access);
  const found =
    row ?? (key === undefined ? undefined : await deletedKeys.find(context.db, tokenOf(key), access.visibility));
  if (found === undefined) throw unknownKey();
  const status = row === undefined ? 'deleted' : statusOf(row, context.now());
  const usage = await budgetUsage(context, found);
  return { key: key ?? found.token, info: { ...(await viewOfKey(context, found)), status, ...usage } };
}

async function ownKey({ db }: KeyContext, { caller, visibility }: Access): Promise<KeyRow | undefined> {
  if (caller.kind === 'master') {
    throw invalidRequest("The admin's own key has no information. Name a key: /key/info?key=...", 'key');
  }
  return (await keysCountedAs(db, [caller.keyHash], visibility)).get(caller.keyHash);
}

/** By its secret, or by an old one that still leads to it. */
async function findVisible(db: Database, token: string, { visibility }: Access): Promise<KeyRow | undefined> {
  const row = await keys.find(db, token, visibility);
  if (row !== undefined) return row;
  const replaced = await findReplacement(db, token);
  return replaced && (await keys.find(db, replaced.row.token, visibility));
}

/**
 * The key that a change is meant for: an old secret names it as long as it works, so that one which has leaked is blocked.
 * @throws GatewayError 404
 */
export async function namedKey(db: Database, key: string, { visibility }: Access, nowMs: number): Promise<KeyRow> {
  const row = await keys.find(db, tokenOf(key), visibility);
  if (row !== undefined) return row;
  const replaced = await findReplacement(db, tokenOf(key));
  const isInGrace = replaced !== undefined && replaced.validUntilMs > nowMs;
  const found = isInGrace ? await keys.find(db, replaced.row.token, visibility) : undefined;
  if (found === undefined) throw unknownKey();
  return found;
}

/** Those of the keys that the caller may see, and only these. */
export async function keyInfos(context: KeyContext, asked: readonly string[], access: Access): Promise<View> {
  const tokens = asked.map(tokenOf);
  const rows = await keys.findMany(context.db, tokens, access.visibility);
  const byToken = new Map(rows.map((row) => [row.token, row]));
  const ordered = [...new Set(tokens)].flatMap((token) => byToken.get(token) ?? []);
  const views = await keyViews(context, ordered);
  const info = ordered.map((row, at) => ({ token: row.token, ...views[at], status: statusOf(row, context.now()) }));
  return { key: asked, info };
}

export interface UpdateRequest {
  readonly key: string;
  readonly fields: KeyFields;
  readonly action?: AuditNote['action'];
}

export async function updateKey(context: KeyContext, request: UpdateRequest, author: Author): Promise<View> {
  const row = await audited(context, author, (db, note) => changedKey({ context, db, note, author }, request));
  context.keys.invalidate(row.token);
  return { key: request.key, token: row.token, ...(await viewOfKey(context, row)) };
}

/** @throws GatewayError 404 for a key that is not there or foreign, 400 or 403 that names the field */
export async function changedKey(writing: Writing, { key, fields, action }: UpdateRequest): Promise<KeyRow> {
  const { context, db, note, author } = writing;
  const { visibility } = author.access;
  const before = await namedKey(db, key, author.access, context.now());
  const after = await allowedChange(writing, before, { fields, route: action === undefined ? '/key/update' : null });
  const changed = await keys.change(db, before.token, visibility, () => after);
  if (changed === undefined) throw unknownKey();
  if (changed.taken !== undefined) throw aliasTaken();
  await tellGroups(db, 'assigned_key_ids', asKey(before), asKey(changed.after));
  note(noteOf(action ?? 'updated', before, changed.after));
  return changed.after;
}

/**
 * The row as a change makes it.
 * @param route what a member of the team needs the permission for; `null`: nothing
 * @throws GatewayError 400 or 403 that names the field
 */
export async function allowedChange(
  { context, db, author }: Writing,
  before: KeyRow,
  {
    fields: sent,
    route,
    token,
  }: { readonly fields: KeyFields; readonly route: string | null; readonly token?: string },
): Promise<KeyRow> {
  const { access } = author;
  const fields = withinCaps(sent, context.settings().keys.caps);
  const nowMs = Math.round(context.now());
  const by = authorOf(access.caller);
  const asked = {
    ...before,
    ...columnsOf(fields, objectIn(before.metadata), nowMs),
    updated_at_ms: nowMs,
    updated_by: by,
    ...(token !== undefined && { token }),
  };
  const after = fields.project_id != null && fields.team_id === undefined ? await withProjectTeam(db, asked) : asked;
  const isSent = (field: OwnerField): boolean => fields[field] !== undefined || after[field] !== asked[field];
  const named = OWNER_FIELDS.filter((field) => isSent(field) && after[field] !== before[field]);
  const place = await placeOf(db, after);
  await refuseUnseen(db, { access, place, owners: after, sent: named });
  refuseUnknown(place, after, named);
  const standing = standingOn(access, before, await placeOf(db, before));
  if (standing === 'self' && before.team_id !== null && route !== null && place.team)
    refuseUnpermitted(place.team, route);
  const isMoved = named.some((field) => field !== 'budget_id');
  if (isMoved && standing !== 'self')
    await refuseForeign(db, { access, owners: after, place, sent: named, route: '/key/update' });
  const held = await withinRights(db, { fields, before, after, place, standing, access, author: by, isNew: false });
  const isSaid = fields.duration !== undefined;
  const row = withRotationDate(withMemberLife(held, { place, standing, before, isSaid, nowMs }), before, nowMs);
  await refuseUnknownEndUserBudget(db, row, before);
  await refuseOverallocatedKey(db, row, place, before);
  return row;
}

const sentOwners = (fields: KeyFields): OwnerField[] => OWNER_FIELDS.filter((field) => fields[field] != null);

const OWNER_FIELDS: readonly OwnerField[] = ['user_id', 'team_id', 'organization_id', 'project_id', 'budget_id'];

export interface RemoveRequest {
  readonly keys?: readonly string[] | null | undefined;
  readonly key_aliases?: readonly string[] | null | undefined;
}

/** Those that are the caller's; with none of them, as if they did not exist. */
export async function removeNamedKeys(context: KeyContext, request: RemoveRequest, author: Author): Promise<View> {
  const given = new Map((request.keys ?? []).map((key) => [tokenOf(key), key]));
  const aliases = request.key_aliases ?? [];
  if (given.size === 0 && aliases.length === 0) {
    throw invalidRequest("Name the keys to delete in 'keys' or 'key_aliases'.", 'keys');
  }
  const nowMs = Math.round(context.now());
  const removed = await audited(context, author, async (db, note) => {
    const tokens = [...given.keys(), ...(await tokensByAlias(db, aliases))];
    const rows = await removeKeys(db, tokens, { visibility: author.access.visibility, nowMs });
    const gone = new Set(rows.map(({ token }) => token));
    const left = tokens.filter((token) => !gone.has(token));
    const old = await endGraces({ context, db, note, author }, left);
    if (rows.length + old.length === 0) throw unknownKey();
    for (const row of rows) {
      await tellGroups(db, 'assigned_key_ids', asKey(row), undefined);
      note(noteOf('deleted', row, undefined));
    }
    return [...gone, ...old];
  });
  for (const token of removed) context.keys.invalidate(token);
  return { deleted_keys: removed.map((token) => given.get(token) ?? token) };
}

/** Whose a key is comes first, so that whoever may read the audit of a team finds its keys. */
export function noteOf(action: AuditNote['action'], before: KeyRow | undefined, after: KeyRow | undefined): AuditNote {
  const row = after ?? before;
  return {
    action,
    kind: 'key',
    id: row === undefined ? '' : usageHashOf(row),
    before: before === undefined ? null : auditView(before),
    after: after === undefined ? null : auditView(after),
    teamId: row?.team_id ?? null,
    organizationId: row?.organization_id ?? null,
  };
}

/** What a key spends is not a change of it. */
function auditView(row: KeyRow): View {
  const { spend: _, total_spend: __, budget_reset_at: ___, ...view } = keyView(row);
  return { token: row.token, ...view };
}

export const unknownKey = (): GatewayError =>
  new GatewayError('not_found', 'There is no such key.', { param: 'key', type: 'not_found_error' });

export const aliasTaken = (): GatewayError =>
  invalidRequest('A key with this alias exists already. Aliases are unique; choose another.', 'key_alias');
