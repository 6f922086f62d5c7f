/** Who belongs to which organization, by `joined(organizationId, userId)`. */

import type { Database } from './client.ts';
import { type EntityTable, entityTable } from './entity-table.ts';
import type { OrganizationMembersTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type OrganizationMemberRow = OrganizationMembersTable;

export const EMPTY_ORGANIZATION_MEMBER: Omit<
  OrganizationMemberRow,
  'organization_id' | 'user_id' | 'created_at_ms' | 'updated_at_ms'
> = {
  ...NO_LIMITS,
  counts_from_ms: null,
  user_role: null,
  budget_id: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const organizationMembers: EntityTable<OrganizationMemberRow> = entityTable<OrganizationMemberRow>({
  table: 'organization_members',
  key: ['organization_id', 'user_id'],
  owner: { organization: 'organization_id', user: 'user_id' },
  sort: { by: 'created_at_ms', order: 'desc' },
});

export interface NamedOrganizationMember extends OrganizationMemberRow {
  /** `null` also when nobody has that user id. */
  readonly user_email: string | null;
}

/** Everybody in an organization, in the order they came. Whether it may be seen has been asked before. */
export function membersOfOrganization(db: Database, organizationId: string): Promise<NamedOrganizationMember[]> {
  return db
    .selectFrom('organization_members')
    .leftJoin('users', 'users.user_id', 'organization_members.user_id')
    .selectAll('organization_members')
    .select('users.user_email')
    .where('organization_members.organization_id', '=', organizationId)
    .orderBy('organization_members.created_at_ms')
    .orderBy('organization_members.user_id')
    .execute();
}

/** The organizations somebody belongs to. */
export function organizationsOfUser(db: Database, userId: string): Promise<OrganizationMemberRow[]> {
  return db
    .selectFrom('organization_members')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('organization_id')
    .execute();
}
