import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { patchJson, stringEnd, topLevelMembers } from './json-members.ts';

type Json = Record<string, unknown>;

/** JSON text with white space wherever the grammar allows it and keys escaped at random. */
const spaces = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const name = fc.oneof(
  fc.constantFrom('model', 'stream', 'messages', 'a', '', '__proto__', '"', '\\', '}', 'é'),
  fc.string({ maxLength: 6 }),
);
const escapedKey = (key: string, escapes: readonly boolean[]): string => {
  const characters = [...key].map((character, at) => {
    const units = character.length === 1 && escapes[at % escapes.length];
    return units
      ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
      : JSON.stringify(character).slice(1, -1);
  });
  return `"${characters.join('')}"`;
};
const member = fc.record({
  key: name,
  escapes: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
  value: fc.jsonValue({ maxDepth: 3 }),
  indent: fc.constantFrom(0, 2),
  around: fc.tuple(spaces, spaces, spaces, spaces),
});
const spacedObject = fc
  .tuple(fc.uniqueArray(member, { selector: ({ key }) => key, maxLength: 8 }), spaces, spaces, spaces)
  .map(([members, before, inside, after]) => {
    const parts = members.map(({ key, escapes, value, indent, around: [a, b, c, d] }) => {
      return `${a}${escapedKey(key, escapes)}${b}:${c}${JSON.stringify(value, null, indent)}${d}`;
    });
    return { members, text: `${before}{${parts.length === 0 ? inside : parts.join(',')}}${after}` };
  });

/** JSON.parse makes `__proto__` an own property; so must an expectation. */
function parsed(text: string): Map<string, unknown> {
  return new Map(Object.entries(JSON.parse(text) as Json));
}

describe('topLevelMembers', () => {
  test('finds what JSON.parse finds, at the places where it stands', () => {
    fc.assert(
      fc.property(spacedObject, ({ text, members }) => {
        const found = topLevelMembers(text);
        expect(found?.map(({ key }) => key)).toEqual(members.map(({ key }) => key));
        for (const [at, { keyStart, valueStart, valueEnd }] of (found ?? []).entries()) {
          expect(text[keyStart]).toBe('"');
          expect(JSON.parse(text.slice(valueStart, valueEnd))).toEqual(JSON.parse(JSON.stringify(members[at]?.value)));
        }
      }),
    );
  });

  test('reads an escaped key as the key it is', () => {
    expect(topLevelMembers('{"\\u006dodel":1}')).toEqual([{ key: 'model', keyStart: 1, valueStart: 14, valueEnd: 15 }]);
  });

  test.each(['', ' ', '[]', '"text"', '1', 'null', '{', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{,}'])(
    'says that %j is no object',
    (text) => {
      expect(topLevelMembers(text)).toBeUndefined();
    },
  );

  test.each([
    '{"a":1}x',
    '{"a":1}{"b":2}',
    '{a:1}',
    "{'a':1}",
    '{"a" 1}',
    '{"a":"x}',
    '{"a":[1}',
    '{"\\x":1}',
    '{"a":}',
  ])('says that %j is no object either', (text) => {
    expect(topLevelMembers(text)).toBeUndefined();
  });

  test('never throws and never reads past the end, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[{}[\]",:\\ a1]{0,24}$/)), (text) => {
        for (const { keyStart, valueStart, valueEnd } of topLevelMembers(text) ?? []) {
          expect(keyStart < valueStart && valueStart < valueEnd && valueEnd <= text.length).toBe(true);
        }
      }),
    );
  });

  test('strings end where JSON says, however many backslashes stand before a quote', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\\"a]{0,20}$/), fc.string(), (inside, behind) => {
        const text = JSON.stringify(inside);
        expect(stringEnd(text + behind, 0)).toBe(text.length);
      }),
    );
  });

  test('braces, quotes and commas inside a prompt are no structure', () => {
    const content = '"}],{"model":"other"},\\'.repeat(1000);
    const text = JSON.stringify({ model: 'm', messages: [{ role: 'user', content }], n: 1 });
    expect(topLevelMembers(text)?.map(({ key }) => key)).toEqual(['model', 'messages', 'n']);
  });
});

