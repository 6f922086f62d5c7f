/**
 * A YAML file as a tree that knows where every value stands. Reads what PyYAML's safe loader reads: YAML 1.1 with merge
 * keys, `yes`/`no`/`on`/`off` as booleans, `y` and `n` as text, the last of two equal keys. Dates stay the text they
 * are, because `api_version: 2024-10-21` is one, and so is a price like `1e-6` a number.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, Scalar, type YAMLMap } from 'yaml';
import type { Position } from './config.ts';
import type { Findings } from './findings.ts';

export type Plain = string | number | boolean | null;

export interface ScalarTree {
  readonly kind: 'scalar';
  readonly value: Plain;
  readonly position: Position;
  /** The environment variable that the value was read from. */
  readonly variable?: string;
}

export interface ListTree {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly position: Position;
}

export interface Entry {
  readonly keyPosition: Position;
  readonly value: Tree;
}

export interface MapTree {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Entry>;
  readonly position: Position;
}

export type Tree = ScalarTree | ListTree | MapTree;

/** Far more than any real file has; anchors that multiply themselves reach it. */
const MAX_NODES = 200_000;
const LITERAL_Y_N = /^[yYnN]$/;

/** `undefined` when the file is empty or is not YAML; the findings say so. */
export function parseYaml(file: string, text: string, findings: Findings): Tree | undefined {
  const lines = new LineCounter();
  // Without uniqueKeys the library would refuse what LiteLLM accepts; we warn instead. Aliases are bounded by MAX_NODES.
  const document = parseDocument(text, {
    version: '1.1',
    merge: true,
    uniqueKeys: false,
    lineCounter: lines,
    logLevel: 'error', // 'silent' would accept a second document
  });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  for (const { message, pos } of document.errors)
    findings.error('', `not valid YAML: ${firstLine(message)}`, at(pos[0]));
  if (document.errors.length > 0 || document.contents === null) return undefined;
  const builder = new TreeBuilder(document, at, findings);
  return builder.build(document.contents, '');
}

/** The library adds a picture of the line, which may hold a secret. */
const firstLine = (message: string): string => (message.split('\n')[0] ?? message).replace(/ at line \d+.*$/, '');

class TreeBuilder {
  readonly #document: ReturnType<typeof parseDocument>;
  readonly #at: (offset: number) => Position;
  readonly #findings: Findings;
  readonly #open = new Set<unknown>();
  #nodes = 0;
  #refused = false;

  constructor(document: ReturnType<typeof parseDocument>, at: (offset: number) => Position, findings: Findings) {
    this.#document = document;
    this.#at = at;
    this.#findings = findings;
  }

  build(node: unknown, path: string): Tree {
    this.#nodes += 1;
    const source = isAlias(node) ? node.resolve(this.#document) : node;
    const position = this.#positionOf(isAlias(node) ? node : source);
    if (this.#nodes > MAX_NODES)
      return this.#refuse(path, 'the file is too large once its anchors are followed', position);
    if (isAlias(node) && source === undefined) return this.#refuse(path, 'an alias names no anchor above it', position);
    if (this.#open.has(source)) return this.#refuse(path, 'an alias refers to the value it stands in', position);
    if (isMap(source))
      return this.#inside(source, () => ({ kind: 'map', entries: this.#entriesOf(source, path), position }));
    if (isSeq(source)) {
      const items = (): Tree[] => source.items.map((item, index) => this.build(item, join(path, String(index))));
      return this.#inside(source, () => ({ kind: 'list', items: items(), position }));
    }
    return { kind: 'scalar', value: isScalar(source) ? plainValue(source) : null, position };
  }

  #inside(source: unknown, build: () => Tree): Tree {
    this.#open.add(source);
    const tree = build();
    this.#open.delete(source);
    return tree;
  }

  #entriesOf(map: YAMLMap, path: string): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    for (const { key, value } of map.items.filter((pair) => !isMergeKey(pair.key))) {
      const name = keyText(key);
      const keyPosition = this.#positionOf(key);
      if (entries.has(name)) this.#findings.warn(join(path, name), 'given twice; the last one counts', keyPosition);
      entries.set(name, { keyPosition, value: this.build(value, join(path, name)) });
    }
    for (const { value } of map.items.filter((pair) => isMergeKey(pair.key))) {
      addMissing(entries, this.#mergedEntries(value, path));
    }
    return entries;
  }

  #mergedEntries(value: unknown, path: string): ReadonlyMap<string, Entry> {
    const tree = this.build(value, path);
    if (tree.kind === 'map') return tree.entries;
    const all = new Map<string, Entry>();
    for (const item of tree.kind === 'list' ? tree.items : []) {
      if (item.kind === 'map') addMissing(all, item.entries);
    }
    if (all.size === 0) this.#findings.error(path, '"<<" must name a mapping or a list of mappings', tree.position);
    return all;
  }

  #refuse(path: string, message: string, position: Position): Tree {
    if (!this.#refused) this.#findings.error(path, message, position);
    this.#refused = true;
    return { kind: 'scalar', value: null, position };
  }

  #positionOf(node: unknown): Position {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
    return this.#at(range?.[0] ?? 0);
  }
}

/** What stands in the mapping itself wins over what is merged into it, and the first merged one over later ones. */
function addMissing(entries: Map<string, Entry>, merged: ReadonlyMap<string, Entry>): void {
  for (const [name, entry] of merged) if (!entries.has(name)) entries.set(name, entry);
}

const isMergeKey = (key: unknown): boolean =>
  isScalar(key) &&
  (typeof key.value === 'symbol' || (key.value === '<<' && (key.type ?? Scalar.PLAIN) === Scalar.PLAIN));

/** A key such as `gpt-4` or `123` or `on` by its text. */
const keyText = (key: unknown): string => (isScalar(key) ? (key.source ?? String(key.value)) : String(key));

function plainValue(scalar: Scalar): Plain {
  const { value, source, type } = scalar;
  if (type === Scalar.PLAIN && source !== undefined && LITERAL_Y_N.test(source)) return source;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null)
    return value;
  return source ?? null;
}

export const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

/** The tree as ordinary values, for what is passed on as written. */
export function toPlain(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(toPlain);
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, toPlain(value)]));
}

/** A map with no members, standing for a section that was not written. */
export const emptyMap = (position: Position): MapTree => ({ kind: 'map', entries: new Map(), position });
