import { describe, expect, test } from 'bun:test';
import { GATEWAY_KEYS, isGatewayKey, MOCK_TESTING_KEYS, REFUSED_KEYS, REFUSED_SETTINGS } from './gateway-keys.ts';

/** Members of OpenAI's chat request, by its public reference: every one of them must reach the upstream. */
const OF_OPENAI = [
  ...['model', 'messages', 'audio', 'frequency_penalty', 'function_call', 'functions', 'logit_bias', 'logprobs'],
  ...[
    'max_completion_tokens',
    'max_tokens',
    'modalities',
    'n',
    'parallel_tool_calls',
    'prediction',
    'presence_penalty',
  ],
  ...['reasoning_effort', 'response_format', 'seed', 'service_tier', 'stop', 'store', 'stream', 'stream_options'],
  ...['temperature', 'tool_choice', 'tools', 'top_logprobs', 'top_p', 'user', 'web_search_options', 'verbosity'],
  ...['safety_identifier', 'prompt_cache_key', 'prompt_cache_retention'],
];

describe('a body key', () => {
  test.each(OF_OPENAI)('%s of OpenAI is for the upstream', (key) => {
    expect([isGatewayKey(key), REFUSED_KEYS.has(key), REFUSED_SETTINGS.has(key)]).toEqual([false, false, false]);
  });

  test.each(['thinking', 'cache_control', 'extra_body', 'extra_headers', 'top_k', 'constructor', '__proto__', ''])(
    '%p is for the upstream',
    (key) => {
      expect([isGatewayKey(key), REFUSED_KEYS.has(key), REFUSED_SETTINGS.has(key)]).toEqual([false, false, false]);
    },
  );

  test.each([
    ...['metadata', 'tags', 'fallbacks', 'num_retries', 'timeout', 'api_key', 'mock_response', 'guardrails', 'no-log'],
    ...['litellm_params', '_litellm_secret', 'user_api_key_alias', 'guardrail_scan_id', 'langfuse_public_key'],
    ...['langsmith_project', 'arize_space', 'input_cost_per_image', 'output_cost_per_reasoning_token'],
    ...['cache_read_input_token_cost_above_200k_tokens', 'cache_creation_input_token_cost_above_1hr'],
  ])('%s is for the gateway', (key) => {
    expect(isGatewayKey(key)).toBe(true);
  });

  test.each(['my_litellm_key', 'user_api_keys', 'put_cost_per_token', 'LITELLM_x', 'Metadata', 'arize', 'litellm'])(
    '%s only looks like one for the gateway',
    (key) => {
      expect(isGatewayKey(key)).toBe(false);
    },
  );

  test.each([
    ...['api_base', 'base_url', 'api_version', 'user_config', 'model_list', 'azure_ad_token', 'vertex_credentials'],
    ...['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token', 'aws_sts_endpoint', 'langfuse_host'],
  ])('%s, with which a client could carry a provider key away, is refused', (key) => {
    expect(REFUSED_KEYS.has(key)).toBe(true);
  });

  test('that is refused by name is not silently taken as one of the gateway', () => {
    expect([...REFUSED_KEYS, ...REFUSED_SETTINGS].filter((key) => GATEWAY_KEYS.has(key))).toEqual([]);
  });

  test('for testing with made-up failures is for the gateway', () => {
    expect([...MOCK_TESTING_KEYS].filter((key) => !isGatewayKey(key))).toEqual([]);
    expect(MOCK_TESTING_KEYS.has('mock_response')).toBe(false);
  });
});
