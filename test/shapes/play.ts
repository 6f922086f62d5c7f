/** Sends a step and makes what came back comparable. */
import type { Answer } from '../support/admin-place.ts';
import type { Step } from './step.ts';

export interface Sender {
  request(path: string, init: RequestInit, key?: string | null): Promise<Answer>;
}

export interface Played {
  readonly status: number;
  readonly warning: string | null;
  readonly answer: unknown;
}

/** What is made anew for every run. */
const MADE: readonly (readonly [pattern: RegExp, shown: string])[] = [
  [/\b[0-9a-f]{64}\b/g, '$hash'],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '$id'],
  [/\bsk-(?:[\w-]{22}|[\w-]{43})(?![\w-])/g, '$secret'],
  [/^sk-\.\.\.[\w-]{4}$/g, 'sk-...$end'],
];

/** Plays steps in their order: later ones refer to what earlier ones have answered. */
export class Player {
  readonly #kept: Map<string, string>;
  readonly #sender: Sender;

  constructor(sender: Sender, names: Readonly<Record<string, string>> = {}) {
    this.#sender = sender;
    this.#kept = new Map(Object.entries(names));
  }

  async play({ send, body, as, keep = {} }: Omit<Step, 'says' | 'answer'>): Promise<Played> {
    const space = send.indexOf(' ');
    const path = this.#filled(send.slice(space + 1));
    const init = { method: send.slice(0, space), ...(body !== undefined && { body: this.#filled(textOf(body)) }) };
    const { status, headers, body: answer } = await this.#sender.request(path, init, as && this.#filled(as));
    for (const [name, place] of Object.entries(keep)) this.#kept.set(name, String(valueAt(answer, place)));
    return { status, warning: headers.get('x-tollgate-warning'), answer: this.#shown(answer) };
  }

  #filled(text: string): string {
    return text.replace(/\$([A-Z_]+)/g, (_, name: string) => {
      const value = this.#kept.get(name);
      if (value === undefined) throw new Error(`No step before has kept $${name}`);
      return value;
    });
  }

  #shown(value: unknown): unknown {
    if (typeof value === 'string') return this.#named(value);
    if (Array.isArray(value)) return value.map((each) => this.#shown(each));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [this.#named(name), this.#shown(each)]));
  }

  #named(text: string): string {
    let shown = text;
    for (const [name, value] of this.#kept) shown = shown.replaceAll(value, () => `$${name}`);
    for (const [pattern, made] of MADE) shown = shown.replace(pattern, () => made);
    return shown;
  }
}

/** A text goes as it is: not all that is sent is JSON. */
const textOf = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body));

function valueAt(answer: unknown, place: string): unknown {
  let value = answer;
  for (const name of place.split('.')) value = Object(value)[name];
  if (value === undefined || value === null) throw new Error(`There is no ${place} in ${JSON.stringify(answer)}`);
  return value;
}