describe('patchJson', () => {
  const key = fc.oneof(name, fc.constantFrom('model', 'stream'));
  const patch = fc.record({
    set: fc.dictionary(
      key.filter((text) => text !== '__proto__'),
      fc.jsonValue({ maxDepth: 1 }).map((value) => JSON.stringify(value)),
      { maxKeys: 3 },
    ),
    remove: fc.array(key, { maxLength: 4 }),
  });

  test('gives what parsing, editing and writing would give', () => {
    fc.assert(
      fc.property(spacedObject, patch, ({ text }, { set, remove }) => {
        const expected = parsed(text);
        for (const gone of remove) expected.delete(gone);
        for (const [changed, value] of Object.entries(set)) expected.set(changed, JSON.parse(value));
        const patched = patchJson(text, { set, remove });
        const sorted = (members: Map<string, unknown>): unknown => [...members].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(sorted(parsed(patched ?? 'null'))).toEqual(sorted(expected));
      }),
      { numRuns: 400 },
    );
  });

  test('leaves every byte of the members it does not touch', () => {
    fc.assert(
      fc.property(spacedObject, patch, ({ text }, { set, remove }) => {
        const patched = patchJson(text, { set, remove }) ?? '';
        const after = new Map((topLevelMembers(patched) ?? []).map((found) => [found.key, found]));
        for (const { key, keyStart, valueEnd } of topLevelMembers(text) ?? []) {
          if (remove.includes(key) || Object.hasOwn(set, key)) continue;
          const now = after.get(key);
          expect(now && patched.slice(now.keyStart, now.valueEnd)).toBe(text.slice(keyStart, valueEnd));
        }
      }),
    );
  });

  test('changes nothing when there is nothing to change', () => {
    fc.assert(
      fc.property(spacedObject, ({ text }) => {
        expect(patchJson(text, { set: {}, remove: ['not there at all'] })).toBe(text);
      }),
    );
  });

  test('keeps numbers that a parser would round, and the spacing around them', () => {
    const text = '{ "model": "a",\n  "seed": 12345678901234567890, "t": 1.0 ,"x":1E400}';
    expect(patchJson(text, { set: { model: '"b"' }, remove: ['x'] })).toBe(
      '{ "model": "b",\n  "seed": 12345678901234567890, "t": 1.0}',
    );
  });

  test.each([
    ['{"a":1,"b":2,"c":3}', ['a'], '{"b":2,"c":3}'],
    ['{"a":1,"b":2,"c":3}', ['b'], '{"a":1,"c":3}'],
    ['{"a":1,"b":2,"c":3}', ['c'], '{"a":1,"b":2}'],
    ['{"a":1,"b":2,"c":3}', ['a', 'b'], '{"c":3}'],
    ['{"a":1,"b":2,"c":3}', ['b', 'c'], '{"a":1}'],
    ['{"a":1,"b":2,"c":3}', ['a', 'c'], '{"b":2}'],
    ['{"a":1}', ['a'], '{}'],
    [' {\n "a": 1,\n "b": 2\n} ', ['a'], ' {"b": 2\n} '],
    [' {\n "a": 1,\n "b": 2\n} ', ['b'], ' {\n "a": 1\n} '],
  ] as const)('from %j without %j is left %j', (text, remove, expected) => {
    expect(patchJson(text, { set: {}, remove })).toBe(expected);
  });

  test('adds to an empty object, to a full one, and to one that was emptied', () => {
    expect(patchJson('{ }', { set: { a: '1', b: '2' }, remove: [] })).toBe('{"a":1,"b":2 }');
    expect(patchJson('{"x":0}', { set: { a: '1' }, remove: [] })).toBe('{"x":0,"a":1}');
    expect(patchJson('{"x":0}', { set: { a: '1' }, remove: ['x'] })).toBe('{"a":1}');
  });

  test('a member that is both set and removed is set', () => {
    expect(patchJson('{"a":1,"b":2}', { set: { a: '3' }, remove: ['a'] })).toBe('{"a":3,"b":2}');
  });

  test('refuses a text in which a key stands twice: two parsers could read it differently', () => {
    expect(patchJson('{"model":"cheap","model":"dear"}', { set: { model: '"m"' }, remove: [] })).toBeUndefined();
    expect(patchJson('{"model":1,"\\u006dodel":2}', { set: {}, remove: [] })).toBeUndefined();
    const many = Array.from({ length: 20 }, (_, at) => `"k${at}":0`).join(',');
    expect(patchJson(`{${many},"k7":1}`, { set: {}, remove: [] })).toBeUndefined();
    expect(patchJson(`{${many}}`, { set: {}, remove: [] })).toBe(`{${many}}`);
  });

  test('refuses what is no object', () => {
    for (const text of ['', 'null', '[1]', '{"a":1', '{"a":1} trailing']) {
      expect(patchJson(text, { set: { a: '2' }, remove: [] })).toBeUndefined();
    }
  });
});
