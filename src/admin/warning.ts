/** What is stored and shown again, but acted on by nothing yet: whoever sets it must not find out by an accident. */
import { Answer } from './route.ts';

/** @param names fields without effect; those that were sent and say something are named in a header */
export function warned(view: unknown, fields: object, names: readonly string[]): Answer {
  const without = names.filter((name) => saysSomething(Reflect.get(fields, name)));
  const warning = `stored but not enforced yet: ${without.join(', ')}`;
  return new Answer(view, without.length === 0 ? {} : { 'x-tollgate-warning': warning });
}

function saysSomething(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== null && value !== undefined && value !== false;
}
