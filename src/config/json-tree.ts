/** Values that were read as JSON, in the shape that the readers of the configuration file take. */
import type { Position } from './config.ts';
import type { Entry, Tree } from './yaml-tree.ts';

/** JSON has no lines: a finding about it names the path. */
export const NOWHERE: Position = { file: '', line: 0, column: 0 };

export function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(treeOf), position: NOWHERE };
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]): [string, Entry] => [
      key,
      { keyPosition: NOWHERE, value: treeOf(item) },
    ]);
    return { kind: 'map', entries: new Map(entries), position: NOWHERE };
  }
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return { kind: 'scalar', value: isPlain ? value : null, position: NOWHERE };
}

/** The other way round; references to the environment stay the text they are. */
export function jsonOf(tree: Tree): unknown {
  if (tree.kind === 'list') return tree.items.map(jsonOf);
  if (tree.kind === 'map') return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, jsonOf(value)]));
  return tree.value;
}
