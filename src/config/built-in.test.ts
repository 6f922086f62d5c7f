import { describe, expect, test } from 'bun:test';
import { builtInConfig } from './built-in.ts';
import { readEnv } from './env.ts';

const PROVIDERS = [
  { provider: 'openai', apiKeyEnv: ['OPENAI_API_KEY'] },
  { provider: 'together_ai', apiKeyEnv: ['TOGETHERAI_API_KEY', 'TOGETHER_API_KEY'] },
  { provider: 'lm_studio', apiKeyEnv: [] },
];

const builtIn = (environment: Record<string, string> = {}) =>
  builtInConfig({ env: readEnv(environment), providerKeys: PROVIDERS });
const names = (environment: Record<string, string>): string[] =>
  builtIn(environment).deployments.map(({ modelName }) => modelName);

describe('the configuration without a file', () => {
  test('has a mock model that answers at once and costs money on paper', () => {
    const [mock] = builtIn().deployments;
    expect(mock).toMatchObject({
      modelName: 'mock',
      model: 'openai/mock',
      customPrices: { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
    });
    expect(mock?.mockResponse).toContain('mock');
    expect(mock?.apiKey).toBeUndefined();
  });

  test('has nothing else when no provider key is there, and gpt-4 is the mock', () => {
    expect(names({})).toEqual(['mock']);
    expect(builtIn().aliases).toEqual({ 'gpt-4': { group: 'mock', hidden: false } });
  });

  test('serves every provider whose key is in the environment as a wildcard', () => {
    const config = builtIn({ TOGETHER_API_KEY: 'key-of-together' });
    expect(config.deployments[1]).toMatchObject({
      modelName: 'together_ai/*',
      model: 'together_ai/*',
      apiKey: 'key-of-together',
    });
    expect(config.deployments).toHaveLength(2);
    expect(config.aliases).toHaveProperty('gpt-4');
  });

  test('takes the first of several variables', () => {
    const config = builtIn({ TOGETHER_API_KEY: 'second', TOGETHERAI_API_KEY: 'first' });
    expect(config.deployments[1]?.apiKey).toBe('first');
  });

  test('serves bare OpenAI names when its key is there, and gpt-4 is real then', () => {
    expect(names({ OPENAI_API_KEY: 'sk-x' })).toEqual(['mock', 'openai/*', 'gpt-*', 'chatgpt-*', 'o1*', 'o3*', 'o4*']);
    const config = builtIn({ OPENAI_API_KEY: 'sk-x' });
    expect(config.aliases).toEqual({});
    expect(config.deployments.find(({ modelName }) => modelName === 'gpt-*')).toMatchObject({
      model: 'openai/gpt-*',
      apiKey: 'sk-x',
    });
  });

  test('an empty variable is no key', () => {
    expect(names({ OPENAI_API_KEY: '' })).toEqual(['mock']);
  });

  test('takes its settings from the environment and the common defaults', () => {
    const config = builtIn({ LITELLM_MASTER_KEY: 'sk-m', DATABASE_URL: 'sqlite:/x.db', REQUEST_TIMEOUT: '7' });
    expect(config.general).toMatchObject({ masterKey: 'sk-m', databaseUrl: 'sqlite:/x.db' });
    expect(config.router).toMatchObject({ numRetries: 2, timeoutMs: 7000 });
    expect(builtIn().general.databaseUrl).toBe('sqlite:data/tollgate.db');
  });

  test('comes from no file, has no findings, unique ids, and is frozen', () => {
    const config = builtIn({ OPENAI_API_KEY: 'sk-x', TOGETHER_API_KEY: 'y' });
    expect(config.files).toEqual([]);
    expect(config.findings).toEqual([]);
    expect(new Set(config.deployments.map(({ id }) => id)).size).toBe(config.deployments.length);
    expect(Object.isFrozen(config.deployments[0])).toBe(true);
  });
});
