import { describe, expect, test } from 'bun:test';
import { entryFrom, mapFrom, TREE_FILE, told, treeFrom } from '../../test/support/config-trees.ts';
import { Findings } from './findings.ts';
import { resolveMap } from './read-files.ts';
import { checkValue, openSection, refuseKey, warnOfUnsetVariable } from './section.ts';
import { rules } from './section-rules.ts';

const RULES = rules({ retries: 'whole', name: 'text', wait: 'duration', hosts: 'texts' }, [
  'later_key',
  'modify_params',
]);

function opened(text: string, path = 'part') {
  const findings = new Findings();
  const section = openSection({ tree: treeFrom(text), path, rules: RULES }, findings);
  return { section, findings: told(findings) };
}

describe('a section', () => {
  test('gives the values of its keys, and tells where each stands', () => {
    const { section, findings } = opened('retries: 3\nname: a\nwait: 2\nhosts: b');
    expect([section.read('retries'), section.read('name'), section.read('wait'), section.read('hosts')]).toEqual([
      3,
      'a',
      2000,
      ['b'],
    ]);
    expect(section.positionOf('wait')).toEqual({ file: TREE_FILE, line: 3, column: 1 });
    expect(section.positionOf('nothing')).toBeUndefined();
    expect(findings).toEqual([
      '1:1 honoured part.retries: in use',
      '2:1 honoured part.name: in use',
      '3:1 honoured part.wait: in use',
      '4:1 honoured part.hosts: in use',
    ]);
  });

  test.each([
    ['absent', '{}'],
    ['empty', '{retries: }'],
    ['wrong', '{retries: many}'],
    ['negative', '{retries: -1}'],
  ])('gives nothing for a key that is %s', (_, text) => {
    expect(opened(text).section.read('retries')).toBeUndefined();
  });

  test.each([
    ['retries: many', '1:10 error part.retries: must be a whole number, 0 or more, not text'],
    ['name: a\nretries: -2', '2:10 error part.retries: must be a whole number, 0 or more, not the number -2'],
    ['retries: 1.5', '1:10 error part.retries: must be a whole number, 0 or more, not the number 1.5'],
    ['retries: true', '1:10 error part.retries: must be a whole number, 0 or more, not the boolean true'],
    ['name: [x]', '1:7 error part.name: must be text, not a list'],
    ['name: {x: y}', '1:7 error part.name: must be text, not a mapping'],
    ['wait: 0', '1:7 error part.wait: must be a number of seconds, more than 0, not the number 0'],
    ['hosts:\n  - a\n  - {b: c}', '3:5 error part.hosts: must be a list of texts, not a mapping'],
    ['hosts:\n  - a\n  - ~', '3:5 error part.hosts: must be a list of texts, not nothing'],
    ['later_key: 1', '1:1 ignored part.later_key: LiteLLM has this key; Tollgate does not act on it yet'],
    [
      'modify_params: true',
      '1:1 ignored part.modify_params: what it turns on is always on and told in x-tollgate-changed (docs/litellm-differences.md)',
    ],
    ['retires: 1', '1:1 unknown part.retires: nobody knows this key. Did you mean "retries"?'],
    ['Retries: 1', '1:1 unknown part.Retries: nobody knows this key. Did you mean "retries"?'],
    ['later-key: 1', '1:1 unknown part.later-key: nobody knows this key. Did you mean "later_key"?'],
    ['zzzzzzzz: 1', '1:1 unknown part.zzzzzzzz: nobody knows this key.'],
    ['constructor: 1', '1:1 unknown part.constructor: nobody knows this key.'],
    ['__proto__: 1', '1:1 unknown part.__proto__: nobody knows this key.'],
  ])('with %j says what is wrong and where', (text, line) => {
    expect(opened(text).findings.filter((said) => !said.includes('honoured'))).toEqual([line]);
  });

  test('names its keys alone where it has no path of its own', () => {
    expect(opened('nmae: x', '').findings).toEqual(['1:1 unknown nmae: nobody knows this key. Did you mean "name"?']);
  });

  test('goes through all of its keys, however many are wrong', () => {
    expect(
      opened('retries: x\nnmae: a\nwait: -1\nname: ok').findings.map((said) => said.split(':', 2).join(':')),
    ).toEqual(['1:10 error part.retries', '2:1 unknown part.nmae', '3:7 error part.wait', '4:1 honoured part.name']);
  });

  test.each([
    ['[a]', ['1:1 error part: must be a mapping, not a list']],
    ['text', ['1:1 error part: must be a mapping, not text']],
    ['12', ['1:1 error part: must be a mapping, not the number 12']],
    ['~', []],
    ['{}', []],
  ])('written as %s is empty', (text, said) => {
    const { section, findings } = opened(text);
    expect(findings).toEqual(said);
    expect(section.entries.size).toBe(0);
    expect(section.read('name')).toBeUndefined();
  });

  test('that was not written has no position and no findings', () => {
    const findings = new Findings();
    const section = openSection({ tree: undefined, path: 'part', rules: RULES }, findings);
    expect([section.position, section.entries.size, findings.all.length]).toEqual([undefined, 0, 0]);
  });

  test('hands unknown keys to whoever decides about them, and only those', () => {
    const findings = new Findings();
    const seen: string[] = [];
    openSection(
      {
        tree: treeFrom('{retries: 1, later_key: 2, own: 3}'),
        path: 'part',
        rules: RULES,
        onUnknownKey: (key, entry, path) => seen.push(`${key} at ${path} on line ${entry.keyPosition.line}`),
      },
      findings,
    );
    expect(seen).toEqual(['own at part.own on line 1']);
    expect(findings.all.map(({ level }) => level)).toEqual(['honoured', 'ignored']);
  });
});

