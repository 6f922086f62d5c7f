/** The person that a member names, by id or address; whoever is not known yet is made. */
import type { Database } from '../db/client.ts';
import { EMPTY_USER, findUserByEmail, type UserRow, users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { EntityDefaults } from './context.ts';
import { filledUser } from './entity-defaults.ts';
import { countsFrom } from './made-anew.ts';
import { userColumns } from './user-view.ts';

export interface MemberName {
  readonly user_id?: string | null | undefined;
  readonly user_email?: string | null | undefined;
}

export interface Making {
  readonly nowMs: number;
  readonly by: string;
  /** Home of whoever is made. */
  readonly organizationId: string | null;
  readonly defaults?: EntityDefaults | undefined;
  newId(): string;
}

export interface NamedUser {
  readonly row: UserRow;
  readonly isNew: boolean;
}

/** @throws GatewayError 400 when nobody is named, or the address is somebody else's */
export async function userFor(db: Database, named: MemberName, making: Making): Promise<NamedUser> {
  const { user_id, user_email } = named;
  const known = await knownUser(db, named);
  if (known !== undefined) return { row: known, isNew: false };
  const filled = await filledUser(db, {}, { ...making, standing: 'organization' });
  const row: UserRow = {
    ...EMPTY_USER,
    ...userColumns(filled, {}),
    user_id: user_id ?? making.newId(),
    user_email: user_email ?? null,
    user_role: filled.user_role ?? 'internal_user',
    organization_id: making.organizationId,
    created_at_ms: making.nowMs,
    updated_at_ms: making.nowMs,
    created_by: making.by,
    updated_by: making.by,
    counts_from_ms: user_id == null ? null : await countsFrom(db, 'user', user_id, making.nowMs),
  };
  const taken = await users.insert(db, row);
  if (taken === undefined) return { row, isNew: true };
  throw invalidRequest(`Another user has this ${taken.taken === 'user_email' ? 'address' : 'id'}.`, taken.taken);
}

/** @throws GatewayError 400 when nobody is named */
export async function knownUser(db: Database, { user_id, user_email }: MemberName): Promise<UserRow | undefined> {
  if (user_id != null) return await users.find(db, user_id, EVERYTHING);
  if (user_email != null) return await findUserByEmail(db, user_email);
  throw invalidRequest("Name the user by 'user_id' or 'user_email'.", 'user_id');
}

/** A membership can outlive its user's row, so an id is taken as it is. @throws GatewayError 404 */
export async function memberId(db: Database, named: MemberName, unknown: () => GatewayError): Promise<string> {
  if (named.user_id != null) return named.user_id;
  const user = await knownUser(db, named);
  if (user === undefined) throw unknown();
  return user.user_id;
}

export const unknownMember = (of: string): GatewayError =>
  new GatewayError('not_found', `There is no such member of this ${of}.`, {
    param: 'user_id',
    type: 'not_found_error',
  });
