/** What is stored of models and credentials, opened. Whatever cannot be opened says why, and nothing else suffers. */
import type { StoredEntry } from '../config/stored-deployment.ts';
import type { Database } from '../db/client.ts';
import { type CredentialRow, credentials } from '../db/credentials.ts';
import { type ModelRow, models } from '../db/models.ts';
import { openValues, type SealedRow } from '../db/sealed-values.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { isObject } from '../lib/json.ts';
import type { SecretBox } from '../lib/secret-box.ts';

export interface StoredModel {
  readonly row: ModelRow;
  readonly entry: StoredEntry;
  /** Why it cannot be used. */
  readonly fault: string | undefined;
}

export interface StoredCredential {
  readonly row: CredentialRow;
  readonly values: Readonly<Record<string, unknown>>;
  readonly fault: string | undefined;
}

export interface Stored {
  /** Oldest first. */
  readonly models: readonly StoredModel[];
  readonly credentials: ReadonlyMap<string, StoredCredential>;
}

export const NOTHING_STORED: Stored = { models: [], credentials: new Map() };

const MOST_ROWS = 100_000;
const OLDEST_FIRST = { by: 'created_at_ms', order: 'asc' } as const;

/** @param box is asked for only when there is something to open */
export async function readStored(db: Database, box: () => SecretBox): Promise<Stored> {
  const request = { visibility: EVERYTHING, sort: OLDEST_FIRST, limit: MOST_ROWS };
  const found = await models.list(db, request);
  const named = await credentials.list(db, request);
  return {
    models: found.rows.map((row) => openModel(row, box)),
    credentials: new Map(named.rows.map((row) => [row.credential_name, openCredential(row, box)])),
  };
}

function openModel(row: ModelRow, box: () => SecretBox): StoredModel {
  const opened = open(box, { table: 'models', id: row.model_id }, row.litellm_params);
  const info = objectOf(row.model_info ?? '{}');
  const entry = { id: row.model_id, modelName: row.model_name, params: opened.values, info: info ?? {} };
  return {
    row,
    entry,
    fault: opened.fault ?? (info === undefined ? 'its stored model_info cannot be read' : undefined),
  };
}

function openCredential(row: CredentialRow, box: () => SecretBox): StoredCredential {
  return { row, ...open(box, { table: 'credentials', id: row.credential_id }, row.credential_values) };
}

interface Opened {
  readonly values: Readonly<Record<string, unknown>>;
  readonly fault: string | undefined;
}

function open(box: () => SecretBox, row: SealedRow, json: string): Opened {
  const sealed = objectOf(json);
  if (sealed === undefined)
    return { values: {}, fault: 'its stored parameters cannot be read; delete it and add it again' };
  try {
    return { values: openValues(box(), row, sealed), fault: undefined };
  } catch (cause) {
    return { values: {}, fault: cause instanceof Error ? cause.message : 'a stored secret does not open' };
  }
}

function objectOf(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
