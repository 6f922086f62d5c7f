/** `/budget/*`: input and output of each route; what they do is in `budgets.ts`. */
import { z } from '@hono/zod-openapi';
import { invalidRequest } from '../errors.ts';
import type { Refusals } from './body.ts';
import { Budgets } from './budgets.ts';
import type { AdminContext } from './context.ts';
import { id, LIMIT_FIELDS, MOST_ITEMS, name, texts } from './fields.ts';
import { type AdminRoute, route } from './route.ts';

const section = 'Budgets';

const FIELDS = { ...LIMIT_FIELDS, allowed_models: texts.nullish() } as const;

const refusals: Refusals = {
  spend: 'is spent by those who refer to the budget, and cannot be set',
  budget_reset_at: 'is computed from budget_duration and cannot be set',
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
};

export function budgetRoutes(context: AdminContext): readonly AdminRoute[] {
  const budgets = new Budgets(context);
  return [
    route('POST /budget/new', {
      summary: 'Make a budget that keys, members, customers and others can refer to.',
      section,
      body: z.strictObject({ ...FIELDS, budget_id: id.nullish() }),
      refusals,
      handle: ({ body: { budget_id, ...fields }, ...author }) => budgets.create(budget_id ?? null, fields, author),
    }),
    route('POST /budget/update', {
      summary: 'Change a budget: it holds at once for all who refer to it. Only the fields sent change.',
      section,
      body: z.strictObject({ ...FIELDS, budget_id: id }),
      refusals,
      handle: ({ body: { budget_id, ...fields }, ...author }) => budgets.update(budget_id, fields, author),
    }),
    route('POST /budget/delete', {
      summary: 'Delete a budget that nothing refers to.',
      section,
      body: z.strictObject({ id: name.nullish(), budget_id: name.nullish() }),
      handle: async ({ body, ...author }) => {
        const budgetId = body.id ?? body.budget_id;
        if (!budgetId) throw invalidRequest("Name the budget to delete in 'id'.", 'id');
        return budgets.remove(budgetId, author);
      },
    }),
    route('POST /budget/info', {
      summary: 'Budgets by id.',
      section,
      body: z.strictObject({ budgets: z.array(id).max(MOST_ITEMS) }),
      handle: ({ body, access }) => budgets.info(body.budgets, { access }),
    }),
    route('GET /budget/list', {
      summary: 'All budgets, the newest first.',
      section,
      query: z.strictObject({}),
      handle: ({ access }) => budgets.list({ access }),
    }),
    route('GET /budget/settings', {
      summary: 'One budget, field by field, for a form.',
      section,
      query: z.strictObject({ budget_id: id }),
      handle: ({ query, access }) => budgets.fieldsOf(query.budget_id, { access }),
    }),
  ];
}
