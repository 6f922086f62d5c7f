/** What every decoder of a stream begins with. */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, parsedJson } from '../lib/json.ts';

/** @throws GatewayError `upstream_protocol` for what is no JSON object; its words stay unsaid */
export function eventObject(text: string): JsonObject {
  const value = parsedJson(text);
  if (isObject(value)) return value;
  throw new GatewayError('upstream_protocol', 'The upstream sent an event that is not a JSON object.');
}
