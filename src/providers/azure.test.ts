import { describe, expect, test } from 'bun:test';
import { API_KEY, ask, targetOf } from '../../test/support/provider-parts.ts';
import { fixture } from '../../test/support/recordings.ts';
import { azure } from './azure.ts';
import { upstreamError } from './upstream-error.ts';

const base = 'https://me.openai.azure.com';
const target = (model: string, overrides = {}) => targetOf(`azure/${model}`, { baseUrl: base, ...overrides });

describe('the address', () => {
  test.each([
    [base, '2024-10-21', `${base}/openai/deployments/gpt4/chat/completions?api-version=2024-10-21`],
    [base, undefined, `${base}/openai/deployments/gpt4/chat/completions?api-version=2025-02-01-preview`],
    [base, 'v1', `${base}/openai/v1/chat/completions`],
    [base, 'latest', `${base}/openai/v1/chat/completions`],
    [base, 'preview', `${base}/openai/v1/chat/completions?api-version=preview`],
    [`${base}/openai/v1`, undefined, `${base}/openai/v1/chat/completions`],
    [`${base}/openai/v1`, 'v1', `${base}/openai/v1/chat/completions`],
    [`${base}/openai`, '2024-10-21', `${base}/openai/deployments/gpt4/chat/completions?api-version=2024-10-21`],
    [
      `${base}/openai/deployments/other`,
      '2024-10-21',
      `${base}/openai/deployments/other/chat/completions?api-version=2024-10-21`,
    ],
    [
      `${base}/openai/deployments/other/chat/completions?api-version=2024-06-01`,
      '2024-10-21',
      `${base}/openai/deployments/other/chat/completions?api-version=2024-06-01`,
    ],
  ])('of %s with version %p is %s', (baseUrl, apiVersion, url) => {
    expect(ask(target('gpt4', { baseUrl, apiVersion })).url).toBe(url);
  });

  test('holds a deployment’s name, whatever is in it', () => {
    expect(ask(target('my model/ä?', { apiVersion: '2024-10-21' })).url).toBe(
      `${base}/openai/deployments/my%20model%2F%C3%A4%3F/chat/completions?api-version=2024-10-21`,
    );
  });

  test('may take its version from the environment', () => {
    const settings = azure.parseSettings?.({ api_version: '2024-06-01' });
    expect(azure.settingsEnv).toMatchObject({ api_version: ['AZURE_API_VERSION'] });
    expect(ask(target('x', { settings })).url).toEndWith('?api-version=2024-06-01');
    expect(ask(target('x', { settings, apiVersion: '2024-10-21' })).url).toEndWith('?api-version=2024-10-21');
  });

  test('has no default: every resource has its own', () => {
    expect(azure.defaultBaseUrl).toBe('');
    expect(azure.baseUrlEnv).toContain('AZURE_API_BASE');
  });
});

describe('credentials', () => {
  const settings = azure.parseSettings?.({ azure_ad_token: 'entra-token-1234567' });

  test('are a key in a header of its own', () => {
    const { headers } = ask(target('x'));
    expect(headers).toEqual({ 'content-type': 'application/json', 'api-key': API_KEY });
  });

  test('are a token where there is no key', () => {
    const { headers } = ask(target('x', { apiKey: undefined, settings }));
    expect(headers).toEqual({ 'content-type': 'application/json', authorization: 'Bearer entra-token-1234567' });
  });

  test('of a caller’s own stand over the token', () => {
    expect(ask(target('x', { settings })).headers).not.toHaveProperty('authorization');
  });

  test('are never echoed, the token neither', () => {
    const body = JSON.stringify({ error: { message: 'bad token entra-token-1234567', code: '401' } });
    const error = upstreamError({
      target: target('x', { apiKey: undefined, settings }),
      status: 401,
      body,
      headers: new Headers(),
    });
    expect(error.message).toBe('bad token [redacted]');
  });
});

