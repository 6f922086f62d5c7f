/** What a client may send of many small things must not keep the event loop busy: the time grows with their number only. */
import { describe, expect, test } from 'bun:test';
import { ask, targetOf } from '../../test/support/provider-parts.ts';
import { GatewayError } from '../errors.ts';

/** As many messages as a request may have JSON values for. */
const MANY = 36_000;
const LIMIT_MS = 600;

const user = (content: string) => ({ role: 'user', content });
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'x' });
const listOf = <Item>(count: number, make: (at: number) => Item): Item[] =>
  Array.from({ length: count }, (_, at) => make(at));

const CONVERSATIONS: Readonly<Record<string, readonly object[]>> = {
  'one speaker': listOf(MANY, () => user('x')),
  'system messages only': [...listOf(MANY, () => ({ role: 'system', content: 'x' })), user('x')],
  'answers to nothing': [user('a'), ...listOf(MANY * 0.75, () => result('z')), user('b')],
  'calls answered from behind': [
    user('a'),
    { role: 'assistant', content: null, tool_calls: listOf(MANY / 3, (at) => call(`c${at}`)) },
    ...listOf(MANY / 3, (at) => result(`c${MANY / 3 - 1 - at}`)),
    user('b'),
  ],
  'one id for all calls': [
    user('a'),
    ...listOf(MANY / 4, () => [{ role: 'assistant', content: null, tool_calls: [call('c')] }, result('c')]).flat(),
    user('b'),
  ],
};

const MODELS = [
  ...['openai/m', 'anthropic/claude-haiku-4-5', 'gemini/gemini-2.5-flash', 'bedrock/anthropic.claude-3', 'cohere/m'],
  ...['databricks/m', 'ollama/m', 'sagemaker/m', 'mistral/m'],
];

function timeOf(model: string, messages: readonly object[]): number {
  const startedAtMs = performance.now();
  try {
    ask(targetOf(model, { dropParams: true }), { body: { messages } });
  } catch (refusal) {
    // Some of these are no conversations for some: what counts is that it is said soon.
    expect(refusal).toBeInstanceOf(GatewayError);
  }
  return performance.now() - startedAtMs;
}

describe.each(MODELS)('a very long conversation with %s', (model) => {
  test.each(Object.entries(CONVERSATIONS))('of %s is translated or refused at once', (_, messages) => {
    let shortestMs = Number.POSITIVE_INFINITY;
    // A machine that is busy with something else is given another chance.
    for (let tries = 0; tries < 3 && shortestMs >= LIMIT_MS; tries++) {
      shortestMs = Math.min(shortestMs, timeOf(model, messages));
    }
    expect(shortestMs).toBeLessThan(LIMIT_MS);
  });
});
