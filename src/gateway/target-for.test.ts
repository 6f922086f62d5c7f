import { describe, expect, test } from 'bun:test';
import { adapterOf, sampleCall, sampleTarget } from '../../test/support/call-parts.ts';
import { targetFor } from './target-for.ts';

const versioned = { ...adapterOf(), settingsEnv: { api_version: ['SOME_API_VERSION'] } };

describe('the target of a call', () => {
  test('is the deployment itself for a call that changes nothing', () => {
    const target = sampleTarget();
    expect(targetFor(sampleCall(), target)).toBe(target);
    expect(targetFor(sampleCall({ apiVersion: '2024-10-21' }), target)).toBe(target);
  });

  test('has the caller’s provider key, under an id of its own', () => {
    const target = sampleTarget({ deploymentId: 'd' });
    const changed = targetFor(sampleCall({ controls: { apiKey: 'sk-own' } }), target);
    expect(changed).toEqual({ ...target, apiKey: 'sk-own', deploymentId: 'd:caller-key' });
  });

  test('has the caller’s API version where the operator has set none', () => {
    const call = sampleCall({ apiVersion: '2024-10-21' });
    const open = sampleTarget({ adapter: versioned, apiVersion: undefined });
    expect(targetFor(call, open)).toEqual({ ...open, apiVersion: '2024-10-21' });
    const set = sampleTarget({ adapter: versioned, apiVersion: '2025-01-01' });
    expect(targetFor(call, set)).toBe(set);
  });
});