describe('settings', () => {
  test.each([
    [{ azure_ad_token: 1 }, 'azure_ad_token must be text'],
    [{ client_secret: ['s'] }, 'client_secret must be text'],
    [{ azure_ad_token: 'oidc/google/a' }, 'oidc/ needs tenant_id and client_id'],
    [{ azure_ad_token: 'oidc/moon/a', tenant_id: 't', client_id: 'c' }, 'oidc/ must be followed by env'],
    [{ azure_authority_host: 'http://login.example' }, 'must be an https address'],
    [{ api_version: 'yesterday' }, 'api_version must be a date'],
    [{ api_version: 20241021 }, 'api_version'],
  ])('%j stop the start: %s', (raw, reason) => {
    expect(() => azure.parseSettings?.(raw)).toThrow(reason);
  });

  test.each([
    {},
    { api_version: '' },
    { api_version: '2024-12-01-preview' },
    { api_version: 'v1' },
    { api_base: base },
  ])('%j are fine', (raw) => {
    expect(() => azure.parseSettings?.(raw)).not.toThrow();
  });
});

describe('the rules of reasoning models', () => {
  test.each([
    ['o_series/my-deployment', undefined],
    ['gpt5_series/my-deployment', undefined],
    ['my-deployment', 'azure/o3-mini'],
    ['my-deployment', 'gpt-5'],
    ['o4-mini', undefined],
  ])('hold for %s with base model %p', (model, baseModel) => {
    const own = target(model, { baseModel, apiVersion: '2024-10-21' });
    const { sent, url } = ask(own, { body: { max_tokens: 5 } });
    expect(sent).toMatchObject({ max_completion_tokens: 5, model: model.replace(/^\w+_series\//, '') });
    expect(url).not.toContain('series');
    expect(() => ask(own, { body: { temperature: 0 } })).toThrow('temperature');
  });

  test('do not hold for a deployment of which nothing is known', () => {
    expect(ask(target('my-deployment'), { body: { max_tokens: 5, temperature: 0 } }).sent).toMatchObject({
      max_tokens: 5,
      temperature: 0,
    });
  });
});

describe('signing in', () => {
  const settingsFrom = (raw: object) => azure.parseSettings?.({ ...raw }, () => undefined);
  const service = { tenant_id: 't', client_id: 'c', client_secret: 'secret-1234567' };

  test('is left alone where there is a key, a token or nothing to sign in with', () => {
    const settings = settingsFrom(service);
    const withKey = target('x', { settings });
    expect(azure.authorize?.(ask(withKey), withKey, 0)).toBeUndefined();
    const withToken = target('x', { apiKey: undefined, settings: settingsFrom({ azure_ad_token: 'token' }) });
    expect(azure.authorize?.(ask(withToken), withToken, 0)).toBeUndefined();
    const withNothing = target('x', { apiKey: undefined, settings: settingsFrom({ tenant_id: 't' }) });
    expect(azure.authorize?.(ask(withNothing), withNothing, 0)).toBeUndefined();
    const own = target('x', { apiKey: undefined, settings, extraHeaders: { Authorization: 'Bearer mine' } });
    expect(azure.authorize?.(ask(own), own, 0)).toBeUndefined();
  });

  test('shows none of its secrets', () => {
    const secretsOf = (raw: object) => azure.secretsOf?.(target('x', { settings: settingsFrom(raw) }));
    expect(secretsOf(service)).toEqual(['secret-1234567']);
    expect(secretsOf({ client_id: 'c', azure_username: 'u', azure_password: 'pass-1234' })).toEqual(['pass-1234']);
    expect(secretsOf({})).toEqual([]);
  });
});

describe('old versions', () => {
  const asking = (apiVersion: string, choice: unknown) => () =>
    ask(target('x', { apiVersion }), { body: { tool_choice: choice } });

  test.each([
    ['2023-05-15', 'auto', 'needs api_version 2023-12-01'],
    ['2024-02-01', 'required', 'needs api_version 2024-06-01'],
    ['2024-05-01-preview', 'required', 'needs api_version 2024-06-01'],
  ])('%s refuses tool_choice %s: %s', (version, choice, reason) => {
    expect(asking(version, choice)).toThrow(reason);
  });

  test.each([
    ['2023-12-01-preview', 'auto'],
    ['2024-06-01', 'required'],
    ['v1', 'required'],
  ])('%s takes tool_choice %s', (version, choice) => {
    expect(asking(version, choice)().sent).toMatchObject({ tool_choice: choice });
  });
});

describe('old versions and response_format', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } };
  const format = (type: string) => ({ type, json_schema: { name: 'n', schema } });
  const asking = (apiVersion: string, type: string, more = {}) =>
    ask(target('x', { apiVersion, ...more }), { body: { response_format: format(type) } });

  test.each(['json_object', 'json_schema'])('2023-05-15 refuses %s, by name', (type) => {
    expect(() => asking('2023-05-15', type)).toThrow('response_format: needs api_version 2023-12-01');
  });

  test.each([
    ['2023-12-01-preview', 'json_object', undefined],
    ['2024-08-01-preview', 'json_schema', undefined],
    ['2024-10-21', 'json_schema', undefined],
    ['v1', 'json_schema', undefined],
    ['2024-10-21', 'json_object', 'gpt-35-turbo'],
  ])('%s takes %s, base model %p', (version, type, baseModel) => {
    const { sent, memo } = asking(version, type, { baseModel });
    expect(sent).toMatchObject({ response_format: { type } });
    expect(memo).toBeUndefined();
  });

  test.each([
    ['2024-06-01', undefined],
    ['2024-07-01-preview', undefined],
    ['2023-12-01-preview', undefined],
    ['v1', 'azure/gpt-35-turbo'],
  ])('%s is asked for a schema by a tool, base model %p', (version, baseModel) => {
    const { sent, changes } = asking(version, 'json_schema', { baseModel });
    expect(sent).toMatchObject({
      tools: [{ type: 'function', function: { name: 'json_tool_call', parameters: schema } }],
      tool_choice: { type: 'function', function: { name: 'json_tool_call' } },
    });
    expect(sent).not.toHaveProperty('response_format');
    expect(changes).toMatchObject([{ field: 'response_format', action: 'emulated' }]);
  });

  test('are told apart where both fields are too new, each once', () => {
    const body = { tool_choice: 'required', response_format: { type: 'json_schema' } };
    expect(() => ask(target('x', { apiVersion: '2023-05-15' }), { body })).toThrow(
      "['tool_choice', 'response_format']",
    );
  });

  test('send or drop it where the operator says so', () => {
    const dropped = asking('2024-06-01', 'json_schema', { additionalDropParams: ['response_format'] });
    expect(dropped.sent).not.toHaveProperty('response_format');
    expect(dropped.sent).not.toHaveProperty('tools');
    expect(asking('2024-06-01', 'json_schema', { allowedParams: ['response_format'] }).sent).toHaveProperty(
      'response_format',
    );
  });
});

