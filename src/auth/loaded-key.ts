/** A stored key → what the request path needs of it. */
import { budgets } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import { findDeletedKey, findKey, type KeyRow, usageHashOf } from '../db/keys.ts';
import { NO_LIMITS } from '../db/no-limits.ts';
import { findReplacement } from '../db/regenerated-keys.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { modelsWithGroups } from './access-groups.ts';
import { allowanceOf, allowanceOfKey, type Budget } from './allowance.ts';
import { aliasesIn, listsIn, numberOr, objectIn, textsIn } from './json-columns.ts';
import type { LoadedKey } from './key-cache.ts';

export { objectIn, textsIn } from './json-columns.ts';

/**
 * A deleted key is found as one. A secret that was replaced is found as the key it belongs to, which it is until the end
 * of its grace time.
 */
export async function loadKey(db: Database, hash: string): Promise<LoadedKey | undefined> {
  const row = await findKey(db, hash);
  if (row !== undefined) return await complete(db, row);
  const replaced = await findReplacement(db, hash);
  if (replaced !== undefined) {
    const key = await complete(db, replaced.row);
    return {
      ...key,
      replaced: true,
      expiresAtMs: Math.min(replaced.validUntilMs, key.expiresAtMs ?? Number.POSITIVE_INFINITY),
    };
  }
  const deleted = await findDeletedKey(db, hash);
  return deleted && { ...loadedKey(deleted, undefined), deleted: true };
}

async function complete(db: Database, row: KeyRow): Promise<LoadedKey> {
  const budget = row.budget_id === null ? undefined : await budgets.find(db, row.budget_id, EVERYTHING);
  const key = loadedKey(row, budget);
  const models = await modelsWithGroups(db, row.models, row.access_group_ids);
  const forEndUsers = key.caller.metadata['end_user_budget_id'];
  const given = typeof forEndUsers === 'string' ? await budgets.find(db, forEndUsers, EVERYTHING) : undefined;
  const endUserAllowance = given && allowanceOf(NO_LIMITS, given, {});
  return { ...key, caller: { ...key.caller, models, ...(endUserAllowance && { endUserAllowance }) } };
}

/** Without the models of its access groups. @param budget the one that the key refers to */
export function loadedKey(row: KeyRow, budget: Budget | undefined): LoadedKey {
  const allowance = allowanceOfKey(row, budget);
  return {
    token: row.token,
    blocked: Number(row.blocked) === 1,
    expiresAtMs: numberOr(row.expires_at_ms),
    allowedRoutes: textsIn(row.allowed_routes),
    caller: {
      kind: 'key',
      keyHash: usageHashOf(row),
      keyAlias: row.key_alias,
      keyName: row.key_name,
      userId: row.user_id,
      teamId: row.team_id,
      organizationId: row.organization_id,
      projectId: row.project_id,
      models: textsIn(row.models),
      aliases: aliasesIn(row.aliases),
      metadata: objectIn(row.metadata),
      maxBudgetUsd: allowance.maxBudgetNanoUsd === null ? null : allowance.maxBudgetNanoUsd / 1e9,
      rpmLimit: allowance.rpmLimit,
      tpmLimit: allowance.tpmLimit,
      allowance,
      ...(row.budget_fallbacks !== null && { budgetFallbacks: listsIn(row.budget_fallbacks) }),
      team: null,
      member: null,
      user: null,
      organization: null,
      project: null,
    },
  };
}
