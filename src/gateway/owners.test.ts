import { describe, expect, test } from 'bun:test';
import { sampleCall } from '../../test/support/call-parts.ts';
import { sampleCaller } from '../../test/support/callers.ts';
import { ownersOf, tagsOf } from './owners.ts';

const SETTINGS = { userAgentTags: false, endUserTracking: true };

describe('tags', () => {
  test('are the request’s, the key’s and the user agent’s, each once', () => {
    const call = sampleCall({
      caller: sampleCaller({ metadata: { tags: ['key', 'both'] } }),
      headers: { 'user-agent': 'curl/8.5' },
    });
    const tagged = { ...call, controls: { ...call.controls, tags: ['asked', 'both'] } };
    expect(tagsOf(tagged, { ...SETTINGS, userAgentTags: true })).toEqual([
      'asked',
      'both',
      'key',
      'User-Agent: curl',
      'User-Agent: curl/8.5',
    ]);
  });

  test('that are no texts are left out, and without any the request’s own list stays as it is', () => {
    const call = sampleCall({ caller: sampleCaller({ metadata: { tags: [1, null, 'a'] } }) });
    expect(tagsOf(call, SETTINGS)).toEqual(['a']);
    const plain = sampleCall();
    expect(tagsOf(plain, SETTINGS)).toBe(plain.controls.tags);
  });
});

describe('owners', () => {
  test('are those of the caller and of the request', () => {
    const caller = sampleCaller({ teamId: 't', userId: 'u', organizationId: 'o', projectId: 'p' });
    const call = sampleCall({ caller });
    const asked = { ...call, controls: { ...call.controls, endUser: 'customer' } };
    expect(ownersOf(asked, caller, SETTINGS)).toMatchObject({
      keyHash: caller.keyHash,
      teamId: 't',
      userId: 'u',
      organizationId: 'o',
      projectId: 'p',
      endUser: 'customer',
    });
    expect(ownersOf(asked, caller, { ...SETTINGS, endUserTracking: false }).endUser).toBeNull();
  });
});
