import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from './journal.ts';
import { copyLine, decodeLines, encodeLine } from './journal-line.ts';
import { mapSegment, usedBytes } from './segment-map.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-segment-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const onLinux = process.platform === 'linux';

describe('a mapped segment', () => {
  test.if(onLinux)('has all its blocks before the first line, and a line in memory is in the file at once', () => {
    const path = join(folder, 'a');
    const descriptor = openSync(path, 'ax');
    const map = mapSegment(path, descriptor, 700_000);
    expect(map?.length).toBe(700_000);
    expect(statSync(path).size).toBe(700_000);
    map?.set(Buffer.from('line\n'));
    expect(readFileSync(path, 'latin1').slice(0, 6)).toBe('line\n\0');
    closeSync(descriptor);
  });

  test.if(onLinux)('cannot be had where the file may not grow: the file is then empty, for plain lines', () => {
    const script = `
      const { openSync, statSync } = require('node:fs');
      const { mapSegment } = require(${JSON.stringify(join(import.meta.dir, 'segment-map.ts'))});
      process.on('SIGXFSZ', () => {});
      const path = ${JSON.stringify(join(folder, 'b'))};
      const map = mapSegment(path, openSync(path, 'ax'), 4_000_000);
      console.log(map === undefined, statSync(path).size);`;
    const limited = `ulimit -f 1000; exec "$0" -e "$1"`;
    const { stdout } = spawnSync('bash', ['-c', limited, process.execPath, script], { encoding: 'utf8' });
    expect(stdout.trim()).toBe('true 0');
  });
});

describe('the size in use', () => {
  test.each([
    ['an empty file', 0, 0],
    ['lines alone', 5, 0],
    ['lines and what was filled in', 5, 100],
    ['more filled in than one block', 70_000, 900_000],
    ['nothing but what was filled in', 0, 600_000],
  ])('of %s', (_name, used, filled) => {
    const path = join(folder, 'c');
    writeFileSync(path, 'x'.repeat(used) + '\0'.repeat(filled));
    expect(usedBytes(path)).toBe(used);
  });
});

describe('a journal on mapped segments', () => {
  const open = (segmentBytes: number) => openJournal({ directory: folder, onWarning: () => {}, segmentBytes });
  const namesOf = async (journal: ReturnType<typeof open>): Promise<string[]> => {
    const found: string[] = [];
    for (let at = { segment: journal.firstSegment(), offset: 0 }; ; ) {
      const { lines, next } = await journal.read(at);
      found.push(...lines.map(({ json }) => json));
      if (lines.length === 0 && next.segment === at.segment && next.offset === at.offset) return found;
      at = next;
    }
  };

  test('takes lines longer than a segment, and lines of every script, in order', async () => {
    const journal = open(200);
    const lines = ['a', 'b'.repeat(500), 'ä€😀', 'c'.repeat(190), 'd'];
    for (const line of lines) journal.append('r', line);
    expect(await namesOf(journal)).toEqual(lines);
    await journal.close();
    const again = open(200);
    expect(await namesOf(again)).toEqual(lines);
    await again.close();
  });

  test('leaves no filled-in rest behind when it is closed or moves on', async () => {
    const journal = open(300);
    for (let index = 0; index < 20; index++) journal.append('r', 'x'.repeat(60));
    await journal.close();
    for (const name of new Bun.Glob('*.log').scanSync(folder)) {
      expect(readFileSync(join(folder, name), 'latin1')).not.toContain('\0');
    }
  });
});

describe('a line copied into memory', () => {
  test.each(['{}', '{"a":"ä€😀"}', `{"long":"${'x'.repeat(900)}"}`])(
    'is the line that would be written: %s',
    (json) => {
      const memory = new Uint8Array(4_000);
      const bytes = copyLine({ kind: 'r', json }, memory, 100);
      expect(Buffer.from(memory.subarray(100, 100 + bytes)).toString()).toBe(encodeLine('r', json));
      expect(decodeLines(memory.subarray(100, 100 + bytes))).toEqual({ lines: [{ kind: 'r', json }], damaged: 0 });
    },
  );

  test('is not begun where it might not fit', () => {
    const memory = new Uint8Array(50);
    expect(copyLine({ kind: 'r', json: 'x'.repeat(20) }, memory, 0)).toBe(0);
    expect(memory.every((byte) => byte === 0)).toBe(true);
  });
});
