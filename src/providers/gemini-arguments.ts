/**
 * A tool call's arguments that come in pieces, each with a path: `{jsonPath: "$.items[0].name", stringValue: "ap"}`.
 * Source: Google's "Vertex AI" reference, `PartialArg`.
 */
import { isObject, type JsonObject } from '../lib/json.ts';

type Step = string | number;
type Node = Map<string, unknown> | unknown[];

/** Upstreams are not trusted to number their items in order. */
const MAX_STEPS = 100;

export class PartialArguments {
  readonly #root = new Map<string, unknown>();
  #open: string | undefined;

  /** Texts under one path are joined as long as it says that more will come. */
  add(pieces: readonly unknown[]): void {
    for (const piece of pieces) if (isObject(piece)) this.#addPiece(piece);
  }

  /** Members of a whole object, as models send them that do not stream arguments. */
  assign(args: JsonObject): void {
    for (const [name, value] of Object.entries(args)) this.#root.set(name, value);
  }

  toText(): string {
    return JSON.stringify(plain(this.#root));
  }

  #addPiece(piece: JsonObject): void {
    const path = piece['jsonPath'];
    if (typeof path !== 'string') return;
    const steps = stepsOf(path);
    const last = steps.pop();
    if (last === undefined) return;
    const node = this.#nodeAt(steps, last);
    const value = pieceValue(piece);
    const before = this.#open === path ? read(node, last) : undefined;
    write(node, last, typeof before === 'string' && typeof value === 'string' ? before + value : value);
    this.#open = piece['willContinue'] === true ? path : undefined;
  }

  #nodeAt(steps: readonly Step[], last: Step): Node {
    let node: Node = this.#root;
    for (const [at, step] of steps.entries()) {
      const next = steps[at + 1] ?? last;
      const known: unknown = read(node, step);
      const inner: Node =
        known instanceof Map || Array.isArray(known)
          ? known
          : typeof next === 'number'
            ? []
            : new Map<string, unknown>();
      if (inner !== known) write(node, step, inner);
      node = inner;
    }
    return node;
  }
}

const read = (node: Node, step: Step): unknown =>
  Array.isArray(node) ? (typeof step === 'number' ? node[step] : undefined) : node.get(String(step));

/** An index beyond the end adds to it: a list never has holes. */
function write(node: Node, step: Step, value: unknown): void {
  if (!Array.isArray(node)) node.set(String(step), value);
  else if (typeof step === 'number' && step < node.length) node[step] = value;
  else node.push(value);
}

/** `$.a[0]['b c']` → a, 0, b c */
function stepsOf(path: string): Step[] {
  const steps: Step[] = [];
  for (const [, index, quoted, doubleQuoted, name] of path.matchAll(
    /\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]|([^.[\]]+)/g,
  )) {
    if (steps.length > MAX_STEPS) break;
    steps.push(index === undefined ? (quoted ?? doubleQuoted ?? name ?? '') : Number(index));
  }
  return steps[0] === '$' ? steps.slice(1) : steps;
}

function pieceValue(piece: JsonObject): unknown {
  for (const name of ['stringValue', 'numberValue', 'boolValue']) if (piece[name] !== undefined) return piece[name];
  return Object.hasOwn(piece, 'nullValue') ? null : '';
}

/** Own members only, whatever they are called. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([name, inner]) => [String(name), plain(inner)]));
}
