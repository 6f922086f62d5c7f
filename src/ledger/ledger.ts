/** What the request path needs of the ledger. */
import type { LedgerRow } from '../db/request-row.ts';

/** Written before the first upstream byte: enough to make a `crashed` row if nothing follows. */
export interface Intent {
  readonly id: string;
  readonly callId: string;
  readonly route: string;
  readonly startedAtMs: number;
  readonly keyHash: string | null;
  readonly keyAlias: string | null;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly requestedModel: string;
  readonly modelGroup: string;
  readonly stream: boolean;
}

/** What the request path needs of the ledger. Both calls are synchronous and write before they return. */
export interface Ledger {
  intend(intent: Intent): void;
  /** Throws when the line could not be written (disk full): the request must then fail, not go unlogged. */
  record(row: LedgerRow): void;
  /** Resolves when everything recorded so far is in the database. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
