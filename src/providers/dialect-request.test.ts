import { describe, expect, test } from 'bun:test';
import { ask, inputOf, targetFor } from '../../test/support/provider-parts.ts';
import { cohere } from './cohere.ts';
import { ollama } from './ollama.ts';

describe.each([cohere, ollama])('$id', (adapter) => {
  const target = targetFor(adapter);

  test('takes the deployment’s defaults where the client says nothing', () => {
    const withDefaults = targetFor(adapter, { defaults: { temperature: 0.1, seed: 5, model: 'x', stream: true } });
    const text = ask(withDefaults, { body: { temperature: 0.9 } }).body;
    expect(text).toContain('"temperature":0.9');
    expect(text).toContain('"seed":5');
    expect(text).not.toContain('"stream":true');
    expect(text).toContain('"model":"some-model"');
  });

  test('leaves out what is null or to be dropped', () => {
    const { body, changes } = ask(target, {
      body: { temperature: null, seed: 1, tools: null, tool_choice: null, stop: null },
      additionalDropParams: ['seed'],
    });
    expect(body).not.toMatch(/temperature|seed|tool|stop|null/);
    expect(changes).toEqual([{ field: 'seed', action: 'dropped', note: 'additional_drop_params' }]);
  });

  test('merges extra_body last, but never over what the gateway decides', () => {
    const { sent, changes } = ask(target, { body: { extra_body: { own: { a: 1 }, model: 'x', messages: [] } } });
    expect(sent).toMatchObject({ own: { a: 1 }, model: 'some-model', messages: [{ role: 'user', content: 'Hi' }] });
    expect(changes.map(({ field }) => field)).toEqual(['extra_body.model', 'extra_body.messages']);
    expect(() => ask(target, { body: { extra_body: 'x' } })).toThrow('extra_body must be an object');
  });

  test('sends the operator’s headers, and the client’s where they are free', () => {
    const headers = { 'X-Team': 'blue' };
    const asked = ask(targetFor(adapter, { extraHeaders: headers }), {
      body: { extra_headers: { 'x-mine': '1', 'x-team': 'red', authorization: 'Bearer mine' } },
    });
    expect(asked.headers).toMatchObject({ 'x-team': 'blue', 'x-mine': '1' });
    expect(asked.headers['authorization']).not.toContain('mine');
    expect(asked.changes).toHaveLength(2);
  });

  test('passes on what it does not know, and keeps what is allowed by name', () => {
    expect(ask(target, { body: { new_parameter: { deep: [1, null] } } }).sent).toMatchObject({
      new_parameter: { deep: [1, null] },
    });
    expect(ask(target, { body: { verbosity: 'low' }, allowedParams: ['verbosity'] }).sent).toMatchObject({
      verbosity: 'low',
    });
  });

  test('leaves the request as it was: another target may be tried with it', () => {
    const body = { seed: 1, stop: 'x', max_tokens: 5, tools: [], options: { num_ctx: 1 }, reasoning_effort: 'low' };
    const input = inputOf({ body });
    const before = JSON.stringify(input);
    const first = adapter.buildRequest(input, target, []);
    expect(adapter.buildRequest(input, target, [])).toEqual(first);
    expect(JSON.stringify(input)).toBe(before);
  });

  test('refuses legacy function calls with a hint', () => {
    const message = { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } };
    expect(() => ask(target, { body: { messages: [message] } })).toThrow('use tool_calls');
  });
});
