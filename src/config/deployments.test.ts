import { describe, expect, test } from 'bun:test';
import { errorsOf, findingsOf, load } from '../../test/support/config-files.ts';
import type { DeploymentConfig } from './config.ts';

/** The deployments of one entry with these parameters, written in YAML's short form. */
function deploymentsOf(
  params: string,
  info = '{}',
  environment: Readonly<Record<string, string>> = {},
): readonly DeploymentConfig[] {
  return load(`model_list:\n  - model_name: m\n    litellm_params: ${params}\n    model_info: ${info}\n`, environment)
    .deployments;
}

const one = (params: string, info?: string): DeploymentConfig | undefined => deploymentsOf(params, info)[0];
const entry = (params: string, info = '{}'): string =>
  `model_list: [{model_name: m, litellm_params: ${params}, model_info: ${info}}]`;

describe('litellm_params', () => {
  test('every honoured key arrives in its field', () => {
    expect(
      one(`{model: azure/d, custom_llm_provider: azure, api_key: k, api_base: "http://b", api_version: 2024-10-21,
      organization: org, extra_headers: {x-a: 1}, timeout: 1.5, stream_timeout: "2", num_retries: 0, weight: 0.5, rpm: 1, tpm: 2,
      mock_response: hi, drop_params: true, additional_drop_params: [stop], allowed_openai_params: [tools],
      tags: [x], tag_regex: ["^User-Agent: tool/", x]}`),
    ).toMatchObject({
      modelName: 'm',
      model: 'azure/d',
      customProvider: 'azure',
      apiKey: 'k',
      apiBase: 'http://b',
      apiVersion: '2024-10-21',
      organization: 'org',
      extraHeaders: { 'x-a': '1' },
      timeoutMs: 1500,
      streamTimeoutMs: 2000,
      numRetries: 0,
      weight: 0.5,
      rpm: 1,
      tpm: 2,
      mockResponse: 'hi',
      dropParams: true,
      additionalDropParams: ['stop'],
      allowedParams: ['tools'],
      tags: ['x'],
      tagPatterns: ['^User-Agent: tool/', 'x'],
    });
  });

  test('a pattern that cannot be read is left out, with a warning that names it', () => {
    expect(one('{model: openai/d, tag_regex: ["(", "x"]}')?.tagPatterns).toEqual(['x']);
    const warnings = findingsOf(entry('{model: openai/d, tag_regex: ["(", "x"]}')).filter(
      ({ level }) => level === 'warning',
    );
    expect(warnings).toMatchObject([
      { path: 'model_list.0.litellm_params.tag_regex', message: '"(" is no regular expression; it is left out' },
    ]);
  });

  test('base_url and request_timeout are other names of api_base and timeout, which win', () => {
    expect(one('{model: openai/x, base_url: u, request_timeout: 3}')).toMatchObject({ apiBase: 'u', timeoutMs: 3000 });
    expect(one('{model: openai/x, base_url: u, api_base: b, request_timeout: 3, timeout: 1}')).toMatchObject({
      apiBase: 'b',
      timeoutMs: 1000,
    });
  });

  test('completion parameters become defaults, and extra_body wins over them', () => {
    const deployment = one(
      '{model: openai/x, temperature: 0.5, max_tokens: 5, stop: [a, b], top_k: 1, extra_body: {max_tokens: 9, own: {deep: [1]}}}',
    );
    expect(deployment?.defaults).toEqual({
      temperature: 0.5,
      max_tokens: 9,
      stop: ['a', 'b'],
      top_k: 1,
      own: { deep: [1] },
    });
  });

  test('provider settings are kept apart from defaults', () => {
    expect(one('{model: azure/x, azure_ad_token: t, region_name: eu, vertex_credentials: {a: 1}}')).toMatchObject({
      providerSettings: { azure_ad_token: 't', region_name: 'eu', vertex_credentials: { a: 1 } },
      defaults: {},
    });
  });

  test('keys that LiteLLM keeps to itself never become defaults', () => {
    const deployment = one(
      '{model: openai/x, tags: [a], max_retries: 3, cooldown_time: 1, litellm_credential_name: c}',
    );
    expect(deployment?.defaults).toEqual({});
    expect(deployment?.providerSettings).toEqual({});
  });

  test('a key that nobody knows is sent upstream with a warning at its line', () => {
    const text =
      'model_list:\n  - model_name: m\n    litellm_params:\n      model: openai/x\n      zebra_mode: {a: 1}\n';
    expect(load(text).deployments[0]?.defaults).toEqual({ zebra_mode: { a: 1 } });
    expect(findingsOf(text).filter(({ level }) => level === 'warning')).toMatchObject([
      {
        path: 'model_list.0.litellm_params.zebra_mode',
        message: expect.stringContaining('sent to the upstream'),
        position: { line: 5, column: 7 },
      },
    ]);
  });

  test.each(['min_p', 'top_a', 'repetition_penalty', 'chat_template_kwargs', 'models', 'reasoning', 'num_ctx'])(
    '%s is known to some upstreams and is no typing error',
    (key) => {
      expect(one(`{model: openai/x, ${key}: 1}`)?.defaults).toEqual({ [key]: 1 });
    },
  );

  test('a key named __proto__ stays a key', () => {
    const defaults = one('{model: openai/x, __proto__: {polluted: true}}')?.defaults;
    expect(Object.getPrototypeOf(defaults ?? {})).toBe(Object.prototype);
    expect('polluted' in {}).toBe(false);
  });

  test.each([
    ['{model: openai/x, apikey: k}', '"api_key"'],
    ['{model: openai/x, api-base: k}', '"api_base"'],
    ['{model: openai/x, temprature: 1}', '"temperature"'],
    ['{model: openai/x, max_toknes: 1}', '"max_tokens"'],
    ['{model: openai/x, aws_region_nam: eu}', '"aws_region_name"'],
    ['{model: openai/x, input_cost_per_tokn: 1}', '"input_cost_per_token"'],
    ['{model: openai/x, input_cost_per_token_abov_200k_tokens: 1}', 'price'],
    ['{model: openai/x, cooldown_tme: 1}', '"cooldown_time"'],
  ])('%s is a typing error', (params, hint) => {
    expect(errorsOf(entry(params))).toEqual([expect.stringContaining(hint)]);
  });

  test.each([
    ['{model: openai/x, rpm: -1}', 'rpm', 'whole number'],
    ['{model: openai/x, rpm: 1.5}', 'rpm', 'whole number'],
    ['{model: openai/x, tpm: many}', 'tpm', 'whole number'],
    ['{model: openai/x, weight: .nan}', 'weight', 'number'],
    ['{model: openai/x, timeout: 0}', 'timeout', 'more than 0'],
    ['{model: openai/x, drop_params: perhaps}', 'drop_params', 'true or false'],
    ['{model: openai/x, extra_headers: [a]}', 'extra_headers', 'mapping'],
    ['{model: openai/x, extra_headers: {a: [b]}}', 'extra_headers', 'mapping'],
    ['{model: openai/x, extra_body: text}', 'extra_body', 'mapping'],
    ['{model: openai/x, additional_drop_params: {a: 1}}', 'additional_drop_params', 'list of texts'],
    ['{model: openai/x, api_key: [a]}', 'api_key', 'text'],
    ['{model: openai/x, input_cost_per_token: free}', 'input_cost_per_token', 'number'],
    ['{model: openai/x, input_cost_per_token: -1}', 'input_cost_per_token', 'number'],
    ['{model: [a]}', 'model', 'text'],
  ])('%s has a wrong type', (params, key, accepted) => {
    const errors = errorsOf(entry(params));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toStartWith(`model_list.0.litellm_params.${key}: must be `);
    expect(errors[0]).toContain(accepted);
  });

  test('a wrong value is never shown', () => {
    expect(errorsOf(entry('{model: openai/x, rpm: canary, drop_params: canary}')).join()).not.toContain('canary');
  });
});

