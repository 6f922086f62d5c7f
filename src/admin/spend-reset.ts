/** `/global/spend/reset`. Source: LiteLLM's documentation of spend tracking. */
import { resetAllSpend } from '../db/spend-resets.ts';
import type { AdminContext } from './context.ts';
import { type AdminRoute, route } from './route.ts';
import { audited } from './write.ts';

export function spendResetRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('POST /global/spend/reset', {
      summary: 'Count what every key and team has spent as nothing from now on. The request log and its totals stay.',
      section: 'Spend',
      handle: async (author) => {
        const counts = await audited(context, author, async (db, note) => {
          const done = await resetAllSpend(db, Math.round(context.now()));
          note({ action: 'reset', kind: 'spend', id: 'all keys and teams', after: { spend: 0, ...done } });
          return done;
        });
        context.keys.invalidateAll();
        context.directory.invalidateAll();
        return { message: 'Spend for all API Keys and Teams reset successfully', status: 'success', ...counts };
      },
    }),
  ];
}
