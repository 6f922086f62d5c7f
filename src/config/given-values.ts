/** What of a section was given. */
import type { KeyKinds, SectionRules } from './section.ts';

export function valuesOf<S extends KeyKinds, Value>(
  section: { read(key: keyof S & string): Value | undefined },
  { honoured }: SectionRules<S>,
): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const key of Object.keys(honoured)) {
    const value = section.read(key);
    if (value !== undefined) values[key] = value;
  }
  return values;
}
