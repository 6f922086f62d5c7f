import { LIMIT_FIELDS, type LimitFields } from './fields.ts';

/** The limits among the fields of a request. */
export function limitFieldsIn(fields: Partial<LimitFields>): Partial<LimitFields> {
  const names = Object.keys(LIMIT_FIELDS);
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}
