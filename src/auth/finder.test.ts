import { describe, expect, test } from 'bun:test';
import type { Directory, Tag } from '../gateway/entities.ts';
import { UNLIMITED } from '../gateway/entities.ts';
import { Finder } from './finder.ts';

const tag = (id: string): Tag => ({
  ...{ kind: 'tag', id, name: null, blocked: false, models: [], metadata: {}, allowance: UNLIMITED },
});

/** Knows the tag `a`; whether it remembers is up to the test. */
function directory(remembers: boolean) {
  const fetched: string[] = [];
  const memory = new Map<string, Tag | null>();
  const found: Pick<Directory, 'peek' | 'fetch'> = {
    peek: (_kind, id) => memory.get(id) as never, // Only tags are asked for.
    async fetch(_kind, id) {
      fetched.push(id);
      const value = id === 'a' ? tag('a') : null;
      if (remembers) memory.set(id, value);
      return value as never;
    },
  };
  return { fetched, directory: { ...found, invalidate: () => {}, invalidateAll: () => {}, version: () => 0 } };
}

describe('what is asked for', () => {
  for (const remembers of [true, false]) {
    test(`is there after one wait, ${remembers ? 'from memory' : 'also where nothing is remembered'}`, async () => {
      const { directory: given, fetched } = directory(remembers);
      const finder = new Finder(given);
      expect([finder.get('tag', 'a'), finder.get('tag', 'b')]).toEqual([null, null]);
      await finder.missing();
      expect([finder.get('tag', 'a')?.id, finder.get('tag', 'b')]).toEqual(['a', null]);
      expect(finder.missing()).toBeUndefined();
      expect(fetched).toEqual(['a', 'b']);
    });
  }

  test('of nobody is nothing, and is not looked for', () => {
    const { directory: given, fetched } = directory(true);
    const finder = new Finder(given);
    expect([finder.get('tag', null), finder.missing(), fetched]).toEqual([null, undefined, []]);
  });

  test('fails as the look-up fails', async () => {
    const { directory: given } = directory(true);
    const finder = new Finder({ ...given, fetch: () => Promise.reject(new Error('down')) });
    finder.get('tag', 'a');
    await expect((async () => finder.missing())()).rejects.toThrow('down');
  });
});
