/** Keys as they stand in the answers about their team or user: those that the caller may see. */
import { Access } from '../auth/principal.ts';
import { type KeyFilter, listKeys } from '../db/key-list.ts';
import type { AdminContext } from './context.ts';
import { keyView } from './key-view.ts';
import { nanoUsd } from './limit-columns.ts';
import { spentBy } from './spent.ts';
import { spendSetOf } from './team-view.ts';

/** The newest ones; `/key/list` has pages of all. */
const MOST_KEYS = 500;

export async function keysOf(
  context: Pick<AdminContext, 'db' | 'ledger' | 'settings' | 'now'>,
  access: Access,
  filter: KeyFilter,
): Promise<Record<string, unknown>[]> {
  const { visibility } = new Access(access.principal, 'keys.read');
  const { rows } = await listKeys(context.db, {
    visibility,
    filter,
    limit: MOST_KEYS,
    offset: 0,
    nowMs: context.now(),
  });
  const spent = await spentBy(
    context,
    'api_key',
    rows.map((row) => ({ id: row.token, budgetDuration: row.budget_duration, spendSet: spendSetOf(row) })),
  );
  return rows.map((row) => {
    const used = spent(row.token);
    return { token: row.token, ...keyView(row, nanoUsd(used.spend) ?? 0), ...used };
  });
}
