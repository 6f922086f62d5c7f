/**
 * What depends on more than the number of tokens: tiers, speeds, regions, long prompts, caches, media, searches, other
 * models. Each case is an answer as its provider documents it, the sum written out over the price list's own fields.
 */
import { describe, expect, test } from 'bun:test';
import type { Target } from '../../src/providers/adapter.ts';
import { catalog, heldFor, type Metering, meteredStream, meteredWhole } from '../support/metered-answer.ts';
import { targetOf } from '../support/provider-parts.ts';

type Price = (field: string, model?: string) => number;

interface Case {
  readonly name: string;
  readonly model: string;
  readonly target?: Partial<Target>;
  /** `litellm_params` of the deployment. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Asked beside model and messages. */
  readonly request?: Readonly<Record<string, unknown>>;
  readonly whole: object;
  /** The same answer as a stream; whole only when absent. */
  readonly events?: readonly object[];
  readonly nowMs?: number;
  /** USD. */
  readonly costs: (price: Price) => number;
  /** What no request could tell beforehand. */
  readonly isUnforeseen?: true;
}

function priceOf(model: string): Price {
  return (field, other = model) => {
    const [provider = '', ...rest] = other.split('/');
    const value = catalog.abilities({ provider, model: rest.join('/') })?.fields[field];
    const number = field.startsWith('search_') ? Object(value)['search_context_size_medium'] : value;
    if (typeof number !== 'number') throw new Error(`${other} has no ${field}`);
    return number;
  };
}

