/** Who belongs to which organization, by `joined(organizationId, userId)`. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { OrganizationMembersTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type OrganizationMemberRow = OrganizationMembersTable;

export const EMPTY_ORGANIZATION_MEMBER: Omit<
  OrganizationMemberRow,
  'organization_id' | 'user_id' | 'created_at_ms' | 'updated_at_ms'
> = {
  ...NO_LIMITS,
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
