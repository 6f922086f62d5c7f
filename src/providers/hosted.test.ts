import { describe, expect, test } from 'bun:test';
import { ask, targetOf } from '../../test/support/provider-parts.ts';

type Flags = Readonly<Record<string, boolean>>;
type Body = Readonly<Record<string, unknown>>;

const target = (model: string, flags?: Flags) =>
  targetOf(model, { knownModel: () => flags && { maxOutputTokens: undefined, flags } });
const sent = (model: string, body: Body, flags?: Flags) => ask(target(model, flags), { body }).sent;
const changes = (model: string, body: Body, flags?: Flags) =>
  ask(target(model, flags), { body }).changes.map(({ field, action }) => `${action} ${field}`);

const HI = { role: 'user', content: 'Hi' };
const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
const SCHEMA = { type: 'object', properties: { a: { type: 'number' } } };
const FORMAT = { type: 'json_schema', json_schema: { name: 'x', schema: SCHEMA } };

describe('JSON where a provider has one of its two forms', () => {
  test.each(['deepseek/deepseek-chat', 'zai/glm-4.6', 'bigmodel/glm-4.6'])(
    '%s is told the schema in words',
    (model) => {
      const system = { role: 'system', content: 'Be brief.' };
      const body = { response_format: FORMAT, messages: [system, HI] };
      const asked = ask(target(model), { body });
      expect(asked.sent['response_format']).toEqual({ type: 'json_object' });
      expect(asked.sent['messages']).toEqual([
        system,
        { role: 'system', content: expect.stringContaining(JSON.stringify(SCHEMA)) },
        HI,
      ]);
      expect(asked.changes).toContainEqual(expect.objectContaining({ field: 'response_format', action: 'emulated' }));
      expect(sent(model, { response_format: { type: 'json_object' } })).toMatchObject({
        messages: [HI],
        response_format: { type: 'json_object' },
      });
      expect(
        sent(model, { response_format: { type: 'json_object', response_schema: SCHEMA } })['messages'],
      ).toHaveLength(2);
    },
  );

  test('GLM that has schemas keeps them', () => {
    expect(sent('zai/glm-5.2', { response_format: FORMAT }, { supports_response_schema: true })).toMatchObject({
      response_format: FORMAT,
      messages: [HI],
    });
  });

  test.each(['perplexity/sonar', 'meta_llama/Llama-4'])('%s is given a schema that any object fits', (model) => {
    const body = { response_format: { type: 'json_object' } };
    expect(sent(model, body)['response_format']).toMatchObject({
      type: 'json_schema',
      json_schema: { schema: { type: 'object' } },
    });
    expect(changes(model, body)).toEqual(['emulated response_format']);
    expect(sent(model, { response_format: FORMAT })['response_format']).toEqual(FORMAT);
    expect(sent(model, { response_format: { type: 'text' } })['response_format']).toEqual({ type: 'text' });
  });

  test('LM Studio finds a schema where some clients put it', () => {
    const given = { type: 'json_schema', schema: SCHEMA };
    expect(sent('lm_studio/m', { response_format: given })['response_format']).toEqual({
      type: 'json_schema',
      json_schema: { name: 'answer', schema: SCHEMA },
    });
    expect(changes('lm_studio/m', { response_format: FORMAT })).toEqual([]);
  });
});

describe('DeepSeek', () => {
  test('is given back a thought for every answer while it thinks', () => {
    const messages = [
      HI,
      { role: 'assistant', content: 'a' },
      { role: 'assistant', content: 'b', reasoning_content: 'r' },
      HI,
    ];
    const filled = sent('deepseek/m', { messages, thinking: { type: 'enabled' } })['messages'];
    expect(filled).toMatchObject([{}, { reasoning_content: ' ' }, { reasoning_content: 'r' }, {}]);
    expect(sent('deepseek/m', { messages, reasoning_effort: 'high' })['messages']).toEqual(filled);
    for (const body of [{}, { thinking: { type: 'disabled' } }, { reasoning_effort: 'none' }]) {
      expect(sent('deepseek/m', { messages, ...body })['messages']).toEqual(messages);
    }
    expect(changes('deepseek/m', { messages, thinking: { type: 'enabled' } })).toEqual(['added messages']);
  });
});

