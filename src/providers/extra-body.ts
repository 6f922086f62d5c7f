/**
 * What a client's `extra_body` may add to the body that is sent.
 * Source: LiteLLM's documentation of provider-specific parameters.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject } from '../lib/json.ts';
import type { Change } from './adapter.ts';

/** What decides access, price and routing cannot be changed behind the gateway's back. */
export const THE_GATEWAYS: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'stream',
  'extra_headers',
  'extra_body',
]);

/**
 * Its members without those that are guarded, each of which is reported as dropped.
 * @throws GatewayError 400 when it is no object
 */
export function extraMembers(extra: unknown, changes: Change[], guarded = THE_GATEWAYS): JsonObject {
  if (extra === undefined || extra === null) return {};
  if (!isObject(extra)) throw invalidRequest('extra_body must be an object.', 'extra_body');
  for (const name of Object.keys(extra)) {
    if (guarded.has(name)) changes.push({ field: `extra_body.${name}`, action: 'dropped', note: 'set by the gateway' });
  }
  return Object.fromEntries(Object.entries(extra).filter(([name]) => !guarded.has(name)));
}
