/** A JSON object whose members are not known: what upstreams and clients send until it has been looked at. */
export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** `undefined`: it is no JSON. The parser's own message would quote it, so nobody gets to see that. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The object without a member; the same object when it has none of that name. */
export function without<T extends JsonObject>(object: T, ...names: readonly string[]): T {
  if (!names.some((name) => Object.hasOwn(object, name))) return object;
  const copy = { ...object };
  for (const name of names) Reflect.deleteProperty(copy, name);
  return copy;
}
