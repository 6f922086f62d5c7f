/** Organizations, above teams. Their members are in `organization-members.ts`. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { OrganizationsTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type OrganizationRow = OrganizationsTable;

export const EMPTY_ORGANIZATION: Omit<OrganizationRow, 'organization_id' | 'created_at_ms' | 'updated_at_ms'> = {
  ...NO_LIMITS,
  counts_from_ms: null,
  blocked: 0,
  organization_alias: null,
  budget_id: null,
  models: null,
  metadata: null,
  object_permission: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const organizations: EntityTable<OrganizationRow> = entityTable<OrganizationRow>({
  table: 'organizations',
  key: ['organization_id'],
  owner: { organization: 'organization_id' },
  sort: { by: 'created_at_ms', order: 'desc' },
});
