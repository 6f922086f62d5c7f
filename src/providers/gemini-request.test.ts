import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { geminiPlace } from '../../test/support/gemini-place.ts';
import { GatewayError } from '../errors.ts';

const ask = (body: object, model?: string) => geminiPlace().sent(body, model);
const configOf = (body: object, model?: string): unknown => ask(body, model).body['generationConfig'];
const GEMINI_3 = 'gemini-3-flash-preview';

describe('parameters', () => {
  test('a request without any has contents only', () => {
    const { body, changes } = ask({});
    expect(body).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] });
    expect(changes).toEqual([]);
  });

  test.each<[object, object]>([
    [{ temperature: 0 }, { temperature: 0 }],
    [{ top_p: 0.5 }, { topP: 0.5 }],
    [{ top_k: 40 }, { topK: 40 }],
    [{ n: 3 }, { candidateCount: 3 }],
    [{ max_tokens: 9 }, { maxOutputTokens: 9 }],
    [{ max_completion_tokens: 7, max_tokens: 9 }, { maxOutputTokens: 7 }],
    [{ stop: 'END' }, { stopSequences: ['END'] }],
    [{ stop: ['a', '', 'b'] }, { stopSequences: ['a', 'b'] }],
    [{ seed: 42 }, { seed: 42 }],
    [
      { presence_penalty: 0.1, frequency_penalty: -0.1 },
      { presencePenalty: 0.1, frequencyPenalty: -0.1 },
    ],
    [
      { logprobs: true, top_logprobs: 3 },
      { responseLogprobs: true, logprobs: 3 },
    ],
    [{ logprobs: true }, { responseLogprobs: true }],
    [{ modalities: ['text', 'image'] }, { responseModalities: ['TEXT', 'IMAGE'] }],
    [
      { modalities: ['audio'], audio: { voice: 'Kore', format: 'pcm16' } },
      { responseModalities: ['AUDIO'], speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } } },
    ],
    [
      { audio: { voice: 'Puck' }, modalities: ['text'] },
      { responseModalities: ['TEXT', 'AUDIO'], speechConfig: expect.anything() },
    ],
    [{ media_resolution: 'MEDIA_RESOLUTION_LOW' }, { mediaResolution: 'MEDIA_RESOLUTION_LOW' }],
    [{ imageConfig: { aspectRatio: '1:1' } }, { imageConfig: { aspectRatio: '1:1' } }],
    [
      { generationConfig: { topK: 3, temperature: 1 }, temperature: 0.5 },
      { topK: 3, temperature: 0.5 },
    ],
  ])('%j', (body, config) => {
    expect(configOf(body)).toEqual(config);
  });

  test.each([
    { max_tokens: -1 },
    { logprobs: false, top_logprobs: 2 },
    { stop: [] },
    { temperature: null },
    { reasoning_effort: 'default' },
  ])('%j asks for nothing', (body) => {
    expect(configOf(body)).toBeUndefined();
  });

  test.each<[object, string, string]>([
    [{ stop: ['a', 'b', 'c', 'd', 'e', 'f'] }, 'stop', 'clamped'],
    [{ seed: 2 ** 40 + 7 }, 'seed', 'clamped'],
    [{ audio: { voice: 'Kore', format: 'mp3' } }, 'audio', 'dropped'],
    [{ generationConfig: { maxOutputTokens: 99 } }, 'generationConfig.maxOutputTokens', 'dropped'],
    [{ user: 'u' }, 'user', 'dropped'],
    [{ extra_body: { contents: [] } }, 'extra_body.contents', 'dropped'],
    [
      { extra_body: { generationConfig: { candidateCount: 8 } } },
      'extra_body.generationConfig.candidateCount',
      'dropped',
    ],
    [{ extra_headers: { 'x-goog-api-key': 'mine' } }, 'extra_headers.x-goog-api-key', 'dropped'],
  ])('%j is reported', (body, field, action) => {
    const { changes, headers } = ask(body);
    expect(changes).toMatchObject([{ field, action }]);
    expect(headers['x-goog-api-key']).toBe('k');
  });

  test('of two limits the newer is said, none is 0 or less, and what is left out is told', () => {
    const told = (body: object) => ask(body).changes.map(({ field, action }) => `${action} ${field}`);
    expect(told({ max_completion_tokens: 7, max_tokens: 9 })).toEqual(['dropped max_tokens']);
    expect(told({ max_tokens: -1 })).toEqual(['dropped max_tokens']);
    expect(told({ max_completion_tokens: 0 })).toEqual(['dropped max_completion_tokens']);
    expect(told({ max_tokens: 9, max_completion_tokens: null })).toEqual([]);
    expect(configOf({ max_tokens: 0 }) ?? {}).not.toHaveProperty('maxOutputTokens');
  });

  test('stop is cut to five, a seed to 32 bits', () => {
    expect(configOf({ stop: ['a', 'b', 'c', 'd', 'e', 'f'] })).toEqual({ stopSequences: ['a', 'b', 'c', 'd', 'e'] });
    expect(configOf({ seed: 2 ** 40 + 7 })).toEqual({ seed: 7 });
  });

  test.each([{ logit_bias: { '5': 1 } }, { prediction: { type: 'content', content: 'x' } }, { verbosity: 'low' }])(
    '%j is refused by name, or dropped and reported',
    (body) => {
      const [field = ''] = Object.keys(body);
      expect(() => ask(body)).toThrow(`does not support parameters: ['${field}']`);
      const { body: sent, changes } = geminiPlace().sent(body, undefined, { dropParams: true });
      expect(sent[field]).toBeUndefined();
      expect(changes).toMatchObject([{ field, action: 'dropped' }]);
    },
  );

  test('penalties are refused by the third generation', () => {
    expect(() => ask({ presence_penalty: 1 }, GEMINI_3)).toThrow('not with Gemini 3 and later');
  });

  test('safety settings, cached content and tiers stand beside the configuration', () => {
    const safety_settings = [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }];
    const { body } = ask({ safety_settings, cached_content: 'cachedContents/1', service_tier: 'flex' });
    expect(body).toMatchObject({
      safetySettings: safety_settings,
      cachedContent: 'cachedContents/1',
      serviceTier: 'flex',
    });
    expect(ask({ service_tier: 'default' }).body['serviceTier']).toBe('standard');
    expect(ask({ service_tier: 'auto' }).body).not.toHaveProperty('serviceTier');
  });

  test('unknown members go on, so that new ones work; null ones do not', () => {
    const { body } = ask({ newThing: { a: 1 }, other: null, labels: { team: 'x' } });
    expect(body).toMatchObject({ newThing: { a: 1 }, labels: { team: 'x' } });
    expect(body).not.toHaveProperty('other');
    expect(body).not.toHaveProperty('model');
    expect(body).not.toHaveProperty('messages');
  });

  test('extra_body is merged, the configuration member by member', () => {
    const { body } = ask({ temperature: 1, extra_body: { generationConfig: { topK: 2 }, safetySettings: [] } });
    expect(body).toMatchObject({ generationConfig: { temperature: 1, topK: 2 }, safetySettings: [] });
    expect(() => ask({ extra_body: [] })).toThrow('extra_body must be an object');
  });

  test("the deployment's defaults stand in, but never for the client's own words", () => {
    const place = geminiPlace();
    const target = place.target(undefined, {
      defaults: { temperature: 0.1, max_tokens: 5, safety_settings: [{ a: 1 }] },
    });
    const input = {
      request: { model: 'm', messages: [{ role: 'user', content: 'Hi' }], temperature: 0.9 },
      text: undefined,
      gatewayKeys: [],
      dropParams: undefined,
      additionalDropParams: ['top_p', 'messages[0].name'],
      allowedParams: [],
    };
    const { body } = place.adapter.buildRequest(input, target, []);
    expect(JSON.parse(body)).toMatchObject({
      generationConfig: { temperature: 0.9, maxOutputTokens: 5 },
      safetySettings: [{ a: 1 }],
    });
  });
});

