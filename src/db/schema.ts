/** Every table, one interface each. The interfaces live beside their queries or in a `…-tables.ts` that imports nothing. */
import type {
  AccessGroupsTable,
  AuditLogTable,
  BudgetsTable,
  CredentialsTable,
  CustomersTable,
  DeletedTeamsTable,
  DeprecatedKeysTable,
  ModelsTable,
  OrganizationMembersTable,
  OrganizationsTable,
  ProjectsTable,
  TagsTable,
  TeamMembersTable,
  TeamsTable,
  UsersTable,
} from './entity-tables.ts';
import type { DeletedKeysTable, KeysTable, SettingsTable } from './key-tables.ts';
import type { NamesTable, RequestDetailsTable, RequestPayloadsTable, RequestsTable } from './request-tables.ts';
import type { ScopeUsageTable, TagSetsTable, UsageCubeTable, UsageDimensionsTable } from './usage-tables.ts';

export interface DatabaseSchema {
  requests: RequestsTable;
  counted_requests: RequestsTable;
  request_details: RequestDetailsTable;
  request_payloads: RequestPayloadsTable;
  names: NamesTable;
  tag_sets: TagSetsTable;
  scope_usage: ScopeUsageTable;
  usage_dimensions: UsageDimensionsTable;
  usage_cube: UsageCubeTable;
  keys: KeysTable;
  deleted_keys: DeletedKeysTable;
  deprecated_keys: DeprecatedKeysTable;
  settings: SettingsTable;
  teams: TeamsTable;
  deleted_teams: DeletedTeamsTable;
  team_members: TeamMembersTable;
  users: UsersTable;
  organizations: OrganizationsTable;
  organization_members: OrganizationMembersTable;
  projects: ProjectsTable;
  customers: CustomersTable;
  budgets: BudgetsTable;
  tags: TagsTable;
  access_groups: AccessGroupsTable;
  models: ModelsTable;
  credentials: CredentialsTable;
  audit_log: AuditLogTable;
}
