import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { GatewayError } from '../errors.ts';
import type { Change } from './adapter.ts';
import { geminiJsonSchema, openApiSchema } from './gemini-schema.ts';

const compiled = (schema: unknown, make = openApiSchema): { made: unknown; changes: Change[] } => {
  const changes: Change[] = [];
  return { made: make(schema, { field: 'tools', changes }), changes };
};

describe("a schema for tools, in OpenAPI's subset", () => {
  test.each<[string, unknown, unknown, readonly string[]]>([
    [
      'plain types',
      {
        type: 'object',
        properties: { a: { type: 'string', description: 'A' }, b: { type: 'integer', minimum: 1 } },
        required: ['a'],
      },
      {
        type: 'OBJECT',
        properties: { a: { type: 'STRING', description: 'A' }, b: { type: 'INTEGER', minimum: 1 } },
        required: ['a'],
      },
      [],
    ],
    ['a list of types with null', { type: ['string', 'null'] }, { type: 'STRING', nullable: true }, []],
    [
      'a list of types',
      { type: ['string', 'number', 'null'] },
      { anyOf: [{ type: 'STRING' }, { type: 'NUMBER' }], nullable: true },
      ['schema: a list of types'],
    ],
    [
      'a choice with null',
      { anyOf: [{ type: 'integer' }, { type: 'null' }], description: 'D' },
      { type: 'INTEGER', description: 'D', nullable: true },
      [],
    ],
    [
      'a choice',
      { anyOf: [{ type: 'string' }, { type: 'boolean' }] },
      { anyOf: [{ type: 'STRING' }, { type: 'BOOLEAN' }] },
      [],
    ],
    [
      'one of',
      { oneOf: [{ type: 'string' }, { type: 'number' }] },
      { anyOf: [{ type: 'STRING' }, { type: 'NUMBER' }] },
      ['schema: oneOf as anyOf'],
    ],
    [
      'all of',
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
          { properties: { b: { type: 'string' } }, required: ['b'] },
        ],
      },
      { type: 'OBJECT', properties: { a: { type: 'STRING' }, b: { type: 'STRING' } }, required: ['a', 'b'] },
      ['schema: allOf'],
    ],
    ['texts to choose from', { enum: ['a', 'b'] }, { type: 'STRING', enum: ['a', 'b'] }, []],
    [
      'texts or null',
      { type: ['string', 'null'], enum: ['a', null] },
      { type: 'STRING', enum: ['a'], nullable: true },
      [],
    ],
    [
      'numbers to choose from',
      { type: 'integer', enum: [1, 2], description: 'Size.' },
      { type: 'INTEGER', description: 'Size. One of: 1, 2.' },
      ['schema: values in the description'],
    ],
    ['a constant', { const: 'x' }, { type: 'STRING', enum: ['x'] }, ['schema: const']],
    [
      'a constant number',
      { const: 5 },
      { type: 'NUMBER', description: 'One of: 5.' },
      ['schema: const, values in the description'],
    ],
    ['a known format', { type: 'string', format: 'date-time' }, { type: 'STRING', format: 'date-time' }, []],
    ['a format of numbers', { type: 'integer', format: 'int64' }, { type: 'INTEGER', format: 'int64' }, []],
    ['another format', { type: 'string', format: 'uri' }, { type: 'STRING' }, ['schema: format']],
    [
      'a list',
      { type: 'array', items: { type: 'number' }, minItems: 1 },
      { type: 'ARRAY', items: { type: 'NUMBER' }, minItems: 1 },
      [],
    ],
    ['a list of anything', { type: 'array' }, { type: 'ARRAY', items: { type: 'STRING' } }, []],
    [
      'a tuple',
      { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] },
      { type: 'ARRAY', items: { anyOf: [{ type: 'STRING' }, { type: 'NUMBER' }] } },
      ['schema: tuples'],
    ],
    [
      'an older tuple',
      { type: 'array', items: [{ type: 'string' }] },
      { type: 'ARRAY', items: { type: 'STRING' } },
      ['schema: tuples'],
    ],
    ['what has no type', { properties: { a: {} } }, { type: 'OBJECT', properties: { a: { type: 'OBJECT' } } }, []],
    ['anything at all', true, { type: 'OBJECT' }, []],
    [
      'keywords that are not known there',
      {
        type: 'object',
        properties: { a: { type: 'string' } },
        additionalProperties: false,
        $schema: 'x',
        'x-mine': 1,
        required: ['a', 'ghost'],
      },
      { type: 'OBJECT', properties: { a: { type: 'STRING' } }, required: ['a'] },
      ['schema: $schema, additionalProperties, unknown keywords'],
    ],
    [
      'properties that are called like keywords',
      {
        type: 'object',
        properties: { $ref: { type: 'string' }, type: { type: 'string' }, __proto__x: { type: 'string' } },
      },
      {
        type: 'OBJECT',
        properties: { $ref: { type: 'STRING' }, type: { type: 'STRING' }, __proto__x: { type: 'STRING' } },
      },
      [],
    ],
  ])('%s', (_, schema, made, notes) => {
    const result = compiled(schema);
    expect(result.made).toEqual(made);
    expect(result.changes.map(({ note }) => note)).toEqual([...notes]);
  });

  const POINT = { type: 'object', properties: { x: { type: 'number' } } };

  test.each([
    ['#/$defs/point', { $defs: { point: POINT } }],
    ['#/definitions/point', { definitions: { point: POINT } }],
    ['#/$defs/a~1b', { $defs: { 'a/b': POINT } }],
    ['#/$defs/a%20b', { $defs: { 'a b': POINT } }],
    ['#/components/schemas/point', { components: { schemas: { point: POINT } } }],
  ])('a reference to %s is written out', ($ref, definitions) => {
    const { made } = compiled({ type: 'object', properties: { at: { $ref, description: 'Where' } }, ...definitions });
    expect(made).toEqual({
      type: 'OBJECT',
      properties: { at: { type: 'OBJECT', description: 'Where', properties: { x: { type: 'NUMBER' } } } },
    });
  });

  test('recursion ends where it begins anew, as an object of any shape, and that is said', () => {
    const { made, changes } = compiled({
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          properties: { next: { $ref: '#/$defs/node', description: 'Next' }, v: { type: 'string' } },
        },
      },
    });
    expect(made).toEqual({
      type: 'OBJECT',
      properties: { next: { type: 'OBJECT', description: 'Next' }, v: { type: 'STRING' } },
    });
    expect(changes).toEqual([
      { field: 'tools', action: 'emulated', note: 'schema: recursion as an object of any shape' },
    ]);
  });

  test('recursion through two schemas and through the root ends too', () => {
    const two = {
      $ref: '#/$defs/a',
      $defs: { a: { properties: { b: { $ref: '#/$defs/b' } } }, b: { properties: { a: { $ref: '#/$defs/a' } } } },
    };
    expect(compiled(two).made).toEqual({
      type: 'OBJECT',
      properties: { b: { type: 'OBJECT', properties: { a: { type: 'OBJECT' } } } },
    });
    expect(compiled({ properties: { self: { $ref: '#' } } }).made).toEqual({
      type: 'OBJECT',
      properties: { self: { type: 'OBJECT', properties: { self: { type: 'OBJECT' } } } },
    });
  });

  test.each(['#/$defs/none', 'https://example.com/schema.json', '#/toString'])(
    'a reference to %s is refused',
    ($ref) => {
      expect(() => compiled({ properties: { a: { $ref } } })).toThrow('leads nowhere');
    },
  );

  test('a schema that grows out of all bounds is refused, not written', () => {
    const $defs: Record<string, object> = { s0: { type: 'string' } };
    for (let at = 1; at < 20; at++) {
      const inner = { $ref: `#/$defs/s${at - 1}` };
      $defs[`s${at}`] = { type: 'object', properties: { a: inner, b: inner, c: inner } };
    }
    expect(() => compiled({ $ref: '#/$defs/s19', $defs })).toThrow('grows too large');
  });

  test('a schema nested deeper than anybody reads is cut', () => {
    let schema: object = { type: 'string' };
    for (let at = 0; at < 500; at++) schema = { type: 'array', items: schema };
    expect(JSON.stringify(compiled(schema).made).length).toBeLessThan(5_000);
  });
});

