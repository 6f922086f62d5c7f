/**
 * Which rows a person may see. It becomes part of the WHERE clause of every read made in somebody's name, so a foreign
 * object is not found and never counted, however it is asked for.
 */

export type Visibility =
  | { readonly all: true }
  | {
      readonly all: false;
      readonly userId: string | null;
      /** Digest of the key that asks: it sees itself. */
      readonly keyHash: string | null;
      /** Teams whose things are visible. */
      readonly teams: readonly string[];
      /** Organizations whose things, and whose teams' things, are visible. */
      readonly organizations: readonly string[];
    };

export const EVERYTHING: Visibility = { all: true };
