import { describe, expect, test } from 'bun:test';
import { load } from '../../test/support/config-files.ts';
import type { Target } from '../providers/adapter.ts';
import { targetsOf } from './targets.ts';

type Environment = Readonly<Record<string, string>>;

/** Targets of a model list; each entry is the JSON of its parameters, beside its name. */
function targets(
  entries: readonly (readonly [string, object])[],
  environment: Environment = {},
  settings = '',
): readonly Target[] {
  const list = entries.map(([name, params]) => ({ model_name: name, litellm_params: params }));
  const config = load(`model_list: ${JSON.stringify(list)}\n${settings}`, environment);
  return targetsOf(config, {
    lookUp: (name) => environment[name],
    inferProvider: (model) => (model.startsWith('gpt-') ? 'openai' : undefined),
  });
}

const target = (params: object, environment: Environment = {}, settings = ''): Target => {
  const [first] = targets([['m', params]], environment, settings);
  if (!first) throw new Error('No target');
  return first;
};

describe('the provider', () => {
  test.each([
    ['from the prefix', { model: 'groq/llama-3' }, 'groq/llama-3'],
    ['from custom_llm_provider', { model: 'llama-3', custom_llm_provider: 'groq' }, 'groq/llama-3'],
    ['from the catalog', { model: 'gpt-4o' }, 'openai/gpt-4o'],
    ["is OpenAI's wire at an own address", { model: 'mine', api_base: 'http://a/v1' }, 'openai/mine'],
    ["is OpenAI's wire for a mock", { model: 'mine', mock_response: 'Hi' }, 'openai/mine'],
  ])('%s', (_, params, full) => {
    const found = target(params);
    expect(found.litellmModel).toBe(full);
    expect(`${found.adapter.id}/${found.upstreamModel}`).toBe(full);
  });

  test('that cannot be told names the entry, its place and what to write', () => {
    expect(() => target({ model: 'mystery' })).toThrow(
      /config\.yaml:\d+:\d+ model_list entry "m": cannot tell the provider of model "mystery"; write it as .*openai\/mystery/,
    );
  });
});

describe('address and key', () => {
  const environment = { OPENAI_API_KEY: 'from-env', OPENAI_API_BASE: 'http://env/v1' };

  test('come from the entry, then the environment, then the provider', () => {
    const own = target({ model: 'openai/x', api_base: 'http://own/v1', api_key: 'own' }, environment);
    expect([own.baseUrl, own.apiKey]).toEqual(['http://own/v1', 'own']);
    const fromEnv = target({ model: 'openai/x' }, environment);
    expect([fromEnv.baseUrl, fromEnv.apiKey]).toEqual(['http://env/v1', 'from-env']);
    const built = target({ model: 'openai/x' });
    expect([built.baseUrl, built.apiKey]).toEqual(['https://api.openai.com/v1', undefined]);
  });

  test("are never another provider's", () => {
    expect(target({ model: 'groq/x' }, environment).apiKey).toBeUndefined();
    expect(target({ model: 'groq/x' }, environment).baseUrl).toContain('groq.com');
  });

  test('lose the slashes at the end of the address', () => {
    expect(target({ model: 'openai/x', api_base: 'http://own/v1//' }).baseUrl).toBe('http://own/v1');
  });

  test('are asked for where the provider has no address of its own, but not of a mock', () => {
    expect(() => target({ model: 'hosted_vllm/x' })).toThrow(
      'hosted_vllm has no address of its own; set litellm_params.api_base',
    );
    expect(target({ model: 'hosted_vllm/x', mock_response: 'Hi' }).baseUrl).toBe('');
  });
});

describe('weights', () => {
  const weightsOf = (...members: object[]): number[] =>
    targets(members.map((params) => ['m', { model: 'openai/x', ...params }] as const)).map(({ weight }) => weight);

  test.each([
    ['nothing', [{}, {}], [1, 1]],
    ['weight', [{ weight: 3 }, { weight: 1 }], [3, 1]],
    ['rpm', [{ rpm: 600 }, { rpm: 200 }], [600, 200]],
    ['tpm', [{ tpm: 1000 }, { tpm: 9000 }], [1000, 9000]],
    ['weight before rpm, and 1 where it is missing', [{ weight: 3, rpm: 5 }, { rpm: 7 }], [3, 1]],
    ['rpm before tpm', [{ rpm: 5, tpm: 100 }, { tpm: 900 }], [5, 1]],
  ])('follow %s', (_, members, expected) => {
    expect(weightsOf(...members)).toEqual(expected);
  });

  test('of one group say nothing of another', () => {
    const found = targets([
      ['a', { model: 'openai/x', weight: 9 }],
      ['b', { model: 'openai/x', rpm: 4 }],
    ]);
    expect(found.map(({ weight }) => weight)).toEqual([9, 4]);
  });
});

describe('drop_params', () => {
  const settings = 'litellm_settings: {drop_params: true}';

  test('of the entry goes before that of everything', () => {
    expect(target({ model: 'openai/x' }, {}, settings).dropParams).toBe(true);
    expect(target({ model: 'openai/x', drop_params: false }, {}, settings).dropParams).toBe(false);
    expect(target({ model: 'openai/x' }).dropParams).toBe(false);
  });
});

