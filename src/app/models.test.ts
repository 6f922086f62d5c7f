import { describe, expect, test } from 'bun:test';
import { sampleCaller } from '../../test/support/call-parts.ts';
import { runtimeFrom } from '../../test/support/runtime-from.ts';
import { GatewayError } from '../errors.ts';
import { modelList } from './models.ts';

const runtime = runtimeFrom(`
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: a, litellm_params: {model: openai/a2}}
  - {model_name: b, litellm_params: {model: openai/b}}
  - {model_name: 'wild/*', litellm_params: {model: 'openai/*'}}
router_settings:
  model_group_alias: {nick: a, secret: {model: b, hidden: true}}
`);

const entry = (id: string) => ({ id, object: 'model', created: 1_677_610_602, owned_by: 'openai' });
const idsFor = (models: readonly string[]): string[] => {
  const { data } = modelList(sampleCaller({ models }), runtime, undefined) as { data: { id: string }[] };
  return data.map(({ id }) => id);
};
const one = (id: string, models: readonly string[] = []): unknown => modelList(sampleCaller({ models }), runtime, id);

describe('the list', () => {
  test("has OpenAI's shape", () => {
    const list = modelList(sampleCaller({ models: ['b'] }), runtime, undefined);
    expect(list).toEqual({ object: 'list', data: [entry('b')] });
  });

  test('names each group and alias once, and no hidden one', () => {
    const ids = idsFor([]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(['a', 'b', 'nick']));
    expect(ids).not.toContain('secret');
  });

  test('is only what the key may use', () => {
    expect(idsFor(['a'])).not.toContain('b');
    expect(idsFor(['nobody'])).toEqual([]);
  });
});

describe('one model', () => {
  test.each(['a', 'nick', 'secret', 'wild/anything'])('%s is found', (id) => {
    expect(one(id)).toEqual(entry(id));
  });

  test.each([
    ['that is not there', 'nobody', []],
    ['that the key may not use', 'b', ['a']],
    ['that every object has', 'constructor', []],
  ])('%s is a 404 that names it', (_, id, models: string[]) => {
    const asking = (): unknown => one(id, models);
    expect(asking).toThrow(`The model '${id}' does not exist`);
    expect(asking).toThrow(GatewayError);
  });

  test('with an endless name is not echoed whole', () => {
    try {
      one('x'.repeat(10_000));
      expect.unreachable();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(GatewayError);
      expect(String(thrown).length).toBeLessThan(400);
      expect(thrown).toMatchObject({ status: 404, details: { code: 'model_not_found', param: 'model' } });
    }
  });
});
