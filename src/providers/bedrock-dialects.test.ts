import { describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { API_KEY, type Asking, ask, targetOf } from '../../test/support/provider-parts.ts';
import { fixture } from '../../test/support/recordings.ts';
import type { Target } from './adapter.ts';
import { bedrock, bedrockMantle } from './bedrock.ts';
import { authorize } from './bedrock-credentials.ts';
import { upstreamError } from './upstream-error.ts';

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
const RUNTIME = 'https://bedrock-runtime.us-west-2.amazonaws.com';
const MANTLE = 'https://bedrock-mantle.us-west-2.api.aws';
const PROFILE = 'arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc';
const IMPORTED = 'arn:aws:bedrock:us-east-1:123456789012:imported-model/abc123';
const KEYS = { aws_access_key_id: 'AKIAOWN', aws_secret_access_key: 'own-secret-1234567' };

function target(model: string, raw: Record<string, unknown> = {}, over: Partial<Target> = {}): Target {
  const settings = bedrock.parseSettings?.(raw);
  return targetOf(`bedrock/${model}`, { settings, baseUrl: bedrock.baseUrlOf?.(settings, model) ?? '', ...over });
}

const sent = (model: string, asking: Asking = {}, over: Partial<Target> = {}) => ask(target(model, {}, over), asking);

describe('a route leads to an API', () => {
  test.each([
    [`invoke/${CLAUDE}`, `${RUNTIME}/model/${encodeURIComponent(CLAUDE)}/invoke`, '-with-response-stream'],
    [
      'invoke/us-east-1/anthropic.claude-v2',
      `${RUNTIME.replace('west-2', 'east-1')}/model/anthropic.claude-v2/invoke`,
      '-with-response-stream',
    ],
    ['invoke/amazon.nova-pro-v1:0', `${RUNTIME}/model/amazon.nova-pro-v1%3A0/converse`, '-stream'],
    ['converse_like/some-model', `${RUNTIME}/model/some-model/converse`, '-stream'],
    [
      `nova/${IMPORTED}`,
      `${RUNTIME.replace('west-2', 'east-1')}/model/${encodeURIComponent(IMPORTED)}/converse`,
      '-stream',
    ],
    [
      `deepseek_r1/${IMPORTED}`,
      `${RUNTIME.replace('west-2', 'east-1')}/model/${encodeURIComponent(IMPORTED)}/converse`,
      '-stream',
    ],
    [
      `openai/${IMPORTED}`,
      `${RUNTIME.replace('west-2', 'east-1')}/model/${encodeURIComponent(IMPORTED)}/invoke`,
      '-with-response-stream',
    ],
    [
      `qwen2/${IMPORTED}`,
      `${RUNTIME.replace('west-2', 'east-1')}/model/${encodeURIComponent(IMPORTED)}/invoke`,
      '-with-response-stream',
    ],
    ['chat_completions/openai.gpt-oss-20b-1:0', `${RUNTIME}/openai/v1/chat/completions`, ''],
    ['mantle/anthropic.claude-sonnet-5-5', `${MANTLE}/anthropic/v1/messages`, ''],
    [
      'mantle/us-gov-west-1/anthropic.claude-opus-5-5',
      'https://bedrock-mantle.us-gov-west-1.api.aws/anthropic/v1/messages',
      '',
    ],
    ['mantle/openai.gpt-oss-120b', `${MANTLE}/v1/chat/completions`, ''],
    ['mantle/openai.gpt-5.5', `${MANTLE}/openai/v1/chat/completions`, ''],
  ])('%s to %s', (model, url, streamed) => {
    expect(sent(model).url).toBe(url);
    expect(sent(model, { body: { stream: true } }).url).toBe(`${url}${streamed}`);
  });

  test('and a profile’s base_model says whose words InvokeModel wants', () => {
    const claude = sent(`invoke/${PROFILE}`, {}, { baseModel: 'anthropic.claude-sonnet-4-5' });
    expect(claude.url).toEndWith('/invoke');
    expect(sent(`invoke/${PROFILE}`).url).toEndWith('/converse');
  });

  test('in the same region for a model that a caller names through a wildcard', () => {
    const wildcard = target('*', { aws_region_name: 'eu-west-1' });
    const named = { ...wildcard, upstreamModel: 'mantle/anthropic.claude-sonnet-5-5', isNamedByCaller: true };
    expect(ask(named).url).toBe('https://bedrock-mantle.eu-west-1.api.aws/anthropic/v1/messages');
    expect(() => ask({ ...wildcard, upstreamModel: 'agent/x' })).toThrow('agent/ is not supported');
  });

  test('below an address of the operator’s own, whatever it ends in', () => {
    const url = (model: string, baseUrl: string) => sent(model, {}, { baseUrl }).url;
    for (const end of ['', '/v1', '/openai/v1']) {
      expect(url('mantle/anthropic.claude-x', `https://vpce.example${end}`)).toBe(
        'https://vpce.example/anthropic/v1/messages',
      );
      expect(url('chat_completions/x', `https://vpce.example${end}`)).toBe(
        'https://vpce.example/openai/v1/chat/completions',
      );
    }
    expect(url('mantle/openai.gpt-5.5', 'https://vpce.example/v1')).toBe('https://vpce.example/v1/chat/completions');
    expect(url('mantle/openai.gpt-5.5', 'https://vpce.example')).toBe(
      'https://vpce.example/openai/v1/chat/completions',
    );
    expect(url('mantle/anthropic.claude-x', 'https://vpce.example/anthropic/v1/messages')).toBe(
      'https://vpce.example/anthropic/v1/messages',
    );
  });
});

describe('Claude by InvokeModel', () => {
  const invoke = (body: Record<string, unknown>, more: Asking = {}) => sent(`invoke/${CLAUDE}`, { body, ...more });

  test('is asked in Anthropic’s words without model and stream, with the version in the body', () => {
    const { sent: body, headers } = invoke({ stream: true, max_tokens: 5, stop: 'x' });
    expect(body).toEqual({
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 5,
      stop_sequences: ['x'],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    });
    expect(headers['authorization']).toBe(`Bearer ${API_KEY}`);
    expect(headers).not.toHaveProperty('anthropic-version');
  });

  test('gets its switches in the body, those that Bedrock has', () => {
    const asked = invoke({
      extra_headers: { 'anthropic-beta': 'context-1m-2025-08-07, files-api-2025-04-14' },
      anthropic_beta: ['advanced-tool-use-2025-11-20'],
    });
    expect(asked.sent['anthropic_beta']).toEqual(['context-1m-2025-08-07', 'tool-search-tool-2025-10-19']);
    expect(asked.headers).not.toHaveProperty('anthropic-beta');
    expect(asked.changes).toContainEqual(expect.objectContaining({ field: 'anthropic-beta', action: 'dropped' }));
  });

  test('gets a guardrail in headers and no tier of Anthropic’s', () => {
    const {
      sent: body,
      headers,
      changes,
    } = invoke({
      guardrailConfig: { guardrailIdentifier: 'g-1', guardrailVersion: '2', trace: 'enabled' },
      service_tier: 'auto',
    });
    expect(headers).toMatchObject({
      'x-amzn-bedrock-guardrailidentifier': 'g-1',
      'x-amzn-bedrock-guardrailversion': '2',
      'x-amzn-bedrock-trace': 'ENABLED',
    });
    expect(Object.keys(body).sort()).toEqual(['anthropic_version', 'max_tokens', 'messages']);
    expect(changes).toContainEqual(expect.objectContaining({ field: 'service_tier', action: 'dropped' }));
  });

  test('has nothing fetched for it', () => {
    const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
    expect(() => invoke({ messages: [{ role: 'user', content: [image] }] })).toThrow('data URIs only');
  });

  test('says in AWS’s words that a prompt does not fit', () => {
    const own = target(`invoke/${CLAUDE}`);
    const headers = new Headers({ 'x-amzn-errortype': 'ValidationException' });
    const body = JSON.stringify({ message: 'Input is too long for requested model.' });
    expect(upstreamError({ target: own, status: 400, body, headers }).kind).toBe('context_window_exceeded');
  });

  test('counts tokens as Converse does, since the prompt is the same', () => {
    const own = target(`invoke/${CLAUDE}`);
    const counting = own.adapter.countRequest?.(
      {
        request: { model: 'm', messages: [{ role: 'user', content: 'Hi' }] },
        text: undefined,
        gatewayKeys: [],
        dropParams: undefined,
        additionalDropParams: [],
        allowedParams: [],
      },
      own,
    );
    expect(counting?.url).toBe(`${RUNTIME}/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens`);
  });

  test('ignores events that are not its own and refuses what is none', () => {
    const decode = target(`invoke/${CLAUDE}`).adapter.createStreamDecoder(target(`invoke/${CLAUDE}`));
    expect(decode('{"somethingNew":{}}')).toEqual([]);
    expect(decode('{"chunk":{}}')).toEqual([]);
    expect(() => decode('no json')).toThrow('not a JSON object');
    expect(() => decode(`{"chunk":{"bytes":"${Buffer.from('x').toString('base64')}"}}`)).toThrow();
  });
});

describe('OpenAI’s chats', () => {
  test('of an imported model are sent as they are, with the stream’s mark in the address alone', () => {
    const { sent: body } = sent(`openai/${IMPORTED}`, { body: { stream: true, max_completion_tokens: 7 } });
    expect(body).toEqual({
      model: IMPORTED,
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 7,
      stream_options: { include_usage: true },
    });
  });

  test('of an imported model come in AWS’s frames', () => {
    const own = target(`openai/${IMPORTED}`);
    expect(own.adapter.framingFor?.(own)).toBe('aws-event-stream');
    const decode = own.adapter.createStreamDecoder(own);
    const lines = fixture('openai/text.chunks.txt').split('\n').filter(Boolean);
    const wrapped = lines.map((line) => JSON.stringify({ chunk: { bytes: Buffer.from(line).toString('base64') } }));
    const said = accumulate(wrapped.flatMap((line) => decode(line)));
    const whole = own.adapter.parseResponse(JSON.parse(fixture('openai/text.json')), own);
    expect(said.content).toBe(String(whole.choices[0]?.message.content));
  });

  test('under an address of their own have the newer limit, a guardrail, and thoughts apart', () => {
    const own = target('chat_completions/us-east-1/openai.gpt-oss-20b-1:0', {}, { apiKey: undefined });
    const asked = ask(own, {
      body: { max_tokens: 9, guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1' } },
    });
    expect(asked.sent).toMatchObject({ model: 'openai.gpt-oss-20b-1:0', max_completion_tokens: 9 });
    expect(asked.sent).not.toHaveProperty('guardrailConfig');
    expect(asked.headers['x-amzn-bedrock-guardrailidentifier']).toBe('g');
    expect(own.adapter.framingFor?.(own)).toBeUndefined();
    const answer = { choices: [{ message: { content: '<reasoning>Hm.</reasoning>Yes.' }, finish_reason: 'stop' }] };
    expect(own.adapter.parseResponse(answer, own).choices[0]?.message).toMatchObject({
      content: 'Yes.',
      reasoning_content: 'Hm.',
    });
  });

  test('refuse what AWS refuses', () => {
    expect(() => sent('chat_completions/openai.gpt-oss-20b-1:0', { body: { n: 2 } })).toThrow("'n'");
  });
});

describe('the newer endpoint', () => {
  test('takes Anthropic’s words with the model in the body and its switches in the header', () => {
    const body = { extra_headers: { 'anthropic-beta': 'context-1m-2025-08-07,skills-2025-10-02' }, stream: true };
    const asked = ask(target('mantle/anthropic.claude-sonnet-5-5', { aws_bedrock_project_id: 'proj-1' }), { body });
    expect(asked.sent).toMatchObject({ model: 'anthropic.claude-sonnet-5-5', stream: true });
    expect(asked.headers).toMatchObject({
      'anthropic-version': '2023-06-01',
      'anthropic-workspace-id': 'proj-1',
      'anthropic-beta': 'context-1m-2025-08-07',
      authorization: `Bearer ${API_KEY}`,
    });
  });

  test('is signed for as a service of its own, in the region of its host', async () => {
    for (const [model, service] of [
      ['mantle/anthropic.claude-sonnet-5-5', 'eu-west-1/bedrock-mantle'],
      ['chat_completions/openai.gpt-oss-20b-1:0', 'eu-west-1/bedrock'],
    ] as const) {
      const own = target(model, { ...KEYS, aws_region_name: 'eu-west-1' }, { apiKey: undefined });
      const { headers } = await authorize(ask(own), own, 0);
      expect(headers['authorization']).toContain(`/${service}/aws4_request`);
    }
  });

  test('is a provider of its own, in Virginia unless somebody says otherwise', () => {
    const at = (raw: Record<string, unknown>, model = 'openai.gpt-oss-120b'): string => {
      const settings = bedrockMantle.parseSettings?.(raw);
      const baseUrl = bedrockMantle.baseUrlOf?.(settings, model) ?? '';
      return ask(targetOf(`bedrock_mantle/${model}`, { settings, baseUrl })).url;
    };
    expect(at({})).toBe('https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions');
    expect(at({ environment_region: 'eu-west-1' })).toBe(
      'https://bedrock-mantle.eu-west-1.api.aws/v1/chat/completions',
    );
    expect(at({ environment_region: undefined }, 'anthropic.claude-haiku-4-5')).toBe(
      'https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages',
    );
    expect(at({}, 'us-gov-west-1/openai.gpt-5.4')).toBe(
      'https://bedrock-mantle.us-gov-west-1.api.aws/openai/v1/chat/completions',
    );
  });

  test('reads answers in the dialect of the model', () => {
    const own = targetOf('bedrock_mantle/anthropic.claude-haiku-4-5');
    const said = own.adapter.parseResponse(JSON.parse(fixture('anthropic/text.json')), own);
    expect(said.choices[0]?.message.content).toContain('Köln');
    const open = targetOf('bedrock_mantle/openai.gpt-oss-120b');
    expect(open.adapter.parseResponse(JSON.parse(fixture('openai/text.json')), open).choices).toHaveLength(1);
  });
});
