import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { type ConfigFolder, configFolder } from '../../test/support/config-files.ts';
import { mapFrom, told, treeFrom } from '../../test/support/config-trees.ts';
import { Findings } from './findings.ts';
import { readConfigFiles, readExported, resolveReferences } from './read-files.ts';
import { toPlain } from './yaml-tree.ts';

let folder: ConfigFolder;
beforeEach(() => {
  folder = configFolder();
});
afterEach(() => folder.remove());

type Files = Readonly<Record<string, string>>;

/** What is said names files by their names in the folder. */
function read(files: Files, main = 'config.yaml') {
  for (const [name, text] of Object.entries(files)) folder.write(name, text);
  const findings = new Findings();
  const { tree, files: names } = readConfigFiles(join(folder.path, main), findings);
  const short = (text: string): string => text.replaceAll(`${folder.path}/`, '');
  return {
    tree,
    plain: tree && toPlain(tree),
    files: names.map(short),
    said: findings.all.map(({ position, ...rest }) => {
      const place = position ? `${short(position.file)}:${position.line}:${position.column}` : '-';
      return short(`${place} ${rest.level} ${rest.path}: ${rest.message}`);
    }),
  };
}

describe('the main file', () => {
  test('is read alone where it includes nothing', () => {
    expect(read({ 'config.yaml': 'a: 1\nb: [x]' })).toMatchObject({
      plain: { a: 1, b: ['x'] },
      files: ['config.yaml'],
      said: [],
    });
  });

  test('may begin with a byte order mark', () => {
    expect(read({ 'config.yaml': '\uFEFFa: 1' })).toMatchObject({ plain: { a: 1 }, said: [] });
  });

  test.each([
    ['', 'config.yaml:1:1 error : the file is empty; it needs at least a model_list'],
    ['# a comment\n', 'config.yaml:1:1 error : the file is empty; it needs at least a model_list'],
    ['~', 'config.yaml:1:1 error : the file is empty; it needs at least a model_list'],
    ['- a', 'config.yaml:1:1 error : the file must be a mapping with keys such as model_list'],
    ['\n\ntext', 'config.yaml:3:1 error : the file must be a mapping with keys such as model_list'],
  ])('written as %j cannot be used', (text, line) => {
    expect(read({ 'config.yaml': text })).toMatchObject({ plain: undefined, files: ['config.yaml'], said: [line] });
  });

  test('that is no YAML is told once, and not called empty as well', () => {
    const { plain, said } = read({ 'config.yaml': 'a: 1\nb: "open' });
    expect(plain).toBeUndefined();
    expect(said.map((line) => line.split(': ', 2).join(': '))).toEqual(['config.yaml:2:9 error : not valid YAML']);
  });

  test('that is not there, or is a folder, is told by its name', () => {
    folder.write('sub/x.yaml', 'a: 1');
    expect(read({}, 'none.yaml').said).toEqual(['- error : none.yaml: there is no such file']);
    expect(read({}, 'sub').said).toEqual(['- error : sub: it cannot be read (EISDIR)']);
  });
});

describe('an included file', () => {
  const merged: readonly (readonly [string, Files, object])[] = [
    [
      'adds keys that the main one does not have',
      { 'config.yaml': 'include: [b.yaml]\na: 1', 'b.yaml': 'b: 2' },
      { a: 1, b: 2, include: ['b.yaml'] },
    ],
    [
      'adds its list behind the one of the main file',
      { 'config.yaml': 'include: [b.yaml]\nlist: [1, 2]', 'b.yaml': 'list: [3]' },
      { list: [1, 2, 3], include: ['b.yaml'] },
    ],
    [
      'wins key by key within a section, one level deep',
      {
        'config.yaml': 'include: [b.yaml]\ns: {kept: 1, both: {x: 1}}',
        'b.yaml': 's: {both: {y: 2}, own: 3}',
      },
      { s: { kept: 1, both: { y: 2 }, own: 3 }, include: ['b.yaml'] },
    ],
    [
      'wins where the two are of different kinds',
      { 'config.yaml': 'include: [b.yaml]\na: [1]\nb: {x: 1}', 'b.yaml': 'a: {y: 1}\nb: 2' },
      { a: { y: 1 }, b: 2, include: ['b.yaml'] },
    ],
    [
      'may be named without a list',
      { 'config.yaml': 'include: b.yaml', 'b.yaml': 'b: 2' },
      { b: 2, include: 'b.yaml' },
    ],
    [
      'may include another, by a name relative to its own folder',
      { 'config.yaml': 'include: sub/b.yaml', 'sub/b.yaml': 'include: c.yaml\nb: 2', 'sub/c.yaml': 'c: 3' },
      { b: 2, c: 3, include: 'sub/b.yaml' },
    ],
    [
      'that comes later wins over an earlier one',
      { 'config.yaml': 'include: [b.yaml, c.yaml]\ns: {x: 1}', 'b.yaml': 's: {x: 2}', 'c.yaml': 's: {x: 3}' },
      { s: { x: 3 }, include: ['b.yaml', 'c.yaml'] },
    ],
    ['may be none at all', { 'config.yaml': 'include:\na: 1' }, { a: 1, include: null }],
    ['may be none of a list', { 'config.yaml': 'include: []\na: 1' }, { a: 1, include: [] }],
  ];
  test.each(merged)('%s', (_, files, plain) => {
    expect(read(files)).toMatchObject({ plain, said: [] });
  });

  test('is listed once behind the main one, also when it is included twice', () => {
    const files = { 'config.yaml': 'include: [b.yaml, b.yaml]', 'b.yaml': 'list: [1]' };
    expect(read(files)).toMatchObject({ files: ['config.yaml', 'b.yaml'], plain: { list: [1, 1] }, said: [] });
  });

  test('may be named absolutely', () => {
    const target = folder.write('far/b.yaml', 'b: 2');
    expect(read({ 'config.yaml': `include: ["${target}"]` })).toMatchObject({ plain: { b: 2 }, said: [] });
  });

  test('keeps its own lines in the merged tree', () => {
    const { tree } = read({ 'config.yaml': 'include: b.yaml\nlist: [1]', 'b.yaml': '\n\nlist:\n  - 2' });
    const list = tree?.entries.get('list')?.value;
    expect(list?.kind === 'list' && list.items.map(({ position }) => position.line)).toEqual([2, 4]);
  });

  const faults: readonly (readonly [string, Files, string])[] = [
    [
      'is missing',
      { 'config.yaml': 'a: 1\ninclude: [no.yaml]' },
      'config.yaml:2:11 error include: no.yaml: there is no such file',
    ],
    [
      'is the main one',
      { 'config.yaml': 'include: config.yaml\na: 1' },
      'config.yaml:1:10 error include: config.yaml includes itself, directly or through another file',
    ],
    [
      'comes back to the main one',
      { 'config.yaml': 'include: b.yaml\na: 1', 'b.yaml': 'b: 1\ninclude: ./config.yaml' },
      'b.yaml:2:10 error include: config.yaml includes itself, directly or through another file',
    ],
    [
      'is empty',
      { 'config.yaml': 'include: b.yaml\na: 1', 'b.yaml': '' },
      'b.yaml:1:1 error : the file is empty; it needs at least a model_list',
    ],
    [
      'is a list',
      { 'config.yaml': 'include: b.yaml\na: 1', 'b.yaml': '- 1' },
      'b.yaml:1:1 error : the file must be a mapping with keys such as model_list',
    ],
    [
      'is named by a number',
      { 'config.yaml': 'include: [3]\na: 1' },
      'config.yaml:1:11 error include: must be a list of file names',
    ],
    [
      'is named by a mapping',
      { 'config.yaml': 'include: {x: y}\na: 1' },
      'config.yaml:1:10 error include: must be a list of file names',
    ],
  ];
  test.each(faults)('that %s is an error at its name, and the main file is read on', (_, files, line) => {
    expect(read(files)).toMatchObject({ plain: { a: 1 }, said: [line] });
  });

  test('that is missing is watched for all the same', () => {
    expect(read({ 'config.yaml': 'include: [no.yaml]' }).files).toEqual(['config.yaml', 'no.yaml']);
  });
});

