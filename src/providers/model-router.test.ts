import { describe, expect, test } from 'bun:test';
import { ask, targetOf } from '../../test/support/provider-parts.ts';
import type { Target } from './adapter.ts';

const target = (model: string, over: Partial<Target> = {}): Target =>
  targetOf(model, { baseUrl: 'https://router.example', ...over });

const ROUTER = target('azure_ai/model_router/my-router');
const usage = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };
const answer = (model: string) => ({
  id: 'c',
  model,
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
  usage,
});

describe('a router', () => {
  test.each([
    ['azure_ai/model_router/my-router', {}, undefined],
    ['azure_ai/model-router', {}, undefined],
    ['azure/azure-model-router', {}, undefined],
    ['azure/mine', { baseModel: 'azure/model-router' }, undefined],
    ['azure/model-router', { baseModel: 'azure/gpt-5' }, 'azure/gpt-5'],
  ])('is %s with %j, whose dearest model is %j', (model, over, dearest) => {
    const own = target(model, over);
    expect(own.adapter.billing?.(own).router).toEqual({ feeAs: 'model-router', dearest });
  });

  test.each([
    ['azure/gpt-5', {}],
    ['azure_ai/model_router/x', { customPrices: { input_cost_per_token: 1e-6 } }],
  ])('is not %s with %j, which has prices of its own', (model, over) => {
    const own = target(model, over);
    expect(own.adapter.billing?.(own).router).toBeUndefined();
  });

  test('has its answers read, which others have not', () => {
    expect(ask(ROUTER).memo).toBeDefined();
    expect(ask(target('azure/gpt-4o')).memo).toBeUndefined();
  });

  test('names the model that answered, whole and streamed', () => {
    const { memo } = ask(ROUTER);
    const { adapter } = ROUTER;
    expect(adapter.parseResponse(answer('gpt-5-nano'), ROUTER, memo).usage).toEqual({
      ...usage,
      served_model: 'gpt-5-nano',
    });
    const decode = adapter.createStreamDecoder(ROUTER, memo);
    const chunks = [
      { model: 'azure-model-router', choices: [] },
      { id: 'c', model: 'gpt-5-nano', choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: 'stop' }] },
      { id: 'c', model: '', choices: [], usage },
    ].flatMap((chunk) => decode(JSON.stringify(chunk)));
    expect(chunks.at(-1)?.usage).toEqual({ ...usage, served_model: 'gpt-5-nano' });
  });

  test('that names only itself names nobody', () => {
    const said = ROUTER.adapter.parseResponse(answer('azure-model-router'), ROUTER, ask(ROUTER).memo);
    expect(said.usage).toEqual(usage);
    const plain = target('azure/gpt-4o');
    expect(plain.adapter.parseResponse(answer('gpt-4o-2024-11-20'), plain).usage).toEqual(usage);
  });
});
