/** Every management route, by noun. */
import type { AdminContext } from './context.ts';
import { keyRoutes } from './key-routes.ts';
import type { AdminRoute } from './route.ts';
import { spendLogRoutes } from './spend-log-routes.ts';

export function adminRoutes(context: AdminContext): readonly AdminRoute[] {
  return [...keyRoutes(context), ...spendLogRoutes(context)];
}
