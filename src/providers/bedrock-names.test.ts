import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { callId, ToolNames } from './bedrock-names.ts';

const VALID = /^[a-zA-Z0-9_-]{1,64}$/;

describe('names of tools', () => {
  test('that are valid stay as they are', () => {
    const names = new ToolNames(['get_weather', 'a-b', 'X9']);
    expect(['get_weather', 'a-b', 'X9'].map((name) => names.sent(name))).toEqual(['get_weather', 'a-b', 'X9']);
    expect(names.changed.size).toBe(0);
  });

  test('that are not give way to those that are, whoever comes first', () => {
    const names = new ToolNames(['a.b', 'a b', 'a_b']);
    expect(names.sent('a_b')).toBe('a_b');
    expect(names.sent('a.b')).toBe('a_b_2');
    expect(names.sent('a b')).toBe('a_b_3');
    expect(Object.fromEntries(names.changed)).toEqual({ a_b_2: 'a.b', a_b_3: 'a b' });
  });

  test('of any kind are valid, different and can be told back', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(fc.string(), fc.string({ minLength: 60, maxLength: 80 })), { maxLength: 12 }),
        (asked) => {
          const names = new ToolNames(asked);
          const sent = asked.map((name) => names.sent(name));
          expect(new Set(sent).size).toBe(asked.length);
          for (const [at, name] of sent.entries()) {
            expect(name).toMatch(VALID);
            expect(names.changed.get(name) ?? name).toBe(asked[at] ?? '');
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('ids of calls', () => {
  test('that are valid stay as they are', () => {
    for (const id of ['tooluse_a1', 'call_A-b.c:d', 'x'.repeat(64)]) expect(callId(id)).toBe(id);
  });

  test('of other providers become valid, and two never become one', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, other) => {
        expect(callId(one)).toMatch(/^[a-zA-Z0-9_.:-]{1,64}$/);
        expect(callId(one)).toBe(callId(one));
        expect(callId(one) === callId(other)).toBe(one === other);
      }),
      { numRuns: 200 },
    );
    const long = `call_1__thought__${'S+/='.repeat(200)}`;
    expect(callId(long)).toHaveLength(64);
    expect(callId(long)).not.toBe(callId(`${long}x`));
  });
});
