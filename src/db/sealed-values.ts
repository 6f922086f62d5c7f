/** Secret values inside JSON columns: sealed before they are stored, opened where they are used, sealed anew with another key. */
import { type SecretBox, SecretBoxError } from '../lib/secret-box.ts';
import type { Database } from './client.ts';
import { inTransaction } from './transaction.ts';

/** The row that values stand in. A sealed value opens in its own row and field only. */
export interface SealedRow {
  readonly table: 'models' | 'credentials';
  readonly id: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Seals every text at any depth; numbers, flags and `null` stay. @param isSecret by the path of names; all unless given */
export function sealValues(
  box: SecretBox,
  row: SealedRow,
  values: Json,
  isSecret: (path: readonly string[]) => boolean = () => true,
): Record<string, unknown> {
  return mapTexts(values, (text, path) => (isSecret(path) ? box.seal(text, placeOf(row, path)) : text));
}

/** @throws SecretBoxError that names row and field */
export function openValues(box: SecretBox, row: SealedRow, values: Json): Record<string, unknown> {
  return mapTexts(values, (text, path) => (box.keyIdOf(text) === undefined ? text : openText(box, row, text, path)));
}

export interface Resealed {
  readonly models: number;
  readonly credentials: number;
  /** Values that were sealed with another key than the current one. */
  readonly values: number;
}

/** Seals everything that is stored with the current key. All or nothing. @throws SecretBoxError that names row and field */
export function resealAll(db: Database, box: SecretBox): Promise<Resealed> {
  return inTransaction(db, async (transaction) => {
    let values = 0;
    /** `undefined`: nothing to do. */
    const resealed = (row: SealedRow, json: string): string | undefined => {
      const before = values;
      const changed = mapTexts(objectIn(row, json), (text, path) => {
        const keyId = box.keyIdOf(text);
        if (keyId === undefined || keyId === box.currentKeyId) return text;
        values += 1;
        return box.seal(openText(box, row, text, path), placeOf(row, path));
      });
      return values === before ? undefined : JSON.stringify(changed);
    };
    const models = await resealModels(transaction, resealed);
    const credentials = await resealCredentials(transaction, resealed);
    return { models, credentials, values };
  });
}

/** @throws SecretBoxError that names the row: what cannot be read cannot be sealed anew, and the old key may still open it */
function objectIn(row: SealedRow, json: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw unreadable(row, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable(row, undefined);
  return value as Json; // Checked just now.
}

const unreadable = ({ table, id }: SealedRow, cause: unknown): SecretBoxError =>
  new SecretBoxError(`${table} "${id}" cannot be read: its values are no JSON object. Delete it, then rotate again.`, {
    cause,
  });

type Reseal = (row: SealedRow, json: string) => string | undefined;

async function resealModels(db: Database, resealed: Reseal): Promise<number> {
  let count = 0;
  for (const { model_id: id, litellm_params } of await db
    .selectFrom('models')
    .select(['model_id', 'litellm_params'])
    .execute()) {
    const changed = resealed({ table: 'models', id }, litellm_params);
    if (changed === undefined) continue;
    await db.updateTable('models').set({ litellm_params: changed }).where('model_id', '=', id).execute();
    count += 1;
  }
  return count;
}

async function resealCredentials(db: Database, resealed: Reseal): Promise<number> {
  let count = 0;
  for (const { credential_id: id, credential_values } of await db
    .selectFrom('credentials')
    .select(['credential_id', 'credential_values'])
    .execute()) {
    const changed = resealed({ table: 'credentials', id }, credential_values);
    if (changed === undefined) continue;
    await db.updateTable('credentials').set({ credential_values: changed }).where('credential_id', '=', id).execute();
    count += 1;
  }
  return count;
}

function openText(box: SecretBox, row: SealedRow, text: string, path: readonly string[]): string {
  try {
    return box.open(text, placeOf(row, path));
  } catch (cause) {
    if (!(cause instanceof SecretBoxError)) throw cause;
    throw new SecretBoxError(`${row.table} "${row.id}", ${path.join('.')}: ${cause.message}`, { cause });
  }
}

const placeOf = ({ table, id }: SealedRow, path: readonly string[]): string => JSON.stringify([table, id, ...path]);

type EditText = (text: string, path: readonly string[]) => string;

function mapTexts(values: Json, edit: EditText): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, mapValue(value, edit, [name])]));
}

function mapValue(value: unknown, edit: EditText, path: readonly string[]): unknown {
  if (typeof value === 'string') return edit(value, path);
  if (Array.isArray(value)) return value.map((item, at) => mapValue(item, edit, [...path, String(at)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapValue(item, edit, [...path, name])]));
}
