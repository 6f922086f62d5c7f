import { describe, expect, test } from 'bun:test';
import { load } from '../../test/support/config-files.ts';
import { digest } from '../auth/digest.ts';
import { builtInConfig } from '../config/built-in.ts';
import { readEnv } from '../config/env.ts';
import { createTryKey } from './try-key.ts';

const NOW_MS = 1_764_000_000_000;
const builtIn = builtInConfig({ env: readEnv({}), providerKeys: [] });
const bytes = (fill: number) => () => new Uint8Array(32).fill(fill);

describe('without a configuration file', () => {
  const key = createTryKey(builtIn, NOW_MS, bytes(7));

  test('there is a key that looks like one and is known by its digest', () => {
    expect(key?.secret).toMatch(/^sk-try-[\w-]{43}$/);
    expect(key?.hash).toBe(digest(key?.secret ?? ''));
    expect(key?.loaded.caller.keyHash).toBe(key?.hash ?? 'none');
  });

  test('it reaches the mock model alone, for an hour, and manages nothing', () => {
    expect(key?.loaded).toMatchObject({ blocked: false, expiresAtMs: NOW_MS + 3_600_000 });
    expect(key?.loaded.caller).toMatchObject({ kind: 'key', models: ['mock'] });
  });

  test('what may be shown of it is its end', () => {
    expect(key?.loaded.caller.keyName).toBe(`sk-...${key?.secret.slice(-4)}`);
  });

  test('other bytes make another key', () => {
    expect(createTryKey(builtIn, NOW_MS, bytes(8))?.secret).not.toBe(key?.secret ?? '');
  });
});

test('with a file there is none, even where it has a mock model', () => {
  const config = load('model_list:\n  - model_name: m\n    litellm_params: {model: openai/m, mock_response: Hi}');
  expect(createTryKey(config, NOW_MS, bytes(1))).toBeUndefined();
});

test('without a mock model there is none', () => {
  expect(createTryKey({ ...builtIn, deployments: [] }, NOW_MS, bytes(1))).toBeUndefined();
});
