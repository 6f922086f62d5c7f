/** Deployments and credentials that are stored, and `credential_list`. */
import { describe, expect, test } from 'bun:test';
import { errorsOf, load, TEST_PROVIDERS } from '../../test/support/config-files.ts';
import { asText, isSecretParam } from './shown-params.ts';
import { readStoredCredential, readStoredDeployment } from './stored-deployment.ts';

const context = {
  knownProviders: TEST_PROVIDERS,
  environmentName: undefined,
  lookup: (name: string) => (name === 'KEY' ? 'from the environment' : undefined),
};
const read = (params: object, info: object = {}) =>
  readStoredDeployment({ id: 'id', modelName: 'm', params: { ...params }, info: { ...info } }, context);

describe('a stored deployment', () => {
  test('is what the same entry of the file is, but for its place and its id', () => {
    const entry = {
      model_name: 'm',
      litellm_params: {
        model: 'groq/x',
        api_key: 'k',
        timeout: 5,
        temperature: 1,
        extra_body: { a: [1, null] },
        rpm: '7',
      },
      model_info: { id: 'id', mode: 'chat', base_model: 'y', input_cost_per_token: 1 },
    };
    const [fromFile] = load(JSON.stringify({ model_list: [entry] })).deployments;
    const [stored] = read(entry.litellm_params, entry.model_info).deployments;
    expect({ ...stored, position: undefined }).toEqual({ ...fromFile, position: undefined } as never);
  });

  test('resolves references as the file does', () => {
    expect(read({ model: 'openai/x', api_key: 'os.environ/KEY' }).deployments[0]?.apiKey).toBe('from the environment');
    expect(read({ model: 'openai/x', api_key: 'os.environ/UNSET' }).deployments[0]?.apiKey).toBeUndefined();
  });

  test('with a fault is none, and each fault names its path', () => {
    const { deployments, faults } = read({ model: 'openai/x', timeout: 'x', api_kye: 1 }, { mod: 1 });
    expect(deployments).toEqual([]);
    expect(faults.map(({ path }) => path).toSorted()).toEqual([
      'litellm_params.api_kye',
      'litellm_params.timeout',
      'model_info.mod',
    ]);
  });

  test('for a provider of later, or for another environment, says why it is absent', () => {
    expect(read({ model: 'triton/x' }).absence).toBe('the provider "triton" is not supported yet');
    expect(read({ model: 'openai/x' }, { supported_environments: ['a'] }).absence).toContain('LITELLM_ENVIRONMENT');
    expect(read({ model: 'openai/x' }).absence).toBeUndefined();
  });

  test('takes a key named __proto__ for a key', () => {
    const params = JSON.parse('{"model":"openai/x","extra_body":{"__proto__":{"a":1}}}');
    expect(Object.keys(read(params).deployments[0]?.defaults ?? {})).toEqual(['__proto__']);
  });
});

describe('a stored credential', () => {
  test('takes settings of providers and nothing that would go into a body', () => {
    const values = { api_key: 'k', aws_region_name: 'eu', extra_headers: { a: 'b' } };
    expect(readStoredCredential(values, context.lookup)).toMatchObject({
      values: { apiKey: 'k', providerSettings: { aws_region_name: 'eu' }, extraHeaders: { a: 'b' } },
      faults: [],
    });
    expect(readStoredCredential({ max_tokens: 1 }, context.lookup).faults).toMatchObject([
      { path: 'credential_values.max_tokens' },
    ]);
  });
});

describe('credential_list', () => {
  test('is read by name', () => {
    const { credentials } = load(
      'credential_list: [{credential_name: a, credential_values: {api_key: os.environ/KEY}, credential_info: {x: 1}}]',
      { KEY: 'k' },
    );
    expect(credentials['a']).toMatchObject({ name: 'a', values: { apiKey: 'k' }, info: { x: 1 } });
  });

  test.each([
    ['credential_list: 5', 'credential_list: must be a list of credentials'],
    ['credential_list: [{credential_values: {}}]', 'credential_list.0.credential_name: is missing'],
    [
      'credential_list: [{credential_name: a}, {credential_name: a}]',
      'credential_list.1.credential_name: "a" is the name of',
    ],
    ['credential_list: [{credential_name: a, credential_values: {api_kye: x}}]', 'Did you mean "api_key"?'],
    ['credential_list: [{credential_nam: a}]', 'Did you mean "credential_name"?'],
  ])('%s is refused', (text, words) => {
    expect(errorsOf(text).join('\n')).toContain(words);
  });
});

describe('what counts as a secret', () => {
  test('is every text whose name is not known to hold none', () => {
    for (const name of [
      'api_key',
      'azure_ad_token',
      'aws_secret_access_key',
      'extra_headers',
      'extra_body',
      'whatever',
    ])
      expect(isSecretParam(name, 'x')).toBe(true);
    for (const name of ['model', 'api_version', 'temperature', 'stop', 'litellm_credential_name'])
      expect(isSecretParam(name, 'x')).toBe(false);
  });

  test('is an address only when it carries something', () => {
    expect(isSecretParam('api_base', 'https://host/v1')).toBe(false);
    for (const address of ['https://user:pass@host', 'https://host/?key=x', 'https://host/#x'])
      expect(isSecretParam('api_base', address)).toBe(true);
  });

  test('is no reference to the environment', () => {
    expect(isSecretParam('api_key', 'os.environ/KEY')).toBe(false);
    expect(isSecretParam('api_key', 'os.environ/KEY and more')).toBe(true);
  });

  test('includes keys and headers that are numbers, which become text', () => {
    expect(asText('api_key', 5)).toBe('5');
    expect(asText('aws_secret_access_key', 5)).toBe('5');
    expect(asText('extra_headers', { a: 5, b: 'x' })).toEqual({ a: '5', b: 'x' });
    expect(asText('rpm', 5)).toBe(5);
    expect(asText('temperature', 5)).toBe(5);
    expect(asText('extra_body', { a: 5 })).toEqual({ a: 5 });
  });
});