describe('a reference', () => {
  const ENVIRONMENT = new Map([
    ['KEY', 'value'],
    ['EMPTY', ''],
    ['NESTED', 'os.environ/KEY'],
    ['a.b-c', 'odd'],
  ]);
  const lookup = (name: string): string | undefined => ENVIRONMENT.get(name);

  test.each([
    ['os.environ/KEY', 'value'],
    ['" os.environ/KEY "', 'value'],
    ['os.environ/a.b-c', 'odd'],
    ['os.environ/EMPTY', null],
    ['os.environ/UNSET', null],
    // What a variable holds is never read as a reference again.
    ['os.environ/NESTED', 'os.environ/KEY'],
    ['os.environ/', 'os.environ/'],
    ['x os.environ/KEY', 'x os.environ/KEY'],
    ['OS.ENVIRON/KEY', 'OS.ENVIRON/KEY'],
    ['12', 12],
    ['true', true],
  ])('written %s gives %j', (text, value) => {
    expect(toPlain(resolveReferences(treeFrom(text), lookup))).toBe(value);
  });

  test('is resolved at any depth, but not in the names of keys', () => {
    const tree = treeFrom('{a: [{b: os.environ/KEY}, os.environ/UNSET], os.environ/KEY: 1}');
    expect(toPlain(resolveReferences(tree, lookup))).toEqual({ a: [{ b: 'value' }, null], 'os.environ/KEY': 1 });
  });

  test('keeps the name of its variable, for messages', () => {
    expect(resolveReferences(treeFrom('os.environ/UNSET'), lookup)).toMatchObject({ value: null, variable: 'UNSET' });
  });
});

describe('variables that the file exports', () => {
  const exported = (text: string) => {
    const findings = new Findings();
    const variables = readExported(mapFrom(text), (name) => (name === 'SET' ? 'of outside' : undefined), findings);
    return { variables, said: told(findings) };
  };

  test.each([
    ['environment_variables: {A: x, B: 1, C: true}', { A: 'x', B: '1', C: 'true' }],
    ['environment_variables: {A: os.environ/SET, B: os.environ/UNSET, C: }', { A: 'of outside' }],
    ['environment_variables: {A: ""}', { A: '' }],
    ['environment_variables:', {}],
    ['other: 1', {}],
  ])('in %j are texts, and those that are not set are left out', (text, variables) => {
    expect(exported(text)).toEqual({ variables, said: [] });
  });

  test.each([
    [
      'environment_variables: [A]',
      {},
      '1:24 error environment_variables: must be a mapping of variable names to values',
    ],
    [
      'environment_variables: A=1',
      {},
      '1:24 error environment_variables: must be a mapping of variable names to values',
    ],
    [
      'environment_variables:\n  A: x\n  B: [y]',
      { A: 'x' },
      '3:6 error environment_variables.B: must be text or a number',
    ],
    [
      'environment_variables:\n  B: {c: d}\n  A: x',
      { A: 'x' },
      '2:6 error environment_variables.B: must be text or a number',
    ],
  ])('written as %j are an error, without those that are right', (text, variables, line) => {
    expect(exported(text)).toEqual({ variables, said: [line] });
  });
});
