/**
 * The main file and what it includes, as one tree. LiteLLM's `include`: names are relative to the including file and may
 * include in turn; lists are concatenated, in other sections the included file's keys win.
 */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join as joinPath, resolve } from 'node:path';
import type { Position } from './config.ts';
import type { Findings } from './findings.ts';
import { type Entry, join, type MapTree, parseYaml, type Tree } from './yaml-tree.ts';

export interface ConfigFiles {
  /** `undefined` when there is nothing usable; the findings say why. */
  readonly tree: MapTree | undefined;
  /** Every file that was read or should have been, the main one first. */
  readonly files: readonly string[];
}

export function readConfigFiles(file: string, findings: Findings): ConfigFiles {
  const files: string[] = [];
  const tree = readOne(file, undefined, { files, open: [], findings });
  return { tree, files };
}

interface Reading {
  readonly files: string[];
  /** Absolute names of the files being read, outermost first. */
  readonly open: readonly string[];
  readonly findings: Findings;
}

/** @param from where the file was named; `undefined` for the main file. */
function readOne(file: string, from: Position | undefined, reading: Reading): MapTree | undefined {
  const { findings } = reading;
  const absolute = resolve(file);
  const path = from ? 'include' : '';
  if (reading.open.includes(absolute)) {
    findings.error(path, `${file} includes itself, directly or through another file`, from);
    return undefined;
  }
  if (!reading.files.includes(file)) reading.files.push(file);
  const text = readText(file, from, findings);
  if (text === undefined) return undefined;
  const errorsBefore = findings.all.length;
  const tree = parseYaml(file, text, findings);
  const start: Position = { file, line: 1, column: 1 };
  if (tree === undefined || (tree.kind === 'scalar' && tree.value === null)) {
    if (findings.all.length === errorsBefore)
      findings.error('', 'the file is empty; it needs at least a model_list', start);
    return undefined;
  }
  if (tree.kind !== 'map') {
    findings.error('', 'the file must be a mapping with keys such as model_list', tree.position);
    return undefined;
  }
  return withIncludes(tree, { ...reading, open: [...reading.open, absolute] }, file);
}

function readText(file: string, from: Position | undefined, findings: Findings): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    findings.error(from ? 'include' : '', `${file}: ${why}`, from);
    return undefined;
  }
}

function withIncludes(tree: MapTree, reading: Reading, file: string): MapTree {
  const include = tree.entries.get('include')?.value;
  if (include === undefined || (include.kind === 'scalar' && include.value === null)) return tree;
  const names = include.kind === 'list' ? include.items : [include];
  let merged = tree;
  for (const name of names) {
    if (name.kind !== 'scalar' || typeof name.value !== 'string') {
      reading.findings.error('include', 'must be a list of file names', name.position);
      continue;
    }
    const target = isAbsolute(name.value) ? name.value : joinPath(dirname(file), name.value);
    const included = readOne(target, name.position, reading);
    if (included) merged = merge(merged, included);
  }
  return merged;
}

function merge(main: MapTree, included: MapTree): MapTree {
  const entries = new Map<string, Entry>(main.entries);
  for (const [key, entry] of included.entries) {
    if (key === 'include') continue;
    const known = entries.get(key);
    entries.set(key, known ? { keyPosition: known.keyPosition, value: combine(known.value, entry.value) } : entry);
  }
  return { ...main, entries };
}

function combine(main: Tree, included: Tree): Tree {
  if (main.kind === 'list' && included.kind === 'list') return { ...main, items: [...main.items, ...included.items] };
  if (main.kind === 'map' && included.kind === 'map') {
    return { ...main, entries: new Map([...main.entries, ...included.entries]) };
  }
  return included;
}

const REFERENCE = /^os\.environ\/(.+)$/;

/** `os.environ/NAME` becomes the variable's value, or null when it is not set; the name is kept for messages. */
export function resolveReferences(tree: Tree, lookup: (name: string) => string | undefined): Tree {
  if (tree.kind === 'list') return { ...tree, items: tree.items.map((item) => resolveReferences(item, lookup)) };
  if (tree.kind === 'map') return resolveMap(tree, lookup);
  const variable = typeof tree.value === 'string' ? REFERENCE.exec(tree.value.trim())?.[1] : undefined;
  if (variable === undefined) return tree;
  const value = lookup(variable);
  return { ...tree, value: value === undefined || value === '' ? null : value, variable };
}

export function resolveMap(map: MapTree, lookup: (name: string) => string | undefined): MapTree {
  const entries = new Map<string, Entry>();
  for (const [key, { keyPosition, value }] of map.entries) {
    entries.set(key, { keyPosition, value: resolveReferences(value, lookup) });
  }
  return { ...map, entries };
}

/** `environment_variables: {NAME: value}`, references in the values resolved. */
export function readExported(
  tree: MapTree,
  lookup: (name: string) => string | undefined,
  findings: Findings,
): Record<string, string> {
  const section = tree.entries.get('environment_variables')?.value;
  if (section === undefined || (section.kind === 'scalar' && section.value === null)) return {};
  if (section.kind !== 'map') {
    findings.error('environment_variables', 'must be a mapping of variable names to values', section.position);
    return {};
  }
  const exported = new Map<string, string>();
  for (const [name, { value }] of resolveMap(section, lookup).entries) {
    if (value.kind !== 'scalar') {
      findings.error(join('environment_variables', name), 'must be text or a number', value.position);
    } else if (value.value !== null) exported.set(name, String(value.value));
  }
  return Object.fromEntries(exported);
}
