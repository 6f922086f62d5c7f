import { describe, expect, test } from 'bun:test';
import { GatewayError } from '../errors.ts';
import type { HeaderBag } from './call.ts';
import { GATEWAY_KEYS, MOCK_TESTING_KEYS, REFUSED_KEYS, REFUSED_SETTINGS } from './gateway-keys.ts';
import { type ParsedChat, type ParseSettings, parseChatRequest } from './parse-chat-request.ts';

const SETTINGS: ParseSettings = {
  userHeaderName: undefined,
  maxDepth: 100,
  maxNodes: 10_000,
  completionModel: undefined,
  allowMockTestingParams: false,
  enforceUserParam: false,
  rejectClientTags: false,
};
const MESSAGES = [{ role: 'user', content: 'Hello' }];

interface Given extends Partial<ParseSettings> {
  readonly pathModel?: string;
  readonly headers?: HeaderBag;
}

function parse(body: object | string, { pathModel, headers = {}, ...settings }: Given = {}): ParsedChat {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return parseChatRequest({ bytes, pathModel, headers }, { ...SETTINGS, ...settings });
}

function refusal(body: object | string, given: Given = {}): GatewayError {
  try {
    parse(body, given);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

describe('the model', () => {
  const body = { model: 'from-body', messages: MESSAGES };

  test('of the path stands before the body’s, and the operator’s before both', () => {
    expect(parse(body).requestedModel).toBe('from-body');
    expect(parse(body, { pathModel: 'from/path' }).requestedModel).toBe('from/path');
    expect(parse(body, { pathModel: 'from/path', completionModel: 'forced' }).requestedModel).toBe('forced');
    expect(parse({ messages: MESSAGES }, { pathModel: 'from/path' }).request.model).toBe('from/path');
  });

  test.each([undefined, null, ''])('is required (%p)', (model) => {
    expect(refusal({ model, messages: MESSAGES })).toMatchObject({
      status: 400,
      message: "Missing required parameter: 'model'. Call `/v1/models` to view available models for your key.",
      details: { param: 'model' },
    });
  });

  test('must be text', () => {
    expect(refusal({ model: 5, messages: MESSAGES }).message).toBe("'model' must be a string.");
  });
});

describe('the body', () => {
  test('keeps every parameter that nobody knows, and its exact text', () => {
    const text = ' {"model":"m","messages":[{"role":"user","content":"\\u00fc"}],"tomorrow":{"a":1.0} } ';
    const parsed = parse(text);
    expect(parsed.request['tomorrow']).toEqual({ a: 1 });
    expect(parsed.text).toBe(text);
    expect(parsed.gatewayKeys).toEqual([]);
  });

  test('loses what is said to the gateway', () => {
    const parsed = parse({
      model: 'm',
      messages: MESSAGES,
      metadata: { a: 1 },
      tags: ['t'],
      num_retries: 2,
      timeout: 5,
      drop_params: true,
      additional_drop_params: ['seed'],
      allowed_openai_params: ['x'],
      cache: { 'no-cache': true },
      mock_response: 'Hi',
      temperature: 0,
    });
    expect(Object.keys(parsed.request)).toEqual(['model', 'messages', 'temperature']);
    expect(parsed.gatewayKeys).toContain('metadata');
    expect(parsed.controls).toMatchObject({
      metadata: { a: 1 },
      tags: ['t'],
      numRetries: 2,
      timeoutMs: 5_000,
      mockResponse: 'Hi',
    });
    expect(parsed).toMatchObject({ dropParams: true, additionalDropParams: ['seed'], allowedParams: ['x'] });
  });

  test('never lets a key of the gateway through', () => {
    for (const key of GATEWAY_KEYS) {
      const value = key === 'fallbacks' || key === 'tags' ? ['x'] : undefined;
      const parsed = parse({ model: 'm', messages: MESSAGES, [key]: value ?? null }, { allowMockTestingParams: true });
      expect(parsed.request).not.toHaveProperty(key);
    }
  });

  test.each([
    'litellm_params',
    '_litellm_internal',
    'user_api_key_hash',
    'guardrail_scan_id',
    'langfuse_public_key',
    'langsmith_project',
    'arize_space_id',
    'input_cost_per_audio_token',
    'output_cost_per_reasoning_token',
    'cache_read_input_token_cost_above_200k_tokens',
  ])('never lets %s through, which belongs to a family of such keys', (key) => {
    const parsed = parse({ model: 'm', messages: MESSAGES, [key]: 'x' });
    expect(parsed.request).not.toHaveProperty(key);
    expect(parsed.gatewayKeys).toEqual([key]);
  });

  test('with an empty role means the assistant, and is then written anew', () => {
    const parsed = parse({ model: 'm', messages: [...MESSAGES, { role: '', content: 'x' }] });
    expect(parsed.request.messages[1]?.role).toBe('assistant');
    expect(parsed.text).toBeUndefined();
  });

  test('is checked before anything is done with it', () => {
    expect(refusal('{').details.param).toBe('request_body');
    expect(refusal({ model: 'm', messages: MESSAGES, temperature: 'hot' }).details.param).toBe('temperature');
    expect(refusal({ model: 'm', messages: MESSAGES }, { headers: { 'x-litellm-metadata': '{' } }).details.param).toBe(
      'x-litellm-metadata',
    );
    expect(refusal({ model: 'm', messages: MESSAGES }, { maxDepth: 2 }).message).toContain('2 levels');
  });
});

describe('destinations and credentials', () => {
  test.each([...REFUSED_KEYS])('are the operator’s: %s is refused wherever it stands', (key) => {
    for (const bag of [
      { [key]: 'x' },
      { extra_body: { [key]: 'x' } },
      { metadata: { [key]: 'x' } },
      { litellm_metadata: { [key]: 'x' } },
    ]) {
      const error = refusal({ model: 'm', messages: MESSAGES, ...bag });
      expect([error.status, error.details.param]).toEqual([400, key]);
      expect(error.message).toStartWith(`Rejected Request: ${key} is not allowed in request body.`);
    }
  });
});

describe('settings of providers that are plain words', () => {
  test.each([...REFUSED_SETTINGS])('%s is refused in whatever is sent, and may stand in metadata', (key) => {
    for (const bag of [
      { [key]: 'x' },
      { extra_body: { [key]: 'x' } },
      { litellm_embedding_config: { [key]: 'x' } },
      { fallbacks: [{ model: 'b', [key]: 'x' }] },
      { context_window_fallbacks: [{ model: 'b', extra_body: { [key]: 'x' } }] },
    ]) {
      const error = refusal({ model: 'm', messages: MESSAGES, ...bag });
      expect([error.status, error.details.param]).toEqual([400, key]);
    }
    const own = { metadata: { [key]: 'x' }, litellm_metadata: { [key]: 'x' } };
    expect(parse({ model: 'm', messages: MESSAGES, ...own }).controls.metadata).toEqual({ [key]: 'x' });
  });
});

describe('a fallback that is an object', () => {
  const withFallback = (item: object) => ({ model: 'm', messages: MESSAGES, fallbacks: [{ model: 'b', ...item }] });

  test('is checked as the request that it makes', () => {
    expect(refusal(withFallback({ temperature: 'hot' })).details.param).toBe('temperature');
    expect(refusal(withFallback({ messages: [] })).details.param).toBe('messages');
  });

  test('may not name a destination, not in what it adds either', () => {
    for (const item of [{ api_base: 'http://x' }, { extra_body: { base_url: 'http://x' } }]) {
      expect(refusal(withFallback(item)).message).toStartWith('Rejected Request: ');
    }
  });

  test('leaves the request itself as it was sent', () => {
    const parsed = parse(withFallback({ temperature: 0.5 }));
    expect(parsed.request).toEqual({ model: 'm', messages: MESSAGES });
    expect(parsed.controls.fallbackChanges?.get('b')).toEqual({ temperature: 0.5 });
  });
});

describe('parameters for tests', () => {
  test.each([...MOCK_TESTING_KEYS])('%s is refused unless the operator allows it', (key) => {
    const body = { model: 'm', messages: MESSAGES, [key]: key === 'mock_delay' ? 1 : true };
    expect(refusal(body).details.param).toBe(key);
    expect(parse(body, { allowMockTestingParams: true }).request).not.toHaveProperty(key);
  });
});

describe('an operator who sets the tags', () => {
  test('refuses those of clients, wherever they stand', () => {
    const body = { model: 'm', messages: MESSAGES };
    const headers = { 'x-litellm-tags': 'a' };
    for (const given of [
      { ...body, tags: ['a'] },
      { ...body, metadata: { tags: ['a'] } },
    ]) {
      expect(refusal(given, { rejectClientTags: true }).details.param).toBe('tags');
    }
    expect(refusal(body, { rejectClientTags: true, headers }).details.param).toBe('tags');
    expect(parse(body, { rejectClientTags: true }).controls.tags).toEqual([]);
  });
});

describe('an operator who wants to know the end user', () => {
  test('refuses requests that do not say', () => {
    const body = { model: 'm', messages: MESSAGES };
    expect(refusal(body, { enforceUserParam: true }).details.param).toBe('user');
    expect(parse({ ...body, user: 'u' }, { enforceUserParam: true }).controls.endUser).toBe('u');
    const headers = { 'x-litellm-end-user-id': 'u' };
    expect(parse(body, { enforceUserParam: true, headers }).controls.endUser).toBe('u');
  });
});
