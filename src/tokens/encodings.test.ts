import { describe, expect, test } from 'bun:test';
import { type Encoding, encodingOf, plainName } from './encodings.ts';

const CASES: readonly (readonly [Encoding, readonly string[]])[] = [
  ['o200k_base', ['gpt-4o', 'gpt-4o-mini-2024-07-18', 'chatgpt-4o-latest', 'gpt-4.1-nano', 'gpt-5', 'gpt-5.1-codex']],
  ['o200k_base', ['o1', 'o3-mini', 'o4-mini-2025-04-16', 'gpt-oss-120b', 'gpt-6']],
  ['o200k_base', ['azure/gpt-4o', 'azure_ai/eu/gpt-5-mini', 'ft:gpt-4o-mini:acme::id', 'GPT-4O', 'gpt-4o:extended']],
  ['cl100k_base', ['gpt-4', 'gpt-4-turbo', 'gpt-4-0613', 'gpt-4-32k', 'gpt-3.5-turbo', 'azure/gpt-35-turbo']],
  ['cl100k_base', ['text-embedding-3-large', 'text-embedding-ada-002', 'davinci-002', 'babbage-002', 'ft:gpt-4:a::b']],
  ['p50k_base', ['text-davinci-003', 'text-davinci-002', 'code-davinci-002', 'code-cushman-001']],
  ['r50k_base', ['davinci', 'text-davinci-001', 'text-curie-001', 'ada', 'babbage', 'text-ada-001']],
  ['o200k_base', ['claude-sonnet-4-5', 'gemini-2.5-pro', 'command-r', 'mistral-large', 'my own model', '', '/', 'ft:']],
];

describe('the encoding of a model', () => {
  test.each(CASES)('%s: %j', (encoding, models) => {
    for (const model of models) expect({ model, encoding: encodingOf(model) }).toEqual({ model, encoding });
  });
});

test('a name is plain without provider, region, tag and tenant', () => {
  expect(plainName('azure/eu/GPT-4o')).toBe('gpt-4o');
  expect(plainName('ft:gpt-4o-mini-2024-07-18:acme:name:id')).toBe('gpt-4o-mini-2024-07-18');
  expect(plainName('ollama/llama3:8b')).toBe('llama3');
});
