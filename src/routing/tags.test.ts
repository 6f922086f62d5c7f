import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleTarget } from '../../test/support/call-parts.ts';
import type { Target } from '../providers/adapter.ts';
import { filtersByTags, type TagQuestion, tagFilter } from './tags.ts';

const tagged = (...tags: string[]): Target => sampleTarget({ deploymentId: tags.join(' '), tags });
const forAgent = (pattern: RegExp, ...tags: string[]): Target => ({ ...tagged(...tags), tagPatterns: [pattern] });

interface Asked {
  readonly tags?: readonly string[];
  readonly matchAny?: boolean;
  readonly userAgent?: string | null;
}

const left = (all: readonly Target[], { tags = [], matchAny = true, userAgent = null }: Asked = {}): string[] =>
  all.filter(tagFilter(all, { tags, matchAny, userAgent })).map(({ deploymentId }) => deploymentId);

const SITES = [tagged('eu', 'fast'), tagged('eu'), tagged('us'), tagged('default'), tagged()];

describe('tags of a request', () => {
  test.each([
    ['none go to the default ones', [], ['default'], ['default']],
    ['one goes to those that have it', ['eu'], ['eu fast', 'eu'], ['eu fast', 'eu']],
    ['two go to those with any of them, or with both', ['eu', 'fast'], ['eu fast', 'eu'], ['eu fast']],
    ['two that nobody has together are followed by nobody', ['eu', 'us'], ['eu fast', 'eu', 'us'], []],
    ['one that nobody knows goes to the default ones', ['mars'], ['default'], ['default']],
    ['a known and an unknown one', ['eu', 'mars'], ['eu fast', 'eu'], []],
    ['one that must be there', ['&eu'], ['eu fast', 'eu'], ['eu fast', 'eu']],
    ['two that must be there', ['&eu', '&fast'], ['eu fast'], ['eu fast']],
    ['one that must be there and nobody has', ['&mars'], [], []],
    ['one that must not be there leaves the default ones', ['!eu'], ['default'], ['default']],
    ['one wanted and one unwanted', ['eu', '!fast'], ['eu'], ['eu']],
    ['one wanted and unwanted is followed by nobody', ['eu', '!eu'], [], []],
    ['marks alone mean nothing', ['!', '&'], ['default'], ['default']],
    ['another case is another tag', ['EU'], ['default'], ['default']],
  ])('%s', (_what, tags, any, all) => {
    expect(left(SITES, { tags })).toEqual(any);
    expect(left(SITES, { tags, matchAny: false })).toEqual(all);
  });

  test('that are none go to everybody where there is no default', () => {
    expect(left([tagged('eu'), tagged()])).toEqual(['eu', '']);
  });

  test('of an empty group lead nowhere', () => {
    expect(left([], { tags: ['eu'] })).toEqual([]);
  });
});

describe('whether tags choose', () => {
  const saying = (tagFiltering: boolean | undefined): Target => ({ ...tagged(), tagFiltering });
  test.each([
    ['is the router’s word where no deployment has one', [undefined, undefined], true],
    ['is the word of the first deployment that has one', [undefined, false, true], false],
  ] as const)('%s', (_what, words, expected) => {
    expect(filtersByTags(words.map(saying), true)).toBe(expected);
  });

  test('can be said of a group alone', () => {
    expect(filtersByTags([saying(undefined), saying(true)], false)).toBe(true);
    expect(filtersByTags([], false)).toBe(false);
  });
});

describe('a tag that is declared', () => {
  const asked = (all: readonly Target[], question: Partial<TagQuestion>): string[] => {
    const filter = tagFilter(all, { tags: [], matchAny: true, userAgent: null, ...question });
    return all.filter(filter).map(({ deploymentId }) => deploymentId);
  };

  test('is known though nobody has it: it does not lead to the default ones', () => {
    expect(asked(SITES, { tags: ['mars'] })).toEqual(['default']);
    expect(asked(SITES, { tags: ['mars'], declaredTags: ['mars'] })).toEqual([]);
    expect(asked(SITES, { tags: ['eu'], declaredTags: ['eu'] })).toEqual(['eu fast', 'eu']);
  });
});

