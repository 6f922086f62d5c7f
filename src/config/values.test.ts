import { describe, expect, test } from 'bun:test';
import { treeFrom } from '../../test/support/config-trees.ts';
import { resolveReferences } from './read-files.ts';
import { describeValue, type Kind, readValue } from './values.ts';
import type { Tree } from './yaml-tree.ts';

const REFUSED = Symbol('refused');
const readAs = (kind: Kind, tree: Tree): unknown => {
  const reading = readValue(kind, tree);
  return reading.ok ? reading.value : REFUSED;
};

const ACCEPTED: readonly (readonly [kind: Kind, written: string, value: unknown])[] = [
  ['text', 'abc', 'abc'],
  ['text', '""', ''],
  ['text', '2024-10-21', '2024-10-21'],
  ['text', '123', '123'],
  ['text', '1.5', '1.5'],
  ['text', 'y', 'y'],
  ['text', '"true"', 'true'],
  ['boolean', 'true', true],
  ['boolean', 'off', false],
  ['boolean', '"TRUE"', true],
  ['boolean', '" false "', false],
  ['boolean', '1', true],
  ['boolean', '0', false],
  ['boolean', '"1"', true],
  ['whole', '0', 0],
  ['whole', '7', 7],
  ['whole', '"7"', 7],
  ['whole', '" 7 "', 7],
  ['whole', '7.0', 7],
  ['whole', '1e3', 1000],
  ['whole', '9007199254740991', 9_007_199_254_740_991],
  ['amount', '0', 0],
  ['amount', '0.25', 0.25],
  ['amount', '"1e-6"', 0.000_001],
  ['amount', '1e-6', 0.000_001],
  ['duration', '1', 1000],
  ['duration', '0.5', 500],
  ['duration', '"2.5"', 2500],
  ['duration', '0.0015', 2],
  ['delay', '0', 0],
  ['delay', '0.25', 250],
  ['delay', '"30"', 30_000],
  ['megabytes', '1', 1_048_576],
  ['megabytes', '0.5', 524_288],
  ['megabytes', '"2"', 2_097_152],
  ['texts', '[a, b]', ['a', 'b']],
  ['texts', '[]', []],
  ['texts', 'a', ['a']],
  ['texts', '[1, b]', ['1', 'b']],
  ['textMap', '{a: b, n: 1, t: true, gone: null}', { a: 'b', n: '1', t: 'true' }],
  ['textMap', '{}', {}],
  ['object', '{a: {b: [1, null, x]}, c: false}', { a: { b: [1, null, 'x'] }, c: false }],
  ['object', '{}', {}],
];

const WHOLE = 'a whole number, 0 or more';
const AMOUNT = 'a number, 0 or more';
const DURATION = 'a number of seconds, more than 0';
const DELAY = 'a number of seconds, 0 or more';
const MEGABYTES = 'a number of megabytes, more than 0';

/** The last column is where the complaint points. */
const REFUSALS: readonly (readonly [kind: Kind, written: string, accepted: string, line?: number])[] = [
  ['text', 'true', 'text'],
  ['text', '[a]', 'text'],
  ['text', '{a: b}', 'text'],
  ['boolean', '2', 'true or false'],
  ['boolean', 'maybe', 'true or false'],
  ['boolean', '""', 'true or false'],
  ['boolean', '[true]', 'true or false'],
  ['boolean', 'constructor', 'true or false'],
  ['boolean', '__proto__', 'true or false'],
  ['whole', '-1', WHOLE],
  ['whole', '1.5', WHOLE],
  ['whole', '9007199254740992', WHOLE],
  ['whole', '""', WHOLE],
  ['whole', '"  "', WHOLE],
  ['whole', 'five', WHOLE],
  ['whole', 'true', WHOLE],
  ['whole', '[1]', WHOLE],
  ['amount', '-0.01', AMOUNT],
  ['amount', '.inf', AMOUNT],
  ['amount', '.nan', AMOUNT],
  ['amount', '$5', AMOUNT],
  ['duration', '0', DURATION],
  ['duration', '-1', DURATION],
  ['duration', '10s', DURATION],
  ['duration', '1e306', DURATION],
  ['delay', '-0.001', DELAY],
  ['delay', '{}', DELAY],
  ['megabytes', '0', MEGABYTES],
  ['megabytes', '-3', MEGABYTES],
  ['megabytes', '10MB', MEGABYTES],
  ['texts', 'true', 'a list of texts'],
  ['texts', '{a: b}', 'a list of texts'],
  ['texts', '- a\n- true', 'a list of texts', 2],
  ['texts', '- a\n- b\n- [c]', 'a list of texts', 3],
  ['texts', '- a\n- null', 'a list of texts', 2],
  ['textMap', 'a', 'a mapping of names to texts'],
  ['textMap', '[a]', 'a mapping of names to texts'],
  ['textMap', 'a: b\nc: [d]', 'a mapping of names to texts', 2],
  ['textMap', 'a: b\nc: d\ne: {f: g}', 'a mapping of names to texts', 3],
  ['object', 'a', 'a mapping'],
  ['object', '[a]', 'a mapping'],
];

describe('a value', () => {
  test.each(ACCEPTED)('of kind %s written as %j is read', (kind, written, value) => {
    expect(readAs(kind, treeFrom(written))).toEqual(value);
  });

  const placed = REFUSALS.map(([kind, written, accepted, line = 1]) => [kind, written, accepted, line] as const);
  test.each(placed)('of kind %s written as %j is refused with what is accepted', (kind, written, accepted, line) => {
    const reading = readValue(kind, treeFrom(written));
    expect(reading).toMatchObject({ ok: false, accepted, at: { position: { line } } });
  });

  test.each([
    'text',
    'boolean',
    'whole',
    'amount',
    'duration',
    'delay',
    'megabytes',
    'texts',
    'textMap',
    'object',
    'tree',
  ] as const)('of kind %s that is empty counts as not given', (kind) => {
    expect(readValue(kind, treeFrom('~'))).toEqual({ ok: true, value: undefined });
  });

  test.each([
    ['duration', '0.0001', 1],
    ['duration', '0.0005', 1],
    ['megabytes', '0.0000001', 1],
  ] as const)('of kind %s that is more than nothing (%s) never becomes nothing', (kind, written, value) => {
    expect(readAs(kind, treeFrom(written))).toBe(value);
  });

  test('that is a tree is handed on untouched', () => {
    const tree = treeFrom('{a: [1]}');
    expect(readAs('tree', tree)).toBe(tree);
  });

  test('of a name that every object has is only a name', () => {
    const value = readAs('textMap', treeFrom('{__proto__: a, constructor: b}'));
    expect(Object.entries(value as object)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });
});

describe('what stands there', () => {
  test.each([
    ['[1, 2]', 'a list'],
    ['{a: b}', 'a mapping'],
    ['sk-secret', 'text'],
    ['"12"', 'text'],
    ['12', 'the number 12'],
    ['-0.5', 'the number -0.5'],
    ['true', 'the boolean true'],
    ['~', 'nothing'],
  ])('%s is described without its text', (written, said) => {
    expect(describeValue(treeFrom(written))).toBe(said);
  });

  test.each([
    ['a secret', 'sk-secret'],
    ['nothing', undefined],
  ])('in a variable that holds %s is described by the name of the variable', (_, content) => {
    const tree = resolveReferences(treeFrom('os.environ/RETRIES'), () => content);
    expect(describeValue(tree)).toBe('the content of RETRIES');
  });
});
