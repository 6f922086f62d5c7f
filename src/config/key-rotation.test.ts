import { describe, expect, test } from 'bun:test';
import { readKeyRotation } from './key-rotation.ts';

const read = (env: Record<string, string>) => readKeyRotation((name) => env[name]);
const ON = { LITELLM_KEY_ROTATION_ENABLED: 'true' };

describe('rotation of keys', () => {
  test('is off unless it is turned on', () => {
    expect(read({})).toBeUndefined();
    expect(read({ LITELLM_KEY_ROTATION_ENABLED: 'false', LITELLM_KEY_ROTATION_GRACE_PERIOD: '1d' })).toBeUndefined();
  });

  test('looks once a day, and lets the old secret work no longer, unless told otherwise', () => {
    expect(read(ON)).toEqual({ checkMs: 86_400_000, gracePeriod: null, url: null, token: null });
  });

  test('takes its settings from the environment', () => {
    const given = {
      LITELLM_KEY_ROTATION_ENABLED: 'True',
      LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS: '60',
      LITELLM_KEY_ROTATION_GRACE_PERIOD: '24h',
      TOLLGATE_KEY_ROTATION_URL: 'https://vault.example.com/keys',
      TOLLGATE_KEY_ROTATION_TOKEN: 't',
    };
    expect(read(given)).toEqual({
      checkMs: 60_000,
      gracePeriod: '24h',
      url: 'https://vault.example.com/keys',
      token: 't',
    });
  });

  test.each([
    ['LITELLM_KEY_ROTATION_ENABLED', 'perhaps'],
    ['LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS', '0'],
    ['LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS', 'daily'],
    ['LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS', '9999999'],
    ['LITELLM_KEY_ROTATION_GRACE_PERIOD', 'a while'],
    ['TOLLGATE_KEY_ROTATION_URL', 'vault.example.com'],
    ['TOLLGATE_KEY_ROTATION_URL', 'file:///etc/passwd'],
  ])('does not start with %s=%s', (name, value) => {
    expect(() => read({ ...ON, [name]: value })).toThrow(name);
  });
});
