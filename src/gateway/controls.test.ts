import { describe, expect, test } from 'bun:test';
import { GatewayError } from '../errors.ts';
import type { Controls, HeaderBag } from './call.ts';
import { readControls } from './controls.ts';

const SETTINGS = { userHeaderName: 'X-End-User' };

const read = (body: Record<string, unknown>, headers: HeaderBag = {}): Controls =>
  readControls(body, headers, SETTINGS);

function refusal(body: Record<string, unknown>, headers: HeaderBag = {}): GatewayError {
  try {
    read(body, headers);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

test('a request that asks for nothing gets nothing', () => {
  expect(read({ model: 'm' })).toEqual({
    metadata: {},
    tags: [],
    endUser: null,
    sessionId: null,
    timeoutMs: undefined,
    streamTimeoutMs: undefined,
    numRetries: undefined,
    fallbacks: undefined,
    disableFallbacks: false,
    mockResponse: undefined,
    mockTimeout: false,
    mockDelayMs: 0,
    apiKey: undefined,
  });
});

describe('metadata', () => {
  test('is merged from three places; the body’s own wins', () => {
    const headers = { 'x-litellm-metadata': '{"a":"header","b":"header","c":"header"}' };
    const { metadata } = read({ litellm_metadata: { b: 'second', c: 'second' }, metadata: { c: 'own' } }, headers);
    expect(metadata).toEqual({ a: 'header', b: 'second', c: 'own' });
  });

  test('may be JSON in a string', () => {
    expect(read({ metadata: '{"a":1}' }).metadata).toEqual({ a: 1 });
  });

  test('for spend logs may come in a header of its own, under what the body says', () => {
    const headers = { 'x-litellm-spend-logs-metadata': '{"team":"header","env":"prod"}' };
    const { metadata } = read({ metadata: { spend_logs_metadata: { team: 'body' } } }, headers);
    expect(metadata).toEqual({ spend_logs_metadata: { team: 'body', env: 'prod' } });
    expect(read({}, headers).metadata).toEqual({ spend_logs_metadata: { team: 'header', env: 'prod' } });
  });

  test('cannot pretend to be the gateway’s own', () => {
    expect(read({ metadata: { user_api_key_hash: 'x', user_api_key_team_id: 'y', kept: 1 } }).metadata).toEqual({
      kept: 1,
    });
  });

  test.each([
    [{ 'x-litellm-metadata': 'not json' }, 'x-litellm-metadata'],
    [{ 'x-litellm-metadata': '' }, 'x-litellm-metadata'],
    [{ 'x-litellm-metadata': '["a"]' }, 'x-litellm-metadata'],
    [{ 'x-litellm-metadata': '{"__proto__":{"a":1}}' }, 'x-litellm-metadata'],
    [{ 'x-litellm-spend-logs-metadata': '{' }, 'x-litellm-spend-logs-metadata'],
  ])('in a header that is no JSON object is a 400 that says so: %j', (headers: HeaderBag, name) => {
    const error = refusal({}, headers);
    expect([error.status, error.details.param]).toEqual([400, name]);
    expect(error.message).toBe(`The header ${name} must hold a JSON object, such as {"environment": "production"}.`);
  });

  test.each(['metadata', 'litellm_metadata'])('in the body (%s) that is no object is a 400', (name) => {
    for (const value of ['not json', '[1]', '"x"']) expect(refusal({ [name]: value }).details.param).toBe(name);
    expect(read({ [name]: null }).metadata).toEqual({});
  });
});

describe('tags', () => {
  test('of the body stand in for the header’s; those in metadata are added, each once', () => {
    const headers = { 'x-litellm-tags': 'h1, h2,,h1' };
    expect(read({}, headers).tags).toEqual(['h1', 'h2']);
    expect(read({ tags: ['b'] }, headers).tags).toEqual(['b']);
    expect(read({ tags: ['b'], metadata: { tags: ['m', 'b', 5, ''] } }, headers).tags).toEqual(['b', 'm']);
    expect(read({ metadata: { tags: 'no list' } }, headers).tags).toEqual(['h1', 'h2']);
    expect(read({ tags: null }, headers).tags).toEqual(['h1', 'h2']);
  });
});

describe('the end user', () => {
  const headers = {
    'x-litellm-customer-id': '1',
    'x-litellm-end-user-id': '2',
    'x-end-user': '3',
    'x-litellm-user-id': '4',
  };
  const body = { user: '5', metadata: { user: '6', user_id: '7' }, safety_identifier: '8' };

  test('comes from the first place that names one', () => {
    const names = Object.keys(headers);
    for (let skipped = 0; skipped <= names.length; skipped++) {
      const left: HeaderBag = Object.fromEntries(Object.entries(headers).slice(skipped));
      expect(read(body, left).endUser).toBe(String(skipped + 1));
    }
    expect(read({ ...body, user: undefined }).endUser).toBe('6');
    expect(read({ metadata: { user_id: '7' }, safety_identifier: '8' }).endUser).toBe('7');
    expect(read({ safety_identifier: '8' }).endUser).toBe('8');
    expect(read({ user: '', metadata: { user: 5 } }).endUser).toBeNull();
  });

  test('is not looked for in a header that the operator did not name', () => {
    expect(readControls({}, { 'x-end-user': '3' }, { userHeaderName: undefined }).endUser).toBeNull();
  });
});

test('the session comes from the first place that names one', () => {
  const places: [Record<string, unknown>, HeaderBag][] = [
    [{}, { 'x-litellm-trace-id': 's' }],
    [{}, { 'x-litellm-session-id': 's' }],
    [{}, { 'x-session-id': 's' }],
    [{ litellm_session_id: 's' }, {}],
    [{ litellm_trace_id: 's' }, {}],
    [{ metadata: { session_id: 's' } }, {}],
  ];
  for (const [body, headers] of places) expect(read(body, headers).sessionId).toBe('s');
  expect(read({ litellm_session_id: 'body' }, { 'x-litellm-session-id': 'header' }).sessionId).toBe('header');
});

describe('times and counts', () => {
  test('are seconds on the wire and milliseconds inside; headers win', () => {
    expect(read({ timeout: 1.5 }).timeoutMs).toBe(1_500);
    expect(read({ timeout: '2' }).timeoutMs).toBe(2_000);
    expect(read({ request_timeout: 3 }).timeoutMs).toBe(3_000);
    expect(read({ timeout: null, request_timeout: 3 }).timeoutMs).toBe(3_000);
    expect(read({ timeout: 1 }, { 'x-litellm-timeout': '0.25' }).timeoutMs).toBe(250);
    expect(read({ stream_timeout: 1 }).streamTimeoutMs).toBe(1_000);
    expect(read({}, { 'x-litellm-stream-timeout': '4' }).streamTimeoutMs).toBe(4_000);
  });

  test('of retries may be none', () => {
    expect(read({ num_retries: 0, max_retries: 5 }).numRetries).toBe(0);
    expect(read({ max_retries: 5 }).numRetries).toBe(5);
    expect(read({ num_retries: 3 }, { 'x-litellm-num-retries': '0' }).numRetries).toBe(0);
  });

  test.each([
    ['x-litellm-timeout', 'soon'],
    ['x-litellm-timeout', '0'],
    ['x-litellm-timeout', '-1'],
    ['x-litellm-timeout', 'Infinity'],
    ['x-litellm-stream-timeout', ''],
    ['x-litellm-num-retries', '1.5'],
    ['x-litellm-num-retries', '-1'],
    ['x-litellm-num-retries', 'two'],
  ])('in the header %s: %j are a 400', (name, value) => {
    expect(refusal({}, { [name]: value })).toMatchObject({ status: 400, details: { param: name } });
  });
});

describe('fallbacks that are objects', () => {
  const changesOf = (...fallbacks: readonly object[]) => Object.fromEntries(read({ fallbacks }).fallbackChanges ?? []);

  test('change the request for their own model', () => {
    const changes = { temperature: 0, messages: [{ role: 'user', content: 'Shorter' }], vendor_option: [1] };
    expect(changesOf({ model: 'b', ...changes })).toEqual({ b: changes });
    expect(read({ fallbacks: ['a', { model: 'b' }] }).fallbackChanges).toBeUndefined();
  });

  test('may bring a provider key of their own, and else nothing that speaks to the gateway', () => {
    const item = { model: 'b', api_key: 'sk-mine', timeout: 1, num_retries: 9, tags: ['x'], mock_timeout: true };
    expect(changesOf(item)).toEqual({ b: { api_key: 'sk-mine' } });
  });

  test('do not decide how the answer is sent', () => {
    expect(changesOf({ model: 'b', stream: true, stream_options: {}, seed: 1 })).toEqual({ b: { seed: 1 } });
  });

  test('of the same model count once', () => {
    expect(changesOf({ model: 'b', seed: 1 }, { model: 'b', seed: 2 })).toEqual({ b: { seed: 1 } });
  });
});

describe('failures for tests', () => {
  test.each(['fallbacks', 'context_fallbacks', 'content_policy_fallbacks', 'rate_limit_error'] as const)(
    'are asked for with mock_testing_%s',
    (failure) => {
      expect(read({ [`mock_testing_${failure}`]: true }).mockFailure).toBe(failure);
      expect(read({ [`mock_testing_${failure}`]: false }).mockFailure).toBeUndefined();
    },
  );
});

test('max_fallbacks is the request’s own', () => {
  expect(read({ max_fallbacks: 1 }).maxFallbacks).toBe(1);
  expect(read({}).maxFallbacks).toBeUndefined();
});

describe('fallbacks', () => {
  test('are names, or objects with a name', () => {
    expect(read({ fallbacks: ['a', { model: 'b', temperature: 0 }] }).fallbacks).toEqual(['a', 'b']);
    expect(read({ fallbacks: [] }).fallbacks).toEqual([]);
    expect(read({ fallbacks: null }).fallbacks).toBeUndefined();
    expect(read({ disable_fallbacks: true }).disableFallbacks).toBe(true);
  });

  test.each([
    ['gpt-4', "'fallbacks' must be a list of model names."],
    [{ a: ['b'] }, "'fallbacks' must be a list of model names."],
    [['a', 5], "'fallbacks[1]' must be a model name, or an object with 'model'."],
    [[{ name: 'a' }], "'fallbacks[0]' must be a model name, or an object with 'model'."],
    [['a', { gpt: ['b'] }], "'fallbacks[1]' must be a model name, or an object with 'model'."],
    [[''], "'fallbacks[0]' must be a model name, or an object with 'model'."],
  ])('of another shape (%j) are a 400', (fallbacks, message) => {
    expect(refusal({ fallbacks })).toMatchObject({ message, details: { param: 'fallbacks' } });
  });
});

describe('fallbacks as a configuration writes them', () => {
  test('are those of the model that is asked for, else those of all, else none', () => {
    const fallbacks = [{ other: ['x'] }, { gpt: ['a', { model: 'b', seed: 1 }] }, { '*': ['c'] }];
    expect(read({ model: 'gpt', fallbacks })).toMatchObject({
      fallbacks: ['a', 'b'],
      fallbackChanges: new Map([['b', { seed: 1 }]]),
    });
    expect(read({ model: 'third', fallbacks }).fallbacks).toEqual(['c']);
    expect(read({ model: 'third', fallbacks: [{ other: ['x'] }] }).fallbacks).toEqual([]);
    expect(read({ model: 'constructor', fallbacks: [{ other: ['x'] }] }).fallbacks).toEqual([]);
  });
});

describe('fallbacks for one kind of failure', () => {
  test('are read in the same forms', () => {
    const body = { model: 'gpt', context_window_fallbacks: [{ gpt: ['long'] }], content_policy_fallbacks: ['mild'] };
    expect(read(body)).toMatchObject({
      fallbacks: undefined,
      typedFallbacks: { contextWindow: ['long'], contentPolicy: ['mild'] },
    });
    expect(read({ model: 'gpt', context_window_fallback_dict: { gpt: 'long' } }).typedFallbacks).toEqual({
      contextWindow: ['long'],
      contentPolicy: undefined,
    });
    expect(read({ context_window_fallbacks: null, context_window_fallback_dict: {} }).typedFallbacks).toBeUndefined();
  });

  test('of another shape are a 400 that names them', () => {
    expect(refusal({ model: 'gpt', fallbacks: [{ gpt: ['a', { name: 'b' }] }] })).toMatchObject({
      message: "'fallbacks[1]' must be a model name, or an object with 'model'.",
    });
    expect(refusal({ context_window_fallbacks: 'long' })).toMatchObject({
      message: "'context_window_fallbacks' must be a list of model names.",
      details: { param: 'context_window_fallbacks' },
    });
    expect(refusal({ content_policy_fallbacks: [7] })).toMatchObject({
      message: "'content_policy_fallbacks[0]' must be a model name, or an object with 'model'.",
      details: { param: 'content_policy_fallbacks' },
    });
  });
});

test('canned answers, pretended timeouts and own keys are read as given', () => {
  expect(read({ mock_response: 'Hi', mock_timeout: true, api_key: 'sk-own' })).toMatchObject({
    mockResponse: 'Hi',
    mockTimeout: true,
    apiKey: 'sk-own',
  });
  expect(read({ mock_response: '', mock_timeout: 'true', api_key: '' })).toMatchObject({
    mockResponse: undefined,
    mockTimeout: false,
    mockDelayMs: 0,
    apiKey: undefined,
  });
});

describe('what is empty counts as not given', () => {
  const read = (body: Readonly<Record<string, unknown>>, headers: HeaderBag) =>
    readControls(body, headers, { userHeaderName: 'x-my-user' });

  test('for the end user: an empty header leaves the word to the next one', () => {
    const empty = { 'x-litellm-customer-id': '', 'x-litellm-end-user-id': '', 'x-my-user': '' };
    expect(read({ user: 'from-body' }, { ...empty, 'x-litellm-user-id': '' }).endUser).toBe('from-body');
    expect(read({}, { ...empty, 'x-litellm-user-id': 'u' }).endUser).toBe('u');
    expect(read({}, empty).endUser).toBeNull();
  });

  test('for the session', () => {
    expect(read({ litellm_session_id: 's' }, { 'x-litellm-trace-id': '', 'x-session-id': '' }).sessionId).toBe('s');
  });
});

test('tags of metadata and litellm_metadata are joined', () => {
  const body = { metadata: { tags: ['a', 'b'] }, litellm_metadata: '{"tags":["b","c"]}' };
  expect(readControls(body, {}, { userHeaderName: undefined }).tags).toEqual(['a', 'b', 'c']);
});
