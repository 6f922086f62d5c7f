/** What a configuration value may be, and how it is read. A complaint names what is accepted and never the value, which may be a secret. */
import { type Entry, type Tree, toPlain } from './yaml-tree.ts';

/** Kind of value → what reading it gives. */
export interface KindValues {
  text: string;
  boolean: boolean;
  /** A whole number, 0 or more. */
  whole: number;
  /** A number, 0 or more. */
  amount: number;
  /** Written in seconds, more than 0; read in milliseconds. */
  duration: number;
  /** Written in seconds, 0 or more; read in milliseconds. */
  delay: number;
  /** Written in megabytes; read in bytes. */
  megabytes: number;
  texts: readonly string[];
  textMap: Readonly<Record<string, string>>;
  object: Readonly<Record<string, unknown>>;
  /** Read further by its own code. */
  tree: Tree;
}

export type Kind = keyof KindValues;

export type Reading<T> =
  | { readonly ok: true; readonly value: T | undefined }
  | { readonly ok: false; readonly accepted: string; readonly at: Tree };

const ABSENT = { ok: true, value: undefined } as const;
const is = <T>(value: T): Reading<T> => ({ ok: true, value });
const not = (accepted: string, at: Tree): { ok: false; accepted: string; at: Tree } => ({ ok: false, accepted, at });

const isNull = (tree: Tree): boolean => tree.kind === 'scalar' && tree.value === null;

/** A number, or text that is one: environment variables are always text. */
function numberOf(tree: Tree): number | undefined {
  if (tree.kind !== 'scalar') return undefined;
  const { value } = tree;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

const textOf = (tree: Tree): string | undefined => {
  if (tree.kind !== 'scalar') return undefined;
  if (typeof tree.value === 'number') return String(tree.value);
  return typeof tree.value === 'string' ? tree.value : undefined;
};

const numeric =
  (accepted: string, accepts: (number: number) => boolean, scale = 1) =>
  (tree: Tree): Reading<number> => {
    const number = numberOf(tree);
    if (number === undefined || !accepts(number) || !Number.isFinite(number * scale)) return not(accepted, tree);
    return is(scale === 1 ? number : scaled(number, scale));
  };

/** In whole units. What is more than nothing stays so: a timeout of 0 would be none, or one that is over at once. */
const scaled = (number: number, scale: number): number =>
  number > 0 ? Math.max(1, Math.round(number * scale)) : Math.round(number * scale);

const MS_PER_SECOND = 1000;
const BYTES_PER_MEGABYTE = 1024 * 1024;
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
]);

function readBoolean(tree: Tree): Reading<boolean> {
  const accepted = 'true or false';
  if (tree.kind !== 'scalar') return not(accepted, tree);
  if (typeof tree.value === 'boolean') return is(tree.value);
  const word = BOOLEANS.get(String(tree.value).trim().toLowerCase());
  return word === undefined ? not(accepted, tree) : is(word);
}

function readText(tree: Tree): Reading<string> {
  const text = textOf(tree);
  return text === undefined ? not('text', tree) : is(text);
}

/** A single text stands for a list of one. */
function readTexts(tree: Tree): Reading<readonly string[]> {
  const accepted = 'a list of texts';
  const texts: string[] = [];
  for (const item of tree.kind === 'list' ? tree.items : [tree]) {
    const text = textOf(item);
    if (text === undefined) return not(accepted, item);
    texts.push(text);
  }
  return is(texts);
}

function readTextMap(tree: Tree): Reading<Readonly<Record<string, string>>> {
  const accepted = 'a mapping of names to texts';
  if (tree.kind !== 'map') return not(accepted, tree);
  const texts: [string, string][] = [];
  for (const [key, { value }] of tree.entries) {
    if (isNull(value)) continue;
    const text = value.kind === 'scalar' ? String(value.value) : undefined;
    if (text === undefined) return not(accepted, value);
    texts.push([key, text]);
  }
  return is(Object.fromEntries(texts));
}

function readObject(tree: Tree): Reading<Readonly<Record<string, unknown>>> {
  if (tree.kind !== 'map') return not('a mapping', tree);
  return is(plainEntries(tree.entries));
}

export const plainEntries = (entries: ReadonlyMap<string, Entry>): Record<string, unknown> =>
  Object.fromEntries([...entries].map(([key, { value }]) => [key, toPlain(value)]));

const READERS: { readonly [K in Kind]: (tree: Tree) => Reading<KindValues[K]> } = {
  text: readText,
  boolean: readBoolean,
  whole: numeric('a whole number, 0 or more', (number) => Number.isSafeInteger(number) && number >= 0),
  amount: numeric('a number, 0 or more', (number) => number >= 0),
  duration: numeric('a number of seconds, more than 0', (number) => number > 0, MS_PER_SECOND),
  delay: numeric('a number of seconds, 0 or more', (number) => number >= 0, MS_PER_SECOND),
  megabytes: numeric('a number of megabytes, more than 0', (number) => number > 0, BYTES_PER_MEGABYTE),
  texts: readTexts,
  textMap: readTextMap,
  object: readObject,
  tree: (tree) => is(tree),
};

/** An empty value and an unset environment variable count as not given. */
export function readValue<K extends Kind>(kind: K, tree: Tree): Reading<KindValues[K]> {
  return isNull(tree) ? ABSENT : READERS[kind](tree);
}

/** What stands there, without saying it. */
export function describeValue(tree: Tree): string {
  if (tree.kind === 'list') return 'a list';
  if (tree.kind === 'map') return 'a mapping';
  if (tree.variable !== undefined) return `the content of ${tree.variable}`;
  if (tree.value === null) return 'nothing';
  return typeof tree.value === 'string' ? 'text' : `the ${typeof tree.value} ${tree.value}`;
}