test('Perplexity’s sources stand where the text names them', () => {
  const perplexity = target('perplexity/sonar');
  const content = 'Rome [2] is old [1][2].';
  const answer = {
    choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop' }],
    citations: ['https://a.example', 'https://b.example', 'https://c.example'],
  };
  const made = perplexity.adapter.parseResponse(answer, perplexity).choices[0]?.message['annotations'];
  const places = Array.isArray(made)
    ? made.map(({ url_citation: { start_index, end_index } }) => content.slice(start_index, end_index))
    : [];
  expect(places).toEqual(['[1]', '[2]', '']);
  expect(made).toMatchObject([{}, { url_citation: { url: 'https://b.example', start_index: 5 } }, {}]);
});

describe('Moonshot', () => {
  test('is asked in words to call a tool', () => {
    const body = { tools: TOOLS, tool_choice: 'required' };
    const asked = sent('moonshot/kimi-k2', body);
    expect(asked).not.toHaveProperty('tool_choice');
    expect(asked['messages']).toEqual([HI, { role: 'user', content: expect.stringContaining('select a tool') }]);
    expect(changes('moonshot/kimi-k2', body)).toEqual(['emulated tool_choice']);
    expect(sent('moonshot/kimi-k2', { tools: TOOLS, tool_choice: 'auto' })).toMatchObject({ tool_choice: 'auto' });
  });

  test.each([
    [{ temperature: 1.5 }, 1],
    [{ temperature: 0.6 }, 0.6],
    [{ temperature: 0, n: 2 }, 0.3],
    [{ temperature: 0, n: 1 }, 0],
  ])('%p has the temperature %p', (body, temperature) => {
    expect(sent('moonshot/kimi-k2', body)['temperature']).toBe(temperature);
    expect(changes('moonshot/kimi-k2', body)).toEqual(temperature === body.temperature ? [] : ['clamped temperature']);
  });

  test('models that reason have their own temperature, and want the thoughts before calls back', () => {
    const call = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
    };
    const messages = [
      HI,
      call,
      { role: 'tool', tool_call_id: 'c', content: 'ok' },
      { role: 'assistant', content: 'a' },
      HI,
    ];
    const reasons = { supports_reasoning: true };
    const asked = sent('moonshot/kimi-k3', { messages, temperature: 0.2 }, reasons);
    expect(asked).not.toHaveProperty('temperature');
    expect(asked['messages']).toEqual([HI, { ...call, reasoning_content: ' ' }, ...messages.slice(2)]);
    expect(changes('moonshot/kimi-k3', { messages, temperature: 0.2 }, reasons)).toEqual([
      'dropped temperature',
      'added messages',
    ]);
    expect(sent('moonshot/kimi-k2', { messages }, {})['messages']).toEqual(messages);
  });

  test('refuses what it does not take', () => {
    expect(() => sent('moonshot/kimi-k2', { functions: [] })).toThrow("['functions']");
    expect(() => sent('moonshot/kimi-thinking-preview', { tools: TOOLS })).toThrow("['tools']");
  });
});

describe('xAI', () => {
  test('is told the names of users only', () => {
    const named = [{ ...HI, name: 'ann' }, { role: 'assistant', name: 'bob', content: 'x' }, HI];
    expect(sent('xai/grok-4', { messages: named })['messages']).toEqual([
      named[0],
      { role: 'assistant', content: 'x' },
      HI,
    ]);
  });

  test('searches in chats no more', () => {
    expect(() => sent('xai/grok-4', { web_search_options: {} })).toThrow('web_search_options');
  });

  test('an answer of tool calls without an end is at its end', () => {
    const xai = target('xai/grok-4');
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    const finish = (message: object) =>
      xai.adapter.parseResponse({ choices: [{ message, finish_reason: '' }] }, xai).choices[0]?.finish_reason;
    expect(finish({ content: '', tool_calls: [call] })).toBe('tool_calls');
    expect(finish({ content: 'x' })).toBeNull();
  });
});

