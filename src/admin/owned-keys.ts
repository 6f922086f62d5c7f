/** Keys as they stand in the answers about their team or user: those that the caller may see. */
import { Access } from '../auth/principal.ts';
import { type KeyFilter, listKeys } from '../db/key-list.ts';
import type { AdminContext } from './context.ts';
import { keyViews } from './key-spend.ts';

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
  const views = await keyViews(context, rows);
  return rows.map((row, at) => ({ token: row.token, ...views[at] }));
}
