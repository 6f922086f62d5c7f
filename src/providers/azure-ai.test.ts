import { describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { cutsThatShow } from '../../test/support/cut-streams.ts';
import { API_KEY, ask, targetOf } from '../../test/support/provider-parts.ts';
import { fixture, fixturesOf } from '../../test/support/recordings.ts';
import { azureAi } from './azure-ai.ts';
import { upstreamError } from './upstream-error.ts';

const RESOURCE = 'https://me.services.ai.azure.com';
const SERVERLESS = 'https://Mistral-large.eastus.models.ai.azure.com';
const target = (model: string, overrides = {}) => targetOf(`azure_ai/${model}`, { baseUrl: RESOURCE, ...overrides });
const SAID = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\n';
const events = (file: string): string[] => fixture(file).split('\n').filter(Boolean);

describe('the address', () => {
  const PREVIEW = 'api-version=2024-05-01-preview';
  test.each([
    [RESOURCE, undefined, `${RESOURCE}/models/chat/completions?${PREVIEW}`],
    [RESOURCE, '2024-08-01', `${RESOURCE}/models/chat/completions?api-version=2024-08-01`],
    [`${RESOURCE}/models`, undefined, `${RESOURCE}/models/chat/completions?${PREVIEW}`],
    [
      `${RESOURCE}/models/chat/completions?api-version=2025-01-01`,
      '2024-08-01',
      `${RESOURCE}/models/chat/completions?api-version=2025-01-01`,
    ],
    [`${RESOURCE}/openai/v1`, undefined, `${RESOURCE}/openai/v1/chat/completions`],
    [SERVERLESS, undefined, `${SERVERLESS}/chat/completions`],
    [`${SERVERLESS}/v1`, undefined, `${SERVERLESS}/v1/chat/completions`],
    [`${SERVERLESS}/v1/chat/completions`, undefined, `${SERVERLESS}/v1/chat/completions`],
    [SERVERLESS, '2024-08-01', `${SERVERLESS}/chat/completions?api-version=2024-08-01`],
    ['https://me.openai.azure.com/openai/v1', undefined, 'https://me.openai.azure.com/openai/v1/chat/completions'],
    [
      'https://me.openai.azure.com',
      '2024-10-21',
      'https://me.openai.azure.com/openai/deployments/grok-3/chat/completions?api-version=2024-10-21',
    ],
    ['http://127.0.0.1:9/gateway', undefined, 'http://127.0.0.1:9/gateway/chat/completions'],
  ])('of %s with version %p is %s', (baseUrl, apiVersion, url) => {
    expect(ask(target('grok-3', { baseUrl, apiVersion })).url).toBe(url);
  });

  test.each([
    RESOURCE,
    `${RESOURCE}/anthropic`,
    `${RESOURCE}/anthropic/v1`,
    `${RESOURCE}/anthropic/v1/messages`,
    `${RESOURCE}/models`,
    `${RESOURCE}/models/chat/completions?api-version=1`,
    `${RESOURCE}/openai/v1`,
  ])('of Claude at %s is Anthropic’s', (baseUrl) => {
    expect(ask(target('claude-sonnet-4-5', { baseUrl })).url).toBe(`${RESOURCE}/anthropic/v1/messages`);
  });

  test('keeps what stands before Anthropic’s path', () => {
    const baseUrl = 'https://gate.example/anthropic-team/anthropic';
    expect(ask(target('claude-sonnet-4-5', { baseUrl })).url).toBe(`${baseUrl}/v1/messages`);
  });

  test('has no default: every resource has its own', () => {
    expect([azureAi.defaultBaseUrl, azureAi.baseUrlEnv, azureAi.apiKeyEnv]).toEqual([
      '',
      ['AZURE_AI_API_BASE'],
      ['AZURE_AI_API_KEY'],
    ]);
  });
});

describe('credentials', () => {
  const settings = azureAi.parseSettings?.({ azure_ad_token: 'entra-token-1234567' });

  test.each([
    [RESOURCE, 'api-key', API_KEY],
    ['https://me.openai.azure.com/openai/v1', 'api-key', API_KEY],
    [SERVERLESS, 'authorization', `Bearer ${API_KEY}`],
    ['https://services.ai.azure.com.evil.example', 'authorization', `Bearer ${API_KEY}`],
    ['nonsense', 'authorization', `Bearer ${API_KEY}`],
  ])('at %s are in %s', (baseUrl, name, value) => {
    const { headers } = ask(target('grok-3', { baseUrl }));
    expect(headers[name]).toBe(value);
    expect(Object.values(headers).filter((text) => text.includes(API_KEY))).toHaveLength(1);
  });

  test('of Claude are those of Anthropic', () => {
    expect(ask(target('claude-sonnet-4-5')).headers).toMatchObject({
      'x-api-key': API_KEY,
      'anthropic-version': '2023-06-01',
    });
    const { headers } = ask(target('claude-sonnet-4-5', { apiVersion: '2024-10-21' }));
    expect(headers['anthropic-version']).toBe('2023-06-01');
  });

  test.each(['grok-3', 'claude-sonnet-4-5'])(
    'of %s are a token of Entra ID where there is no key, and never echoed',
    (model) => {
      const own = target(model, { apiKey: undefined, settings });
      const { headers } = ask(own);
      expect(headers['authorization']).toBe('Bearer entra-token-1234567');
      expect(azureAi.authorize?.(ask(own), own, 0)).toBeUndefined();
      const body = JSON.stringify({ error: { message: 'bad token entra-token-1234567' } });
      expect(upstreamError({ target: own, status: 401, body, headers: new Headers() }).message).toBe(
        'bad token [redacted]',
      );
      expect(ask(target(model, { settings })).headers).not.toHaveProperty('authorization');
    },
  );

  test('cannot be changed by a client', () => {
    const extra = { 'api-key': 'mine', authorization: 'Bearer mine', 'extra-parameters': 'drop' };
    const asked = ask(target('grok-3'), { body: { extra_headers: extra } });
    expect(asked.headers).toEqual(ask(target('grok-3')).headers);
    expect(asked.changes).toHaveLength(3);
  });
});

describe('a request', () => {
  test('goes out in OpenAI’s words, texts joined and without what is only ours', () => {
    const mark = { type: 'ephemeral' };
    const { sent, headers } = ask(target('model_router/my-router'), {
      body: {
        max_completion_tokens: 9,
        top_k: 4,
        messages: [
          {
            role: 'developer',
            content: [
              { type: 'text', text: 'Be' },
              { type: 'text', text: 'kind', cache_control: mark },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'See', cache_control: mark },
              { type: 'image_url', image_url: 'https://i.example/1' },
            ],
          },
          {
            role: 'assistant',
            content: 'Yes',
            reasoning_content: 'hm',
            thinking_blocks: [],
            provider_specific_fields: {},
          },
        ],
      },
    });
    expect(sent).toEqual({
      model: 'my-router',
      max_tokens: 9,
      top_k: 4,
      messages: [
        { role: 'system', content: 'Be\nkind' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'See' },
            { type: 'image_url', image_url: { url: 'https://i.example/1' } },
          ],
        },
        { role: 'assistant', content: 'Yes' },
      ],
    });
    expect(headers['extra-parameters']).toBe('pass-through');
    expect(ask(target('grok-3', { baseUrl: SERVERLESS })).headers).not.toHaveProperty('extra-parameters');
  });

  test.each([
    ['gpt-5-mini', undefined],
    ['my-deployment', 'azure_ai/o3-mini'],
  ])('to %s with base model %p follows the rules of reasoning models', (model, baseModel) => {
    const own = target(model, { baseModel });
    expect(ask(own, { body: { max_tokens: 5 } }).sent).toMatchObject({ max_completion_tokens: 5 });
    expect(() => ask(own, { body: { temperature: 0 } })).toThrow('temperature');
  });

  test.each(['grok-4-1-fast-reasoning', 'grok-code-fast-1', 'grok-3-mini'])('to %s holds no stop words', (model) => {
    expect(() => ask(target(model), { body: { stop: 'x' } })).toThrow("azure_ai does not support parameters: ['stop']");
    expect(ask(target('grok-3'), { body: { stop: 'x' } }).sent).toMatchObject({ stop: 'x' });
  });

  test.each([
    ['claude-sonnet-4-5', undefined],
    ['my-claude', undefined],
    ['my-deployment', 'azure_ai/claude-sonnet-4-5'],
  ])('to %s with base model %p is one to Anthropic', (model, baseModel) => {
    const { sent } = ask(target(model, { baseModel }), {
      body: {
        max_tokens: 7,
        messages: [
          { role: 'system', content: 'Be kind' },
          { role: 'user', content: 'Hi' },
        ],
      },
    });
    expect(sent).toMatchObject({ model, max_tokens: 7, system: expect.anything() });
    expect(sent['messages']).toHaveLength(1);
  });
});

