/**
 * An append-only record in segment files. `append` returns after the operating system has the line, so it survives the
 * death of the process; what survives a power cut is everything up to the last sync, at most `syncEveryMs` ago.
 *
 * A line that does not match its checksum is dropped with a warning, and every other line is kept.
 */
import { closeSync, fstatSync, fsync, ftruncateSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GatewayError } from '../errors.ts';
import { type JournalDisk, REAL_DISK } from './journal-disk.ts';
import { copyLine, decodeLines, encodeLine } from './journal-line.ts';
import { mapSegment, usedBytes } from './segment-map.ts';

export interface Position {
  readonly segment: number;
  readonly offset: number;
}

export interface JournalLine {
  /** One letter. */
  readonly kind: string;
  readonly json: string;
  readonly segment: number;
}

export interface Journal {
  /** Returns where the line begins. Throws GatewayError `unavailable` when it could not be written whole. */
  append(kind: string, json: string): Position;
  /** Where the next line will begin. */
  end(): Position;
  firstSegment(): number;
  sizeBytes(): number;
  /** Some lines from here on, in order, and where to go on; at `end()` there are none. */
  read(from: Position): Promise<{ lines: JournalLine[]; next: Position }>;
  /** Resolves when everything appended before is on the disk. */
  sync(): Promise<void>;
  /** Deletes whole segments; the one being written is never among them. */
  removeBefore(segment: number): void;
  /** Syncs, then refuses every further line. */
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly directory: string;
  readonly onWarning: (message: string) => void;
  readonly segmentBytes?: number;
  readonly syncEveryMs?: number;
  readonly disk?: JournalDisk;
}

const syncDirectory = promisify(fsync);
const READ_BYTES = 256 * 1024;
const FILE_NAME = /^(\d{8})\.log$/;

const encoder = new TextEncoder();

/** Cuts off what was filled in beforehand and not used. */
function unmap(segment: Segment): void {
  if (!segment.map) return;
  segment.map = undefined;
  ftruncateSync(segment.descriptor, segment.sizeBytes);
}

interface Segment {
  readonly number: number;
  readonly descriptor: number;
  sizeBytes: number;
  /** The file as memory; without it lines are written. */
  map: Uint8Array | undefined;
}

export function openJournal(options: JournalOptions): Journal {
  mkdirSync(options.directory, { recursive: true });
  return new SegmentedJournal(options);
}

