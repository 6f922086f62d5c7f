import { describe, expect, test } from 'bun:test';
import { complaints, told, treeFrom } from '../../test/support/config-trees.ts';
import { type DeploymentParams, readParams } from './deployment-params.ts';
import { Findings } from './findings.ts';
import { resolveReferences } from './read-files.ts';

function read(text: string, lookup: (name: string) => string | undefined = () => undefined) {
  const findings = new Findings();
  const params = readParams(resolveReferences(treeFrom(text), lookup), 'p', findings);
  return { params, findings };
}

const with_ = (rest: string): string => `model: openai/x\n${rest}`;

const GOOD: readonly (readonly [written: string, params: Partial<DeploymentParams>])[] = [
  ['custom_llm_provider: groq', { customProvider: 'groq' }],
  ['api_key: 123', { apiKey: '123' }],
  ['api_base: http://a', { apiBase: 'http://a' }],
  ['base_url: http://b', { apiBase: 'http://b' }],
  ['{api_base: "http://a", base_url: "http://b"}', { apiBase: 'http://a' }],
  ['api_version: 2024-10-21', { apiVersion: '2024-10-21' }],
  ['organization: one', { organizations: ['one'] }],
  ['organization: [one, two]', { organizations: ['one', 'two'] }],
  ['extra_headers: {x-a: 1, x-b: }', { extraHeaders: { 'x-a': '1' } }],
  ['timeout: 1.5', { timeoutMs: 1500 }],
  ['request_timeout: 2', { timeoutMs: 2000 }],
  ['{request_timeout: 2, timeout: 3}', { timeoutMs: 3000 }],
  ['stream_timeout: "4"', { streamTimeoutMs: 4000 }],
  ['num_retries: 0', { numRetries: 0 }],
  ['weight: 0.5', { weight: 0.5 }],
  ['weight: 0', { weight: 0 }],
  ['{rpm: "60", tpm: 1000}', { rpm: 60, tpm: 1000 }],
  ['max_parallel_requests: 1', { maxParallelRequests: 1 }],
  ['order: 2', { order: 2 }],
  ['tags: free', { tags: ['free'] }],
  ['tag_regex: ["^User-Agent: a", "b+"]', { tagPatterns: ['^User-Agent: a', 'b+'] }],
  ['cooldown_time: 0', { cooldownMs: 0 }],
  ['cooldown_time: 0.25', { cooldownMs: 250 }],
  ['silent_model: shadow', { silentModels: ['shadow'] }],
  ['{max_budget: 1.5, budget_duration: 1d}', { maxBudgetUsd: 1.5, budgetDuration: '1d' }],
  ['mock_response: Hi', { mockResponse: 'Hi' }],
  ['fake_stream: true', { fakeStream: true }],
  ['fake_stream: "False"', { fakeStream: false }],
  ['litellm_credential_name: main', { credentialName: 'main' }],
  ['litellm_credential_name: ""', { credentialName: undefined }],
  ['drop_params: false', { dropParams: false }],
  ['additional_drop_params: [user]', { additionalDropParams: ['user'] }],
  ['allowed_openai_params: [tools]', { allowedParams: ['tools'] }],
  ['configurable_clientside_auth_params: [api_key]', { takesCallerKey: true }],
  ['configurable_clientside_auth_params: api_key', { takesCallerKey: true }],
  ['{temperature: 0, stop: [a], top_a: 1}', { defaults: { temperature: 0, stop: ['a'], top_a: 1 } }],
  ['extra_body: {a: {b: 1}}', { defaults: { a: { b: 1 } } }],
  ['{temperature: 1, extra_body: {temperature: 2}}', { defaults: { temperature: 2 } }],
  ['{extra_body: {temperature: 2}, temperature: 1}', { defaults: { temperature: 2 } }],
  ['{temperature: }', { defaults: {} }],
  ['region_name: eu', { region: 'eu', providerSettings: { region_name: 'eu' } }],
  ['region_name: 7', { region: undefined, providerSettings: { region_name: 7 } }],
  ['vertex_credentials: {type: a}', { providerSettings: { vertex_credentials: { type: 'a' } }, defaults: {} }],
  ['input_cost_per_token: 1e-6', { prices: { input_cost_per_token: 0.000_001 } }],
  [
    'output_cost_per_token_above_200k_tokens: "0.5"',
    { prices: { output_cost_per_token_above_200k_tokens: 0.5 }, defaults: {} },
  ],
];

