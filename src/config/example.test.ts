import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorsOf, TEST_PROVIDERS } from '../../test/support/config-files.ts';
import { readEnv } from './env.ts';
import { COMPLETION_DEFAULTS, PRICE_STEMS, PROVIDER_SETTINGS } from './known-params.ts';
import { loadConfig } from './load.ts';
import { hasErrors } from './report.ts';
import { HONOURED } from './schema.ts';

const FILE = join(import.meta.dir, '../../config.example.yaml');
const TEXT = readFileSync(FILE, 'utf8');
const KEYS = {
  OPENAI_API_KEY: 'sk-x',
  AZURE_API_KEY: 'x',
  AZURE_API_BASE: 'https://x',
  GROQ_API_KEY: 'x',
  LITELLM_MASTER_KEY: 'sk-y',
};

const isIn = (text: string, key: string): boolean => new RegExp(`(^|[\\s#{,-])${key}:`, 'm').test(text);

describe('config.example.yaml', () => {
  test('loads without an error, an ignored key or a warning once its variables are set', () => {
    const { findings } = loadConfig({ file: FILE, env: readEnv(KEYS), knownProviders: TEST_PROVIDERS });
    expect(hasErrors(findings)).toBe(false);
    expect(findings.filter(({ level }) => level !== 'honoured')).toEqual([]);
  });

  test('loads without any variable too, with warnings only', () => {
    const { findings } = loadConfig({ file: FILE, env: readEnv({}), knownProviders: TEST_PROVIDERS });
    expect(new Set(findings.map(({ level }) => level))).toEqual(new Set(['honoured', 'warning'] as const));
  });

  test.each(Object.entries(HONOURED))('has every honoured key of "%s"', (_, keys) => {
    expect(Object.keys(keys).filter((key) => !isIn(TEXT, key))).toEqual([]);
  });

  test('has every completion parameter, price and provider setting', () => {
    const keys = [...COMPLETION_DEFAULTS, ...PRICE_STEMS, ...PROVIDER_SETTINGS];
    expect(keys.filter((key) => !isIn(TEXT, key))).toEqual([]);
  });

  test('has commented keys that are valid when the mark is taken away', () => {
    const text = TEXT.replaceAll(/^( *)# ( *(?:- )?(?:[a-z_0-9-]+|\w+Error\w+|DefaultRetries):)(?= |$)/gm, '$1$2');
    expect(text.length).toBeLessThan(TEXT.length - 150);
    expect(errorsOf(text, { ...KEYS, DATABASE_URL: 'sqlite:x.db' })).toEqual([]);
  });
});
