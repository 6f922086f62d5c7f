import { describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { describeAdapter } from '../../test/support/describe-adapter.ts';
import { describeOpenAiDialect } from '../../test/support/describe-openai-dialect.ts';
import { targetOf } from '../../test/support/provider-parts.ts';
import { samples, speaksOpenAi } from '../../test/support/provider-samples.ts';
import { fixturesOf, realRecordings } from '../../test/support/recordings.ts';
import { DEFAULT_PROVIDER_ID, providerIds, registry, resolveModel } from './registry.ts';

/** What a provider adds to a body, beside what OpenAI's client sends. */
const ADDS: Readonly<Record<string, readonly string[]>> = { openrouter: ['usage'], fireworks_ai: ['tool_choice'] };

/** Real recordings: folders and the beginning of the files' names, by provider. */
const REAL: Readonly<Record<string, readonly (readonly [folder: string, prefix: string])[]>> = {
  openai: [['openai', 'chat-openai']],
  groq: [['groq', '']],
  deepseek: [['deepseek', '']],
  mistral: [['mistral', '']],
  perplexity: [['perplexity', '']],
  moonshot: [['moonshotai', '']],
  dashscope: [['alibaba', '']],
  xai: [
    ['openai-compatible', 'chat-xai'],
    ['xai', 'xai-'],
  ],
};

for (const sample of samples) {
  const recorded = (REAL[sample.adapter.id] ?? []).flatMap(([folder, prefix]) => realRecordings(folder, prefix));
  const real = recorded.map((recording) => ({ ...recording, name: `real ${recording.name}` }));
  describeAdapter(sample, real);
  if (!speaksOpenAi(sample)) continue;
  describeOpenAiDialect({ ...sample, recordings: [...sample.recordings, ...real] }, ADDS[sample.adapter.id]);
}

describe('dialects', () => {
  test('are told apart by what they do', () => {
    const own = new Set(samples.filter((sample) => !speaksOpenAi(sample)).map(({ adapter }) => adapter.id));
    for (const id of ['anthropic', 'bedrock', 'gemini', 'cohere', 'ollama']) expect(own.has(id)).toBe(true);
    for (const id of ['openai', 'azure', 'groq', 'mistral', 'openrouter']) expect(own.has(id)).toBe(false);
  });
});

const ALL = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\n';

describe('the registry', () => {
  test('knows each provider by its id, in lower case', () => {
    expect(providerIds).toEqual([...registry.keys()]);
    for (const [id, adapter] of registry) {
      expect(adapter.id).toBe(id);
      expect(id).toMatch(/^[a-z0-9_-]+$/);
    }
  });

  test('has the providers that people name', () => {
    const ids =
      'openai azure cohere cohere_chat groq deepseek xai openrouter together_ai fireworks_ai mistral perplexity cerebras sambanova nvidia_nim deepinfra hosted_vllm lm_studio llamafile ollama ollama_chat litellm_proxy openai_like custom_openai moonshot dashscope novita nebius hyperbolic github codestral ai21 volcengine zai minimax huggingface cloudflare snowflake baseten v0 heroku morph datarobot gradient_ai clarifai maritalk empower xinference lemonade vercel_ai_gateway nano-gpt';
    for (const id of ids.split(' ')) expect(registry.has(id)).toBe(true);
    expect(registry.has(DEFAULT_PROVIDER_ID)).toBe(true);
  });

  test('has only addresses without a slash at the end, encrypted unless they are on this machine', () => {
    for (const { defaultBaseUrl } of registry.values()) {
      if (defaultBaseUrl === '') continue;
      expect(defaultBaseUrl).toMatch(/^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1)[:/]).*[^/]$/);
    }
  });

  test('reads keys and addresses from variables in upper case', () => {
    for (const { apiKeyEnv, baseUrlEnv } of registry.values()) {
      for (const name of [...apiKeyEnv, ...baseUrlEnv]) expect(name).toMatch(/^[A-Z][A-Z0-9_]+$/);
    }
  });
});

describe('a model name', () => {
  test.each([
    ['groq/llama-3', undefined, 'groq', 'llama-3'],
    ['groq/openai/gpt-oss-120b', undefined, 'groq', 'openai/gpt-oss-120b'],
    ['openai/*', undefined, 'openai', '*'],
    ['gpt-4o', 'openai', 'openai', 'gpt-4o'],
    ['openai/gpt-4o', 'openai', 'openai', 'gpt-4o'],
    ['meta-llama/Llama-3', 'openai', 'openai', 'meta-llama/Llama-3'],
    ['groq/llama-3', 'litellm_proxy', 'litellm_proxy', 'groq/llama-3'],
  ])('%s with provider %p is %s, %s', (model, provider, id, upstreamModel) => {
    const resolved = resolveModel(model, provider);
    expect(resolved?.adapter.id).toBe(id);
    expect(resolved?.upstreamModel).toBe(upstreamModel);
  });

  test.each([
    ['gpt-4o', undefined],
    ['nobody/model', undefined],
    ['gpt-4o', 'nobody'],
    ['openai/gpt-4o', 'nobody'],
    ['', undefined],
    ['__proto__/x', undefined],
  ])('%s with provider %p is nobody’s', (model, provider) => {
    expect(resolveModel(model, provider)).toBeUndefined();
  });
});

