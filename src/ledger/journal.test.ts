import { afterEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  fstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Journal, type JournalOptions, openJournal } from './journal.ts';

const folders: string[] = [];
let warnings: string[] = [];
afterEach(() => {
  warnings = [];
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-journal-'));
  folders.push(folder);
  return folder;
}

function open(directory: string, over: Partial<JournalOptions> = {}): Journal {
  return openJournal({ directory, onWarning: (message) => warnings.push(message), syncEveryMs: 1, ...over });
}

async function readAll(journal: Journal): Promise<string[]> {
  const found: string[] = [];
  let at = { segment: journal.firstSegment(), offset: 0 };
  for (;;) {
    const { lines, next } = await journal.read(at);
    found.push(...lines.map(({ kind, json }) => `${kind} ${json}`));
    if (next.segment === at.segment && next.offset === at.offset) return found;
    at = next;
  }
}

const segmentsIn = (folder: string) => readdirSync(folder).sort();

describe('appending and reading', () => {
  test('lines come back in order, in this process and in the next', async () => {
    const folder = freshFolder();
    const journal = open(folder);
    const lines = ['"plain"', '"ünïcode ☂ 𝒳"', '{"newline":"a\\nb"}', '"\\ud800"'];
    for (const line of lines) journal.append('r', line);
    const expected = lines.map((line) => `r ${line}`);
    expect(await readAll(journal)).toEqual(expected);
    await journal.close();
    const next = open(folder);
    expect(await readAll(next)).toEqual(expected);
    await next.close();
    expect(warnings).toEqual([]);
  });

  test('a position is where reading goes on', async () => {
    const journal = open(freshFolder());
    journal.append('r', '1');
    const at = journal.append('r', '2');
    journal.append('i', '3');
    expect((await journal.read(at)).lines.map(({ json }) => json)).toEqual(['2', '3']);
    expect((await journal.read(journal.end())).lines).toEqual([]);
    await journal.close();
  });

  test('full segments are followed by new ones, and reading goes through all', async () => {
    const folder = freshFolder();
    const journal = open(folder, { segmentBytes: 100 });
    const numbers = Array.from({ length: 30 }, (_, index) => String(index));
    for (const number of numbers) journal.append('r', number);
    expect(segmentsIn(folder).length).toBeGreaterThan(3);
    expect(await readAll(journal)).toEqual(numbers.map((number) => `r ${number}`));
    await journal.close();
  });

  test('a line longer than a segment or a read is kept whole', async () => {
    const journal = open(freshFolder(), { segmentBytes: 1_000 });
    const long = JSON.stringify('x'.repeat(2_000_000));
    for (const json of ['1', long, '2']) journal.append('r', json);
    expect(await readAll(journal)).toEqual(['r 1', `r ${long}`, 'r 2']);
    await journal.close();
  });

  test('removing keeps what is named and the segment in use', async () => {
    const folder = freshFolder();
    const journal = open(folder, { segmentBytes: 50 });
    for (let index = 0; index < 12; index++) journal.append('r', `"${index} ${'x'.repeat(20)}"`);
    journal.removeBefore(5);
    expect(journal.firstSegment()).toBe(5);
    journal.removeBefore(10_000);
    expect(segmentsIn(folder)).toHaveLength(1);
    expect(await readAll(journal)).toHaveLength(1);
    expect(journal.sizeBytes()).toBeLessThan(100);
    await journal.close();
  });
});

describe('damage', () => {
  test('a tail cut at any byte of the last line loses that line at most, and no earlier one', async () => {
    const source = freshFolder();
    const journal = open(source);
    for (const json of ['1', '"two ☂"', '{"three":3}']) journal.append('r', json);
    await journal.close();
    const file = segmentsIn(source)[0] ?? '';
    const whole = readFileSync(join(source, file));
    const lastLine = whole.subarray(0, whole.length - 1).lastIndexOf(10) + 1;
    for (let cut = lastLine; cut <= whole.length; cut++) {
      const folder = freshFolder();
      writeFileSync(join(folder, file), whole);
      truncateSync(join(folder, file), cut);
      warnings = [];
      const after = open(folder);
      const isWhole = cut === whole.length;
      expect(await readAll(after)).toEqual(['r 1', 'r "two ☂"', ...(isWhole ? ['r {"three":3}'] : [])]);
      expect(warnings.length).toBe(isWhole || cut === lastLine ? 0 : 1);
      await after.close();
    }
  });

  test('a flipped bit anywhere costs two lines at most and is warned of', async () => {
    const source = freshFolder();
    const journal = open(source);
    const all = ['r 1', 'r 2', 'r 3'];
    for (const line of all) journal.append('r', line.slice(2));
    await journal.close();
    const file = segmentsIn(source)[0] ?? '';
    const whole = readFileSync(join(source, file));
    for (let index = 0; index < whole.length; index++) {
      const folder = freshFolder();
      const damaged = Uint8Array.from(whole);
      damaged[index] = (damaged[index] ?? 0) ^ 4;
      writeFileSync(join(folder, file), damaged);
      warnings = [];
      const after = open(folder);
      const kept = await readAll(after);
      expect(kept.length).toBeGreaterThanOrEqual(1);
      expect(all).toEqual(expect.arrayContaining(kept));
      expect(warnings.length).toBeGreaterThan(0);
      await after.close();
    }
  });

  test('a new process never writes behind the half line of a dead one', async () => {
    const folder = freshFolder();
    const first = open(folder);
    first.append('r', '1');
    await first.close();
    appendFileSync(join(folder, segmentsIn(folder)[0] ?? ''), '1234abcd r {"ha');
    const second = open(folder);
    second.append('r', '2');
    expect(await readAll(second)).toEqual(['r 1', 'r 2']);
    expect(warnings).toEqual(['Journal segment 1: dropped an unfinished last line of 15 bytes']);
    await second.close();
  });

  test('files that are no segments are left alone', async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'rejected.jsonl'), 'mine');
    const journal = open(folder);
    journal.removeBefore(99);
    expect(await readAll(journal)).toEqual([]);
    await journal.close();
    expect(readFileSync(join(folder, 'rejected.jsonl'), 'utf8')).toBe('mine');
  });
});

