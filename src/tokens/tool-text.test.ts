import { describe, expect, test } from 'bun:test';
import { toolText } from './tool-text.ts';

const tool = (name: string, parameters?: object, description?: string): object => ({
  type: 'function',
  function: { name, ...(parameters && { parameters }), ...(description !== undefined && { description }) },
});
const object = (properties: object, required?: readonly string[]): object => ({
  type: 'object',
  properties,
  ...(required && { required }),
});

const inside = (...lines: readonly string[]): string =>
  ['namespace functions {', '', ...lines, '} // namespace functions'].join('\n');

describe('tools as text', () => {
  test('a function without parameters', () => {
    expect(toolText([tool('now')])).toBe(inside('type now = () => any;', ''));
    expect(toolText([tool('now', object({}), 'The time')])).toBe(inside('// The time', 'type now = () => any;', ''));
  });

  test('parameters with what is said of them', () => {
    const city = { type: 'string', description: 'Its name' };
    const unit = { type: 'string', enum: ['c', 'f'] };
    const days = { type: 'integer' };
    expect(toolText([tool('weather', object({ city, unit, days }, ['city']), 'The weather')])).toBe(
      inside(
        '// The weather',
        'type weather = (_: {',
        '// Its name',
        'city: string,',
        'unit?: "c" | "f",',
        'days?: number,',
        '}) => any;',
        '',
      ),
    );
  });

  test.each([
    [{ type: 'number', enum: [1, 2] }, '"1" | "2"'],
    [{ type: 'boolean' }, 'boolean'],
    [{ type: 'null' }, 'null'],
    [{ type: 'array', items: { type: 'string' } }, 'string[]'],
    [{ type: 'array' }, 'any[]'],
    [{ type: 'array', items: { type: 'array', items: { type: 'integer' } } }, 'number[][]'],
    [{ $ref: '#/$defs/a' }, 'any'],
    [{ type: ['string', 'null'] }, 'any'],
    [true, 'any'],
    [object({ b: { type: 'string' } }), '{\n  b?: string,\n}'],
    [object({}), '{\n\n}'],
  ])('%j', (schema, text) => {
    expect(toolText([tool('f', object({ a: schema }))])).toBe(
      inside('type f = (_: {', `a?: ${text},`, '}) => any;', ''),
    );
  });

  test('Anthropic’s and Gemini’s forms are the same functions', () => {
    const parameters = object({ a: { type: 'string' } });
    const expected = toolText([tool('f', parameters, 'Does it')]);
    const described = { name: 'f', description: 'Does it' };
    expect(toolText([{ ...described, input_schema: parameters }])).toBe(expected);
    expect(toolText([{ functionDeclarations: [{ ...described, parameters }] }])).toBe(expected);
    expect(toolText([{ function_declarations: [{ ...described, parameters }] }])).toBe(expected);
  });

  test('what is no function says nothing', () => {
    for (const one of [null, 'f', 7, {}, { type: 'function', function: {} }, { functionDeclarations: [7] }]) {
      expect(toolText([one])).toBe(inside());
    }
  });

  test('with very many members is written in no time', () => {
    const names = Array.from({ length: 50_000 }, (_, at) => `member${at}`);
    const properties = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
    const required = names.map((name) => `${name}-of-another`);
    const startedAtMs = performance.now();
    const text = toolText([tool('f', { type: 'object', properties, required })]);
    expect(performance.now() - startedAtMs).toBeLessThan(1_500);
    expect(text).toContain('member49999?: string,');
  });
});
