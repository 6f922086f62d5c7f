/**
 * Answers of providers: our own, written from their documents (`test/fixtures`), and what they really sent, where the
 * recordings lie beside the repository. Tests pass without the latter.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const FOLDER = join(import.meta.dir, '..', '..', '..', 'shared', 'recordings');

/** `data` of each event of a recorded stream; `undefined` where there are no recordings. */
export function recordedEvents(file: string): readonly string[] | undefined {
  return recordedText(file)
    ?.split('\n')
    .filter((line) => line !== '');
}

/** A recorded body as text; `undefined` where there are no recordings. */
export function recordedText(file: string): string | undefined {
  const path = join(FOLDER, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** One answer of a provider, whole, streamed or both. */
export interface Recording {
  /** `text`, `reasoning`, `tool-calls` … */
  readonly name: string;
  readonly whole: string | undefined;
  /** `data` of each event, without `[DONE]`. */
  readonly events: readonly string[] | undefined;
}

const FIXTURES = join(import.meta.dir, '..', 'fixtures');
const WHOLE = /\.json$/;
const STREAM = /\.chunks\.txt$/;

/** Our own of a provider; none when it has no folder. */
export const fixturesOf = (provider: string): readonly Recording[] => recordingsIn(join(FIXTURES, provider));

export const fixture = (file: string): string => readFileSync(join(FIXTURES, file), 'utf8');

/** Real ones of a folder whose names begin with `prefix`; none where there are no recordings. */
export function realRecordings(folder: string, prefix = ''): readonly Recording[] {
  return recordingsIn(join(FOLDER, folder)).filter(({ name }) => name.startsWith(prefix));
}

/** Folders of the real ones; none where there are no recordings. */
export const realFolders: readonly string[] = existsSync(FOLDER)
  ? readdirSync(FOLDER, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  : [];

function recordingsIn(folder: string): Recording[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => WHOLE.test(file) || STREAM.test(file));
  const names = new Set(files.map((file) => basename(file).replace(STREAM, '').replace(WHOLE, '')));
  const textOf = (file: string): string | undefined =>
    files.includes(file) ? readFileSync(join(folder, file), 'utf8') : undefined;
  return [...names].sort().map((name) => ({
    name,
    whole: textOf(`${name}.json`),
    events: textOf(`${name}.chunks.txt`)
      ?.split('\n')
      .filter((line) => line !== ''),
  }));
}
