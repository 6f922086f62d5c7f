/** `/health` of deployments and of services outside. Probes of the program itself need no key: they are not here. */
import { z } from '@hono/zod-openapi';
import { reachOf } from '../auth/permissions.ts';
import type { Access } from '../auth/principal.ts';
import { GatewayError } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { pageNumber } from './fields.ts';
import { chosen, type HealthFilter, healthView, historyView, latestView } from './health.ts';
import { type AdminRoute, route } from './route.ts';

const section = 'Health';
const text = z.string().optional();
const MOST_EVENTS_A_PAGE = 1_000;

export function healthRoutes(context: AdminContext): readonly AdminRoute[] {
  const { health } = context;
  return [
    route('GET /health', {
      summary:
        'Which deployments are well, as traffic has shown; asks them themselves only where health_checks is on, at the cost of the key.',
      section,
      query: z.strictObject({ model: text, model_id: text }),
      handle: ({ query, access }) => checked(context, { model: query.model, modelId: query.model_id }, access),
    }),
    route('GET /health/latest', {
      summary: 'The last thing known of each deployment that was asked.',
      section,
      query: z.strictObject({}),
      handle: async () => latestView(health),
    }),
    route('GET /health/history', {
      summary: 'Cooldowns, recoveries and probes since the start, newest first.',
      section,
      query: z.strictObject({
        model: text,
        status_filter: z.enum(['healthy', 'unhealthy']).optional(),
        limit: pageNumber(MOST_EVENTS_A_PAGE).optional(),
        offset: z.coerce.number().int().min(0).optional(),
      }),
      handle: async ({ query }) =>
        historyView(health, {
          model: query.model,
          status: query.status_filter,
          limit: query.limit ?? 100,
          offset: query.offset ?? 0,
        }),
    }),
    route('GET /health/services', {
      summary: 'Which services outside (logs, alerts) are configured.',
      section,
      query: z.strictObject({ service: text }),
      handle: async ({ query }) => services(query.service),
    }),
  ];
}

/** A probe is a paid request: who may only look gets what traffic has shown. */
async function checked({ health }: AdminContext, filter: HealthFilter, access: Access): Promise<unknown> {
  const wanted = chosen(health, filter);
  const isOn = health.mayProbe() && access.principal.roles.some((role) => reachOf(role, 'models.write') === 'all');
  if (!isOn) return healthView(wanted, [], { isOn: false, left: 0 });
  const ids = wanted.map(({ id }) => id);
  const results = await health.probe(ids, access.caller);
  return healthView(chosen(health, filter), results, { isOn, left: health.probesLeft() });
}

/** There is none that could be configured yet. @throws GatewayError 422 for one by name, as LiteLLM answers */
function services(service: string | undefined): unknown {
  if (service === undefined || service === '') return { services: [], message: 'No service is configured.' };
  throw new GatewayError(
    'invalid_request',
    `The service "${service.slice(0, 64)}" is not configured here. Configured are: none.`,
    { param: 'service', status: 422 },
  );
}