describe('an entry', () => {
  test.each([
    ['model_list: [{litellm_params: {model: openai/x}}]', 'model_list.0.model_name'],
    ['model_list: [{model_name: "", litellm_params: {model: openai/x}}]', 'model_list.0.model_name'],
    ['model_list: [{model_name: m}]', 'model_list.0.litellm_params'],
    ['model_list: [{model_name: m, litellm_params: {}}]', 'model_list.0.litellm_params.model'],
    ['model_list: [{model_name: m, litellm_params: {model: }}]', 'model_list.0.litellm_params.model'],
    ['model_list: [{model_name: m, litellm_params: text}]', 'model_list.0.litellm_params'],
    ['model_list: [text]', 'model_list.0'],
    [
      'model_list: [{model_name: m, litellm_params: {model: openai/x}, litellm_param: {}}]',
      'model_list.0.litellm_param',
    ],
  ])('%s is wrong at %s', (text, path) => {
    const errors = errorsOf(text);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toStartWith(`${path}: `);
  });

  test('a name that is a number is its text', () => {
    expect(load('model_list: [{model_name: 4, litellm_params: {model: openai/x}}]').deployments[0]?.modelName).toBe(
      '4',
    );
  });

  test('knows where it stands', () => {
    const text =
      'model_list:\n  - {model_name: a, litellm_params: {model: openai/a}}\n  - model_name: b\n    litellm_params: {model: openai/b}\n';
    expect(load(text).deployments.map(({ position }) => position?.line)).toEqual([2, 3]);
  });

  test('that is blocked is left out, with a warning', () => {
    const text = 'model_list: [{model_name: m, blocked: true, litellm_params: {model: openai/x}}]';
    expect(load(text).deployments).toEqual([]);
    expect(findingsOf(text)).toContainEqual(expect.objectContaining({ level: 'warning', path: 'model_list.0' }));
  });

  test('for other environments is left out', () => {
    const info = '{supported_environments: [production, staging]}';
    expect(deploymentsOf('{model: openai/x}', info, { LITELLM_ENVIRONMENT: 'production' })).toHaveLength(1);
    expect(deploymentsOf('{model: openai/x}', info, { LITELLM_ENVIRONMENT: 'development' })).toHaveLength(0);
    expect(deploymentsOf('{model: openai/x}', info)).toHaveLength(0);
  });

  test('with a list of organizations is one deployment for each, with ids of their own', () => {
    const deployments = deploymentsOf('{model: openai/x, organization: [a, b]}');
    expect(deployments.map(({ organization }) => organization)).toEqual(['a', 'b']);
    expect(new Set(deployments.map(({ id }) => id)).size).toBe(2);
    expect(deploymentsOf('{model: openai/x, organization: [a, b]}', '{id: me}').map(({ id }) => id)).toEqual([
      'me',
      'me-2',
    ]);
  });
});