describe('a failing disk', () => {
  const noSync = async () => undefined;

  test('a full disk refuses the line with 503; once there is room the next line is whole', async () => {
    let room = Number.POSITIVE_INFINITY;
    const disk = {
      // Half a line goes in, as on a disk that fills up while it is written.
      write: (descriptor: number, text: string) => writeSync(descriptor, text.slice(0, Math.min(text.length, room))),
      sync: noSync,
    };
    const journal = open(freshFolder(), { disk });
    journal.append('r', '1');
    room = 5;
    expect(() => journal.append('r', '2')).toThrow(expect.objectContaining({ kind: 'unavailable', status: 503 }));
    expect(() => journal.append('r', '3')).toThrow('cannot be written');
    room = Number.POSITIVE_INFINITY;
    journal.append('r', '4');
    expect(await readAll(journal)).toEqual(['r 1', 'r 4']);
    await journal.close();
  });

  test('a write that throws is a 503 with its cause', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const disk = {
      write: () => {
        throw full;
      },
      sync: noSync,
    };
    const journal = open(freshFolder(), { disk });
    expect(() => journal.append('r', '1')).toThrow(expect.objectContaining({ kind: 'unavailable', cause: full }));
    expect(await readAll(journal)).toEqual([]);
    await journal.close();
  });

  test('a sync that fails is loud and nothing more is accepted', async () => {
    const disk = {
      write: (descriptor: number, text: string) => writeSync(descriptor, text),
      sync: () => Promise.reject(new Error('EIO')),
    };
    const journal = open(freshFolder(), { disk });
    journal.append('r', '1');
    await expect(journal.sync()).rejects.toThrow('could not be made durable');
    expect(warnings[0]).toContain('refused a sync');
    expect(() => journal.append('r', '2')).toThrow('could not be made durable');
    expect(await readAll(journal)).toEqual(['r 1']);
    await expect(journal.close()).rejects.toThrow('could not be made durable');
  });

  test('many lines share a sync', async () => {
    let syncs = 0;
    const disk = {
      write: (descriptor: number, text: string) => writeSync(descriptor, text),
      sync: async () => {
        syncs += 1;
      },
    };
    const journal = open(freshFolder(), { disk, syncEveryMs: 20 });
    for (let index = 0; index < 1_000; index++) journal.append('r', '1');
    await journal.close();
    expect(syncs).toBe(1);
  });

  test('a segment that fills up while it is being synced is synced again to its end', async () => {
    const folder = freshFolder();
    const syncedBytes = new Map<number, number>();
    let whileSyncing = () => undefined as unknown;
    const disk = {
      write: (descriptor: number, text: string) => writeSync(descriptor, text),
      sync: async (descriptor: number) => {
        const { ino, size } = fstatSync(descriptor);
        whileSyncing();
        await new Promise((resolve) => setImmediate(resolve));
        syncedBytes.set(ino, size);
      },
    };
    const journal = open(folder, { disk, segmentBytes: 200 });
    for (let index = 0; index < 50; index++) {
      journal.append('r', '"before"');
      whileSyncing = () => {
        for (let more = 0; more < index % 15; more++) journal.append('r', '"meanwhile"');
        whileSyncing = () => undefined;
      };
      await journal.sync();
    }
    await journal.close();
    const files = segmentsIn(folder).map((name) => statSync(join(folder, name)));
    expect(files.length).toBeGreaterThan(10);
    for (const { ino, size } of files) expect(syncedBytes.get(ino)).toBe(size);
  });

  test('nothing is accepted after closing', async () => {
    const journal = open(freshFolder());
    await journal.close();
    expect(() => journal.append('r', '1')).toThrow('closed');
  });
});
