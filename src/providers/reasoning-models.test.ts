import { describe, expect, test } from 'bun:test';
import { ask, targetOf } from '../../test/support/provider-parts.ts';
import { isReasoningModel } from './reasoning-models.ts';

const openai = (model: string, body: object, overrides = {}) =>
  ask(targetOf(`openai/${model}`, overrides), { body: { ...body } });

const members = ({ sent }: { sent: object }): object => {
  const { model: _, messages: __, ...rest } = sent as Record<string, unknown>;
  return rest;
};

const O_SERIES = ['o1', 'o1-2024-12-17', 'o3-mini', 'o4-mini-2025-04-16', 'ft:o4-mini:org::id'];
const GPT_5 = ['gpt-5', 'gpt-5-mini', 'gpt-5-nano-2025-08-07', 'gpt-5-codex', 'gpt-5-pro'];
const GPT_5_NONE = ['gpt-5.1', 'gpt-5.2-2025-12-11', 'gpt-5.4-mini', 'gpt-5.5'];
const OTHERS = [
  'gpt-4o',
  'gpt-4.1-nano',
  'gpt-3.5-turbo',
  'gpt-5-chat-latest',
  'gpt-5.2-chat-latest',
  'o',
  'omni-1',
  'chatgpt-4o',
];

describe('max_tokens', () => {
  test.each([...O_SERIES, ...GPT_5, ...GPT_5_NONE, 'gpt-5-search-api'])('is max_completion_tokens to %s', (model) => {
    const asked = openai(model, { max_tokens: 9 });
    expect(members(asked)).toEqual({ max_completion_tokens: 9 });
    expect(asked.changes).toEqual([{ field: 'max_tokens', action: 'renamed', note: 'max_completion_tokens' }]);
  });

  test.each(OTHERS)('stays for %s', (model) => {
    expect(members(openai(model, { max_tokens: 9 }))).toEqual({ max_tokens: 9 });
  });

  test('of the deployment is renamed as well', () => {
    expect(members(openai('o3', {}, { defaults: { max_tokens: 5 } }))).toEqual({ max_completion_tokens: 5 });
  });
});

describe('temperature', () => {
  test.each([...O_SERIES, ...GPT_5])('may only be 1 for %s', (model) => {
    expect(members(openai(model, { temperature: 1 }))).toEqual({ temperature: 1 });
    expect(() => openai(model, { temperature: 0.2 })).toThrow('temperature: only 1 is accepted');
    const dropped = openai(model, { temperature: 0.2 }, { dropParams: true });
    expect(members(dropped)).toEqual({});
    expect(dropped.changes).toEqual([{ field: 'temperature', action: 'dropped', note: 'only 1 is accepted' }]);
  });

  test.each(GPT_5_NONE)('is free for %s while it does not reason', (model) => {
    for (const effort of ['none', undefined, { effort: 'none', summary: 'auto' }]) {
      expect(openai(model, { temperature: 0.2, reasoning_effort: effort }).sent).toMatchObject({ temperature: 0.2 });
    }
    expect(() => openai(model, { temperature: 0.2, reasoning_effort: 'low' })).toThrow('reasoning_effort none');
    expect(openai(model, { temperature: 1, reasoning_effort: 'low' }).sent).toMatchObject({ temperature: 1 });
  });

  test.each(OTHERS)('is free for %s', (model) => {
    expect(members(openai(model, { temperature: 0.2 }))).toEqual({ temperature: 0.2 });
  });

  test('that is null is no temperature', () => {
    expect(() => openai('o3', { temperature: null })).not.toThrow();
  });
});

