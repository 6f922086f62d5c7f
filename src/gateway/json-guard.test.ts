import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { GatewayError } from '../errors.ts';
import { decodeUtf8, type JsonLimits, parseJsonObject } from './json-guard.ts';

const LIMITS: JsonLimits = { maxDepth: 20, maxNodes: 1_000 };

function refusal(act: () => unknown): GatewayError {
  try {
    act();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

const refused = (text: string, limits = LIMITS): GatewayError => refusal(() => parseJsonObject(text, limits));
const lists = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
const objects = (depth: number): string => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;

describe('bytes', () => {
  test('that are UTF-8 become their text, without a byte order mark', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decodeUtf8(Buffer.from(`x${text}`))).toBe(`x${text}`);
      }),
    );
    expect(decodeUtf8(Buffer.from('\ufeff{}'))).toBe('{}');
    expect(decodeUtf8(new TextEncoder().encode('{}').buffer)).toBe('{}');
  });

  test.each([
    ['a lone continuation byte', [0x80]],
    ['a sequence cut short', [0xe4, 0xb8]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a code point past the last', [0xf4, 0x90, 0x80, 0x80]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00]],
  ])('that are not UTF-8 are a 400: %s', (_, bytes) => {
    const error = refusal(() => decodeUtf8(Uint8Array.from([0x7b, ...bytes, 0x7d])));
    expect([error.status, error.details.param, error.message]).toEqual([
      400,
      'request_body',
      'The request body is not valid UTF-8.',
    ]);
  });
});

describe('an object', () => {
  test('of any content is read as JSON says', () => {
    const object = fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      fc.jsonValue({ maxDepth: 5 }),
    );
    fc.assert(
      fc.property(object, (value) => {
        const text = JSON.stringify(value);
        const hasProto = text.includes('"__proto__"');
        if (hasProto) return;
        expect<unknown>(parseJsonObject(text, { maxDepth: 50, maxNodes: 100_000 })).toEqual(JSON.parse(text));
      }),
    );
  });

  test.each(['null', '42', 'true', '"text"', '[]', '[{"model":"m"}]'])('is not what %s is', (text) => {
    expect(refused(text)).toMatchObject({ status: 400, message: 'The request body must be a JSON object.' });
  });

  test.each(['', ' \n\t'])('is not an empty body (%j)', (text) => {
    expect(refused(text).message).toBe('The request body is empty; send a JSON object.');
  });
});

describe('text that is no JSON', () => {
  test.each([
    '{',
    '{"a":1',
    '{"a":1}}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":NaN}',
    '{"a":01}',
    'model=m&messages=x',
    '{"a":"\n"}',
    '{"a":"\\x"}',
  ])('%j is a 400', (text) => {
    expect(refused(text)).toMatchObject({ status: 400, details: { param: 'request_body' } });
  });

  test('is never quoted, in the message or behind it', () => {
    const secret = 'my-secret-prompt';
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('{', '[', '"', '\\', '}', ',', 'nul'), (noise, breaker) => {
        const text = `{"messages":[{"content":"${secret}"}]${breaker}${secret}${noise}`;
        const error = refused(text);
        expect(error.message).not.toContain(secret);
        expect(error.cause).toBeUndefined();
      }),
    );
  });
});

describe('nesting', () => {
  test.each([
    ['lists', lists],
    ['objects', objects],
  ])('of %s is accepted up to the limit', (_, nested) => {
    expect(() => parseJsonObject(nested(20), LIMITS)).not.toThrow();
    expect(refused(nested(21)).message).toBe('The request body is nested more than 20 levels deep.');
  });

  test.each([100, 5_000, 3_000_000])('of %d levels is refused, quickly', (depth) => {
    const startedAtMs = performance.now();
    expect(refused(lists(depth)).status).toBe(400);
    expect(refused(objects(depth)).status).toBe(400);
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  });

  test('that never closes is refused too', () => {
    expect(refused(`{"a":${'['.repeat(50_000)}`).status).toBe(400);
    expect(refused(`{"a":"${'['.repeat(50_000)}`).status).toBe(400);
  });

  test('is not what brackets inside a string are', () => {
    const text = JSON.stringify({ a: `${'['.repeat(20_000)}"\\${'{'.repeat(20_000)}` });
    expect(Object.keys(parseJsonObject(text, LIMITS))).toEqual(['a']);
  });
});

describe('size', () => {
  test('is counted in values, wherever they are', () => {
    const list = (length: number): string => JSON.stringify({ a: Array.from({ length }, () => 1) });
    expect(() => parseJsonObject(list(998), LIMITS)).not.toThrow();
    expect(refused(list(999)).message).toBe('The request body has more than 1000 JSON values.');
    const keys = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`k${index}`, {}]));
    expect(refused(JSON.stringify(keys)).status).toBe(400);
  });

  test('of one long string is no matter', () => {
    expect(() => parseJsonObject(JSON.stringify({ a: 'x'.repeat(2_000_000) }), LIMITS)).not.toThrow();
  });
});

describe('the key __proto__', () => {
  test.each(['{"__proto__":{"admin":true}}', '{"a":[{"b":{"__proto__":1}}]}', '{"\\u005f_proto__":{}}'])(
    'is refused wherever it is: %s',
    (text) => {
      expect(refused(text)).toMatchObject({ status: 400, details: { param: '__proto__' } });
    },
  );

  test('is fine as a value', () => {
    expect(parseJsonObject('{"a":"__proto__","constructor":{"prototype":1}}', LIMITS)['a']).toBe('__proto__');
  });
});
