/** `GET /v1/explain/{call_id}`: why a request went where it went. */
import { z } from '@hono/zod-openapi';
import { requestById } from '../db/request-by-id.ts';
import { GatewayError } from '../errors.ts';
import { caughtUp } from './caught-up.ts';
import type { AdminContext } from './context.ts';
import { explainView } from './explain-view.ts';
import { type AdminRoute, Answer, route } from './route.ts';

export function explainRoutes({ db, ledger }: AdminContext): readonly AdminRoute[] {
  return [
    route('GET /v1/explain/{call_id}', {
      summary:
        'Why a request went where it went: candidates, limits, waits and attempts. By its id or x-litellm-call-id.',
      section: 'Spend',
      query: z.strictObject({}),
      async handle({ params, access }) {
        const missing = await caughtUp(ledger);
        const row = await requestById(db, params['call_id'] ?? '', access.visibility);
        if (row === undefined) throw noSuchRequest(missing);
        return new Answer(explainView(row, { inFull: access.isUnlimited }));
      },
    }),
  ];
}

function noSuchRequest(missing: number): GatewayError {
  const late = missing > 0 ? ` ${missing} requests are not in the database yet: it may be one of them.` : '';
  return new GatewayError('not_found', `There is no such request.${late}`, {
    param: 'call_id',
    type: 'not_found_error',
  });
}
