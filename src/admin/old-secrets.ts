/** Secrets that a renewal has replaced and that still work. */

import { keys, usageHashOf } from '../db/keys.ts';
import { endGrace, findReplacement } from '../db/regenerated-keys.ts';
import type { Writing } from './write.ts';

/**
 * Whoever clears up after a renewal means the old secret and not the key, which goes on under its new one.
 * @returns those that worked until now
 */
export async function endGraces({ context, db, note, author }: Writing, tokens: readonly string[]): Promise<string[]> {
  const nowMs = Math.round(context.now());
  const ended: string[] = [];
  for (const token of tokens) {
    const replaced = await findReplacement(db, token);
    if (replaced === undefined || replaced.validUntilMs <= nowMs) continue;
    const row = await keys.find(db, replaced.row.token, author.access.visibility);
    if (row === undefined) continue;
    await endGrace(db, token, nowMs);
    ended.push(token);
    const until = (ms: number) => ({ old_secret_valid_until: new Date(ms).toISOString() });
    note({
      ...{ action: 'updated', kind: 'key', id: usageHashOf(row), teamId: row.team_id },
      ...{ organizationId: row.organization_id, before: until(replaced.validUntilMs), after: until(nowMs) },
    });
  }
  return ended;
}
