/** Edits to a request body that keep everything else as the client wrote it. */
import { patchJson } from '../lib/json-members.ts';
import type { ChatRequest } from '../wire/openai.ts';

/** Top-level members to set and to leave out. */
export class BodyEdits {
  readonly #set: Record<string, unknown> = {};
  readonly #remove: string[];

  constructor(remove: readonly string[]) {
    this.#remove = [...remove];
  }

  set(key: string, value: unknown): void {
    this.#set[key] = value;
  }

  remove(key: string): void {
    delete this.#set[key];
    this.#remove.push(key);
  }

  /** What the member will be. */
  valueOf(key: string, request: ChatRequest): unknown {
    if (key in this.#set) return this.#set[key];
    return this.#remove.includes(key) ? undefined : request[key];
  }

  /** Spliced into `text` where that is possible, else written anew. */
  apply(request: ChatRequest, text: string | undefined): string {
    const set: Record<string, string> = {};
    for (const key of Object.keys(this.#set)) set[key] = JSON.stringify(this.#set[key]);
    const patched = text === undefined ? undefined : patchJson(text, { set, remove: this.#remove });
    if (patched !== undefined) return patched;
    const body: Record<string, unknown> = { ...request };
    for (const key of this.#remove) delete body[key];
    return JSON.stringify({ ...body, ...this.#set });
  }
}

/**
 * A copy of `value` without what the path names: `metadata.user`, `tools[*].function.strict`, `tools[0].x`.
 * `undefined` when nothing is there to drop.
 */
export function withoutPath(value: unknown, path: readonly string[]): unknown {
  const [head, ...rest] = path;
  if (head === undefined || typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return withoutInList(value, head, rest);
  const object: Record<string, unknown> = { ...value };
  if (!(head in object)) return undefined;
  if (rest.length === 0) {
    delete object[head];
    return object;
  }
  const inner = withoutPath(object[head], rest);
  return inner === undefined ? undefined : { ...object, [head]: inner };
}

function withoutInList(items: readonly unknown[], head: string, rest: readonly string[]): unknown[] | undefined {
  let changed = false;
  const kept = items.flatMap((item, index) => {
    if (head !== '*' && head !== String(index)) return [item];
    if (rest.length === 0) {
      changed = true;
      return [];
    }
    const inner = withoutPath(item, rest);
    changed ||= inner !== undefined;
    return [inner ?? item];
  });
  return changed ? kept : undefined;
}

/** `tools[*].function.strict` → `['tools', '*', 'function', 'strict']` */
export const pathOf = (text: string): string[] =>
  text
    .replaceAll(/\[(\*|\d+)\]/g, '.$1')
    .split('.')
    .filter((part) => part !== '');
