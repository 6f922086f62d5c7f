import { fdatasync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

/** The two calls that a failing disk fails, so that a test can be that disk. */
export interface JournalDisk {
  /** Appends, and returns how many bytes were taken. */
  write(descriptor: number, text: string): number;
  sync(descriptor: number): Promise<void>;
}

export const REAL_DISK: JournalDisk = {
  write: (descriptor, text) => writeSync(descriptor, text),
  sync: promisify(fdatasync),
};