describe('a variable of the environment', () => {
  const withVariable = (text: string, value: string | undefined) => {
    const findings = new Findings();
    const section = openSection({ tree: resolveMap(mapFrom(text), () => value), path: 'p', rules: RULES }, findings);
    return { section, findings: told(findings) };
  };

  test('that is set gives its content, numbers and all', () => {
    expect(withVariable('retries: os.environ/N', '4').section.read('retries')).toBe(4);
  });

  test.each([
    ['unset', undefined],
    ['empty', ''],
  ])('that is %s counts as not given, with a warning', (_, value) => {
    const { section, findings } = withVariable('retries: os.environ/N', value);
    expect(section.read('retries')).toBeUndefined();
    expect(findings).toEqual([
      '1:1 honoured p.retries: in use',
      '1:10 warning p.retries: the environment variable N is not set, so this key counts as not given',
    ]);
  });

  test('with the wrong content is named, and what it holds is not', () => {
    expect(withVariable('retries: os.environ/N', 'sk-secret').findings).toEqual([
      '1:10 error p.retries: must be a whole number, 0 or more, not the content of N',
    ]);
  });

  test.each(['{a: ~}', '{a: text}', '{a: [os.environ/N]}', '{a: {b: c}}'])('is not missed in %s', (text) => {
    const findings = new Findings();
    warnOfUnsetVariable('p.a', entryFrom(text), findings);
    expect(findings.all).toEqual([]);
  });
});

describe('a single key', () => {
  test('with a good value is in use', () => {
    const findings = new Findings();
    checkValue('amount', entryFrom('price: 1e-6'), { path: 'p.price', findings });
    expect(told(findings)).toEqual(['1:1 honoured p.price: in use']);
  });

  test('with a bad value is an error at the value', () => {
    const findings = new Findings();
    checkValue('amount', entryFrom('price: -1'), { path: 'p.price', findings });
    expect(told(findings)).toEqual(['1:8 error p.price: must be a number, 0 or more, not the number -1']);
  });

  test.each([
    ['colour', ['color', 'size'], ' Did you mean "color"?'],
    ['api_bas', ['api_base', 'api_key'], ' Did you mean "api_base"?'],
    ['ab', ['ax', 'bb'], ' Did you mean "ax" or "bb"?'],
    ['colour', ['weight'], ''],
    ['colour', [], ''],
  ])('%s that is refused among %j hints at the nearest', (key, known, hint) => {
    const findings = new Findings();
    refuseKey({ key, entry: entryFrom(`${key}: 1`), path: 'p' }, known, findings);
    expect(told(findings)).toEqual([`1:1 unknown p.${key}: nobody knows this key.${hint}`]);
  });
});