describe('deployment ids', () => {
  test('are the written ones, numbers too', () => {
    expect(one('{model: openai/x}', '{id: mine}')?.id).toBe('mine');
    expect(one('{model: openai/x}', '{id: 7}')?.id).toBe('7');
  });

  test('are otherwise a digest that stays the same from start to start', () => {
    const id = one('{model: openai/x, rpm: 5}')?.id;
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(one('{model: openai/x, rpm: 5}')?.id).toBe(id ?? '');
    expect(one('{model: openai/x, rpm: 6}')?.id).not.toBe(id ?? '');
    expect(one('{model: openai/y, rpm: 5}')?.id).not.toBe(id ?? '');
  });

  test('depend on what a reference stands for', () => {
    const id = (key: string) => deploymentsOf('{model: openai/x, api_key: os.environ/K}', '{}', { K: key })[0]?.id;
    expect(id('a')).toBe(id('a') ?? '');
    expect(id('a')).not.toBe(id('b') ?? '');
  });

  test('written twice are an error that names the other place', () => {
    const model = (name: string) => `{model_name: ${name}, litellm_params: {model: openai/x}, model_info: {id: same}}`;
    expect(errorsOf(`model_list: [${model('a')}, ${model('b')}]`)).toEqual([
      'model_list.1.model_info.id: "same" is already the id of model_list.0',
    ]);
  });

  test('differ for an entry that is written twice word for word', () => {
    const model = '{model_name: m, litellm_params: {model: openai/x}}';
    const ids = load(`model_list: [${model}, ${model}, ${model}]`).deployments.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
  });
});

