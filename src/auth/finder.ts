/**
 * Entities for one request: from memory where they are there, else fetched. What was fetched counts for the request that
 * waited for it, however short a time it may be kept.
 */
import type { Directory, EntityKind, EntityOf } from '../gateway/entities.ts';

export class Finder {
  readonly #directory: Directory;
  #fetched: Map<string, EntityOf[EntityKind] | null> | undefined;
  #missing: Promise<void>[] = [];

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /** `null` for what does not exist, and for what is still missing: see `missing`. */
  get<Kind extends EntityKind>(kind: Kind, id: string | null): EntityOf[Kind] | null {
    if (id === null) return null;
    const name = `${kind} ${id}`;
    const fetched = this.#fetched?.get(name);
    if (fetched !== undefined) return fetched as EntityOf[Kind] | null; // Kept under its own kind.
    const found = this.#directory.peek(kind, id);
    if (found === undefined) this.#missing.push(this.#fetch(kind, id, name));
    return found ?? null;
  }

  /** Resolves when all that was asked for in vain has been fetched: ask again then. `undefined`: nothing is missing. */
  missing(): Promise<unknown> | undefined {
    if (this.#missing.length === 0) return undefined;
    const missing = this.#missing;
    this.#missing = [];
    return Promise.all(missing);
  }

  async #fetch(kind: EntityKind, id: string, name: string): Promise<void> {
    const found = await this.#directory.fetch(kind, id);
    this.#fetched ??= new Map();
    this.#fetched.set(name, found);
  }
}
