/** Names of tools and ids of calls as Converse takes them, and the way back. Source: AWS's API reference, "ToolSpecification" and "ToolUseBlock". */
import { createHash } from 'node:crypto';

const LONGEST = 64;

/** Names that were changed on the way out: sent → asked. */
export type AskedNames = ReadonlyMap<string, string>;

/** One request's tool names. The same name always becomes the same, and no two become one. */
export class ToolNames {
  readonly #sent = new Map<string, string>();
  readonly #asked = new Map<string, string>();

  /** Valid names keep theirs, whoever comes first. */
  constructor(names: Iterable<string>) {
    const all = [...new Set(names)];
    for (const name of all) if (isValid(name)) this.#take(name, name);
    for (const name of all) if (!isValid(name)) this.#take(name, this.#free(plain(name, /[^a-zA-Z0-9_-]/g)));
  }

  sent(name: string): string {
    return this.#sent.get(name) ?? plain(name, /[^a-zA-Z0-9_-]/g);
  }

  /** Those that differ. */
  get changed(): AskedNames {
    return new Map([...this.#asked].filter(([sent, asked]) => sent !== asked));
  }

  #take(asked: string, sent: string): void {
    this.#sent.set(asked, sent);
    this.#asked.set(sent, asked);
  }

  #free(name: string): string {
    for (let at = 2, candidate = name; ; at++) {
      if (!this.#asked.has(candidate)) return candidate;
      candidate = `${name.slice(0, LONGEST - 1 - String(at).length)}_${at}`;
    }
  }
}

const isValid = (name: string): boolean => /^[a-zA-Z0-9_-]{1,64}$/.test(name);

const plain = (name: string, forbidden: RegExp): string => name.replace(forbidden, '_').slice(0, LONGEST) || '_';

/** Other providers' ids may be long and hold anything; what had to change ends in a digest, so that two stay two. */
export function callId(id: string): string {
  if (/^[a-zA-Z0-9_.:-]{1,64}$/.test(id)) return id;
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 32);
  return `${id.replace(/[^a-zA-Z0-9_.:-]/g, '_').slice(0, LONGEST - digest.length - 1)}_${digest}`;
}
