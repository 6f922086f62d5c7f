import { describe, expect, test } from 'bun:test';
import { complaints, treeFrom } from '../../test/support/config-trees.ts';
import { readCredentials, readCredentialValues } from './credential-values.ts';
import { Findings } from './findings.ts';

const list = (text: string) => {
  const findings = new Findings();
  return { credentials: readCredentials(treeFrom(text), findings), said: complaints(findings) };
};
const one = (text: string) => {
  const findings = new Findings();
  return { values: readCredentialValues(treeFrom(text), 'v', findings), said: complaints(findings) };
};

describe('the list of credentials', () => {
  test('is read by name, with what is told about each', () => {
    const { credentials, said } = list(
      '[{credential_name: a, credential_values: {api_key: k}, credential_info: {of: me}}, {credential_name: b}]',
    );
    expect(said).toEqual([]);
    expect(credentials).toMatchObject({
      a: { name: 'a', values: { apiKey: 'k' }, info: { of: 'me' } },
      b: { name: 'b', values: { apiKey: undefined, extraHeaders: {}, providerSettings: {} }, info: {} },
    });
  });

  test.each(['~', '[]'])('written as %s has none', (text) => {
    expect(list(text)).toEqual({ credentials: {}, said: [] });
  });

  const MISSING = 'credential_name: is missing; deployments refer to it';
  test.each([
    ['{a: b}', '1:1 error credential_list: must be a list of credentials, not a mapping'],
    ['main', '1:1 error credential_list: must be a list of credentials, not text'],
    ['- credential_values: {}', `1:3 error credential_list.0.${MISSING}`],
    ['- credential_name: ""', `1:3 error credential_list.0.${MISSING}`],
  ])('written as %j is an error', (text, line) => {
    expect(list(text)).toEqual({ credentials: {}, said: [line] });
  });

  test('keeps the first of two of one name', () => {
    const { credentials, said } = list(
      '- {credential_name: a, credential_values: {api_key: first}}\n- {credential_name: a}',
    );
    expect(credentials['a']?.values.apiKey).toBe('first');
    expect(said).toEqual(['2:3 error credential_list.1.credential_name: "a" is the name of an earlier one']);
  });
});

describe('the values of a credential', () => {
  test.each<[string, object]>([
    ['custom_llm_provider: groq', { customProvider: 'groq' }],
    ['api_key: 12', { apiKey: '12' }],
    ['{base_url: "http://b", api_base: "http://a"}', { apiBase: 'http://a' }],
    ['base_url: http://b', { apiBase: 'http://b' }],
    ['organization: o', { organization: 'o' }],
    ['extra_headers: {a: 1}', { extraHeaders: { a: '1' } }],
    ['{aws_region_name: eu, tenant_id: }', { providerSettings: { aws_region_name: 'eu' } }],
  ])('written as %s are read', (text, values) => {
    expect(one(text)).toMatchObject({ values, said: [] });
  });

  test.each([
    ['api_kye: k', '1:1 unknown v.api_kye: nobody knows this key. Did you mean "api_key"?'],
    ['temperature: 1', '1:1 unknown v.temperature: nobody knows this key.'],
    ['aws_region: eu', '1:1 unknown v.aws_region: nobody knows this key.'],
    ['api_key: [k]', '1:10 error v.api_key: must be text, not a list'],
    ['[k]', '1:1 error v: must be a mapping, not a list'],
  ])('written as %s are refused, and nothing of it is kept', (text, line) => {
    const { values, said } = one(text);
    expect(said).toEqual([line]);
    expect(values).toEqual(one('{}').values);
  });
});
