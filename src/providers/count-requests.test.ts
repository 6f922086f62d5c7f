/** How each provider that counts tokens itself is asked to, with what it would be sent. */
import { describe, expect, test } from 'bun:test';
import { inputOf, targetFor, targetOf } from '../../test/support/provider-parts.ts';
import { samples, targetOfSample } from '../../test/support/provider-samples.ts';
import type { Target } from './adapter.ts';
import { registry } from './registry.ts';

const TOOL = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};
const BODY = {
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Weather?' },
  ],
  tools: [TOOL],
  temperature: 0.5,
  max_tokens: 10,
  stop: ['end'],
};

interface Asked {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
  readonly body: any;
}

function asked(target: Target, body: Readonly<Record<string, unknown>> = BODY): Asked {
  const request = target.adapter.countRequest?.(inputOf({ body }), target);
  if (request === undefined) throw new Error('It does not count');
  return { ...request, body: JSON.parse(request.body) };
}

/** With the settings that the configuration would give it. */
function configured(
  id: string,
  upstreamModel: string,
  params: Readonly<Record<string, unknown>>,
  over: Partial<Target> = {},
): Target {
  const adapter = registry.get(id);
  if (!adapter) throw new Error(`There is no provider "${id}".`);
  const settings = adapter.parseSettings?.({ ...params });
  return targetFor(adapter, {
    upstreamModel,
    settings,
    baseUrl: adapter.baseUrlOf?.(settings, upstreamModel) ?? adapter.defaultBaseUrl,
    ...over,
  });
}

describe('Anthropic', () => {
  test('is asked beside the messages, without what says how to answer', () => {
    const { url, headers, body } = asked(targetOf('anthropic/claude-sonnet-4-5', { baseUrl: 'https://host' }));
    expect(url).toBe('https://host/v1/messages/count_tokens');
    expect(headers['anthropic-version']).toBe('2023-06-01');
    expect(Object.keys(body).toSorted()).toEqual(['messages', 'model', 'system', 'tools']);
    expect(body.system).toEqual([{ type: 'text', text: 'Be brief.' }]);
    expect(body.tools[0].input_schema).toEqual(TOOL.function.parameters);
  });

  test('counts thinking and the choice of tools with it', () => {
    const thinking = { type: 'enabled', budget_tokens: 2_000 };
    const { body } = asked(targetOf('anthropic/claude-sonnet-4-5'), {
      ...BODY,
      thinking,
      temperature: 1,
      tool_choice: 'auto',
      max_tokens: 4_000,
    });
    expect(body).toMatchObject({ thinking, tool_choice: { type: 'auto' } });
    expect(body.max_tokens).toBeUndefined();
  });

  test('on Azure is asked at the same resource', () => {
    const { url } = asked(targetOf('azure_ai/claude-sonnet-4-5', { baseUrl: 'https://acme.services.ai.azure.com' }));
    expect(url).toBe('https://acme.services.ai.azure.com/anthropic/v1/messages/count_tokens');
  });

  test('is not asked of other models behind the same resource', () => {
    const target = targetOf('azure_ai/mistral-large', { baseUrl: 'https://acme.services.ai.azure.com' });
    expect(target.adapter.countRequest?.(inputOf({ body: BODY }), target)).toBeUndefined();
  });

  test('on Vertex AI is asked of a model of its own, which names the one that is meant', () => {
    const params = { vertex_project: 'acme', vertex_location: 'europe-west1' };
    const { url, body } = asked(configured('vertex_ai', 'claude-sonnet-4-5@20250929', params));
    expect(url).toEndWith(
      '/v1/projects/acme/locations/europe-west1/publishers/anthropic/models/count-tokens:rawPredict',
    );
    expect(body).toMatchObject({ model: 'claude-sonnet-4-5@20250929', system: [{ text: 'Be brief.' }] });
    expect(body.max_tokens).toBeUndefined();
  });

  test('says how many', () => {
    const { readCount } = targetOf('anthropic/claude-sonnet-4-5').adapter;
    expect(readCount?.({ input_tokens: 14 })).toBe(14);
    for (const nothing of [null, 'text', {}, { input_tokens: '14' }]) expect(readCount?.(nothing)).toBeUndefined();
  });
});