describe('OpenRouter', () => {
  test.each([
    ['openrouter/auto', 'openrouter/auto'],
    ['openrouter/openrouter/auto', 'openrouter/auto'],
    ['openrouter/anthropic/claude-sonnet-4.5', 'anthropic/claude-sonnet-4.5'],
  ])('%s is %s there', (model, name) => {
    expect(sent(model, {})['model']).toBe(name);
  });

  test('its own parameters pass', () => {
    const own = {
      transforms: ['middle-out'],
      models: ['a/b'],
      route: 'fallback',
      provider: { sort: 'price' },
      reasoning: { effort: 'high' },
      plugins: [{ id: 'web' }],
    };
    expect(ask(target('openrouter/a/b'), { body: own })).toMatchObject({ sent: own, changes: [] });
  });

  test.each([
    [{ thinking: { type: 'enabled', budget_tokens: 2000 } }, { max_tokens: 2000 }],
    [{ thinking: { type: 'adaptive' } }, { enabled: true }],
    [{ thinking: { type: 'disabled' } }, { enabled: false }],
    [{ thinking: { type: 'disabled' }, reasoning: { effort: 'low' } }, { effort: 'low' }],
  ])('%p is the reasoning %p', (body, reasoning) => {
    const asked = sent('openrouter/a/b', body);
    expect(asked['reasoning']).toEqual(reasoning);
    expect(asked).not.toHaveProperty('thinking');
  });

  test('the highest effort is its highest', () => {
    expect(sent('openrouter/a/b', { reasoning_effort: 'max' })['reasoning_effort']).toBe('xhigh');
  });
});

describe('Together', () => {
  test('is not sent what the catalog says the model lacks', () => {
    const lacks = { supports_function_calling: false, supports_response_schema: false };
    const body = { tools: TOOLS, response_format: FORMAT };
    expect(() => ask(target('together_ai/m', lacks), { body })).toThrow(/'tools', 'response_format'/);
    const dropped = ask(target('together_ai/m', lacks), { body, dropParams: true });
    expect(Object.keys(dropped.sent)).toEqual(['model', 'messages']);
    expect(dropped.changes).toHaveLength(2);
    for (const flags of [undefined, {}]) expect(sent('together_ai/m', body, flags)).toMatchObject(body);
  });

  test.each([
    ['openai/gpt-oss-120b', 'none', { reasoning_effort: 'low' }],
    ['Qwen/Qwen3.5-9B', 'none', { reasoning: { enabled: false } }],
    ['Qwen/Qwen3.5-9B', 'xhigh', { reasoning_effort: 'high' }],
    ['Qwen/Qwen3.5-9B', 'minimal', { reasoning_effort: 'low' }],
    ['Qwen/Qwen3.5-9B', 'medium', { reasoning_effort: 'medium' }],
  ])('%s with the effort %s is sent %p', (model, effort, expected) => {
    const { model: _, messages: __, ...asked } = sent(`together_ai/${model}`, { reasoning_effort: effort });
    expect(asked).toEqual(expected);
    expect(changes(`together_ai/${model}`, { reasoning_effort: effort })).toHaveLength(effort === 'medium' ? 0 : 1);
  });
});

describe('DeepInfra', () => {
  test.each([
    [[{ type: 'text', text: 'ok' }], 'ok'],
    [
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      '[{"type":"text","text":"a"},{"type":"text","text":"b"}]',
    ],
    ['ok', 'ok'],
  ])('is sent the tool result %p as text', (content, text) => {
    const messages = [HI, { role: 'tool', tool_call_id: 'c', content }];
    expect(sent('deepinfra/m', { messages })['messages']).toMatchObject([{}, { content: text }]);
  });

  test('cannot be forced to call a tool', () => {
    expect(() => sent('deepinfra/m', { tools: TOOLS, tool_choice: 'required' })).toThrow("'auto' or 'none'");
    expect(sent('deepinfra/m', { tools: TOOLS, tool_choice: 'none' })).toMatchObject({ tool_choice: 'none' });
  });
});

