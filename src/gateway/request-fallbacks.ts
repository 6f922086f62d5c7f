/**
 * The fallbacks that a request brings itself. Source: LiteLLM's documentation of fallbacks: a list of names, of objects with
 * a `model`, or of maps from a name to such a list, as in its configuration.
 */
import { invalidRequest } from '../errors.ts';
import { isObject } from '../lib/json.ts';
import type { Controls } from './call.ts';
import { isGatewayKey } from './gateway-keys.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * @param model what the request asks for
 * @throws GatewayError 400 for another shape
 */
export function fallbacksIn(
  body: Json,
  model: string,
): Pick<Controls, 'fallbacks' | 'typedFallbacks' | 'fallbackChanges'> {
  const changes = new Map<string, Json>();
  const read = (key: string): readonly string[] | undefined => {
    const items = itemsOf(body[key], key, model);
    return items?.map((item, index) => nameOf(item, `${key}[${index}]`, changes));
  };
  const fallbacks = read('fallbacks');
  const contextWindow = read('context_window_fallbacks') ?? inDictionary(body['context_window_fallback_dict'], model);
  const contentPolicy = read('content_policy_fallbacks');
  return {
    fallbacks,
    ...((contextWindow || contentPolicy) && { typedFallbacks: { contextWindow, contentPolicy } }),
    ...(changes.size > 0 && { fallbackChanges: changes }),
  };
}

/** All names of all lists. */
export const fallbackNames = ({ fallbacks, typedFallbacks }: Controls): readonly string[] => [
  ...(fallbacks ?? []),
  ...(typedFallbacks?.contextWindow ?? []),
  ...(typedFallbacks?.contentPolicy ?? []),
];

const refuse = (param: string, message: string): never => {
  throw invalidRequest(message, param);
};

/** Of maps, what stands for this model, else for every model; what stands for others is not for this request. */
function itemsOf(value: unknown, key: string, model: string): readonly unknown[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) return refuse(key, `'${key}' must be a list of model names.`);
  if (value.length === 0 || !value.every(isMap)) return value;
  for (const name of [model, '*']) {
    const found = value.find((map) => Object.hasOwn(map, name));
    if (found) return found[name];
  }
  return [];
}

const isMap = (item: unknown): item is Readonly<Record<string, readonly unknown[]>> =>
  isObject(item) && Object.keys(item).length > 0 && Object.values(item).every(Array.isArray);

function nameOf(item: unknown, path: string, changes: Map<string, Json>): string {
  const given = isObject(item) ? item['model'] : item;
  const [param = path] = path.split('[');
  if (typeof given !== 'string' || given === '')
    return refuse(param, `'${path}' must be a model name, or an object with 'model'.`);
  const own = isObject(item) ? changesIn(item) : {};
  if (Object.keys(own).length > 0 && !changes.has(given)) changes.set(given, own);
  return given;
}

/** Which model it is says the fallback's name; how the answer is sent was settled with the client. */
const FIXED: ReadonlySet<string> = new Set(['model', 'stream', 'stream_options']);

/** Of what speaks to the gateway, only a provider key of the caller's own counts. */
const changesIn = (item: Json): Json =>
  Object.fromEntries(
    Object.entries(item).filter(([key]) => key === 'api_key' || !(FIXED.has(key) || isGatewayKey(key))),
  );

/** LiteLLM's older form: a name → one other name. */
function inDictionary(value: unknown, model: string): readonly string[] | undefined {
  const found = isObject(value) && Object.hasOwn(value, model) ? value[model] : undefined;
  return typeof found === 'string' && found !== '' ? [found] : undefined;
}
