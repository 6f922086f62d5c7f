import { describe, expect, test } from 'bun:test';
import { load } from '../../test/support/config-files.ts';
import { ConfigError } from './findings.ts';
import { isChangeable, type SettingsLayer } from './layer.ts';

const FILE = `
model_list:
  - {model_name: first, litellm_params: {model: openai/a, api_key: sk-of-the-provider}}
router_settings: {num_retries: 1, fallbacks: [{first: [later]}]}
litellm_settings:
  default_key_generate_params: {metadata: {webhook_secret: hush, team: red, max_tokens: 5}}
general_settings: {master_key: sk-of-the-master, completion_model: first, database_url: 'postgres://me:pw@db/x'}
`;
const layered = (settings: SettingsLayer, served: readonly string[] = ['later']) =>
  load(FILE, {}, { settings, served });

describe('a layer', () => {
  test('lies over the file key by key', () => {
    const { router, general } = layered({
      router_settings: { timeout: 5 },
      general_settings: { completion_model: 'b' },
    });
    expect(router).toMatchObject({ numRetries: 1, timeoutMs: 5_000, fallbacks: { first: ['later'] } });
    expect(general).toMatchObject({ completionModel: 'b', masterKey: 'sk-of-the-master' });
  });

  test('makes a section that the file does not have', () => {
    const text = 'model_list: []';
    expect(load(text, {}, { settings: { router_settings: { num_retries: 9 } }, served: [] }).router.numRetries).toBe(9);
  });

  test('without anything in it changes nothing', () => {
    const { router, general, litellm, written } = layered({ router_settings: {}, litellm_settings: {} });
    const { router: alone, ...rest } = layered({});
    expect(router).toEqual(alone);
    expect({ general, litellm, written }).toEqual({
      general: rest.general,
      litellm: rest.litellm,
      written: rest.written,
    });
  });

  test('is read by the same readers: the fault names the key and no line', () => {
    try {
      layered({ router_settings: { num_retries: 'many' } });
      expect.unreachable();
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      const faults = thrown.findings.filter(({ level }) => level === 'error');
      expect(faults).toMatchObject([{ path: 'router_settings.num_retries', position: { file: '' } }]);
    }
  });

  test('may lead to names that only the database has', () => {
    expect(() => layered({}, [])).toThrow('later');
    expect(layered({ router_settings: { default_fallbacks: ['later'] } }).router.defaultFallbacks).toEqual(['later']);
  });
});

describe('what is written', () => {
  test('is shown without secrets, which are texts, and with what lies over it', () => {
    const { written } = layered({ router_settings: { num_retries: 4 } });
    expect(written).toEqual({
      router_settings: { num_retries: 4, fallbacks: [{ first: ['later'] }] },
      litellm_settings: {
        default_key_generate_params: { metadata: { webhook_secret: '********', team: 'red', max_tokens: 5 } },
      },
      general_settings: { master_key: '********', completion_model: 'first', database_url: '********' },
    });
  });

  test('keeps the names of variables, whose values it does not tell', () => {
    const { written } = load('{model_list: [], general_settings: {master_key: os.environ/KEY}}', { KEY: 'sk-hidden' });
    expect(written).toMatchObject({ general_settings: { master_key: 'os.environ/KEY' } });
    expect(JSON.stringify(written)).not.toContain('sk-hidden');
  });

  test('leaves out what nothing acts on', () => {
    const { written } = load('{model_list: [], general_settings: {alerting: [slack]}}');
    expect(written).toEqual({ router_settings: {}, litellm_settings: {}, general_settings: {} });
  });
});

test.each([
  ['router_settings', 'num_retries', true],
  ['router_settings', 'redis_password', false],
  ['litellm_settings', 'drop_params', true],
  ['general_settings', 'enforce_user_param', true],
  ['general_settings', 'master_key', false],
  ['general_settings', 'database_url', false],
  ['general_settings', 'toString', false],
] as const)('%s.%s may change at run time: %p', (section, name, may) => {
  expect(isChangeable(section, name)).toBe(may);
});
