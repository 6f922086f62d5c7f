import { isObject } from '../lib/json.ts';
/** JSON columns as they are read. What does not have the shape counts as empty. */

export function objectIn(json: string | null): Record<string, unknown> {
  const value: unknown = json === null ? {} : JSON.parse(json);
  return isObject(value) ? value : {};
}

export function textsIn(json: string | null): string[] {
  return listIn(json).filter((item): item is string => typeof item === 'string');
}

export function listIn(json: string | null): unknown[] {
  const value: unknown = json === null ? [] : JSON.parse(json);
  return Array.isArray(value) ? value : [];
}

/** Names that come from people: an object without a prototype, so that none of them means more than itself. */
export function aliasesIn(json: string | null): Record<string, string> {
  const pairs = Object.entries(objectIn(json)).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return Object.assign(Object.create(null), Object.fromEntries(pairs));
}

/** Name → names. */
export function listsIn(json: string | null): Record<string, readonly string[]> {
  const lists: Record<string, readonly string[]> = Object.create(null);
  for (const [name, list] of Object.entries(objectIn(json))) {
    if (Array.isArray(list)) lists[name] = list.filter((item): item is string => typeof item === 'string');
  }
  return lists;
}

/** Some databases give big integers as text. */
export const numberOr = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Number(value);
