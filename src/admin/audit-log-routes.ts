/** `/audit`: input and output of each route; what they do is in `audit-log.ts`. */
import { z } from '@hono/zod-openapi';
import { AuditLog } from './audit-log.ts';
import type { AdminContext } from './context.ts';
import { pageNumber } from './fields.ts';
import { FORMAT } from './report.ts';
import { wantsCsv } from './report-view.ts';
import { type AdminRoute, route } from './route.ts';

const section = 'Audit log';
const text = z.string().optional();
const MOST_ROWS_A_PAGE = 100;

export function auditLogRoutes(context: AdminContext): readonly AdminRoute[] {
  const log = new AuditLog(context);
  return [
    route('GET /audit', {
      summary:
        'What admins did: who, what, before and after. Paged, the newest first; all that the filters leave as CSV.',
      section,
      query: z.strictObject({
        page: pageNumber().optional(),
        page_size: pageNumber(MOST_ROWS_A_PAGE).optional(),
        sort_by: z.literal('updated_at').optional(),
        sort_order: z.enum(['asc', 'desc']).optional(),
        action: text,
        table_name: text,
        object_kind: text,
        object_id: text,
        changed_by: text,
        changed_by_api_key: text,
        organization_id: text,
        team_id: text,
        start_date: text,
        end_date: text,
        format: FORMAT.optional(),
      }),
      handle: async (input) => {
        const { query, access } = input;
        const asked = {
          page: query.page ?? 1,
          size: query.page_size ?? 10,
          sortOrder: query.sort_order ?? 'desc',
          action: query.action,
          objectKind: query.object_kind ?? query.table_name,
          objectId: query.object_id,
          changedBy: query.changed_by,
          changedByKey: query.changed_by_api_key,
          organizationId: query.organization_id,
          teamId: query.team_id,
          startDate: query.start_date,
          endDate: query.end_date,
        };
        return wantsCsv(input) ? log.table(asked, { access }) : await log.page(asked, { access });
      },
    }),
    route('GET /audit/verify', {
      summary: 'Whether the audit log is as it was written: every row holds the hash of the one before it.',
      section,
      query: z.strictObject({}),
      handle: () => log.verify(),
    }),
    route('GET /audit/{id}', {
      summary: 'One row of the audit log.',
      section,
      query: z.strictObject({}),
      handle: ({ params, access }) => log.one(params['id'] ?? '', { access }),
    }),
  ];
}
