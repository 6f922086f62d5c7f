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
    [{ azure_ad_token: 1 }, 'must be text'],
    [{ azure_ad_token: 'oidc/google' }, 'oidc/'],
    [{ tenant_id: 't', client_id: 'c', client_secret: 's' }, 'tenant_id is not supported yet'],
    [{ azure_username: 'u' }, 'azure_username'],
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