describe('prices and model_info', () => {
  test('prices come from both places; litellm_params win', () => {
    const deployment = one(
      '{model: openai/x, input_cost_per_token: 1e-6}',
      '{input_cost_per_token: 5, output_cost_per_token: "0.000002"}',
    );
    expect(deployment?.customPrices).toEqual({ input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 });
  });

  test('no price at all is undefined, and a price of 0 is a price', () => {
    expect(one('{model: openai/x}')?.customPrices).toBeUndefined();
    expect(one('{model: openai/x, input_cost_per_token: 0}')?.customPrices).toEqual({ input_cost_per_token: 0 });
  });

  test.each([
    'input_cost_per_token_above_200k_tokens',
    'output_cost_per_token_above_272k_tokens_priority',
    'cache_creation_input_token_cost_above_1hr',
    'cache_read_input_token_cost_flex',
    'output_cost_per_token_batches',
    'output_cost_per_second_1080p',
  ])('%s is a price', (key) => {
    expect(one(`{model: openai/x, ${key}: 2}`)?.customPrices).toEqual({ [key]: 2 });
  });

  test('model_info says how many failures are borne, and a wrong policy is found', () => {
    const info = '{allowed_fails: 3, allowed_fails_policy: {TimeoutErrorAllowedFails: 0}}';
    expect(one('{model: openai/x}', info)).toMatchObject({ allowedFails: 3, allowedFailsPolicy: { timeout: 0 } });
    expect(one('{model: openai/x}')).toMatchObject({ allowedFails: undefined, allowedFailsPolicy: undefined });
    expect(errorsOf(entry('{model: openai/x}', '{allowed_fails_policy: {TimeoutErrorAllowedFails: many}}'))).toEqual([
      expect.stringContaining('model_list.0.model_info.allowed_fails_policy.TimeoutErrorAllowedFails'),
    ]);
  });

  test('model_info is kept as written, own keys too', () => {
    const deployment = one(
      '{model: openai/x}',
      '{base_model: gpt-4o, mode: chat, team: {lead: me}, cost_center: 7, model: x}',
    );
    expect(deployment?.modelInfo).toEqual({
      base_model: 'gpt-4o',
      mode: 'chat',
      team: { lead: 'me' },
      cost_center: 7,
      model: 'x',
    });
    expect(deployment?.baseModel).toBe('gpt-4o');
  });

  test.each([
    ['{base_modle: x}', '"base_model"'],
    ['{baseModel: x}', '"base_model"'],
    ['{acess_groups: [a]}', '"access_groups"'],
    ['{max_input_token: 5}', '"max_input_tokens"'],
    ['{output_cost_per_toke: 5}', '"output_cost_per_token"'],
  ])('a near miss of a known key, %s, is an error', (info, hint) => {
    expect(errorsOf(entry('{model: openai/x}', info))).toEqual([expect.stringContaining(hint)]);
  });
});

describe('the provider', () => {
  test('must be one that is there', () => {
    expect(errorsOf(entry('{model: opneai/gpt-4o}'))).toEqual([
      'model_list.0.litellm_params.model: no provider "opneai" is there. Did you mean "openai"? For an OpenAI-compatible address give api_base.',
    ]);
    expect(errorsOf(entry('{model: x, custom_llm_provider: opnai}'))).toEqual([
      'model_list.0.litellm_params.custom_llm_provider: no provider of this name is there. Did you mean "openai"?',
    ]);
  });

  test('is not asked for in a name without a slash', () => {
    expect(errorsOf(entry('{model: gpt-4o}'))).toEqual([]);
    expect(errorsOf(entry('{model: "*"}'))).toEqual([]);
  });

  test('may stand beside a name that has a slash of its own', () => {
    expect(errorsOf(entry('{model: meta-llama/Llama-3, custom_llm_provider: openai}'))).toEqual([]);
    expect(errorsOf(entry('{model: meta-llama/Llama-3, api_base: "http://x"}'))).toEqual([]);
    expect(errorsOf(entry('{model: meta-llama/Llama-3}'))).toHaveLength(1);
  });

  test('a typing error in a provider is found even when an address is given', () => {
    expect(errorsOf(entry('{model: opnai/x, api_base: "http://x"}'))).toEqual([expect.stringContaining('"openai"')]);
  });
});

describe('a provider that LiteLLM has and that is not there yet', () => {
  test.each(['{model: triton/llama}', '{model: some-model, custom_llm_provider: predibase}'])(
    '%s is left out with a finding, and its name may still be a fallback',
    (params) => {
      const config = load(`
model_list:
  - {model_name: here, litellm_params: {model: openai/gpt-4o}}
  - {model_name: later, litellm_params: ${params}}
router_settings: {fallbacks: [{here: [later]}]}
`);
      expect(config.deployments.map(({ modelName }) => modelName)).toEqual(['here']);
      const [finding] = config.findings.filter(({ path }) => path === 'model_list.1');
      expect(finding).toMatchObject({ level: 'ignored', position: { line: 4 } });
      expect(finding?.message).toContain('not supported yet');
    },
  );

  test.each([
    ['voyage/voyage-3', 'makes embeddings or ranks documents'],
    ['deepgram/nova-3', 'turns speech into text'],
    ['text-completion-openai/davinci', 'completes texts'],
  ])('%s is left out with what it is', (model, what) => {
    const config = load(`model_list:\n  - {model_name: m, litellm_params: {model: ${model}}}`);
    const message = config.findings.find(({ path }) => path === 'model_list.0')?.message;
    expect(message).toContain(`"${model.split('/')[0]}" ${what}`);
    expect(message).toContain('has no chat completions');
  });
});