describe('vLLM', () => {
  test.each([
    [{ file_data: 'data:video/mp4;base64,AA==' }, 'data:video/mp4;base64,AA=='],
    [{ file_id: 'https://example.com/cat.mp4?x=1' }, 'https://example.com/cat.mp4?x=1'],
    [{ file_id: 'https://example.com/cat', format: 'video/webm' }, 'https://example.com/cat'],
  ])('sees the video of %p', (file, url) => {
    const messages = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What?' },
          { type: 'file', file },
        ],
      },
    ];
    expect(sent('hosted_vllm/m', { messages })['messages']).toMatchObject([
      { content: [{}, { type: 'video_url', video_url: { url } }] },
    ]);
    expect(changes('hosted_vllm/m', { messages })).toEqual(['renamed messages']);
  });

  test('is sent other files as they are, and no thinking blocks', () => {
    const file = { role: 'user', content: [{ type: 'file', file: { file_data: 'data:application/pdf;base64,AA==' } }] };
    const answer = { role: 'assistant', content: 'x', reasoning_content: 'r', thinking_blocks: [{ type: 'thinking' }] };
    const { thinking_blocks: _, ...kept } = answer;
    expect(sent('hosted_vllm/m', { messages: [file, answer, HI] })['messages']).toEqual([file, kept, HI]);
  });
});

describe('addresses that people write in several ways', () => {
  test.each([
    ['heroku', 'https://us.inference.heroku.com', '/v1/chat/completions'],
    ['minimax', 'https://api.minimaxi.com/v1', '/chat/completions'],
    ['bigmodel', 'https://open.bigmodel.cn', '/api/paas/v4/chat/completions'],
    ['bigmodel', 'https://open.bigmodel.cn/api/coding/paas/v4', '/chat/completions'],
    ['dashscope', 'https://dashscope-us.aliyuncs.com', '/compatible-mode/v1/chat/completions'],
    ['dashscope', 'https://dashscope.aliyuncs.com/compatible-mode/v1', '/chat/completions'],
    ['docker_model_runner', 'http://model-runner.docker.internal/engines/llama.cpp', '/v1/chat/completions'],
    ['xinference', 'http://127.0.0.1:9997', '/v1/chat/completions'],
  ])('%s at %s is called at %s', (id, baseUrl, path) => {
    expect(ask(targetOf(`${id}/m`, { baseUrl })).url).toBe(baseUrl + path);
  });

  test('Sarvam’s key is in a header of its own', () => {
    expect(ask(targetOf('sarvam/m', { apiKey: 'k' })).headers).toEqual({
      'content-type': 'application/json',
      'api-subscription-key': 'k',
    });
  });
});

test('Eden AI’s price of a call is its usage’s', () => {
  const eden = target('edenai/openai/gpt-4o');
  const answer = { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }, cost: 0.002 };
  expect(eden.adapter.parseResponse(answer, eden).usage).toMatchObject({ prompt_tokens: 1, cost: 0.002 });
  expect(eden.adapter.reportsCost).toBe(true);
});

const tool = (name: string, more: object = {}) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: {} } },
  ...more,
});

describe('nothing is lost in silence', () => {
  test('of an effort beside thinking', () => {
    const both = { thinking: { type: 'enabled' }, reasoning_effort: 'low' };
    expect(changes('deepseek/m', both)).toContain('dropped reasoning_effort');
  });

  test.each(['mistral/m', 'groq/m'])('of a refusal that %s is shown again', (model) => {
    const messages = [
      HI,
      { role: 'assistant', content: null, refusal: 'I will not.' },
      HI,
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'Nor this.' }] },
      HI,
    ];
    const said = JSON.stringify(sent(model, { messages })['messages']);
    expect(said).toContain('"content":"I will not."');
    expect(said).toContain('{"type":"text","text":"Nor this."}');
    expect(said).not.toContain('"refusal"');
  });

  test.each(['cohere/m', 'ollama/m', 'deepseek/m', 'groq/m'])('of a schema that has only a name, for %s', (model) => {
    const named = { response_format: { type: 'json_schema', json_schema: { name: 'QZ' } } };
    const text = JSON.stringify(sent(model, named));
    expect(text).not.toContain('QZ');
    expect(text).toContain('object');
  });
});

