/** Fields of a request that have a column of the same name. */

export interface ColumnKinds<Row> {
  /** Stored as they are sent. */
  readonly plain?: readonly (keyof Row & string)[];
  /** Stored as JSON text. */
  readonly json?: readonly (keyof Row & string)[];
  /** Stored as 0 or 1. */
  readonly flags?: readonly (keyof Row & string)[];
}

/** Only fields that were sent; an explicit `null` clears. */
export function sentColumns<Row>(
  fields: object,
  { plain = [], json = [], flags = [] }: ColumnKinds<Row>,
): Partial<Row> {
  const columns: Partial<Row> = {};
  const each = (names: readonly string[], stored: (value: unknown) => unknown): void => {
    for (const name of names) {
      const value: unknown = Reflect.get(fields, name);
      if (value !== undefined) Object.assign(columns, { [name]: stored(value) });
    }
  };
  each(plain, (value) => value);
  each(json, (value) => (value === null ? null : JSON.stringify(value)));
  each(flags, (value) => (value === true ? 1 : 0));
  return columns;
}
