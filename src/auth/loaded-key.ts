/** A stored key → what the request path needs of it. */
import type { Database } from '../db/client.ts';
import { findDeletedKey, findKey, type KeyRow } from '../db/keys.ts';
import type { LoadedKey } from './key-cache.ts';

/** A deleted key is found as one. `spendNanoUsd` gives the key's lifetime spend so far, and is only asked for a live one. */
export async function loadKey(
  db: Database,
  hash: string,
  spendNanoUsd: () => Promise<number>,
): Promise<LoadedKey | undefined> {
  const row = await findKey(db, hash);
  if (row) return loadedKey(row, await spendNanoUsd());
  const deleted = await findDeletedKey(db, hash);
  return deleted && { ...loadedKey(deleted, 0), deleted: true };
}

/** @param spendNanoUsd the key's lifetime spend so far */
export function loadedKey(row: KeyRow, spendNanoUsd: number): LoadedKey {
  return {
    blocked: Number(row.blocked) === 1,
    expiresAtMs: numberOr(row.expires_at_ms),
    allowedRoutes: textsIn(row.allowed_routes),
    caller: {
      kind: 'key',
      keyHash: row.token,
      keyAlias: row.key_alias,
      keyName: row.key_name,
      userId: row.user_id,
      teamId: row.team_id,
      organizationId: row.organization_id,
      models: textsIn(row.models),
      aliases: aliasesIn(row.aliases),
      metadata: objectIn(row.metadata),
      maxBudgetUsd: row.max_budget_nano_usd === null ? null : Number(row.max_budget_nano_usd) / 1e9,
      rpmLimit: numberOr(row.rpm_limit),
      tpmLimit: numberOr(row.tpm_limit),
      spend: { nanoUsd: spendNanoUsd },
    },
  };
}

/** Some databases give big integers as text. */
const numberOr = (value: number | null): number | null => (value === null ? null : Number(value));

export function objectIn(json: string | null): Record<string, unknown> {
  const value: unknown = json === null ? {} : JSON.parse(json);
  // A JSON column of ours: an object was written.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function textsIn(json: string | null): string[] {
  const value: unknown = json === null ? [] : JSON.parse(json);
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function aliasesIn(json: string | null): Record<string, string> {
  const pairs = Object.entries(objectIn(json)).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return Object.assign(Object.create(null), Object.fromEntries(pairs));
}
