import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isObject } from '../lib/json.ts';
import { closedSchema, toolSchema } from './anthropic-schema.ts';
import { closedJson } from './anthropic-tool-input.ts';

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const closed = (properties: object, more: object = {}) => object(properties, { additionalProperties: false, ...more });
const REF = { $ref: '#/$defs/n' };

describe('a schema for structured outputs', () => {
  test.each<[string, object, object]>([
    ['is closed', object({ a: object({}) }), closed({ a: closed({}) })],
    [
      'keeps what is known',
      object({ a: { type: ['string', 'null'], enum: ['x', null], default: 'x' } }),
      closed({ a: { type: ['string', 'null'], enum: ['x', null], default: 'x' } }),
    ],
    [
      'loses its dialect',
      object({}, { $schema: 'https://json-schema.org/draft/2020-12/schema', $id: 'x' }),
      closed({}),
    ],
    [
      'says limits in words',
      object({ a: { type: 'number', minimum: 1, maximum: 5, description: 'A' } }),
      closed({ a: { type: 'number', description: 'A\n\n{minimum: 1, maximum: 5}' } }),
    ],
    [
      'says lengths in words',
      object({ a: { type: 'array', items: { type: 'string', maxLength: 3 }, minItems: 2 } }),
      closed({
        a: { type: 'array', items: { type: 'string', description: '{maxLength: 3}' }, description: '{minItems: 2}' },
      }),
    ],
    [
      'keeps that something must be there',
      object({ a: { type: 'array', items: {}, minItems: 1 } }),
      closed({ a: { type: 'array', items: {}, minItems: 1 } }),
    ],
    [
      'keeps formats that are known',
      object({ a: { type: 'string', format: 'date' }, b: { type: 'string', format: 'x' } }),
      closed({ a: { type: 'string', format: 'date' }, b: { type: 'string', description: '{format: "x"}' } }),
    ],
    [
      'asks for one of several as for any',
      object({ a: { oneOf: [{ type: 'string' }, object({ b: {} })] } }),
      closed({ a: { anyOf: [{ type: 'string' }, closed({ b: {} })] } }),
    ],
    [
      'keeps references',
      object({ a: REF, b: { ...REF, description: 'x' } }, { $defs: { n: object({ c: {} }) } }),
      closed({ a: REF, b: REF }, { $defs: { n: closed({ c: {} }) } }),
    ],
    [
      'closes objects that may be null',
      object({ a: { type: ['object', 'null'], properties: {} } }),
      closed({ a: { type: ['object', 'null'], properties: {}, additionalProperties: false } }),
    ],
    [
      'does not mistake names of members for rules',
      object({ minimum: { type: 'string' }, $ref: { type: 'string' } }),
      closed({ minimum: { type: 'string' }, $ref: { type: 'string' } }),
    ],
  ])('%s', (_, given, made) => {
    expect(closedSchema(given)).toEqual(made as Record<string, unknown>);
  });

  test.each<[string, unknown]>([
    ['is no object', { type: 'array', items: {} }],
    ['is nothing', undefined],
    ['has no members', { type: 'object' }],
    ['is a map', object({ a: { type: 'object', additionalProperties: { type: 'number' } } })],
    ['is open', object({}, { additionalProperties: true })],
    ['leads back to itself', object({ a: REF }, { $defs: { n: object({ next: REF }) } })],
    ['leads back to itself over another', object({}, { $defs: { n: { $ref: '#/$defs/m' }, m: { anyOf: [REF] } } })],
    ['leads back to its root', object({ a: { $ref: '#' } })],
    ['refers to somewhere else', object({ a: { $ref: 'https://a.example/x' } })],
    ['has patterns of names', object({ a: { patternProperties: { x: {} } } })],
    ['says no', object({ a: { not: {} } })],
    ['lists objects', object({ a: { enum: [{}] } })],
    ['has members that are no schemas', object({ a: 5 })],
    ['is deeper than anybody writes', [...Array(70)].reduce<object>((inner) => object({ a: inner }), {})],
  ])('that %s cannot be one', (_, given) => {
    expect(closedSchema(given)).toBeUndefined();
  });

  test('is closed everywhere, whatever it was, and stays so', () => {
    const schema = fc.letrec<{ schema: object }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom({ type: 'string' }, { type: 'number', minimum: 3 }, REF, { enum: [1] }),
        fc
          .dictionary(fc.constantFrom('a', 'b', 'items', '$ref'), tie('schema'), { maxKeys: 3 })
          .map((inner) => object(inner)),
        tie('schema').map((items) => ({ type: 'array', items })),
        fc.array(tie('schema'), { minLength: 1, maxLength: 2 }).map((anyOf) => ({ anyOf })),
      ),
    })).schema;
    fc.assert(
      fc.property(schema, (inner) => {
        const made = closedSchema(object({ inner }, { $defs: { n: { type: 'string' } } }));
        expect(made).toBeDefined();
        expect(openObjects(made)).toBe(0);
        expect(closedSchema(made)).toEqual(made as Record<string, unknown>);
      }),
      { numRuns: 200 },
    );
  });

  function openObjects(value: unknown): number {
    if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + openObjects(item), 0);
    if (!isObject(value)) return 0;
    const own = value['type'] === 'object' && value['additionalProperties'] !== false ? 1 : 0;
    return Object.values(value).reduce((sum: number, item) => sum + openObjects(item), own);
  }
});

describe('a schema for a tool', () => {
  test('is itself when it is an object, or says nothing', () => {
    expect(toolSchema(object({ a: {} }))).toEqual({ schema: object({ a: {} }), mode: 'plain' });
    expect(toolSchema({ $schema: 'x' })).toEqual({ schema: { type: 'object' }, mode: 'plain' });
    expect(toolSchema(undefined)).toEqual({ schema: { type: 'object' }, mode: 'plain' });
  });

  test('is put into an object when it is none', () => {
    expect(
      toolSchema({
        type: 'array',
        items: { $ref: '#/$defs/n' },
        $defs: { n: { anyOf: [{ $ref: '#' }, { $ref: '#/items' }] } },
      }),
    ).toEqual({
      schema: {
        type: 'object',
        properties: { value: { type: 'array', items: { $ref: '#/$defs/n' } } },
        required: ['value'],
        $defs: { n: { anyOf: [{ $ref: '#/properties/value' }, { $ref: '#/properties/value/items' }] } },
      },
      mode: 'wrapped',
    });
    expect(toolSchema(REF).schema).toMatchObject({ properties: { value: REF } });
  });
});

describe('JSON that was cut off', () => {
  test('becomes JSON wherever a text, list or object was cut', () => {
    const value = fc.dictionary(
      fc.string(),
      fc.oneof(fc.string(), fc.array(fc.string()), fc.dictionary(fc.string(), fc.string())),
    );
    fc.assert(
      fc.property(value, fc.nat(), (whole, at) => {
        const text = JSON.stringify(whole);
        const cut = text.slice(0, 1 + (at % text.length));
        try {
          expect(isObject(JSON.parse(closedJson(cut)))).toBe(true);
        } catch {
          // Cut within or behind a name: it has no value that could be made up.
          expect(cut).toMatch(/[{,]"(?:[^"\\]|\\.)*\\?(?:u[0-9a-f]*)?"?$/s);
        }
      }),
      { numRuns: 400 },
    );
  });
});