class SegmentedJournal implements Journal {
  readonly #directory: string;
  readonly #onWarning: (message: string) => void;
  readonly #segmentBytes: number;
  readonly #syncEveryMs: number;
  readonly #disk: JournalDisk;
  /** Full segments by number, with their sizes. */
  readonly #sealed = new Map<number, number>();
  #active: Segment;
  /** A write stopped part-way, so the next line must begin on a line of its own. */
  #torn = false;
  /** Set once a sync has failed: what the disk then holds is unknown, so nothing more is accepted. */
  #failure: GatewayError | undefined;
  /** Descriptors with unsynced bytes. All but the active one are closed after their sync. */
  #unsynced = new Set<number>();
  #syncing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #syncTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: JournalOptions) {
    this.#directory = options.directory;
    this.#onWarning = options.onWarning;
    this.#segmentBytes = options.segmentBytes ?? 4 * 1024 * 1024;
    this.#syncEveryMs = options.syncEveryMs ?? 100;
    this.#disk = options.disk ?? REAL_DISK;
    for (const name of readdirSync(options.directory)) {
      const digits = FILE_NAME.exec(name)?.[1];
      if (digits !== undefined) this.#sealed.set(Number(digits), usedBytes(join(options.directory, name)));
    }
    // Never append to a file that a dead process may have left with half a line.
    this.#active = this.#create(Math.max(0, ...this.#sealed.keys()) + 1);
  }

  append(kind: string, json: string): Position {
    if (this.#failure !== undefined) throw this.#failure;
    const { map, sizeBytes } = this.#active;
    const copied = map ? copyLine({ kind, json }, map, sizeBytes) : 0;
    return copied > 0 ? this.#noteAppended(copied) : this.#appendWritten(encodeLine(kind, json));
  }

  #appendWritten(encoded: string): Position {
    const size = Buffer.byteLength(encoded);
    if (this.#active.sizeBytes > 0 && this.#active.sizeBytes + size > this.#segmentBytes) this.#rotate();
    const line = this.#torn ? `\n${encoded}` : encoded;
    const bytes = this.#torn ? size + 1 : size;
    this.#write(line, bytes);
    this.#torn = false;
    return this.#noteAppended(bytes);
  }

  /** Returns where the line began. */
  #noteAppended(bytes: number): Position {
    const at = this.end();
    this.#active.sizeBytes += bytes;
    this.#unsynced.add(this.#active.descriptor);
    this.#syncTimer ??= setTimeout(() => this.#syncNow(), this.#syncEveryMs);
    return at;
  }

  end(): Position {
    return { segment: this.#active.number, offset: this.#active.sizeBytes };
  }

  firstSegment(): number {
    return Math.min(this.#active.number, ...this.#sealed.keys());
  }

  sizeBytes(): number {
    let total = this.#active.sizeBytes;
    for (const bytes of this.#sealed.values()) total += bytes;
    return total;
  }

  async read(from: Position): Promise<{ lines: JournalLine[]; next: Position }> {
    const { segment, offset } = from;
    const isActive = segment === this.#active.number;
    const size = isActive ? this.#active.sizeBytes : (this.#sealed.get(segment) ?? 0);
    if (offset >= size) return { lines: [], next: isActive ? from : { segment: this.#after(segment), offset: 0 } };

    const bytes = await this.#readWholeLines(segment, offset, size);
    const end = bytes.lastIndexOf(10) + 1;
    if (end === 0) {
      // Only a dead process leaves this: no line end up to the end of the file.
      this.#onWarning(`Journal segment ${segment}: dropped an unfinished last line of ${size - offset} bytes`);
      return { lines: [], next: { segment, offset: size } };
    }
    return { lines: this.#parse(bytes.subarray(0, end), segment), next: { segment, offset: offset + end } };
  }

  sync(): Promise<void> {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    this.#syncing = this.#syncing.then(() => this.#syncDirty());
    return this.#syncing.then(() => {
      if (this.#failure !== undefined) throw this.#failure;
    });
  }

  removeBefore(segment: number): void {
    for (const number of [...this.#sealed.keys()].sort((a, b) => a - b)) {
      if (number >= segment) break;
      rmSync(this.#path(number), { force: true });
      this.#sealed.delete(number);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      this.#failure ??= new GatewayError('unavailable', 'The request ledger is closed');
      unmap(this.#active);
      closeSync(this.#active.descriptor);
    }
  }

  #path(segment: number): string {
    return join(this.#directory, `${String(segment).padStart(8, '0')}.log`);
  }

  #create(number: number): Segment {
    const descriptor = openSync(this.#path(number), 'ax', 0o600);
    this.#unsynced.add(descriptor);
    // A test's disk stands in for the real one, which alone can be memory.
    const map = this.#disk === REAL_DISK ? mapSegment(this.#path(number), descriptor, this.#segmentBytes) : undefined;
    return { number, descriptor, sizeBytes: 0, map };
  }

  #rotate(): void {
    const full = this.#active;
    try {
      this.#active = this.#create(full.number + 1);
    } catch (cause) {
      throw new GatewayError('unavailable', 'The request ledger cannot open a new file', { cause });
    }
    this.#torn = false;
    unmap(full);
    this.#sealed.set(full.number, full.sizeBytes);
    this.#unsynced.add(full.descriptor);
  }

  #write(line: string, bytes: number): void {
    const { map, sizeBytes } = this.#active;
    if (map && sizeBytes + bytes <= map.length) {
      encoder.encodeInto(line, map.subarray(sizeBytes));
      return;
    }
    unmap(this.#active); // A line longer than a segment.
    let written = 0;
    let cause: unknown;
    try {
      written = this.#disk.write(this.#active.descriptor, line);
    } catch (error) {
      cause = error;
    }
    if (written === bytes) return;
    this.#torn = true;
    this.#active.sizeBytes = fstatSync(this.#active.descriptor).size;
    throw new GatewayError('unavailable', 'The request ledger cannot be written', { cause });
  }

  #syncNow(): void {
    // A failure is kept in #failure and has been warned of: nobody waits for this one.
    this.sync().catch(() => undefined);
  }

  async #syncDirty(): Promise<void> {
    const due = [...this.#unsynced];
    this.#unsynced.clear();
    try {
      for (const descriptor of due) {
        await this.#disk.sync(descriptor);
        // A segment that was filled up meanwhile is due again, and is closed then.
        const isDone = descriptor !== this.#active.descriptor && !this.#unsynced.has(descriptor);
        if (isDone) closeSync(descriptor);
      }
      if (due.length > 1) await this.#syncDirectory();
    } catch (cause) {
      this.#failure ??= new GatewayError('unavailable', 'The request ledger could not be made durable', { cause });
      this.#onWarning(
        'Journal: the disk refused a sync. No request is accepted until the disk works and Tollgate restarts',
      );
    }
  }

  /** A new file survives a power cut only when its directory entry does. */
  async #syncDirectory(): Promise<void> {
    const descriptor = openSync(this.#directory, 'r');
    try {
      await syncDirectory(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #after(segment: number): number {
    const later = [...this.#sealed.keys()].filter((number) => number > segment);
    return Math.min(this.#active.number, ...later);
  }

  /** At least one whole line, however long, unless the segment ends before. */
  async #readWholeLines(segment: number, offset: number, size: number): Promise<Uint8Array> {
    const file = Bun.file(this.#path(segment));
    for (let length = READ_BYTES; ; length *= 4) {
      const end = Math.min(size, offset + length);
      const bytes = await file.slice(offset, end).bytes();
      if (end === size || bytes.lastIndexOf(10) >= 0) return bytes;
    }
  }

  #parse(bytes: Uint8Array, segment: number): JournalLine[] {
    const { lines, damaged } = decodeLines(bytes);
    if (damaged > 0) this.#onWarning(`Journal segment ${segment}: dropped ${damaged} damaged line(s)`);
    return lines.map((line) => ({ ...line, segment }));
  }
}