describe('Gemini', () => {
  test('is asked with the whole request, its model named in it', () => {
    const { url, body } = asked(targetOf('gemini/gemini-2.5-flash', { baseUrl: 'https://host' }));
    expect(url).toBe('https://host/v1beta/models/gemini-2.5-flash:countTokens');
    expect(body.generateContentRequest).toMatchObject({
      model: 'models/gemini-2.5-flash',
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [{ role: 'user' }],
      tools: [{}],
      generationConfig: { temperature: 0.5 },
    });
  });

  test('names tuned models by their own folder', () => {
    const { url, body } = asked(targetOf('gemini/tunedModels/mine', { baseUrl: 'https://host' }));
    expect(url).toContain('/tunedModels/mine:countTokens');
    expect(body.generateContentRequest.model).toBe('tunedModels/mine');
  });

  test('on Vertex AI is asked with the members that it counts', () => {
    const params = { vertex_project: 'acme', vertex_location: 'us-central1' };
    const { url, body } = asked(configured('vertex_ai', 'gemini-2.5-flash', params));
    expect(url).toEndWith('/locations/us-central1/publishers/google/models/gemini-2.5-flash:countTokens');
    expect(Object.keys(body).toSorted()).toEqual(['contents', 'generationConfig', 'systemInstruction', 'tools']);
  });

  test('says how many, on Vertex AI whoever of the two it was', () => {
    const { readCount } = targetOf('gemini/gemini-2.5-flash').adapter;
    expect(readCount?.({ totalTokens: 31 })).toBe(31);
    expect(readCount?.({ total: 31 })).toBeUndefined();
    const vertex = registry.get('vertex_ai');
    expect([vertex?.readCount?.({ totalTokens: 31 }), vertex?.readCount?.({ input_tokens: 14 })]).toEqual([31, 14]);
    expect(vertex?.readCount?.({})).toBeUndefined();
  });
});

describe('Bedrock', () => {
  const claude = (model: string, over: Partial<Target> = {}): Target =>
    configured('bedrock', model, { aws_region_name: 'us-east-1' }, { baseUrl: 'https://host', ...over });

  test('is asked what Converse would be asked', () => {
    const { url, body } = asked(claude('anthropic.claude-3-5-sonnet-20240620-v1:0'));
    expect(url).toBe('https://host/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/count-tokens');
    expect(body.input.converse).toMatchObject({
      system: [{ text: 'Be brief.' }],
      messages: [{ role: 'user' }],
      toolConfig: { tools: [{ toolSpec: { name: 'weather' } }] },
    });
    expect(body.input.converse.inferenceConfig).toBeUndefined();
  });

  test.each([
    ['eu.anthropic.claude-sonnet-4-20250514-v1:0', 'anthropic.claude-sonnet-4-20250514-v1:0'],
    ['us-gov.anthropic.claude-sonnet-4-20250514-v1:0', 'anthropic.claude-sonnet-4-20250514-v1:0'],
    ['global.anthropic.claude-sonnet-4-5-20250929-v1:0', 'anthropic.claude-sonnet-4-5-20250929-v1:0'],
    ['converse/anthropic.claude-3-haiku-20240307-v1:0', 'anthropic.claude-3-haiku-20240307-v1:0'],
    ['us-east-1/anthropic.claude-3-haiku-20240307-v1:0', 'anthropic.claude-3-haiku-20240307-v1:0'],
  ])('%s counts as %s', (model, id) => {
    expect(decodeURIComponent(asked(claude(model)).url)).toBe(`https://host/model/${id}/count-tokens`);
  });

  test('of an ARN is asked by the model that the configuration says is behind it', () => {
    const arn = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc';
    const known = claude(arn, { baseModel: 'bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0' });
    expect(decodeURIComponent(asked(known).url)).toContain('/model/anthropic.claude-sonnet-4-20250514-v1:0/');
    expect(claude(arn).adapter.countRequest?.(inputOf({ body: BODY }), claude(arn))).toBeUndefined();
  });

  test('is not asked of models that AWS does not count for', () => {
    const nova = claude('amazon.nova-lite-v1:0');
    expect(nova.adapter.countRequest?.(inputOf({ body: BODY }), nova)).toBeUndefined();
  });

  test('says how many', () => {
    const { readCount } = claude('anthropic.claude-3-haiku-20240307-v1:0').adapter;
    expect([readCount?.({ inputTokens: 9 }), readCount?.({}), readCount?.(null)]).toEqual([9, undefined, undefined]);
  });
});

test('who is asked can be read: no provider has one half only', () => {
  const halves = samples.filter(
    ({ adapter }) => (adapter.countRequest === undefined) !== (adapter.readCount === undefined),
  );
  expect(halves.map(({ name }) => name)).toEqual([]);
});

test('what is refused of a request is refused of its count', () => {
  const { temperature: _, ...plain } = BODY;
  const counting = samples.filter((sample) => {
    const target = targetOfSample(sample);
    return target.adapter.countRequest?.(inputOf({ body: plain }), target) !== undefined;
  });
  expect(counting.length).toBeGreaterThan(3);
  for (const sample of counting) {
    const target = targetOfSample(sample);
    const input = inputOf({ body: { ...plain, logit_bias: { '1': 1 } } });
    expect(() => target.adapter.buildRequest(input, target, [])).toThrow('logit_bias');
    expect(() => target.adapter.countRequest?.(input, target)).toThrow('logit_bias');
  }
});
