/** `GET /v1/models`, in OpenAI's shape. Source: OpenAI API reference, "List models" and "Retrieve model". */
import { GatewayError } from '../errors.ts';
import { visibleModels } from '../features/model-access.ts';
import type { Caller } from '../gateway/call.ts';
import type { Runtime } from './runtime.ts';

/** LiteLLM lists every model with this date and owner; clients sort by them. */
const CREATED = 1_677_610_602;

const entry = (id: string): Record<string, unknown> => ({ id, object: 'model', created: CREATED, owned_by: 'openai' });

/** @throws GatewayError 404 when `one` is no model of the caller's. */
export function modelList(caller: Caller, runtime: Runtime, one: string | undefined): Record<string, unknown> {
  const names = visibleModels(caller, runtime.groups.names, runtime.models);
  if (one === undefined) return { data: names.map(entry), object: 'list' };
  const servable =
    visibleModels(caller, [one], runtime.models).includes(one) && runtime.models.has(runtime.models.resolveAlias(one));
  if (!names.includes(one) && !servable) {
    throw new GatewayError(
      'not_found',
      `The model '${one.slice(0, 200)}' does not exist or is not available for this API key.`,
      {
        param: 'model',
        code: 'model_not_found',
      },
    );
  }
  return entry(one);
}