describe('the parameters of a deployment', () => {
  test.each(GOOD)('with %s are read, and nothing is complained of', (written, expected) => {
    const { params, findings } = read(
      written.startsWith('{') ? `{model: openai/x, ${written.slice(1)}` : with_(written),
    );
    expect(params).toMatchObject(expected);
    expect(params.model).toBe('openai/x');
    expect(complaints(findings)).toEqual([]);
  });

  test('say nothing of what is not written', () => {
    const { params } = read('model: openai/x');
    expect(Object.entries(params).filter(([, value]) => value !== undefined)).toEqual([
      ['extraHeaders', {}],
      ['tags', []],
      ['silentModels', []],
      ['tagPatterns', []],
      ['model', 'openai/x'],
      ['organizations', []],
      ['additionalDropParams', []],
      ['allowedParams', []],
      ['defaults', {}],
      ['providerSettings', {}],
      ['prices', {}],
    ]);
  });

  const MISSING = 'error p.model: is missing; it names the provider and the model, such as provider/model';
  test.each([
    ['api_key: k', [`1:1 ${MISSING}`]],
    ['model: ""', [`1:1 ${MISSING}`]],
    ['model:', [`1:1 ${MISSING}`]],
    ['{}', [`1:1 ${MISSING}`]],
    [
      'model: os.environ/MODEL',
      [
        '1:8 warning p.model: the environment variable MODEL is not set, so this key counts as not given',
        `1:1 ${MISSING}`,
      ],
    ],
    ['model: [a]', ['1:8 error p.model: must be text, not a list']],
    ['model: true', ['1:8 error p.model: must be text, not the boolean true']],
    ['[a]', ['1:1 error p: must be a mapping, not a list']],
    ['~', []],
  ])('written as %j have no model, which is said once', (text, said) => {
    const { params, findings } = read(text);
    expect(params.model).toBeUndefined();
    expect(complaints(findings)).toEqual(said);
  });

  const TYPING = 'looks like a typing error.';
  test.each([
    ['api_kye: k', `2:1 unknown p.api_kye: ${TYPING} Did you mean "api_key"?`],
    ['api-key: k', `2:1 unknown p.api-key: ${TYPING} Did you mean "api_key"?`],
    ['temprature: 1', `2:1 unknown p.temprature: ${TYPING} Did you mean "temperature"?`],
    ['timeuot: 1', `2:1 unknown p.timeuot: ${TYPING} Did you mean "timeout"?`],
    ['vertex_projct: a', `2:1 unknown p.vertex_projct: ${TYPING} Did you mean "vertex_project"?`],
    [
      'input_cost_per_tokn: 1',
      '2:1 unknown p.input_cost_per_tokn: nobody knows this price field. Did you mean "input_cost_per_token"?',
    ],
    [
      'zzzz_cost_per_zzzzzzzzzzzzzzzzz: 1',
      '2:1 unknown p.zzzz_cost_per_zzzzzzzzzzzzzzzzz: nobody knows this price field.',
    ],
    ['timeout: 0', '2:10 error p.timeout: must be a number of seconds, more than 0, not the number 0'],
    ['cooldown_time: -1', '2:16 error p.cooldown_time: must be a number of seconds, 0 or more, not the number -1'],
    ['rpm: 1.5', '2:6 error p.rpm: must be a whole number, 0 or more, not the number 1.5'],
    ['weight: heavy', '2:9 error p.weight: must be a number, 0 or more, not text'],
    ['api_key: [k]', '2:10 error p.api_key: must be text, not a list'],
    ['extra_headers: text', '2:16 error p.extra_headers: must be a mapping of names to texts, not text'],
    ['extra_body: [a]', '2:13 error p.extra_body: must be a mapping, not a list'],
    ['input_cost_per_token: -1', '2:23 error p.input_cost_per_token: must be a number, 0 or more, not the number -1'],
    [
      'configurable_clientside_auth_params: [{api_base: "^https"}, organization]',
      '2:38 warning p.configurable_clientside_auth_params: api_base, organization: clients can never set this, only api_key; it is left out',
    ],
    ['tag_regex: ["("]', '2:1 warning p.tag_regex: "(" is no regular expression; it is left out'],
  ])('with %s say what is wrong with it, and pass nothing of it on', (written, line) => {
    const { params, findings } = read(with_(written));
    expect(complaints(findings)).toEqual([line]);
    expect(params).toEqual(read('model: openai/x').params);
  });

  test('that nobody knows go to the upstream, with a warning', () => {
    const { params, findings } = read(with_('quite_another_thing: {a: [1]}'));
    expect(params.defaults).toEqual({ quite_another_thing: { a: [1] } });
    expect(complaints(findings)).toEqual([
      '2:1 warning p.quite_another_thing: nobody knows this key; sent to the upstream as a default parameter',
    ]);
  });

  test('of later never go to the upstream', () => {
    const { params, findings } = read(with_('cache_control_injection_points: [a]'));
    expect(params.defaults).toEqual({});
    expect(told(findings).at(-1)).toBe(
      '2:1 ignored p.cache_control_injection_points: LiteLLM has this key; Tollgate does not act on it yet',
    );
  });

  test('of which one pattern is wrong keep the others', () => {
    expect(read(with_('tag_regex: ["a+", "[", "b"]')).params.tagPatterns).toEqual(['a+', 'b']);
  });

  test('named like an inherited property are only names', () => {
    const { params } = read(with_('__proto__: {polluted: 1}'));
    expect(Object.keys(params.defaults)).toEqual(['__proto__']);
    expect(params.defaults['polluted']).toBeUndefined();
  });

  test.each([
    ['api_key', 'apiKey'],
    ['api_base', 'apiBase'],
  ] as const)('take %s from the environment, and warn where it is not set', (key, name) => {
    const text = with_(`${key}: os.environ/V`);
    expect(read(text, () => 'value').params[name]).toBe('value');
    const { params, findings } = read(text);
    expect(params[name]).toBeUndefined();
    expect(complaints(findings)).toEqual([
      `2:${key.length + 3} warning p.${key}: the environment variable V is not set, so this key counts as not given`,
    ]);
  });

  test.each(['temperature', 'aws_region_name'])('leave %s out where its variable is not set', (key) => {
    const { params, findings } = read(with_(`${key}: os.environ/V`));
    expect([params.defaults, params.providerSettings]).toEqual([{}, {}]);
    expect(complaints(findings)).toHaveLength(1);
  });

  test('tell of each key what becomes of it', () => {
    const { findings } = read(with_('temperature: 1\naws_region_name: eu\ninput_cost_per_token: 0\nrpm: 1'));
    expect(told(findings)).toEqual([
      '1:1 honoured p.model: in use',
      '2:1 honoured p.temperature: a default of each request',
      '3:1 honoured p.aws_region_name: handed to the provider',
      '4:1 honoured p.input_cost_per_token: in use',
      '5:1 honoured p.rpm: in use',
    ]);
  });
});
