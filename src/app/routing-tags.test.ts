import { describe, expect, test } from 'bun:test';
import { sampleCall, sampleCaller } from '../../test/support/call-parts.ts';
import type { Call, Caller } from '../gateway/call.ts';
import { routingTags, type TagSettings } from './routing-tags.ts';

const PLAIN: TagSettings = { tagMatchAny: true, tagPrefix: '' };
const PREFIXED: TagSettings = { tagMatchAny: true, tagPrefix: 'route:' };

/** All that is read of teams and projects. */
const owner = (...tags: unknown[]): never => ({ metadata: { tags } }) as never;

const callOf = (tags: readonly string[], caller: Partial<Caller> = {}, over: Partial<Call> = {}): Call =>
  Object.assign(sampleCall({ controls: { tags } }), { caller: sampleCaller(caller) }, over);

describe('the tags of a call', () => {
  test('are its own and those of its key, team and project, each once', () => {
    const caller = { metadata: { tags: ['key', 'own'] }, team: owner('team', 7), project: owner('project') };
    expect(routingTags(callOf(['own', 'other'], caller), PLAIN)).toEqual({
      tags: ['own', 'other', 'key', 'team', 'project'],
      declaredTags: [],
      ownersTags: ['key', 'own', 'team', 'project'],
    });
  });

  test('are none where nobody has any', () => {
    expect(routingTags(callOf([]), PLAIN)).toEqual({ tags: [] });
    expect(routingTags(callOf([], { metadata: { tags: 'x' } }), PLAIN).tags).toEqual(['x']);
  });

  test('count with a prefix only where they have it or are an owner’s, and lose it', () => {
    const caller = { metadata: { tags: ['&key', 'route:!keys-own'] } };
    expect(routingTags(callOf(['noise', 'route:own', 'route:&must'], caller), PREFIXED)).toEqual({
      tags: ['own', '&must', '&key', '!keys-own'],
      declaredTags: ['own', 'must', 'keys-own'],
      ownersTags: ['&key', '!keys-own'],
    });
  });

  test('of a client that repeats an owner’s count as the owner’s', () => {
    const { tags, ownersTags } = routingTags(callOf(['&eu', '!eu'], { metadata: { tags: ['&eu'] } }), PREFIXED);
    expect([tags, ownersTags]).toEqual([['&eu'], ['&eu']]);
  });
});

describe('beside a stored tag that names its deployments', () => {
  const guests = { endUser: null, tags: [{ id: 'naming', models: ['m'] }] } as never; // All that is read of them.
  const call = callOf(['naming', 'other', '!not'], {}, { guests, mayServe: () => true });

  test('only marked ones count where any tag is enough', () => {
    expect(routingTags(call, PLAIN).tags).toEqual(['!not']);
  });

  test('all others count where all of them must match', () => {
    expect(routingTags(call, { ...PLAIN, tagMatchAny: false }).tags).toEqual(['other', '!not']);
  });
});