describe('what providers say in ways of their own', () => {
  const reasoners = ['groq', 'deepseek', 'mistral', 'openrouter', 'moonshot', 'hosted_vllm'];

  test.each(reasoners)('%s thinks in reasoning_content, whole and streamed', (id) => {
    const target = targetOf(`${id}/m`);
    const recording = fixturesOf(id).find(({ name }) => name === 'reasoning');
    const expected = { reasoning: 'The user greets me. I greet back.', content: ALL, finish: 'stop' };
    const whole = target.adapter.parseResponse(JSON.parse(recording?.whole ?? ''), target);
    const message = whole.choices[0]?.message;
    expect(message?.['reasoning']).toBeUndefined();
    expect({
      reasoning: message?.['reasoning_content'],
      content: message?.content,
      finish: whole.choices[0]?.finish_reason,
    }).toEqual(expected);
    const decode = target.adapter.createStreamDecoder(target);
    expect(accumulate((recording?.events ?? []).flatMap((event) => decode(event)))).toMatchObject(expected);
  });

  test.each(['openai', 'xai', 'mistral'])('%s calls two tools, whole and streamed', (id) => {
    const target = targetOf(`${id}/m`);
    const recording = fixturesOf(id).find(({ name }) => name === 'tool-calls');
    const expected = [
      { id: 'call_a1', type: 'function', name: 'get_weather', arguments: '{"city":"Köln","unit":"c"}' },
      { id: 'call_b2', type: 'function', name: 'get_time', arguments: '{"zone":"Europe/Berlin"}' },
    ];
    const [choice] = target.adapter.parseResponse(JSON.parse(recording?.whole ?? ''), target).choices;
    const calls = choice?.message['tool_calls'];
    expect(
      Array.isArray(calls) && calls.map(({ id: own, type, function: made }) => ({ id: own, type, ...made })),
    ).toEqual(expected);
    const decode = target.adapter.createStreamDecoder(target);
    const streamed = accumulate((recording?.events ?? []).flatMap((event) => decode(event)));
    expect([streamed.calls, streamed.finish]).toEqual([expected, 'tool_calls']);
  });

  const usageOf = (id: string, name: string) => {
    const target = targetOf(`${id}/m`);
    const recording = fixturesOf(id).find((one) => one.name === name);
    const decode = target.adapter.createStreamDecoder(target);
    return [
      target.adapter.parseResponse(JSON.parse(recording?.whole ?? ''), target).usage,
      accumulate((recording?.events ?? []).flatMap((event) => decode(event))).usage,
    ];
  };

  test('DeepSeek’s and Moonshot’s cache hits stand where OpenAI has them', () => {
    for (const usage of [...usageOf('deepseek', 'reasoning'), ...usageOf('moonshot', 'reasoning')]) {
      expect(usage).toMatchObject({ prompt_tokens: 12, prompt_tokens_details: { cached_tokens: 8 } });
    }
  });

  test('xAI’s reasoning is counted with the completion, once', () => {
    for (const usage of usageOf('xai', 'tool-calls')) {
      expect(usage).toMatchObject({ completion_tokens: 40, total_tokens: 52 });
    }
    const target = targetOf('xai/m');
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 30,
      total_tokens: 40,
      completion_tokens_details: { reasoning_tokens: 20 },
    };
    expect(target.adapter.parseResponse({ choices: [], usage }, target).usage).toEqual(usage);
  });

  test('Groq’s usage is found under its own name', () => {
    for (const usage of usageOf('groq', 'reasoning')) expect(usage).toMatchObject({ total_tokens: 52 });
  });

  test('Perplexity’s and OpenRouter’s price of a call is one number', () => {
    for (const usage of usageOf('perplexity', 'text')) {
      expect(usage).toMatchObject({ cost: 0.005026, cost_details: { request_cost: 0.005 } });
    }
    for (const usage of usageOf('openrouter', 'reasoning')) expect(usage).toMatchObject({ cost: 0.00014 });
    expect([registry.get('perplexity')?.reportsCost, registry.get('openrouter')?.reportsCost]).toEqual([true, true]);
  });

  test('Perplexity’s sources are annotations too', () => {
    const target = targetOf('perplexity/sonar');
    const recording = fixturesOf('perplexity')[0];
    const answer = target.adapter.parseResponse(JSON.parse(recording?.whole ?? ''), target);
    expect(answer).toMatchObject({ citations: ['https://example.com/a', 'https://example.org/b'] });
    expect(answer.choices[0]?.message['annotations']).toEqual([
      {
        type: 'url_citation',
        url_citation: { url: 'https://example.com/a', title: 'A', start_index: 0, end_index: 0 },
      },
      {
        type: 'url_citation',
        url_citation: { url: 'https://example.org/b', title: 'B', start_index: 0, end_index: 0 },
      },
    ]);
    const onlyCitations = { choices: [{ message: { content: 'x' } }], citations: ['https://example.com'] };
    expect(target.adapter.parseResponse(onlyCitations, target).choices[0]?.message['annotations']).toHaveLength(1);
  });

  test('only those whose answers are OpenAI’s own are relayed as bytes', () => {
    const relayed = [...registry.values()].filter(({ relaysBytes }) => relaysBytes).map(({ id }) => id);
    expect(relayed).toEqual(
      expect.arrayContaining(['openai', 'azure', 'fireworks_ai', 'openai_like', 'litellm_proxy']),
    );
    for (const id of [...reasoners, 'xai', 'perplexity']) expect(relayed).not.toContain(id);
  });
});
