import { describe, expect, test } from 'bun:test';
import { asText, isSecretParam } from './shown-params.ts';

describe('a text of a parameter', () => {
  test.each([
    ['model', 'openai/x'],
    ['api_base', 'https://host:8000/v1'],
    ['base_url', 'http://host/v1'],
    ['api_version', '2024-10-21'],
    ['temperature', 'high'],
    ['aws_region_name', 'eu'],
    ['api_key', 'os.environ/OPENAI_API_KEY'],
    ['nobody_thought_of', 'os.environ/A.b-c'],
  ])('%s = %s may be shown', (name, text) => {
    expect(isSecretParam(name, text)).toBe(false);
  });

  test.each([
    ['api_key', 'sk-1'],
    ['api_key', ''],
    ['aws_secret_access_key', 'a'],
    ['vertex_credentials', '{}'],
    ['extra_headers', 'Bearer x'],
    ['nobody_thought_of', 'a'],
    ['constructor', 'a'],
    ['api_base', 'https://user:pass@host/v1'],
    ['api_base', 'https://host/v1?key=1'],
    ['base_url', 'https://host/v1#token'],
    // Not a reference from beginning to end.
    ['api_key', 'os.environ/A and more'],
    ['api_key', 'os.environ/'],
    ['api_key', 'x os.environ/A'],
    ['api_key', 'os.environ/A\nsk-1'],
  ])('%s = %j is a secret', (name, text) => {
    expect(isSecretParam(name, text)).toBe(true);
  });
});

describe('a value of a parameter', () => {
  test.each<[string, unknown, unknown]>([
    ['api_key', 123, '123'],
    ['organization', 7, '7'],
    ['aws_access_key_id', 0, '0'],
    ['rpm', 60, 60],
    ['temperature', 1, 1],
    ['nobody_thought_of', 1, 1],
    ['constructor', 1, 1],
    ['api_key', 'k', 'k'],
    ['api_key', null, null],
    ['drop_params', true, true],
    ['extra_headers', { a: 1, b: 'x', c: true }, { a: '1', b: 'x', c: true }],
    ['extra_body', { a: 1 }, { a: 1 }],
  ])('%s = %j is kept as %j', (name, value, kept) => {
    expect(asText(name, value)).toEqual(kept);
  });
});
