/** Every management route, by noun. */
import { budgetRoutes } from './budget-routes.ts';
import type { AdminContext } from './context.ts';
import { customerRoutes } from './customer-routes.ts';
import { keyRoutes } from './key-routes.ts';
import type { AdminRoute } from './route.ts';
import { spendLogRoutes } from './spend-log-routes.ts';
import { teamMemberRoutes } from './team-member-routes.ts';
import { teamRoutes } from './team-routes.ts';

export function adminRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    ...keyRoutes(context),
    ...budgetRoutes(context),
    ...customerRoutes(context),
    ...teamRoutes(context),
    ...teamMemberRoutes(context),
    ...spendLogRoutes(context),
  ];
}