describe('an answer', () => {
  const own = target('grok-4-1-fast-reasoning');
  const usage = { prompt_tokens: 12, completion_tokens: 45, total_tokens: 57 };

  test('keeps thoughts, filters and the tokens of Grok’s thoughts', () => {
    const answer = azureAi.parseResponse(JSON.parse(fixture('azure_ai/text.json')), own);
    expect(answer.choices[0]).toMatchObject({
      message: { content: SAID, reasoning_content: 'The user greets me. I greet back.' },
      content_filter_results: { hate: { filtered: false } },
      finish_reason: 'stop',
    });
    expect(answer).toMatchObject({ usage, prompt_filter_results: [{ prompt_index: 0 }] });
  });

  test('streamed says the same, the filter’s verdict on the prompt among it', () => {
    const decode = azureAi.createStreamDecoder(own);
    const chunks = events('azure_ai/text.chunks.txt').flatMap((event) => decode(event));
    const whole = accumulate(chunks);
    expect(whole).toMatchObject({
      content: SAID,
      reasoning: 'The user greets me. I greet back.',
      finish: 'stop',
      usage,
    });
    expect(chunks.map((chunk) => chunk['prompt_filter_results'] !== undefined)).toEqual([
      false,
      true,
      ...Array(5).fill(false),
    ]);
    expect(chunks[1]?.choices).toHaveLength(1);
  });

  test('of Claude is read as Anthropic’s, whole and streamed', () => {
    const claude = target('claude-haiku-4-5');
    const answer = azureAi.parseResponse(JSON.parse(fixture('anthropic/text.json')), claude);
    expect(answer.choices[0]?.message.content).toBe(SAID);
    const decode = azureAi.createStreamDecoder(claude);
    expect(accumulate(events('anthropic/text.chunks.txt').flatMap((event) => decode(event))).content).toBe(SAID);
  });

  test.each(fixturesOf('azure_ai').map(({ name, events: some }) => [name, some ?? []] as const))(
    '"%s" is the same wherever its bytes are cut',
    async (_, some) => {
      expect(await cutsThatShow(own, some)).toEqual([]);
    },
  );

  test('of Claude is the same wherever its bytes are cut', async () => {
    expect(await cutsThatShow(target('claude-haiku-4-5'), events('anthropic/text.chunks.txt'))).toEqual([]);
  });
});

describe('refusals', () => {
  const errorOf = (model: string, status: number, body: string) =>
    upstreamError({ target: target(model), status, body, headers: new Headers() });

  test('of a filtered prompt and of an unknown deployment are Azure’s', () => {
    expect(errorOf('grok-3', 400, fixture('errors/azure-content-filter.json')).kind).toBe('content_policy_violation');
    expect(errorOf('claude-x', 400, fixture('errors/azure-no-deployment.json')).kind).toBe('upstream_not_found');
  });

  test('of a prompt that does not fit are Anthropic’s', () => {
    const body = JSON.stringify({
      type: 'error',
      error: { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens' },
    });
    expect(errorOf('claude-x', 400, body).kind).toBe('context_window_exceeded');
  });
});
