import { describe, expect, test } from 'bun:test';
import { sampleTarget } from '../../test/support/call-parts.ts';
import { load } from '../../test/support/config-files.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import { factsOf, paramsOf } from './model-facts.ts';

const catalog = loadCatalog();
const paramsIn = (litellm_params: object) => {
  const [deployment] = load(JSON.stringify({ model_list: [{ model_name: 'm', litellm_params }] })).deployments;
  if (deployment === undefined) throw new Error('No deployment');
  return paramsOf(deployment);
};

describe('what is known of a model', () => {
  test('are its sizes, its prices and what it can do', () => {
    expect(factsOf(sampleTarget(), catalog)).toMatchObject({
      key: 'gpt-4o-mini',
      litellm_provider: 'openai',
      mode: 'chat',
      max_input_tokens: 128_000,
      max_output_tokens: 16_384,
      max_tokens: 16_384,
      input_cost_per_token: 1.5e-7,
      output_cost_per_token: 6e-7,
      supports_vision: true,
    });
  });

  test('is nothing, under every name, where nobody knows it', () => {
    const facts = factsOf(sampleTarget({ upstreamModel: 'of-our-own' }), catalog);
    expect(facts).toMatchObject({ key: 'of-our-own', litellm_provider: 'openai', mode: null, max_tokens: null });
    expect([facts['input_cost_per_token'], facts['supports_vision']]).toEqual([null, null]);
  });

  test('is nothing at all where no target can be made of it', () => {
    const facts = Object.entries(factsOf(undefined, catalog));
    expect(facts.filter(([, value]) => value !== null)).toEqual([]);
    expect(facts.map(([name]) => name)).toContain('key');
  });

  test('is that of the base model, by its name', () => {
    const target = sampleTarget({ upstreamModel: 'my-deployment', baseModel: 'gpt-4o-mini' });
    expect(factsOf(target, catalog)).toMatchObject({ key: 'gpt-4o-mini', max_input_tokens: 128_000 });
  });

  test('has the prices that its owner gives', () => {
    const customPrices = { input_cost_per_token: 0.25, output_cost_per_token: 0.5 };
    expect(factsOf(sampleTarget({ customPrices }), catalog)).toMatchObject(customPrices);
  });
});

describe('the parameters that are shown', () => {
  test.each<[object, object]>([
    [{}, {}],
    [
      { timeout: 1.5, stream_timeout: 2 },
      { timeout: 1.5, stream_timeout: 2 },
    ],
    [{ base_url: 'http://a' }, { api_base: 'http://a' }],
    [
      { rpm: '6', tpm: 0, weight: 0 },
      { rpm: 6, tpm: 0, weight: 0 },
    ],
    [{ drop_params: false }, { drop_params: false }],
    [
      { temperature: 0, aws_region_name: 'eu' },
      { temperature: 0, aws_region_name: 'eu' },
    ],
    [{ input_cost_per_token: 0 }, { input_cost_per_token: 0 }],
    [{ litellm_credential_name: 'c' }, { litellm_credential_name: 'c' }],
    // A key and headers of the file are never shown, not even hidden.
    [{ api_key: 'sk-secret', extra_headers: { authorization: 'secret' } }, {}],
  ])('of %j are %j', (written, shown) => {
    expect(paramsIn({ model: 'openai/x', ...written })).toEqual({ model: 'openai/x', ...shown });
  });
});