describe('a choice among some of the tools', () => {
  const choice = (mode: string, ...names: string[]) => ({
    type: 'allowed_tools',
    allowed_tools: { mode, tools: names.map((name) => ({ type: 'function', function: { name } })) },
  });
  const tools = [tool('f'), tool('g')];
  const hosts = ['groq/llama-3.3', 'deepseek/m', 'xai/grok-4', 'openrouter/a/b', 'hosted_vllm/m', 'together_ai/m'];

  test.each(hosts)('is made for %s by leaving out the others', (model) => {
    const asked = ask(target(model), { body: { tools, tool_choice: choice('required', 'g') } });
    expect(asked.sent).toMatchObject({ tool_choice: 'required', tools: [tools[1] ?? {}] });
    expect(asked.sent['tools']).toHaveLength(1);
    expect(asked.changes.map(({ field, action }) => `${action} ${field}`)).toEqual(
      expect.arrayContaining(['emulated tool_choice', 'dropped tools']),
    );
    expect(sent(model, { tools, tool_choice: choice('auto', 'g', 'f') })).toMatchObject({ tool_choice: 'auto', tools });
    expect(() => sent(model, { tools, tool_choice: choice('auto', 'h') })).toThrow('allows none of the tools');
  });

  test('is Mistral’s word for a call that must be', () => {
    expect(sent('mistral/m', { tools, tool_choice: choice('required', 'f') })).toMatchObject({ tool_choice: 'any' });
  });

  test.each(['openai/gpt-4o', 'litellm_proxy/m'])('goes to %s as it is', (model) => {
    const given = choice('auto', 'f');
    expect(sent(model, { tools, tool_choice: given })).toMatchObject({ tools, tool_choice: given });
  });
});

describe('marks for Claude’s cache', () => {
  const mark = { cache_control: { type: 'ephemeral' } };
  const body = {
    messages: [
      { role: 'system', content: 'Be brief.', ...mark },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Hi', ...mark },
          { type: 'image_url', image_url: { url: 'https://x.example/a.png' } },
        ],
      },
    ],
    tools: [tool('f', mark), { type: 'function', function: { name: 'g', ...mark } }],
  };
  const strict = 'mistral/m groq/m deepseek/m xai/m moonshot/m cerebras/m fireworks_ai/m together_ai/m azure/m'.split(
    ' ',
  );

  test.each(strict)('do not reach %s, which is told', (model) => {
    const asked = ask(target(model), { body });
    expect(JSON.stringify(asked.sent)).not.toContain('cache_control');
    expect(JSON.stringify(asked.sent)).toContain('Be brief.');
    const told = asked.changes.map(({ field, note }) => `${field}: ${note}`);
    expect(told).toEqual(expect.arrayContaining(['messages: cache_control', 'tools: cache_control']));
  });

  test('reach those who may read them', () => {
    for (const model of ['openrouter/anthropic/claude', 'dashscope/qwen3-max', 'litellm_proxy/m', 'zai/glm-5']) {
      expect(JSON.stringify(sent(model, body)).match(/cache_control/g)?.length).toBeGreaterThanOrEqual(4);
    }
  });

  test('stay where nothing is marked', () => {
    const plain = { messages: [HI], tools: [tool('f')] };
    expect(changes('groq/m', plain)).toEqual([]);
    expect(sent('groq/m', plain)).toMatchObject(plain);
  });

  test('do not reach OpenAI itself, but servers that only speak like it', () => {
    const at = (baseUrl: string) => JSON.stringify(ask(targetOf('openai/gpt-4o', { baseUrl }), { body }).sent);
    expect(at('https://api.openai.com/v1')).not.toContain('cache_control');
    expect(at('http://127.0.0.1:9/v1')).toContain('cache_control');
  });
});
