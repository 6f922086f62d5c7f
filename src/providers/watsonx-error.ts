/** watsonx.ai's refusals, where they say what the common table cannot see. Source: IBM's "watsonx.ai API reference". */
import { GatewayError } from '../errors.ts';
import { isObject, textOf } from '../lib/json.ts';

const TOO_LONG = /number of input tokens \d+ cannot exceed|exceeds? the model's maximum sequence length/i;

export function watsonxError(status: number, body: unknown): GatewayError | undefined {
  const errors = isObject(body) ? body['errors'] : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const message = isObject(first) ? textOf(first['message']) : undefined;
  if (message === undefined || !TOO_LONG.test(message)) return undefined;
  return new GatewayError('context_window_exceeded', message, { upstreamStatus: status });
}
