import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { masked, shownParams } from './shown-values.ts';

const isSecret = (name: string, text: string): boolean => name !== 'open' || text.startsWith('secret');

describe('what is shown of parameters', () => {
  test('is numbers, flags, and texts that are no secret', () => {
    expect(shownParams({ rpm: 5, drop: true, none: null, open: 'x', key: 'x' }, isSecret)).toEqual({
      rpm: 5,
      drop: true,
      none: null,
      open: 'x',
    });
  });

  test('leaves out a member that held nothing but secrets, at any depth', () => {
    const params = {
      headers: { a: 'x', b: { c: ['x'] } },
      open: ['y', 'secret', { a: 'y', b: 'secret' }],
      empty: {},
      list: [],
    };
    expect(shownParams(params, isSecret)).toEqual({ open: ['y', { a: 'y' }], empty: {}, list: [] });
  });

  test('never holds a text of a secret name, whatever the shape', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (params) => {
        const shown = shownParams({ ...params, nested: { params } }, () => true);
        expect(textsIn(shown)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a masked secret', () => {
  test('shows four letters, or none of a short one', () => {
    expect(['', 'abcdefghijk', 'abcdefghijkl'].map(masked)).toEqual(['****', '****', '****ijkl']);
  });
});

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