describe('refusals', () => {
  const errorOf = (status: number, file: string) =>
    upstreamError({ target: target('x'), status, body: fixture(file), headers: new Headers() });

  test('of a filtered prompt say what was found in it', () => {
    const error = errorOf(400, 'errors/azure-content-filter.json');
    expect([error.kind, error.status]).toEqual(['content_policy_violation', 400]);
    expect(error.message).toStartWith('The response was filtered');
    expect(error.details.upstream).toMatchObject({
      code: 'content_filter',
      innererror: { content_filter_result: { hate: { filtered: true } } },
    });
  });

  test('of an unknown deployment are a 404, under whatever status', () => {
    for (const status of [404, 400]) {
      expect(errorOf(status, 'errors/azure-no-deployment.json').kind).toBe('upstream_not_found');
    }
  });

  test('of any other kind go by the common table', () => {
    expect(errorOf(400, 'errors/openai-context-length.json').kind).toBe('context_window_exceeded');
    expect(azure.parseError?.(500, 'text')).toBeUndefined();
    expect(azure.parseError?.(500, { error: 'text' })).toBeUndefined();
  });
});

test('a filter’s verdict stays in the answer', () => {
  const answer = azure.parseResponse(JSON.parse(fixture('azure/text.json')), target('x'));
  expect(answer.choices[0]).toMatchObject({ content_filter_results: { hate: { filtered: false } } });
  expect(answer).toHaveProperty('prompt_filter_results');
});
