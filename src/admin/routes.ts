/** Every management route, by noun. */
import { accessGroupRoutes } from './access-group-routes.ts';
import { auditLogRoutes } from './audit-log-routes.ts';
import { budgetRoutes } from './budget-routes.ts';
import type { AdminContext } from './context.ts';
import { costEstimateRoutes } from './cost-estimate.ts';
import { credentialRoutes } from './credential-routes.ts';
import { customerRoutes } from './customer-routes.ts';
import { explainRoutes } from './explain-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { keyRoutes } from './key-routes.ts';
import { modelAccessGroupRoutes } from './model-access-group-routes.ts';
import { modelRoutes } from './model-routes.ts';
import { organizationRoutes } from './organization-routes.ts';
import { previewRoutes } from './preview-routes.ts';
import { projectRoutes } from './project-routes.ts';
import { reportActivityRoutes } from './report-activity-routes.ts';
import { reportTotalsRoutes } from './report-totals-routes.ts';
import type { AdminRoute } from './route.ts';
import { settingsRoutes } from './settings-routes.ts';
import { spendCalculateRoutes } from './spend-calculate.ts';
import { spendLogRoutes } from './spend-log-routes.ts';
import { spendReportRoutes } from './spend-report-routes.ts';
import { spendResetRoutes } from './spend-reset.ts';
import { spendTotalRoutes } from './spend-total-routes.ts';
import { tagAnalyticsRoutes } from './tag-analytics.ts';
import { tagRoutes } from './tag-routes.ts';
import { teamMemberRoutes } from './team-member-routes.ts';
import { teamRoutes } from './team-routes.ts';
import { teamSpendRoutes } from './team-spend.ts';
import { userRoutes } from './user-routes.ts';

export function adminRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    ...keyRoutes(context),
    ...budgetRoutes(context),
    ...customerRoutes(context),
    ...tagRoutes(context),
    ...tagAnalyticsRoutes(context),
    ...accessGroupRoutes(context),
    ...modelAccessGroupRoutes(context),
    ...auditLogRoutes(context),
    ...teamRoutes(context),
    ...teamMemberRoutes(context),
    ...userRoutes(context),
    ...organizationRoutes(context),
    ...projectRoutes(context),
    ...modelRoutes(context),
    ...credentialRoutes(context),
    ...healthRoutes(context),
    ...settingsRoutes(context),
    ...spendLogRoutes(context),
    ...explainRoutes(context),
    ...reportActivityRoutes(context),
    ...reportTotalsRoutes(context),
    ...spendTotalRoutes(context),
    ...spendReportRoutes(context),
    ...teamSpendRoutes(context),
    ...spendResetRoutes(context),
    ...spendCalculateRoutes(context),
    ...previewRoutes(context),
    ...costEstimateRoutes(context),
  ];
}