describe('response_format', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string' } },
    required: ['a'],
    additionalProperties: false,
  };
  const format = { type: 'json_schema', json_schema: { name: 'n', strict: true, schema } };

  test('text and JSON are types of the answer', () => {
    expect(configOf({ response_format: { type: 'text' } })).toEqual({ responseMimeType: 'text/plain' });
    expect(configOf({ response_format: { type: 'json_object' } })).toEqual({ responseMimeType: 'application/json' });
  });

  test('a schema goes as JSON Schema, to old models in their own subset', () => {
    expect(configOf({ response_format: format })).toEqual({
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    });
    expect(configOf({ response_format: format }, 'gemini-1.5-flash')).toEqual({
      responseMimeType: 'application/json',
      responseSchema: { type: 'OBJECT', properties: { a: { type: 'STRING' } }, required: ['a'] },
    });
  });

  test("LiteLLM's shorter form works", () => {
    expect(configOf({ response_format: { type: 'json_object', response_schema: schema } })).toMatchObject({
      responseJsonSchema: schema,
    });
  });

  test('a model without JSON mode is asked in words, which is said', () => {
    const { body, changes } = ask({ response_format: format }, 'gemma-3-27b-it');
    expect(body['generationConfig']).toBeUndefined();
    expect(JSON.stringify(body['contents'])).toContain('conforms to this JSON schema');
    expect(changes).toMatchObject([{ field: 'response_format', action: 'emulated' }]);
  });

  test('an unknown type is refused', () => {
    expect(() => ask({ response_format: { type: 'yaml' } })).toThrow("'response_format.type' must be");
  });
});

