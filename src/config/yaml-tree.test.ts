import { describe, expect, test } from 'bun:test';
import { Findings } from './findings.ts';
import { parseYaml, toPlain } from './yaml-tree.ts';

function read(text: string) {
  const findings = new Findings();
  const tree = parseYaml('a.yaml', text, findings);
  return { value: tree && toPlain(tree), tree, findings: findings.all };
}

describe('a YAML file', () => {
  test('reads words as PyYAML does: yes, no, on and off are booleans, y and n are text', () => {
    expect(read('{a: yes, b: No, c: on, d: OFF, e: true, f: y, g: N, h: "yes"}').value).toEqual({
      a: true,
      b: false,
      c: true,
      d: false,
      e: true,
      f: 'y',
      g: 'N',
      h: 'yes',
    });
  });

  test('reads numbers as YAML 1.1 has them', () => {
    expect(read('{a: 1_000, b: 0x10, c: 010, d: 1.5e-6, e: 1e-6, f: -3}').value).toEqual({
      a: 1000,
      b: 16,
      c: 8,
      d: 1.5e-6,
      e: 1e-6,
      f: -3,
    });
  });

  test('keeps a date as the text it is, because api versions are dates', () => {
    expect(read('{api_version: 2024-10-21, quoted: "2024-10-21"}').value).toEqual({
      api_version: '2024-10-21',
      quoted: '2024-10-21',
    });
  });

  test('follows anchors and merge keys; what stands in the mapping wins, then the first merged one', () => {
    const text = 'base: &base {a: 1, b: 1}\nmore: &more {b: 2, c: 2}\nuse:\n  <<: [*base, *more]\n  a: 0\n';
    expect(read(text).value).toMatchObject({ use: { a: 0, b: 1, c: 2 } });
    expect(read('base: &b {a: 1}\nuse: {<<: *b, z: 1}\n').value).toMatchObject({ use: { a: 1, z: 1 } });
  });

  test('a merge of something that is no mapping is an error', () => {
    expect(read('a: {<<: 5}').findings).toMatchObject([{ level: 'error', path: 'a' }]);
  });

  test('takes the last of two equal keys and warns', () => {
    const { value, findings } = read('a: 1\na: 2\n');
    expect(value).toEqual({ a: 2 });
    expect(findings).toMatchObject([{ level: 'warning', path: 'a', position: { file: 'a.yaml', line: 2, column: 1 } }]);
  });

  test('knows the line and column of every key and value', () => {
    const { tree } = read('a:\n  b: [1,\n      two]\n');
    if (tree?.kind !== 'map') throw new Error('not a map');
    const a = tree.entries.get('a');
    const b = a?.value.kind === 'map' ? a.value.entries.get('b') : undefined;
    expect(a?.keyPosition).toEqual({ file: 'a.yaml', line: 1, column: 1 });
    expect(b?.keyPosition).toEqual({ file: 'a.yaml', line: 2, column: 3 });
    expect(b?.value.kind === 'list' && b.value.items[1]?.position).toEqual({ file: 'a.yaml', line: 3, column: 7 });
  });

  test('keeps a key such as on, 123 or __proto__ as its own text', () => {
    const { value } = read('{on: 1, 123: 2, __proto__: 3, null: 4}');
    expect(Object.keys(Object(value))).toEqual(expect.arrayContaining(['on', '123', '__proto__', 'null']));
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test.each([
    ['a: [1\nb: 2\n', 'a list that does not end'],
    ['a: "x\n', 'a text that does not end'],
    ['a: 1\n b: 2\n', 'wrong indentation'],
    ['a: 1\n---\nb: 2\n', 'two documents'],
  ])('%j is refused with a place: %s', (text) => {
    const { value, findings } = read(text);
    expect(value).toBeUndefined();
    expect(findings[0]).toMatchObject({ level: 'error', position: { file: 'a.yaml' } });
  });

  test('an error never shows the text around it', () => {
    const { findings } = read('general_settings:\n  master_key: "sk-canary\n');
    expect(JSON.stringify(findings)).not.toContain('canary');
  });

  test('an alias without an anchor is an error', () => {
    expect(read('a:\n  b: *missing\n').findings).toMatchObject([
      { level: 'error', path: 'a.b', position: { line: 2 } },
    ]);
  });

  test('an alias inside its own anchor is an error, not an endless walk', () => {
    expect(read('a: &a [1, *a]').findings).toMatchObject([{ level: 'error', path: 'a.1' }]);
  });

  test('anchors that multiply each other are stopped', () => {
    const levels = ['a0: &a0 [x,x,x,x,x,x,x,x,x]'];
    for (let level = 1; level < 9; level++) levels.push(`a${level}: &a${level} [${`*a${level - 1},`.repeat(9)}]`);
    expect(read(levels.join('\n')).findings).toMatchObject([
      { level: 'error', message: expect.stringContaining('too large') },
    ]);
  });

  test('an empty file and one with only comments have no tree', () => {
    expect(read('')).toMatchObject({ tree: undefined, findings: [] });
    expect(read('# nothing\n')).toMatchObject({ tree: undefined, findings: [] });
  });
});