describe('a schema for answers, in JSON Schema', () => {
  const json = (schema: unknown) => compiled(schema, geminiJsonSchema);

  test('references and recursion stay', () => {
    const schema = {
      $defs: {
        node: { type: 'object', properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } } },
      },
      $ref: '#/$defs/node',
    };
    expect(json(schema)).toEqual({ made: schema, changes: [] });
  });

  test('what it knows stays as it is', () => {
    const schema = {
      type: 'object',
      title: 'T',
      properties: {
        a: { type: ['string', 'null'], enum: ['x', null] },
        b: { type: 'array', prefixItems: [{ type: 'number' }], items: { type: 'string' }, maxItems: 3 },
      },
      required: ['a'],
      additionalProperties: false,
    };
    expect(json(schema)).toEqual({ made: schema, changes: [] });
  });

  test('older definitions, constants and combinations are rewritten, other keywords are dropped and named', () => {
    const { made, changes } = json({
      definitions: { d: { type: 'string', pattern: '^a' } },
      type: 'object',
      properties: { k: { const: 'v' }, d: { $ref: '#/definitions/d' }, o: { oneOf: [{ type: 'string' }] } },
      allOf: [{ properties: { m: { type: 'number', multipleOf: 2 } } }],
      additionalProperties: { type: 'string' },
    });
    expect(made).toEqual({
      $defs: { d: { type: 'string' } },
      type: 'object',
      properties: {
        m: { type: 'number' },
        k: { enum: ['v'] },
        d: { $ref: '#/$defs/d' },
        o: { anyOf: [{ type: 'string' }] },
      },
      additionalProperties: { type: 'string' },
    });
    expect(changes.map(({ action, note }) => `${action} ${note}`)).toEqual([
      'dropped schema: multipleOf, pattern',
      'emulated schema: allOf, const',
    ]);
  });
});

describe('whatever the schema', () => {
  const keyword = fc.constantFrom(
    ...'type properties items anyOf oneOf allOf $ref $defs enum const format required prefixItems description'.split(
      ' ',
    ),
  );
  const { schema } = fc.letrec((tie) => ({
    schema: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>('object', 'string', ['string', 'null'], '#/$defs/a', '#', true, null, 5, {}),
      fc.dictionary(fc.oneof(keyword, fc.string({ maxLength: 3 })), tie('schema'), { maxKeys: 4 }),
      fc.array(tie('schema'), { maxLength: 3 }),
    ),
  }));

  test('it is compiled or refused, and nothing of it is said but keywords', () => {
    fc.assert(
      fc.property(schema, fc.constantFrom(openApiSchema, geminiJsonSchema), (value, make) => {
        try {
          const { made, changes } = compiled(value, make);
          expect(JSON.parse(JSON.stringify(made))).toBeObject();
          for (const { note } of changes) expect(note).toMatch(/^schema: [\w $,-]+$/);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(GatewayError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
