/** What providers really sent, where the recordings lie beside the repository; tests pass without them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

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
