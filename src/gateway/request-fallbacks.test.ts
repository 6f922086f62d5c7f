import { describe, expect, test } from 'bun:test';
import { sampleCall } from '../../test/support/call-parts.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { fallbackNames, fallbacksIn } from './request-fallbacks.ts';

describe('the fallbacks of a request', () => {
  test.each([
    ['none', undefined, undefined],
    ['none by null', null, undefined],
    ['an empty list', [], []],
    ['names, in their order and as often as they stand there', ['b', 'a', 'b'], ['b', 'a', 'b']],
    ['objects with a model', [{ model: 'a' }, 'b'], ['a', 'b']],
    ['a map for this model', [{ asked: ['a', { model: 'b' }] }], ['a', 'b']],
    ['a map for another model', [{ other: ['a'] }], []],
    ['a map for every model', [{ '*': ['a'] }], ['a']],
    ['a map for this model behind that for every model', [{ '*': ['a'] }, { asked: ['b'] }], ['b']],
    ['one map for both', [{ '*': ['a'], asked: ['b'] }], ['b']],
    ['an empty list for this model, which is not for every model', [{ asked: [] }, { '*': ['a'] }], []],
  ])('may be %s', (_what, fallbacks, names) => {
    expect(fallbacksIn({ fallbacks }, 'asked')).toEqual({ fallbacks: names });
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'for every model are those of a model named %p too',
    (model) => {
      expect(fallbacksIn({ fallbacks: [{ '*': ['a'] }] }, model)).toEqual({ fallbacks: ['a'] });
      expect(fallbacksIn({ fallbacks: [{ other: ['a'] }] }, model)).toEqual({ fallbacks: [] });
      expect(fallbacksIn({ context_window_fallback_dict: {} }, model)).toEqual({ fallbacks: undefined });
    },
  );

  test.each([
    ['a name alone', { fallbacks: 'a' }, 'fallbacks', "'fallbacks' must be a list of model names."],
    ['an object alone', { fallbacks: { asked: ['a'] } }, 'fallbacks', "'fallbacks' must be a list of model names."],
    [
      'an empty name',
      { fallbacks: ['a', ''] },
      'fallbacks',
      "'fallbacks[1]' must be a model name, or an object with 'model'.",
    ],
    ['a number', { fallbacks: [5] }, 'fallbacks', "'fallbacks[0]' must be a model name, or an object with 'model'."],
    [
      'a map among names',
      { fallbacks: ['a', { asked: ['b'] }] },
      'fallbacks',
      "'fallbacks[1]' must be a model name, or an object with 'model'.",
    ],
    [
      'an object without a model',
      { content_policy_fallbacks: [{}] },
      'content_policy_fallbacks',
      "'content_policy_fallbacks[0]' must be a model name, or an object with 'model'.",
    ],
    [
      'null within a map',
      { context_window_fallbacks: [{ '*': [null] }] },
      'context_window_fallbacks',
      "'context_window_fallbacks[0]' must be a model name, or an object with 'model'.",
    ],
  ])('may not be %s', async (_what, body, param, message) => {
    const error = await refusalOf(() => fallbacksIn(body, 'asked'));
    expect([error.kind, error.details.param, error.message]).toEqual(['invalid_request', param, message]);
  });

  test('are kept apart by what they are for', () => {
    const body = { fallbacks: ['a'], context_window_fallbacks: ['b'], content_policy_fallbacks: [{ asked: ['c'] }] };
    expect(fallbacksIn(body, 'asked')).toEqual({
      fallbacks: ['a'],
      typedFallbacks: { contextWindow: ['b'], contentPolicy: ['c'] },
    });
  });

  test.each([
    ['names another', { asked: 'b' }, ['b']],
    ['names none for this model', { other: 'b' }, undefined],
    ['names nothing', { asked: '' }, undefined],
    ['is a list', ['b'], undefined],
  ])('for long prompts come from the older dictionary when it %s', (_what, dictionary, names) => {
    const { typedFallbacks } = fallbacksIn({ context_window_fallback_dict: dictionary }, 'asked');
    expect(typedFallbacks?.contextWindow).toEqual(names);
  });

  test('for long prompts come from the list where there is one, even an empty one', () => {
    const body = { context_window_fallback_dict: { asked: 'b' }, context_window_fallbacks: [] };
    expect(fallbacksIn(body, 'asked').typedFallbacks?.contextWindow).toEqual([]);
  });

  test('are all named together', () => {
    const typedFallbacks = { contextWindow: ['b'], contentPolicy: ['a', 'c'] };
    const { controls } = sampleCall({ controls: { fallbacks: ['a'], typedFallbacks } });
    expect(fallbackNames(controls)).toEqual(['a', 'b', 'a', 'c']);
    expect(fallbackNames(sampleCall().controls)).toEqual([]);
  });
});

describe('what a fallback changes in the request', () => {
  const changesOf = (...fallbacks: unknown[]) => fallbacksIn({ fallbacks }, 'asked').fallbackChanges;

  test('are its other members', () => {
    const changes = changesOf({ model: 'a', messages: [], temperature: 0, api_key: 'sk-own' });
    expect([...(changes ?? [])]).toEqual([['a', { messages: [], temperature: 0, api_key: 'sk-own' }]]);
  });

  test('is neither the way of answering nor what speaks to the gateway', () => {
    const members = {
      stream: true,
      stream_options: {},
      metadata: {},
      num_retries: 9,
      litellm_x: 1,
      mock_response: 'x',
    };
    expect(changesOf({ model: 'a', ...members }, 'b')).toBeUndefined();
  });

  test('is what the first of the same name says', () => {
    const changes = changesOf('a', { model: 'a', top_p: 1 }, { model: 'a', top_p: 2 });
    expect([...(changes ?? [])]).toEqual([['a', { top_p: 1 }]]);
  });
});