describe('sampling and penalties', () => {
  test.each(['top_p', 'logprobs', 'top_logprobs', 'presence_penalty', 'frequency_penalty'])(
    '%s is refused by the o-series',
    (field) => {
      for (const model of O_SERIES) expect(() => openai(model, { [field]: 1 })).toThrow(`['${field}']`);
    },
  );

  test.each(['top_p', 'logprobs', 'top_logprobs'])(
    '%s is taken by GPT-5 only when it can and does not reason',
    (field) => {
      for (const model of GPT_5) expect(() => openai(model, { [field]: 1 })).toThrow(field);
      for (const model of GPT_5_NONE) {
        expect(members(openai(model, { [field]: 1 }))).toEqual({ [field]: 1 });
        expect(() => openai(model, { [field]: 1, reasoning_effort: 'high' })).toThrow('reasoning_effort none');
      }
    },
  );

  test.each([
    'presence_penalty',
    'frequency_penalty',
    'stop',
    'logit_bias',
    'modalities',
    'prediction',
    'audio',
    'web_search_options',
  ])('%s is refused by all of GPT-5', (field) => {
    for (const model of [...GPT_5, ...GPT_5_NONE]) expect(() => openai(model, { [field]: 1 })).toThrow(`'${field}'`);
  });

  test('the o-series takes stop words, tools and formats', () => {
    const body = { stop: ['x'], tools: [], response_format: { type: 'json_object' }, reasoning_effort: 'low', seed: 1 };
    expect(members(openai('o3-mini', body))).toEqual(body);
  });

  test('search models take little, and what they are made for', () => {
    expect(members(openai('gpt-5-search-api', { web_search_options: {} }))).toEqual({ web_search_options: {} });
    expect(() => openai('gpt-5-search-api', { tools: [], temperature: 1 })).toThrow("['temperature', 'tools']");
  });

  test('all that is refused is named at once', () => {
    expect(() => openai('o1', { top_p: 0.5, temperature: 0 })).toThrow("['top_p', 'temperature']");
  });

  test('and passes when allowed_openai_params names it', () => {
    expect(members(openai('o1', { top_p: 0.5 }, { allowedParams: ['top_p'] }))).toEqual({ top_p: 0.5 });
  });
});

describe('reasoning_effort', () => {
  test('as an object is its word on chat', () => {
    const asked = openai('gpt-5', { reasoning_effort: { effort: 'high', summary: 'detailed' } });
    expect(members(asked)).toEqual({ reasoning_effort: 'high' });
    expect(asked.changes).toEqual([{ field: 'reasoning_effort', action: 'clamped', note: 'only its effort' }]);
    expect(members(openai('gpt-5', { reasoning_effort: { summary: 'auto' } }))).toEqual({});
  });

  test('as a word passes, whatever it is', () => {
    for (const effort of ['minimal', 'xhigh', 'tomorrow']) {
      expect(members(openai('gpt-5.5', { reasoning_effort: effort }))).toEqual({ reasoning_effort: effort });
    }
  });
});

test('thinking is nothing that OpenAI knows', () => {
  expect(() => openai('gpt-4o-mini', { thinking: { type: 'enabled' } })).toThrow(
    "openai does not support parameters: ['thinking'], for model=gpt-4o-mini",
  );
});

test('models that reason are told by name', () => {
  for (const model of [...O_SERIES, ...GPT_5, ...GPT_5_NONE, 'azure/o3']) expect(isReasoningModel(model)).toBe(true);
  for (const model of OTHERS) expect(isReasoningModel(model)).toBe(false);
});

describe('an effort', () => {
  test.each(['gpt-4o', 'gpt-4.1-nano', 'gpt-3.5-turbo', 'ft:gpt-4o:org::id', 'chatgpt-4o-latest'])(
    'is nothing to %s, which answers at once',
    (model) => {
      expect(() => openai(model, { reasoning_effort: 'low' })).toThrow('the model does not reason');
      const asked = ask(targetOf(`openai/${model}`), { body: { reasoning_effort: 'low' }, dropParams: true });
      expect(members(asked)).toEqual({});
      expect(asked.changes).toEqual([
        { field: 'reasoning_effort', action: 'dropped', note: 'the model does not reason' },
      ]);
      expect(openai(model, { reasoning_effort: null }).changes).toEqual([]);
    },
  );

  test('that the catalog denies to the model is refused, and any other is the upstream’s matter', () => {
    const flags = { supports_xhigh_reasoning_effort: false, supports_minimal_reasoning_effort: true };
    const known = { knownModel: () => ({ maxOutputTokens: undefined, flags }) };
    expect(() => openai('gpt-5', { reasoning_effort: 'xhigh' }, known)).toThrow('does not have this level');
    expect(() => openai('gpt-5', { reasoning_effort: { effort: 'xhigh' } }, known)).toThrow('this level');
    for (const effort of ['minimal', 'high', 'none', 'new']) {
      expect(members(openai('gpt-5', { reasoning_effort: effort }, known))).toEqual({ reasoning_effort: effort });
    }
  });
});

describe('the organization', () => {
  const header = 'openai-organization';

  test('is the deployment’s, else the environment’s', () => {
    const { adapter } = targetOf('openai/x');
    const settings = adapter.parseSettings?.({ organization: 'org-env' });
    expect(adapter.settingsEnv).toMatchObject({ organization: ['OPENAI_ORGANIZATION', 'OPENAI_ORG_ID'] });
    expect(openai('x', {}, { settings }).headers[header]).toBe('org-env');
    expect(openai('x', {}, { settings, organization: 'org-own' }).headers[header]).toBe('org-own');
    expect(openai('x', {}).headers).not.toHaveProperty(header);
  });
});