describe('thinking', () => {
  const thinkingOf = (body: object, model?: string): unknown =>
    (configOf(body, model) as Record<string, unknown> | undefined)?.['thinkingConfig'];

  test.each<[string, string, object]>([
    ['gemini-2.5-flash', 'minimal', { thinkingBudget: 1, includeThoughts: true }],
    ['gemini-2.5-flash-lite', 'minimal', { thinkingBudget: 512, includeThoughts: true }],
    ['gemini-2.5-pro', 'minimal', { thinkingBudget: 128, includeThoughts: true }],
    ['gemini-2.5-flash', 'low', { thinkingBudget: 1024, includeThoughts: true }],
    ['gemini-2.5-flash', 'medium', { thinkingBudget: 2048, includeThoughts: true }],
    ['gemini-2.5-pro', 'high', { thinkingBudget: 4096, includeThoughts: true }],
    ['gemini-2.5-pro', 'xhigh', { thinkingBudget: 8192, includeThoughts: true }],
    ['gemini-2.5-pro', 'max', { thinkingBudget: 16_384, includeThoughts: true }],
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0, includeThoughts: false }],
    ['gemini-2.5-flash', 'disable', { thinkingBudget: 0, includeThoughts: false }],
    ['gemini-3-flash-preview', 'minimal', { thinkingLevel: 'minimal', includeThoughts: true }],
    ['gemini-3.1-pro-preview', 'medium', { thinkingLevel: 'medium', includeThoughts: true }],
    ['gemini-flash-latest', 'high', { thinkingLevel: 'high', includeThoughts: true }],
    ['gemini-4-argon', 'low', { thinkingLevel: 'low', includeThoughts: true }],
  ])('%s with effort %s', (model, reasoning_effort, config) => {
    expect(thinkingOf({ reasoning_effort }, model)).toEqual(config);
    expect(ask({ reasoning_effort }, model).changes).toEqual([]);
  });

  test.each<[string, string, object]>([
    ['gemini-3-pro-preview', 'medium', { thinkingLevel: 'high' }],
    ['gemini-3-pro-preview', 'minimal', { thinkingLevel: 'low' }],
    ['gemini-3-flash-preview', 'max', { thinkingLevel: 'high' }],
    ['gemini-3-flash-preview', 'none', { thinkingLevel: 'minimal', includeThoughts: false }],
    ['gemini-2.5-pro', 'none', { thinkingBudget: 128, includeThoughts: false }],
  ])('%s has nothing like %s but the nearest, which is said', (model, reasoning_effort, config) => {
    expect(thinkingOf({ reasoning_effort }, model)).toMatchObject(config);
    expect(ask({ reasoning_effort }, model).changes).toMatchObject([{ field: 'reasoning_effort', action: 'clamped' }]);
  });

  test.each<[object, string, object]>([
    [
      { thinking: { type: 'enabled', budget_tokens: 700 } },
      'gemini-2.5-flash',
      { thinkingBudget: 700, includeThoughts: true },
    ],
    [{ thinking: { type: 'adaptive' } }, 'gemini-2.5-flash', { thinkingBudget: -1, includeThoughts: true }],
    [{ thinking: { type: 'disabled' } }, 'gemini-2.5-flash', { thinkingBudget: 0, includeThoughts: false }],
    [{ thinking: { type: 'enabled', budget_tokens: 700 } }, GEMINI_3, { thinkingLevel: 'low', includeThoughts: true }],
    [
      { thinking: { type: 'enabled', budget_tokens: 3000 } },
      GEMINI_3,
      { thinkingLevel: 'medium', includeThoughts: true },
    ],
    [{ thinking: { type: 'adaptive' } }, GEMINI_3, { includeThoughts: true }],
    [{ thinkingConfig: { thinkingBudget: 5 } }, 'gemini-2.5-flash', { thinkingBudget: 5 }],
    [
      { reasoning_effort: { effort: 'low', summary: 'auto' } },
      GEMINI_3,
      { thinkingLevel: 'low', includeThoughts: true },
    ],
    [{ reasoning_effort: 300 }, 'gemini-2.5-flash', { thinkingBudget: 300, includeThoughts: true }],
  ])('%j for %s', (body, model, config) => {
    expect(thinkingOf(body, model)).toEqual(config);
  });

  test('two wishes at once and unknown words are refused', () => {
    expect(() => ask({ reasoning_effort: 'low', thinking: { type: 'adaptive' } })).toThrow('Give one of');
    expect(() => ask({ reasoning_effort: 'enormous' })).toThrow('must be one of none, minimal');
    expect(() => ask({ reasoning_effort: 'toString' })).toThrow('must be one of none, minimal');
  });

  test.each(['gemini-2.0-flash', 'gemini-1.5-pro', 'gemma-3-27b-it'])('%s does not think on request', (model) => {
    expect(() => ask({ reasoning_effort: 'low' }, model)).toThrow('the model does not think on request');
  });

  test("base_model says what a deployment's own name does not", () => {
    const place = geminiPlace();
    const target = place.target('my-tuned-model', { baseModel: 'gemini/gemini-3-flash-preview' });
    const request = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], reasoning_effort: 'low' };
    const input = { request, text: undefined, gatewayKeys: [], dropParams: undefined };
    const { body } = place.adapter.buildRequest({ ...input, additionalDropParams: [], allowedParams: [] }, target, []);
    expect(JSON.parse(body)).toMatchObject({ generationConfig: { thinkingConfig: { thinkingLevel: 'low' } } });
  });
});

describe('whatever the parameters', () => {
  const anything = fc.anything({ maxDepth: 2 });
  const names = `temperature top_p n stop seed logprobs top_logprobs tools tool_choice functions function_call
    response_format reasoning_effort thinking modalities audio service_tier web_search_options safety_settings
    generationConfig thinkingConfig parallel_tool_calls max_tokens extra_body extra_headers`.split(/\s+/);
  const body = fc.dictionary(fc.constantFrom(...names), anything, { maxKeys: 4 });

  test('there is a request or a refusal, and the same again the second time', () => {
    fc.assert(
      fc.property(body, fc.constantFrom('gemini-2.5-flash', GEMINI_3, 'gemma-3-27b-it'), (given, model) => {
        const wire = JSON.parse(JSON.stringify(given));
        const before = JSON.stringify(wire);
        try {
          expect(ask(wire, model).body).toEqual(ask(wire, model).body);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(GatewayError);
          expect((thrown as GatewayError).status).toBe(400);
        }
        expect(JSON.stringify(wire)).toBe(before);
      }),
      { numRuns: 200 },
    );
  });
});
