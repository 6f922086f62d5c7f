/** The repository's own files, for tests about the code itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

export const ROOT = join(import.meta.dir, '..', '..');

export interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
}

const NOT_OURS = new Set(['node_modules', '.git', '.cache', 'data', 'results']);

/** Files under `folder` whose name ends in one of `endings`. */
export function filesUnder(folder: string, endings: readonly string[]): SourceFile[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesUnder(path, endings);
    if (!endings.some((ending) => entry.name.endsWith(ending))) return [];
    return [{ path: path.split(sep).join('/'), text: readFileSync(join(ROOT, path), 'utf8') }];
  });
}

export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

export const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.startsWith('test/');

const IMPORT = /(?:^|\s)(?:import|export)\s[^'"`;]*?from\s*'([^']+)'|(?:^|\s)import\s*\(?\s*'([^']+)'/gm;

/** What a file imports, types too: packages by name, own files by their path from the root. */
export function importsOf({ path, text }: SourceFile): string[] {
  return [...text.matchAll(IMPORT)].map(([, from, bare]) => {
    const name = from ?? bare ?? '';
    if (!name.startsWith('.')) return name;
    return relative(ROOT, join(ROOT, dirname(path), name))
      .split(sep)
      .join('/');
  });
}

/** Lines with something on them. */
export const linesIn = (files: readonly SourceFile[]): number =>
  files.reduce((sum, { text }) => sum + text.split('\n').filter((line) => line.trim() !== '').length, 0);
