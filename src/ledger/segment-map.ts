/**
 * A journal segment as shared memory. A line copied into it is in the operating system's hands at once, as after a
 * write, and survives the death of the process; but it costs no system call, which is most of what a line costs.
 *
 * The file's blocks are filled in beforehand: a full disk must be an error when a segment is made, never a fault when
 * memory is touched. Linux only: elsewhere a sync of the file may leave such memory out.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

const ZEROS = new Uint8Array(256 * 1024);

/** `undefined` where it cannot be had (no room, not Linux): the segment is then written to, as an empty file. */
export function mapSegment(path: string, descriptor: number, bytes: number): Uint8Array | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    for (let filled = 0; filled < bytes; ) {
      const piece = ZEROS.subarray(0, Math.min(ZEROS.length, bytes - filled));
      const written = writeSync(descriptor, piece);
      if (written !== piece.length) throw new Error('No room');
      filled += written;
    }
    return Bun.mmap(path, { shared: true });
  } catch {
    ftruncateSync(descriptor, 0); // What room there is goes to plain lines.
    return undefined;
  }
}

/** Size without the zeros that a dead process left behind its last line. */
export function usedBytes(path: string): number {
  const descriptor = openSync(path, 'r');
  try {
    const block = new Uint8Array(ZEROS.length);
    for (let end = fstatSync(descriptor).size; end > 0; ) {
      const from = Math.max(0, end - block.length);
      const read = readSync(descriptor, block, 0, end - from, from);
      for (let at = read - 1; at >= 0; at--) if (block[at] !== 0) return from + at + 1;
      end = from;
    }
    return 0;
  } finally {
    closeSync(descriptor);
  }
}
