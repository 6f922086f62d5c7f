import { describe, expect, test } from 'bun:test';
import { runtimeFrom } from '../../test/support/runtime-from.ts';
import type { Served } from '../admin/prices.ts';
import { createCards } from '../features/meter.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import { createPrices } from './prices.ts';

const CONFIG = `
model_list:
  - model_name: cheap
    litellm_params: { model: openai/gpt-4o, api_key: x, input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 }
    model_info: { id: d1 }
  - model_name: openai/*
    litellm_params: { model: openai/*, api_key: x }
    model_info: { id: d2 }
  - model_name: gift
    litellm_params: { model: openai/never-heard-of, api_key: x }
    model_info: { id: d3, free: true }
router_settings:
  model_group_alias: { nice: cheap }
`;

const catalog = loadCatalog();
const runtime = runtimeFrom(CONFIG);
const prices = createPrices({ catalog, rateCard: createCards(() => catalog).rateCard, runtime: () => runtime });

const served = (over: Partial<Served>): Served => ({
  deploymentId: 'd1',
  modelGroup: 'cheap',
  model: 'openai/gpt-4o',
  provider: 'openai',
  ...over,
});
const inputOf = (over: Partial<Served>): number | undefined =>
  prices.cardOf(served(over))?.prices['input_cost_per_token'];
const listed = (model: string): number | undefined =>
  catalog.rateCard({ model, provider: 'openai' })?.prices['input_cost_per_token'];

describe('the price of what was served', () => {
  test('is the deployment’s own while it serves the same model', () => {
    expect(inputOf({})).toBe(0.000001);
    expect(inputOf({ model: 'openai/gpt-4o-mini' })).toBe(listed('gpt-4o-mini'));
  });

  test('is the price list’s when the deployment is gone', () => {
    expect(inputOf({ deploymentId: 'gone' })).toBe(listed('gpt-4o'));
    expect(listed('gpt-4o')).toBeGreaterThan(0.000001);
    expect(inputOf({ deploymentId: null })).toBe(listed('gpt-4o'));
  });

  test('of a wildcard is found by the name that was asked for', () => {
    const asked = { deploymentId: 'd2', modelGroup: 'openai/gpt-4o-mini', model: 'openai/gpt-4o-mini' };
    expect(inputOf(asked)).toBe(listed('gpt-4o-mini'));
  });

  test('is unknown for what nobody lists, and nothing for what is free', () => {
    expect(prices.cardOf(served({ deploymentId: 'gone', model: 'openai/never-heard-of' }))).toBeUndefined();
    expect(prices.cardOf(served({ deploymentId: null, model: null, provider: null }))).toBeUndefined();
    expect(
      prices.cardOf(served({ deploymentId: 'd3', modelGroup: 'gift', model: 'openai/never-heard-of' }))?.free,
    ).toBe(true);
  });
});

describe('the price of a model', () => {
  const input = (name: string): number | undefined => prices.cardOfModel(name)?.prices['input_cost_per_token'];

  test('is found by public name, alias, deployment and name in the price list', () => {
    for (const name of ['cheap', 'nice', 'd1']) expect([name, input(name)]).toEqual([name, 0.000001]);
    for (const name of ['openai/gpt-4o-mini', 'gpt-4o-mini'])
      expect([name, input(name)]).toEqual([name, listed('gpt-4o-mini')]);
    expect(input('anthropic/claude-haiku-4-5')).toBeGreaterThan(0);
  });

  test('is unknown for any other name, whatever objects inherit', () => {
    for (const name of ['nobody', 'constructor', '__proto__', 'x/y']) expect(input(name)).toBeUndefined();
  });
});
