import { describe, expect, test } from 'bun:test';
import { errorsOf, findingsOf, load } from '../../test/support/config-files.ts';

const MODELS = `
model_list:
  - {model_name: a, litellm_params: {model: openai/a}, model_info: {id: id-a}}
  - {model_name: b, litellm_params: {model: openai/b}}
  - {model_name: c, litellm_params: {model: openai/c}}
  - {model_name: "groq/*", litellm_params: {model: "groq/*"}}
`;
const router = (settings: string): string => `${MODELS}router_settings:\n  ${settings}\n`;

describe('aliases', () => {
  test('are a name, or a name that may be hidden', () => {
    expect(load(router('model_group_alias: {x: a, y: {model: b, hidden: true}, z: {model: c}}')).aliases).toEqual({
      x: { group: 'a', hidden: false },
      y: { group: 'b', hidden: true },
      z: { group: 'c', hidden: false },
    });
  });

  test('of aliases lead straight to the group', () => {
    expect(load(router('model_group_alias: {x: y, y: z, z: a}')).aliases['x']).toEqual({ group: 'a', hidden: false });
  });

  test('may point to what a wildcard or a deployment id serves', () => {
    expect(errorsOf(router('model_group_alias: {x: groq/llama-3, y: id-a}'))).toEqual([]);
  });

  test('that point to nothing are an error at their line', () => {
    const text = router('model_group_alias:\n    x: bb');
    expect(errorsOf(text)).toEqual([
      'router_settings.model_group_alias.x: points to "bb", and no model of that name is in model_list. Did you mean "b"?',
    ]);
    expect(findingsOf(text).find(({ level }) => level === 'error')?.position).toMatchObject({ line: 9, column: 8 });
  });

  test('in a circle are an error that shows the circle', () => {
    expect(errorsOf(router('model_group_alias: {x: y, y: z, z: x}'))).toEqual([
      'router_settings.model_group_alias.x: "x" is an alias of itself: x → y → z → x',
    ]);
    expect(errorsOf(router('model_group_alias: {x: x}'))).toHaveLength(1);
  });

  test.each([
    ['model_group_alias: [a]', 'must be a mapping'],
    ['model_group_alias: {x: [a]}', 'must be a model group'],
    ['model_group_alias: {x: {hidden: true}}', 'is missing'],
    ['model_group_alias: {x: {model: a, hiden: true}}', 'Did you mean "hidden"?'],
    ['model_group_alias: {x: {model: a, hidden: perhaps}}', 'true or false'],
  ])('%s is wrong', (settings, message) => {
    expect(errorsOf(router(settings))).toEqual([expect.stringContaining(message)]);
  });

  test('of litellm_settings.model_alias_map are kept apart and checked too', () => {
    expect(load(`${MODELS}litellm_settings: {model_alias_map: {x: a}}`).litellm.modelAliasMap).toEqual({ x: 'a' });
    expect(errorsOf(`${MODELS}litellm_settings: {model_alias_map: {x: nothing}}`)).toHaveLength(1);
  });
});

describe('fallbacks', () => {
  test('are read in order, by group', () => {
    const config = load(router('fallbacks: [{a: [b, c]}, {b: [c]}]'));
    expect(config.router.fallbacks).toEqual({ a: ['b', 'c'], b: ['c'] });
  });

  test('for every group are default fallbacks, after the ones of their own key', () => {
    const config = load(router('fallbacks: [{"*": [b]}]\n  default_fallbacks: [c, b]'));
    expect(config.router.fallbacks).toEqual({});
    expect(config.router.defaultFallbacks).toEqual(['b', 'c']);
  });

  test('may lead through an alias or to a wildcard', () => {
    expect(errorsOf(router('fallbacks: [{a: [x, groq/llama]}]\n  model_group_alias: {x: b}'))).toEqual([]);
  });

  test('in router_settings replace those in litellm_settings', () => {
    const config = load(`${router('fallbacks: [{a: [b]}]')}litellm_settings: {fallbacks: [{a: [c]}]}\n`);
    expect(config.router.fallbacks).toEqual({ a: ['b'] });
    expect(load(`${MODELS}litellm_settings: {fallbacks: [{a: [c]}]}\n`).router.fallbacks).toEqual({ a: ['c'] });
  });

  test('to nothing are an error at the name', () => {
    const text = router('fallbacks:\n    - a: [b, cc]');
    expect(errorsOf(text)).toEqual([
      'router_settings.fallbacks.0.a: points to "cc", and no model of that name is in model_list. Did you mean "c"?',
    ]);
    expect(findingsOf(text).find(({ level }) => level === 'error')?.position).toMatchObject({ line: 9, column: 14 });
    expect(errorsOf(router('default_fallbacks: [nothing]'))).toEqual([expect.stringContaining('default_fallbacks')]);
  });

  test('of a model that is not there are only a warning, because no request asks for it', () => {
    const text = router('fallbacks: [{gone: [a, b]}]');
    expect(errorsOf(text)).toEqual([]);
    expect(findingsOf(text).filter(({ level }) => level === 'warning')).toHaveLength(1);
  });

  test('in a circle are an error that shows the circle', () => {
    expect(errorsOf(router('fallbacks: [{a: [b]}, {b: [c]}, {c: [a]}]'))).toEqual([
      'router_settings.fallbacks.0.a: "a" falls back to itself: a → b → c → a',
    ]);
    expect(errorsOf(router('fallbacks: [{a: [a]}]'))).toHaveLength(1);
  });

  test('that meet again without a circle are fine', () => {
    expect(errorsOf(router('fallbacks: [{a: [b, c]}, {b: [c]}]'))).toEqual([]);
  });

  test.each([
    ['fallbacks: {a: [b]}', 'must be a list such as'],
    ['fallbacks: [a]', 'must be a list such as'],
    ['fallbacks: [{a: [[b]]}]', 'must be a list of model groups'],
    ['fallbacks: [{a: [{model: b}]}]', 'must be a list of model groups'],
  ])('%s is wrong', (settings, message) => {
    expect(errorsOf(router(settings))).toEqual([expect.stringContaining(message)]);
  });
});