describe('a group that prefers any answer to none', () => {
  const open = (all: readonly Target[]): Target[] => all.map((target) => ({ ...target, failsOpen: true }));
  const asked = (question: Partial<TagQuestion>, all = open(SITES)): string[] => {
    const filter = tagFilter(all, { tags: [], matchAny: true, userAgent: null, ...question });
    return (question.among ?? all).filter(filter).map(({ deploymentId }) => deploymentId);
  };

  test.each([
    ['goes by tags as long as somebody has them', { tags: ['eu', '!fast'] }, ['eu']],
    ['falls open to the default ones', { tags: ['&mars'] }, ['default']],
    ['falls open when its tags contradict each other', { tags: ['eu', '!eu'] }, ['default']],
    [
      'keeps to what the owners demand',
      { tags: ['&eu', '&mars'], ownersTags: ['&eu'], declaredTags: ['mars'] },
      ['eu fast', 'eu'],
    ],
    [
      'keeps to what the owners forbid',
      { tags: ['!default', '!eu', '&x'], ownersTags: ['!default', '!eu'] },
      ['us', ''],
    ],
    ['stays closed where the owners’ demands leave nobody', { tags: ['&mars'], ownersTags: ['&mars'] }, []],
    ['stays closed to a tag that somebody made up beside one that exists', { tags: ['&eu', '&made-up'] }, []],
    ['takes a declared tag for no invention', { tags: ['&eu', '&mars'], declaredTags: ['mars'] }, ['default']],
    ['falls open when all that must be there is unknown', { tags: ['&mars', '&venus'] }, ['default']],
  ] satisfies [string, Partial<TagQuestion>, string[]][])('%s', (_what, question, expected) => {
    expect(asked(question)).toEqual(expected);
  });

  test('is one by the word of a single deployment', () => {
    const [first = tagged(), ...others] = SITES;
    expect(asked({ tags: ['&mars'] }, [{ ...first, failsOpen: true }, ...others])).toEqual(['default']);
    expect(asked({ tags: ['&mars'] }, [{ ...first, failsOpen: false }, ...others])).toEqual([]);
  });

  test('falls open to all where none is a default one', () => {
    expect(asked({ tags: ['&mars'] }, open([tagged('eu'), tagged()]))).toEqual(['eu', '']);
  });

  test('falls open among those that nothing else speaks against', () => {
    const all = open(SITES);
    const among = all.filter(({ tags }) => tags.includes('us'));
    expect(asked({ tags: ['eu'], among }, all)).toEqual(['us']);
  });
});

describe('the name of a client', () => {
  const TOOL = forAgent(/^User-Agent: tool\//, 'tools');
  const group = [TOOL, tagged('default')];

  test.each([
    ['leads to what is for it', 'tool/1', ['tools']],
    ['of another leads to the default ones', 'browser', ['default']],
    ['that is not there leads to the default ones', null, ['default']],
    ['counts in its first 512 characters', `${'x'.repeat(512)}tool/1`, ['default']],
  ])('%s', (_what, userAgent, expected) => {
    expect(left(group, { userAgent })).toEqual(expected);
  });

  test('adds to the tags, where any of them is enough', () => {
    const all = [TOOL, tagged('eu')];
    expect(left(all, { tags: ['eu'], userAgent: 'tool/1' })).toEqual(['tools', 'eu']);
    expect(left(all, { tags: ['eu'], userAgent: 'tool/1', matchAny: false })).toEqual(['eu']);
  });

  test('gives way to a tag that must be there or must not', () => {
    const all = [TOOL, tagged('eu')];
    expect(left(all, { tags: ['&eu'], userAgent: 'tool/1' })).toEqual(['eu']);
    expect(left(all, { tags: ['!tools'], userAgent: 'tool/1' })).toEqual(['eu']);
  });

  test('keeps others out only where somebody is there for everybody', () => {
    expect(left([TOOL, tagged()], { userAgent: 'browser' })).toEqual(['']);
    expect(left([TOOL], { userAgent: 'browser' })).toEqual(['tools']);
  });
});

test('nobody is ever reached with an unwanted tag, or without one that must be there', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'default');
  const groups = fc.array(fc.array(name, { maxLength: 3 }), { maxLength: 5 });
  const asks = fc.array(fc.tuple(fc.constantFrom('', '!', '&'), name), { maxLength: 4 });
  fc.assert(
    fc.property(groups, asks, fc.boolean(), (tags, asked, matchAny) => {
      const all = tags.map((each) => tagged(...each));
      const found = all.filter(
        tagFilter(all, { tags: asked.map((parts) => parts.join('')), matchAny, userAgent: null }),
      );
      const unwanted = asked.filter(([mark]) => mark === '!').map(([, tag]) => tag);
      const needed = asked.filter(([mark]) => mark === '&').map(([, tag]) => tag);
      for (const target of found) {
        expect(unwanted.filter((tag) => target.tags.includes(tag))).toEqual([]);
        expect(needed.filter((tag) => !target.tags.includes(tag))).toEqual([]);
      }
    }),
    { numRuns: 200 },
  );
});
