/** One section of the file: every key looked up in its table, every known value checked, at once. */

import { didYouMean, nearestNames, suggestionLimit } from '../lib/near-name.ts';
import type { Position } from './config.ts';
import type { Findings } from './findings.ts';
import { describeValue, type Kind, type KindValues, readValue } from './values.ts';
import { type Entry, join, type MapTree, type Tree } from './yaml-tree.ts';

export type KeyKinds = Readonly<Record<string, Kind>>;

export interface SectionRules<S extends KeyKinds> {
  /** Keys that do something, with the kind of their value. */
  readonly honoured: S;
  /** Keys that LiteLLM has and Tollgate does not act on yet. */
  readonly ignored: readonly string[];
}

/** Decides about a key that is in no table; records its own findings. */
export type OnUnknownKey = (key: string, entry: Entry, path: string) => void;

export interface Section<S extends KeyKinds> {
  readonly path: string;
  readonly position: Position | undefined;
  readonly entries: ReadonlyMap<string, Entry>;
  /** `undefined` when the key is absent, empty, or wrong (which is a finding already). */
  read<K extends keyof S & string>(key: K): KindValues[S[K]] | undefined;
  positionOf(key: string): Position | undefined;
}

export const NOT_YET = 'LiteLLM has this key; Tollgate does not act on it yet';
/** What some keys turn on is so anyway. */
const ALWAYS_SO: Readonly<Record<string, string>> = {
  modify_params: 'what it turns on is always on and told in x-tollgate-changed (docs/litellm-differences.md)',
};
const whyIgnored = (key: string): string => (Object.hasOwn(ALWAYS_SO, key) ? ALWAYS_SO[key] : undefined) ?? NOT_YET;

export interface SectionSource<S extends KeyKinds> {
  readonly tree: Tree | undefined;
  readonly path: string;
  readonly rules: SectionRules<S>;
  readonly onUnknownKey?: OnUnknownKey;
}

export function openSection<S extends KeyKinds>(source: SectionSource<S>, findings: Findings): Section<S> {
  const { tree, path, rules } = source;
  const entries = mapOf(tree, path, findings)?.entries ?? new Map<string, Entry>();
  const ignored = new Set(rules.ignored);
  const refuse = (key: string, entry: Entry): void =>
    refuseKey({ key, entry, path }, [...Object.keys(rules.honoured), ...rules.ignored], findings);
  for (const [key, entry] of entries) {
    const kind = Object.hasOwn(rules.honoured, key) ? rules.honoured[key] : undefined;
    if (kind !== undefined) checkValue(kind, entry, { path: join(path, key), findings });
    else if (ignored.has(key)) findings.add('ignored', join(path, key), whyIgnored(key), entry.keyPosition);
    else (source.onUnknownKey ?? refuse)(key, entry, join(path, key));
  }
  return {
    path,
    position: tree?.position,
    entries,
    positionOf: (key) => entries.get(key)?.keyPosition,
    read: <K extends keyof S & string>(key: K) => readKey<S[K]>(entries.get(key), rules.honoured[key]),
  };
}

function readKey<K extends Kind>(entry: Entry | undefined, kind: K | undefined): KindValues[K] | undefined {
  if (entry === undefined || kind === undefined) return undefined;
  const reading = readValue(kind, entry.value);
  return reading.ok ? reading.value : undefined;
}

function mapOf(tree: Tree | undefined, path: string, findings: Findings): MapTree | undefined {
  if (tree === undefined || (tree.kind === 'scalar' && tree.value === null)) return undefined;
  if (tree.kind === 'map') return tree;
  findings.error(path, `must be a mapping, not ${describeValue(tree)}`, tree.position);
  return undefined;
}

/** Records the key as honoured, or says what is accepted. */
export function checkValue(kind: Kind, entry: Entry, where: { path: string; findings: Findings }): void {
  const { path, findings } = where;
  const reading = readValue(kind, entry.value);
  if (!reading.ok) {
    findings.error(path, `must be ${reading.accepted}, not ${describeValue(reading.at)}`, reading.at.position);
    return;
  }
  findings.add('honoured', path, 'in use', entry.keyPosition);
  warnOfUnsetVariable(path, entry, findings);
}

export function warnOfUnsetVariable(path: string, { value }: Entry, findings: Findings): void {
  if (value.kind !== 'scalar' || value.value !== null || value.variable === undefined) return;
  findings.warn(
    path,
    `the environment variable ${value.variable} is not set, so this key counts as not given`,
    value.position,
  );
}

export function refuseKey(
  { key, entry, path }: { key: string; entry: Entry; path: string },
  known: readonly string[],
  findings: Findings,
): void {
  const hint = didYouMean(nearestNames(key, known, suggestionLimit(key)));
  findings.add('unknown', join(path, key), `nobody knows this key.${hint}`, entry.keyPosition);
}
