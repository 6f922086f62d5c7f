/** Every management route, by noun. */
import { budgetRoutes } from './budget-routes.ts';
import type { AdminContext } from './context.ts';
import { keyRoutes } from './key-routes.ts';
import type { AdminRoute } from './route.ts';
import { spendLogRoutes } from './spend-log-routes.ts';

export function adminRoutes(context: AdminContext): readonly AdminRoute[] {
  return [...keyRoutes(context), ...budgetRoutes(context), ...spendLogRoutes(context)];
}