const choice = { index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' };
const openAi = (prompt: number, completion: number, over: object = {}, usage: object = {}): object => ({
  ...{ id: 'c-1', object: 'chat.completion', created: 1, model: 'm', choices: [choice] },
  usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion, ...usage },
  ...over,
});
function openAiEvents(prompt: number, completion: number, over: object = {}, usage: object = {}): object[] {
  const { choices: _, usage: counted, ...head } = openAi(prompt, completion, over, usage) as Record<string, unknown>;
  const delta = { index: 0, delta: { role: 'assistant', content: 'Hi' }, finish_reason: null };
  return [
    // As OpenAI has it: the first events name the tier that was asked for.
    { ...head, object: 'chat.completion.chunk', choices: [delta], service_tier: 'auto' },
    { ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { ...head, object: 'chat.completion.chunk', choices: [], usage: counted },
  ];
}
const both = (...given: Parameters<typeof openAi>) => ({ whole: openAi(...given), events: openAiEvents(...given) });

function claude(usage: object) {
  const head = { id: 'msg-1', type: 'message', role: 'assistant', model: 'claude', stop_sequence: null };
  const text = { type: 'text', text: 'Hi' };
  return {
    whole: { ...head, content: [text], stop_reason: 'end_turn', usage },
    events: [
      {
        type: 'message_start',
        message: { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hi' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage },
      { type: 'message_stop' },
    ],
  };
}

function gemini(usageMetadata: object, groundingMetadata?: object) {
  const candidate = { content: { role: 'model', parts: [{ text: 'Hi' }] }, finishReason: 'STOP', index: 0 };
  const body = { candidates: [{ ...candidate, groundingMetadata }], usageMetadata, modelVersion: 'm', responseId: 'r' };
  return { whole: body, events: [body] };
}

const converse = (usage: object, over: object = {}) => ({
  whole: {
    output: { message: { role: 'assistant', content: [{ text: 'Hi' }] } },
    stopReason: 'end_turn',
    usage,
    ...over,
  },
  events: [
    { messageStart: { role: 'assistant' } },
    { contentBlockDelta: { contentBlockIndex: 0, delta: { text: 'Hi' } } },
    { contentBlockStop: { contentBlockIndex: 0 } },
    { messageStop: { stopReason: 'end_turn' } },
    { metadata: { usage, ...over } },
  ],
});

const ofModality = (modality: string, tokenCount: number) => ({ modality, tokenCount });

const OPENAI: readonly Case[] = [
  {
    name: 'priority, served as asked',
    model: 'openai/gpt-4.1',
    request: { service_tier: 'priority' },
    ...both(1_000, 100, { service_tier: 'priority' }),
    costs: (p) => 1_000 * p('input_cost_per_token_priority') + 100 * p('output_cost_per_token_priority'),
  },
  {
    name: 'priority, served as standard',
    model: 'openai/gpt-4.1',
    request: { service_tier: 'priority' },
    ...both(1_000, 100, { service_tier: 'default' }),
    costs: (p) => 1_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token'),
  },
  {
    name: 'flex with cached tokens',
    model: 'openai/gpt-5.4',
    request: { service_tier: 'flex' },
    ...both(1_000, 100, { service_tier: 'flex' }, { prompt_tokens_details: { cached_tokens: 400 } }),
    costs: (p) =>
      600 * p('input_cost_per_token_flex') +
      400 * p('cache_read_input_token_cost_flex') +
      100 * p('output_cost_per_token_flex'),
  },
  {
    name: 'a prompt of 272,000 tokens',
    model: 'openai/gpt-5.4',
    ...both(272_000, 100),
    costs: (p) => 272_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token'),
  },
  {
    name: 'a prompt of one more',
    model: 'openai/gpt-5.4',
    ...both(272_001, 100),
    costs: (p) =>
      272_001 * p('input_cost_per_token_above_272k_tokens') + 100 * p('output_cost_per_token_above_272k_tokens'),
  },
  {
    name: 'a long prompt in flex',
    model: 'openai/gpt-5.4',
    request: { service_tier: 'flex' },
    ...both(300_000, 10, { service_tier: 'flex' }),
    costs: (p) =>
      300_000 * p('input_cost_per_token_above_272k_tokens_flex') +
      10 * p('output_cost_per_token_above_272k_tokens_flex'),
  },
  {
    name: 'processed in Europe',
    model: 'openai/gpt-5.4',
    target: { baseUrl: 'https://eu.api.openai.com/v1' },
    ...both(1_000, 100),
    costs: (p) =>
      (1_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token')) *
      p('regional_processing_uplift_multiplier_eu'),
  },
  {
    name: 'a model that searches before it answers',
    model: 'openai/gpt-4o-search-preview',
    request: { web_search_options: { search_context_size: 'medium' } },
    ...both(1_000, 100),
    costs: (p) =>
      1_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token') + p('search_context_cost_per_query'),
  },
  {
    name: 'sound in and out',
    model: 'openai/gpt-audio',
    ...both(
      1_000,
      300,
      {},
      {
        prompt_tokens_details: { audio_tokens: 700 },
        completion_tokens_details: { audio_tokens: 250, reasoning_tokens: 0 },
      },
    ),
    costs: (p) =>
      300 * p('input_cost_per_token') +
      700 * p('input_cost_per_audio_token') +
      50 * p('output_cost_per_token') +
      250 * p('output_cost_per_audio_token'),
  },
  {
    name: 'Azure in the European data zone',
    model: 'azure/my-deployment',
    target: { baseModel: 'azure/eu/gpt-4o-2024-08-06' },
    ...both(1_000, 100),
    costs: (p) =>
      1_000 * p('input_cost_per_token', 'azure/eu/gpt-4o-2024-08-06') +
      100 * p('output_cost_per_token', 'azure/eu/gpt-4o-2024-08-06'),
  },
];

const OTHERS_LIKE_IT: readonly Case[] = [
  {
    name: 'xAI’s prompt of exactly 200,000 tokens, which is a long one there',
    model: 'xai/grok-4.5',
    ...both(200_000, 10),
    costs: (p) =>
      200_000 * p('input_cost_per_token_above_200k_tokens') + 10 * p('output_cost_per_token_above_200k_tokens'),
  },
  {
    name: 'xAI’s reasoning, beside its completion',
    model: 'xai/grok-4.5',
    ...both(100, 10, {}, { total_tokens: 150, completion_tokens_details: { reasoning_tokens: 40 } }),
    costs: (p) => 100 * p('input_cost_per_token') + 50 * p('output_cost_per_token'),
  },
  {
    name: 'DeepSeek by day',
    model: 'deepseek/deepseek-flash',
    nowMs: Date.UTC(2026, 10, 25, 3, 0),
    ...both(1_000, 100, {}, { prompt_cache_hit_tokens: 640, prompt_cache_miss_tokens: 360 }),
    costs: (p) =>
      360 * p('input_cost_per_token') + 640 * p('cache_read_input_token_cost') + 100 * p('output_cost_per_token'),
  },
  {
    name: 'DeepSeek at night',
    model: 'deepseek/deepseek-flash',
    nowMs: Date.UTC(2026, 10, 25, 12, 0),
    ...both(1_000, 100, {}, { prompt_cache_hit_tokens: 640, prompt_cache_miss_tokens: 360 }),
    // Its list has one object of them.
    costs: () => 360 * 1.5e-7 + 640 * 3e-9 + 100 * 6e-7,
  },
  {
    name: 'Perplexity’s own sum',
    model: 'perplexity/sonar',
    ...both(10, 300, {}, { cost: { request_cost: 0.005, total_cost: 0.00531 } }),
    costs: () => 0.00531,
  },
  {
    name: 'Perplexity’s research without a sum',
    model: 'perplexity/sonar-deep-research',
    ...both(
      10,
      300,
      {},
      {
        ...{ citation_tokens: 2_000, num_search_queries: 4 },
        completion_tokens_details: { reasoning_tokens: 100 },
      },
    ),
    costs: (p) =>
      10 * p('input_cost_per_token') +
      200 * p('output_cost_per_token') +
      100 * p('output_cost_per_reasoning_token') +
      2_000 * p('citation_cost_per_token') +
      4 * p('search_context_cost_per_query'),
    isUnforeseen: true,
  },
  {
    name: 'OpenRouter’s own sum',
    model: 'openrouter/openai/gpt-4.1',
    ...both(10, 300, {}, { cost: 0.0123 }),
    costs: () => 0.0123,
    isUnforeseen: true,
  },
];

const CLAUDE = { input_tokens: 1_000, output_tokens: 100 };
const ANTHROPIC: readonly Case[] = [
  {
    name: 'caches of five minutes and of an hour',
    model: 'anthropic/claude-opus-4-8',
    request: { messages: [{ role: 'user', content: [{ type: 'text', text: 'x', cache_control: { ttl: '1h' } }] }] },
    ...claude({
      ...CLAUDE,
      cache_read_input_tokens: 5_000,
      cache_creation_input_tokens: 900,
      cache_creation: { ephemeral_5m_input_tokens: 500, ephemeral_1h_input_tokens: 400 },
    }),
    costs: (p) =>
      1_000 * p('input_cost_per_token') +
      5_000 * p('cache_read_input_token_cost') +
      500 * p('cache_creation_input_token_cost') +
      400 * p('cache_creation_input_token_cost_above_1hr') +
      100 * p('output_cost_per_token'),
  },
  {
    name: 'fast mode',
    model: 'anthropic/claude-opus-4-8',
    request: { speed: 'fast' },
    ...claude({ ...CLAUDE, speed: 'fast' }),
    costs: (p) => 2 * (1_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token')),
  },
  {
    name: 'fast mode asked, standard served',
    model: 'anthropic/claude-opus-4-8',
    request: { speed: 'fast' },
    ...claude({ ...CLAUDE, speed: 'standard' }),
    costs: (p) => 1_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token'),
  },
  {
    name: 'inference in the US only, as a workspace may have it',
    model: 'anthropic/claude-opus-4-8',
    ...claude({ ...CLAUDE, inference_geo: 'us' }),
    costs: (p) => 1.1 * (1_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token')),
  },
  {
    name: 'both, with searches, which cost what they cost',
    model: 'anthropic/claude-opus-4-8',
    request: { speed: 'fast', web_search_options: { search_context_size: 'medium' } },
    ...claude({ ...CLAUDE, speed: 'fast', inference_geo: 'us', server_tool_use: { web_search_requests: 3 } }),
    costs: (p) =>
      2.2 * (1_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token')) +
      3 * p('search_context_cost_per_query'),
  },
  {
    name: 'the batch tier',
    model: 'anthropic/claude-opus-4-8',
    ...claude({ ...CLAUDE, service_tier: 'batch' }),
    costs: (p) => 1_000 * p('input_cost_per_token_batches') + 100 * p('output_cost_per_token_batches'),
  },
  {
    name: 'the priority tier, which has no price of its own',
    model: 'anthropic/claude-opus-4-8',
    ...claude({ ...CLAUDE, service_tier: 'priority' }),
    costs: (p) => 1_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token'),
  },
  {
    name: 'an adviser, who is in no total',
    model: 'anthropic/claude-sonnet-4-6',
    ...claude({
      ...CLAUDE,
      iterations: [
        { type: 'message', ...CLAUDE },
        { type: 'advisor_message', model: 'claude-opus-4-7', input_tokens: 2_728, output_tokens: 874 },
      ],
    }),
    costs: (p) =>
      1_000 * p('input_cost_per_token') +
      100 * p('output_cost_per_token') +
      2_728 * p('input_cost_per_token', 'anthropic/claude-opus-4-7') +
      874 * p('output_cost_per_token', 'anthropic/claude-opus-4-7'),
    isUnforeseen: true,
  },
  {
    name: 'a successor, whose price is another',
    model: 'anthropic/claude-fable-5',
    ...claude({
      ...CLAUDE,
      iterations: [
        { type: 'message', model: 'claude-fable-5', input_tokens: 996, output_tokens: 0 },
        { type: 'fallback_message', model: 'claude-opus-4-8', ...CLAUDE },
      ],
    }),
    costs: (p) =>
      1_000 * p('input_cost_per_token', 'anthropic/claude-opus-4-8') +
      100 * p('output_cost_per_token', 'anthropic/claude-opus-4-8'),
  },
];

const BEDROCK: readonly Case[] = [
  {
    name: 'across the regions of the US',
    model: 'bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0',
    ...converse({ inputTokens: 1_000, outputTokens: 100, totalTokens: 1_100 }),
    costs: (p) => 1_000 * p('input_cost_per_token') + 100 * p('output_cost_per_token'),
  },
  {
    name: 'in a region with prices of its own',
    model: 'bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0',
    params: { aws_region_name: 'us-gov-west-1' },
    ...converse({ inputTokens: 1_000, outputTokens: 100, totalTokens: 1_100 }),
    costs: () => 1_000 * 3.6e-6 + 100 * 1.8e-5,
  },
  {
    name: 'caches, for an hour and for less',
    model: 'bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0',
    request: { messages: [{ role: 'user', content: [{ type: 'text', text: 'x', cache_control: { ttl: '1h' } }] }] },
    ...converse({
      ...{ inputTokens: 1_000, outputTokens: 100, cacheReadInputTokens: 300, cacheWriteInputTokens: 200 },
      cacheDetails: [
        { ttl: '5m', inputTokens: 150 },
        { ttl: '1h', inputTokens: 50 },
      ],
    }),
    costs: (p) =>
      1_000 * p('input_cost_per_token') +
      300 * p('cache_read_input_token_cost') +
      150 * p('cache_creation_input_token_cost') +
      50 * p('cache_creation_input_token_cost_above_1hr') +
      100 * p('output_cost_per_token'),
  },
  {
    name: 'the priority tier',
    model: 'bedrock/amazon.nova-pro-v1:0',
    request: { service_tier: 'priority' },
    ...converse({ inputTokens: 1_000, outputTokens: 100 }, { serviceTier: { type: 'priority' } }),
    costs: (p) => 1_000 * p('input_cost_per_token_priority') + 100 * p('output_cost_per_token_priority'),
  },
];

const GEMINI: readonly Case[] = [
  {
    name: 'a prompt of 200,001 tokens, cached ones among them',
    model: 'gemini/gemini-3.1-pro-preview',
    ...gemini({
      ...{ promptTokenCount: 200_001, cachedContentTokenCount: 100_000, candidatesTokenCount: 60 },
      ...{ thoughtsTokenCount: 40, totalTokenCount: 200_101 },
    }),
    costs: (p) =>
      100_001 * p('input_cost_per_token_above_200k_tokens') +
      100_000 * p('cache_read_input_token_cost_above_200k_tokens') +
      100 * p('output_cost_per_token_above_200k_tokens'),
  },
  {
    name: 'priority as it is served',
    model: 'gemini/gemini-2.5-flash',
    request: { service_tier: 'priority' },
    ...gemini({ promptTokenCount: 1_000, candidatesTokenCount: 100, totalTokenCount: 1_100, serviceTier: 'priority' }),
    costs: (p) => 1_000 * p('input_cost_per_token_priority') + 100 * p('output_cost_per_token_priority'),
  },
  {
    name: 'sound, some of it cached',
    model: 'gemini/gemini-2.5-flash',
    ...gemini({
      ...{ promptTokenCount: 1_000, cachedContentTokenCount: 500, candidatesTokenCount: 100, totalTokenCount: 1_100 },
      promptTokensDetails: [ofModality('TEXT', 400), ofModality('AUDIO', 600)],
      cacheTokensDetails: [ofModality('TEXT', 200), ofModality('AUDIO', 300)],
    }),
    costs: (p) =>
      200 * p('input_cost_per_token') +
      300 * p('input_cost_per_audio_token') +
      200 * p('cache_read_input_token_cost') +
      300 * p('cache_read_input_audio_token_cost') +
      100 * p('output_cost_per_token'),
  },
  {
    name: 'a picture that it draws',
    model: 'gemini/gemini-2.5-flash-image',
    ...gemini({
      ...{ promptTokenCount: 10, candidatesTokenCount: 1_320, totalTokenCount: 1_330 },
      candidatesTokensDetails: [ofModality('IMAGE', 1_290), ofModality('TEXT', 30)],
    }),
    costs: (p) =>
      10 * p('input_cost_per_token') + 30 * p('output_cost_per_token') + 1_290 * p('output_cost_per_image_token'),
  },
  {
    name: 'an answer with three searches, billed as one by the second generation',
    model: 'gemini/gemini-2.5-flash',
    request: { web_search_options: {} },
    ...gemini(
      { promptTokenCount: 10, toolUsePromptTokenCount: 900, candidatesTokenCount: 100, totalTokenCount: 1_010 },
      { webSearchQueries: ['a', 'b', 'c'] },
    ),
    costs: (p) =>
      10 * p('input_cost_per_token') + 100 * p('output_cost_per_token') + p('search_context_cost_per_query'),
  },
  {
    name: 'three searches, billed one by one by the third',
    model: 'gemini/gemini-3.1-pro-preview',
    request: { tools: [{ googleSearch: {} }] },
    ...gemini({ promptTokenCount: 10, candidatesTokenCount: 100 }, { webSearchQueries: ['a', 'b', 'c'] }),
    costs: (p) =>
      10 * p('input_cost_per_token') + 100 * p('output_cost_per_token') + 3 * p('search_context_cost_per_query'),
  },
  {
    name: 'output of a program, which it reads',
    model: 'gemini/gemini-2.5-flash',
    ...gemini({
      ...{ promptTokenCount: 10, toolUsePromptTokenCount: 90, candidatesTokenCount: 100, totalTokenCount: 200 },
    }),
    costs: (p) => 100 * p('input_cost_per_token') + 100 * p('output_cost_per_token'),
  },
];

const COHERE: Case = {
  name: 'what it bills, not what it reads',
  model: 'cohere/command-a-03-2025',
  whole: {
    ...{ id: 'c', finish_reason: 'COMPLETE', message: { role: 'assistant', content: [{ type: 'text', text: 'Hi' }] } },
    usage: {
      billed_units: { input_tokens: 8, output_tokens: 578 },
      tokens: { input_tokens: 1_394, output_tokens: 582 },
      cached_tokens: 1_344,
    },
  },
  costs: (p) => 8 * p('input_cost_per_token') + 578 * p('output_cost_per_token'),
};

const ALL = [...OPENAI, ...OTHERS_LIKE_IT, ...ANTHROPIC, ...BEDROCK, ...GEMINI, COHERE];

describe.each(ALL)(
  '$model: $name',
  ({ model, target, params, request = {}, whole, events, nowMs, costs, isUnforeseen }) => {
    const { adapter } = targetOf(model);
    const settings = params && { settings: adapter.parseSettings?.(params) };
    const own = targetOf(model, { ...target, ...settings });
    const metering: Metering = { target: own, request, ...(nowMs !== undefined && { nowMs }) };
    const usd = costs(priceOf(model));
    const text = JSON.stringify(whole);

    test('costs the sum of its parts, whole and streamed', async () => {
      const metered = [meteredWhole(text, metering)];
      if (events)
        metered.push(
          await meteredStream(
            events.map((event) => JSON.stringify(event)),
            metering,
          ),
        );
      for (const { cost, buckets } of metered) {
        expect(buckets.source).toBe('provider');
        expect(Math.abs((cost.totalNanoUsd ?? Number.NaN) / 1e9 - usd)).toBeLessThan(1e-9);
        expect(cost).toEqual(metered[0]?.cost ?? cost);
      }
    });

    if (!isUnforeseen) {
      test('is held beforehand', () => {
        const metered = meteredWhole(text, metering);
        expect(heldFor(metered, metering) ?? 0).toBeGreaterThanOrEqual(metered.cost.totalNanoUsd ?? 0);
      });
    }
  },
);
