/** Named credentials that deployments refer to. Every value is sealed. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { CredentialsTable } from './entity-tables.ts';

export type CredentialRow = CredentialsTable;

export const EMPTY_CREDENTIAL: Omit<
  CredentialRow,
  'credential_id' | 'credential_name' | 'credential_values' | 'created_at_ms' | 'updated_at_ms'
> = {
  credential_info: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const credentials: EntityTable<CredentialRow> = entityTable<CredentialRow>({
  table: 'credentials',
  key: ['credential_id'],
  unique: ['credential_name'],
  owner: {},
  sort: { by: 'created_at_ms', order: 'desc' },
});
