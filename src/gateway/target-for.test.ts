import { describe, expect, test } from 'bun:test';
import { adapterOf, sampleCall, sampleTarget } from '../../test/support/call-parts.ts';
import { inputFor, targetFor } from './target-for.ts';

const versioned = { ...adapterOf(), settingsEnv: { api_version: ['SOME_API_VERSION'] } };

describe('the target of a call', () => {
  test('is the deployment itself for a call that changes nothing', () => {
    const target = sampleTarget();
    expect(targetFor(sampleCall(), target)).toBe(target);
    expect(targetFor(sampleCall({ apiVersion: '2024-10-21' }), target)).toBe(target);
  });

  test('has the caller’s provider key, under an id of its own', () => {
    const target = sampleTarget({ deploymentId: 'd', takesCallerKey: true });
    const changed = targetFor(sampleCall({ controls: { apiKey: 'sk-own' } }), target);
    expect(changed).toEqual({ ...target, apiKey: 'sk-own', deploymentId: 'd:caller-key' });
  });

  test('keeps the operator’s key where callers may not bring theirs', () => {
    const target = sampleTarget();
    expect(targetFor(sampleCall({ controls: { apiKey: 'sk-own' } }), target)).toBe(target);
  });

  test('shows the caller’s key to the host that was asked first, and to no other', () => {
    const call = sampleCall({ controls: { apiKey: 'sk-own' } });
    const first = sampleTarget({ takesCallerKey: true });
    call.attempts.push({ target: first, startedAtMs: 0, endedAtMs: 1 });
    const sibling = sampleTarget({ deploymentId: 'sibling', takesCallerKey: true });
    expect(targetFor(call, sibling).apiKey).toBe('sk-own');
    const elsewhere = sampleTarget({ baseUrl: 'https://elsewhere.test/v1', takesCallerKey: true });
    expect(targetFor(call, elsewhere)).toBe(elsewhere);
  });

  test('has the caller’s API version where the operator has set none', () => {
    const call = sampleCall({ apiVersion: '2024-10-21' });
    const open = sampleTarget({ adapter: versioned, apiVersion: undefined });
    expect(targetFor(call, open)).toEqual({ ...open, apiVersion: '2024-10-21' });
    const set = sampleTarget({ adapter: versioned, apiVersion: '2025-01-01' });
    expect(targetFor(call, set)).toBe(set);
  });
});

describe('a fallback with fields of its own', () => {
  const changing = (requestChanges: Record<string, unknown>) =>
    sampleTarget({ deploymentId: 'd', requestChanges, takesCallerKey: true });

  test('asks with those, and with the rest of the request', () => {
    const call = sampleCall({ request: { temperature: 1, seed: 7 }, text: '{}' });
    const { request, text } = inputFor(call, changing({ temperature: 0, api_key: 'sk-own' }));
    expect(request).toEqual({ ...call.request, temperature: 0, seed: 7 });
    expect(text).toBeUndefined();
    expect(inputFor(call, sampleTarget())).toBe(call);
  });

  test('has its own provider key before the request’s', () => {
    const call = sampleCall({ controls: { apiKey: 'sk-of-the-request' } });
    expect(targetFor(call, changing({ api_key: 'sk-own' })).apiKey).toBe('sk-own');
    expect(targetFor(call, changing({ seed: 1 })).apiKey).toBe('sk-of-the-request');
  });

  test('does not undo what a budget has capped', () => {
    const call = sampleCall({ request: { max_tokens: 50 } });
    const changes = { max_tokens: 90_000, max_completion_tokens: 90_000, seed: 1 };
    expect(inputFor(call, changing(changes)).request).toMatchObject(changes);
    call.admittedChanges.push({ field: 'max_tokens', action: 'clamped', note: 'to 50' });
    const { request } = inputFor(call, changing(changes));
    expect(request).toMatchObject({ max_tokens: 50, seed: 1 });
    expect(request).not.toHaveProperty('max_completion_tokens');
  });
});
