/** Every table, one interface each. The interfaces live beside their queries or in a `…-tables.ts` that imports nothing. */
import type { DeletedKeysTable, KeysTable, SettingsTable } from './key-tables.ts';
import type {
  KeySpendTable,
  NamesTable,
  RequestDetailsTable,
  RequestPayloadsTable,
  RequestsTable,
} from './request-tables.ts';

export interface DatabaseSchema {
  requests: RequestsTable;
  request_details: RequestDetailsTable;
  request_payloads: RequestPayloadsTable;
  names: NamesTable;
  key_spend: KeySpendTable;
  keys: KeysTable;
  deleted_keys: DeletedKeysTable;
  settings: SettingsTable;
}