test('what belongs to the request goes with it: defaults, headers, limits, prices', () => {
  const found = target({
    model: 'openai/x',
    temperature: 0.5,
    extra_headers: { 'x-a': '1' },
    timeout: 3,
    stream_timeout: 4,
    num_retries: 2,
    organization: 'org',
    input_cost_per_token: 1e-6,
    output_cost_per_token: 2e-6,
  });
  expect(found).toMatchObject({
    modelGroup: 'm',
    defaults: { temperature: 0.5 },
    extraHeaders: { 'x-a': '1' },
    timeoutMs: 3_000,
    streamTimeoutMs: 4_000,
    numRetries: 2,
    organization: 'org',
    customPrices: { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
  });
});

test("settings that only the adapter understands come from the entry, then from the adapter's own variables", () => {
  const environment = { AZURE_API_VERSION: '2024-01-01', AZURE_AD_TOKEN: 'token' };
  const azure = { model: 'azure/d', api_base: 'http://a' };
  expect(target(azure, environment).settings).toMatchObject({ apiVersion: '2024-01-01', entra: { token: 'token' } });
  expect(target({ ...azure, api_version: '2025-01-01' }, environment).settings).toMatchObject({
    apiVersion: '2025-01-01',
  });
});

test('settings that name a variable of the environment find it there', () => {
  const azure = {
    model: 'azure/d',
    api_base: 'http://a',
    tenant_id: 't',
    client_id: 'c',
    azure_ad_token: 'oidc/env/ID',
  };
  expect(() => target(azure)).toThrow('oidc/env needs the environment variable ID, which is not set');
  expect(target(azure, { ID: 'assertion' }).settings).toMatchObject({ entra: { signIn: { kind: 'assertion' } } });
});

test('settings that an adapter refuses are told with the entry and its reason', () => {
  const azure = { model: 'azure/d', api_base: 'http://a', api_version: 'soon' };
  expect(() => target(azure)).toThrow(/model_list entry "m": api_version must be a date/);
});

test('a context window of the entry’s own goes with it, when it is one', () => {
  const windowOf = (info: object): number | undefined =>
    targetsOf(
      load(
        `model_list: ${JSON.stringify([{ model_name: 'm', litellm_params: { model: 'openai/m' }, model_info: info }])}`,
      ),
      { lookUp: () => undefined, inferProvider: () => undefined },
    )[0]?.maxInputTokens;
  expect([windowOf({ max_input_tokens: 4_096 }), windowOf({ max_input_tokens: 'many' }), windowOf({})]).toEqual([
    4_096,
    undefined,
    undefined,
  ]);
});

test('what is known of a model is the catalog’s word, but for what the operator says of it', () => {
  const flags = { supports_vision: true, supports_reasoning: true };
  const knownOf = (info: object, abilities?: { maxOutputTokens: number | undefined }) => {
    const list = [{ model_name: 'm', litellm_params: { model: 'openai/gpt-x' }, model_info: info }];
    const known = abilities && { ...abilities, flags, provider: 'p', mode: 'chat', fields: {} };
    const catalog = { abilities: () => known && { ...known, maxInputTokens: 1, deprecationDate: undefined } };
    const parts = { lookUp: () => undefined, inferProvider: () => undefined, ...catalog };
    return targetsOf(load(`model_list: ${JSON.stringify(list)}`), parts)[0]?.knownModel?.('gpt-x');
  };
  expect(knownOf({})).toBeUndefined();
  expect(knownOf({}, { maxOutputTokens: 100 })).toEqual({ maxOutputTokens: 100, flags });
  const info = { max_output_tokens: 50, supports_vision: false, supports_pdf_input: true, mode: 'chat' };
  expect(knownOf(info, { maxOutputTokens: 100 })).toEqual({
    maxOutputTokens: 50,
    flags: { supports_vision: false, supports_reasoning: true, supports_pdf_input: true },
  });
  expect(knownOf({ max_tokens: 70 })).toEqual({ maxOutputTokens: 70, flags: {} });
});

describe('what a model cannot take', () => {
  const sent = (params: object): unknown => {
    const own = target({ model: 'openai/gpt-4o', ...params });
    const request = {
      model: 'gpt-4o',
      messages: [
        { role: 'system', content: 'S' },
        { role: 'user', content: 'U' },
      ],
    };
    const input = {
      ...{ request, text: JSON.stringify(request), gatewayKeys: [], dropParams: undefined },
      ...{ additionalDropParams: [], allowedParams: [] },
    };
    return JSON.parse(own.adapter.buildRequest(input, own, []).body).messages;
  };

  test('is put differently for its deployment alone', () => {
    expect(sent({ supports_system_message: false })).toEqual([{ role: 'user', content: 'S\n\nU' }]);
    expect(sent({})).toHaveLength(2);
  });

  test('stops the start when it is said wrongly', () => {
    expect(() => target({ model: 'openai/gpt-4o', ensure_alternating_roles: 'sometimes' })).toThrow(
      'ensure_alternating_roles must be',
    );
  });
});
