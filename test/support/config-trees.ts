/** Pieces of a configuration file as the readers of its sections take them. */
import { Findings } from '../../src/config/findings.ts';
import { type Entry, type MapTree, parseYaml, type Tree } from '../../src/config/yaml-tree.ts';

export const TREE_FILE = 'piece.yaml';

export function treeFrom(text: string): Tree {
  const findings = new Findings();
  const tree = parseYaml(TREE_FILE, text, findings);
  if (tree === undefined || findings.all.length > 0) throw new Error(`Not a clean piece of YAML: ${text}`);
  return tree;
}

export function mapFrom(text: string): MapTree {
  const tree = treeFrom(text);
  if (tree.kind !== 'map') throw new Error(`Not a mapping: ${text}`);
  return tree;
}

/** The value of the piece's only key. */
export function entryFrom(text: string): Entry {
  const [entry] = mapFrom(text).entries.values();
  if (entry === undefined) throw new Error(`No key: ${text}`);
  return entry;
}

/** `line:column level path: message`, in the order they were found. */
export const told = ({ all }: Findings): string[] =>
  all.map(
    ({ level, path, message, position }) =>
      `${position ? `${position.line}:${position.column}` : '-'} ${level} ${path}: ${message}`,
  );

/** Those that say that something is wrong or strange. */
export const complaints = (findings: Findings): string[] =>
  told(findings).filter((line) => !/^\S+ (honoured|ignored) /.test(line));
