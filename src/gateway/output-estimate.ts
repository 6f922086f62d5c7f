/**
 * How much output the operator expects of a request that caps none (`default_estimated_output_tokens` and
 * `…_per_model` of a key or a team): held for rates in tokens until it is known. Source: LiteLLM's documentation of keys.
 */
import { isObject } from '../lib/json.ts';
import type { Call } from './call.ts';
import { servedName } from './stand-in.ts';

/** The key's own for the model, the key's for all, then the team's. `undefined`: nobody has said. */
export function outputEstimate(call: Call): number | undefined {
  const names = [servedName(call), call.modelGroup];
  for (const owner of [call.caller, call.caller?.team]) {
    const metadata = owner?.metadata;
    if (metadata === undefined) continue;
    const byModel = metadata['default_estimated_output_tokens_per_model'];
    const ofModel = isObject(byModel) ? names.map((name) => own(byModel, name)).find(isTokens) : undefined;
    const found = ofModel ?? metadata['default_estimated_output_tokens'];
    if (isTokens(found)) return found;
  }
  return undefined;
}

const own = (object: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;

const isTokens = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
