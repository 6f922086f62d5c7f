import { describe, expect, test } from 'bun:test';
import { payloadFrames } from '../../test/support/event-stream.ts';
import { type Asking, ask, targetFor } from '../../test/support/provider-parts.ts';
import { fixturesOf } from '../../test/support/recordings.ts';
import { readEvents } from '../../test/support/sse.ts';
import { bytesFrom, cutAt, readAll, streamContext } from '../../test/support/stream-parts.ts';
import { framingOf } from '../gateway/framing-choice.ts';
import { TranslateStream } from '../gateway/translate-stream.ts';
import type { ProviderAdapter } from './adapter.ts';
import { sagemaker, sagemakerChat } from './sagemaker.ts';
import { upstreamError } from './upstream-error.ts';

const ALL = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\nBye.';
const REGION = { aws_region_name: 'eu-west-1' };
const KEYS = { aws_access_key_id: 'AKIAEXAMPLE', aws_secret_access_key: 'secret-of-aws' };

function targetOf(adapter: ProviderAdapter, raw: object = REGION, over: Parameters<typeof targetFor>[1] = {}) {
  const settings = adapter.parseSettings?.({ ...raw });
  const baseUrl = adapter.baseUrlOf?.(settings, 'my-endpoint') ?? '';
  return targetFor(adapter, { upstreamModel: 'my-endpoint', settings, baseUrl, apiKey: undefined, ...over });
}
const sentFor = (adapter: ProviderAdapter, body: Asking['body'] = {}, raw: object = REGION) =>
  ask(targetOf(adapter, raw), { body: body ?? {} });

describe('an endpoint of SageMaker', () => {
  test('is in the region that is configured', () => {
    const root = 'https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/my-endpoint';
    for (const adapter of [sagemakerChat, sagemaker]) {
      expect(sentFor(adapter).url).toBe(`${root}/invocations`);
      expect(sentFor(adapter, { stream: true }).url).toBe(`${root}/invocations-response-stream`);
    }
    expect(sentFor(sagemaker, {}, { environment_region: 'us-east-2' }).url).toContain('.us-east-2.amazonaws.com/');
    expect(sentFor(sagemaker, {}, { aws_region_name: 'cn-north-1' }).url).toContain('.cn-north-1.amazonaws.com.cn/');
    expect(sentFor(sagemaker, {}, {}).url).toContain('.us-west-2.amazonaws.com/');
  });

  test('has a name that cannot leave its place in the path', () => {
    const target = targetOf(sagemaker, REGION, { upstreamModel: '../other?x=1' });
    expect(ask(target).url).toEndWith('/endpoints/..%2Fother%3Fx%3D1/invocations');
  });

  test('can be at an address of its own, whole or streamed', () => {
    const raw = { sagemaker_base_url: 'https://vpc.example/endpoints/e/invocations' };
    for (const adapter of [sagemakerChat, sagemaker]) {
      expect(sentFor(adapter, {}, raw).url).toBe('https://vpc.example/endpoints/e/invocations');
      expect(sentFor(adapter, { stream: true }, raw).url).toBe('https://vpc.example/endpoints/e/invocations');
    }
  });

  test('with several models behind it is told which', () => {
    const raw = { ...REGION, model_id: 'component-1' };
    for (const adapter of [sagemakerChat, sagemaker]) {
      const { headers, sent } = sentFor(adapter, {}, raw);
      expect(headers['x-amzn-sagemaker-inference-component']).toBe('component-1');
      expect(JSON.stringify(sent)).not.toContain('component-1');
    }
    expect(sentFor(sagemakerChat).headers).not.toHaveProperty('x-amzn-sagemaker-inference-component');
  });

  test.each([
    [{ sagemaker_base_url: 'vpc.example' }, 'sagemaker_base_url'],
    [{ aws_region_name: 'eu/west' }, 'aws_region_name'],
    [{ aws_access_key_id: 'AKIA' }, 'aws_secret_access_key'],
  ])('with %p is refused at the start', (raw, named) => {
    expect(() => targetOf(sagemaker, raw)).toThrow(named);
  });

  test('is signed for its service, and no secret is in the request', async () => {
    const target = targetOf(sagemakerChat, { ...REGION, ...KEYS });
    const asked = ask(target, { body: { stream: true } });
    const signed = await sagemakerChat.authorize?.(asked, target, Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(signed?.headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE\/20260102\/eu-west-1\/sagemaker\/aws4_request, /,
    );
    expect(JSON.stringify(signed)).not.toContain('secret-of-aws');
    expect(sagemakerChat.secretsOf?.(target)).toEqual(['secret-of-aws']);
  });
});

describe('a chat of SageMaker', () => {
  test('is OpenAI’s, under the name that the container knows', () => {
    const body = { temperature: 0.5, max_completion_tokens: 64, tools: [] };
    expect(sentFor(sagemakerChat, body).sent).toEqual({
      model: 'my-endpoint',
      messages: [{ role: 'user', content: 'Hi' }],
      temperature: 0.5,
      tools: [],
      max_tokens: 64,
    });
    expect(sentFor(sagemakerChat, {}, { hf_model_name: 'org/model' }).sent['model']).toBe('org/model');
    expect(sentFor(sagemakerChat, { stream: true }).sent).toMatchObject({ stream_options: { include_usage: true } });
  });
});

describe('a text of SageMaker', () => {
  test('is a prompt with parameters', () => {
    const { sent, changes } = sentFor(sagemaker, {
      max_tokens: 64,
      temperature: 0.2,
      stop: 'END',
      top_k: 5,
      stream: true,
    });
    expect(sent).toEqual({
      inputs: 'Hi',
      parameters: { max_new_tokens: 64, temperature: 0.2, stop: ['END'], top_k: 5 },
      stream: true,
    });
    expect(changes.map(({ field, action }) => `${field} ${action}`)).toEqual([
      'max_tokens renamed',
      'messages emulated',
    ]);
  });

  test('of a conversation names who speaks, with the system’s words first', () => {
    const messages = [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: 'Hello' },
      { role: 'user', content: 'And now?' },
    ];
    const inputs = 'Be kind.\n\nUser: Hi\n\nAssistant: Hello\n\nUser: And now?\n\nAssistant:';
    expect(sentFor(sagemaker, { messages }).sent['inputs']).toBe(inputs);
    const begun = [
      { role: 'user', content: 'Count' },
      { role: 'assistant', content: 'One, ' },
    ];
    expect(sentFor(sagemaker, { messages: begun }).sent['inputs']).toBe('User: Count\n\nAssistant: One, ');
  });

  test.each([
    [{ tools: [{ type: 'function', function: { name: 'f' } }] }, 'tools'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ messages: [{ role: 'tool', tool_call_id: 'a', content: 'x' }] }, 'messages[0].role'],
    [
      { messages: [{ role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f' } }] }] },
      'messages[0].tool_calls',
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://e.x/a.png' } }] }] },
      'messages[0].content[0]',
    ],
  ])('cannot say %p and refuses it by name', (body, param) => {
    expect(() => sentFor(sagemaker, body as Asking['body'])).toThrow(
      expect.objectContaining({ kind: 'invalid_request', details: expect.objectContaining({ param }) }),
    );
  });

  test('comes back without the prompt that some containers repeat', () => {
    const target = targetOf(sagemaker);
    const { memo } = ask(target);
    const read = (body: unknown) => sagemaker.parseResponse(body, target, memo).choices[0];
    expect(read([{ generated_text: 'Hi there' }])?.message.content).toBe(' there');
    expect(read({ generated_text: 'Hello', details: { finish_reason: 'length' } })).toMatchObject({
      message: { content: 'Hello' },
      finish_reason: 'length',
    });
  });

  test('is the same whole and streamed, cut anywhere in its frames', async () => {
    const [recording] = fixturesOf('sagemaker');
    const target = targetOf(sagemaker);
    const whole = sagemaker.parseResponse(JSON.parse(recording?.whole ?? ''), target).choices[0];
    expect(whole).toMatchObject({ message: { content: ALL }, finish_reason: 'stop' });
    const lines = (recording?.events ?? []).map((event) => `data:${event}\n\n`);
    const framing = await framingOf(sagemaker);
    for (const bytes of [payloadFrames(lines), payloadFrames([...lines.join('')].map((letter) => letter))]) {
      for (const at of [1, 13, 97, 200, bytes.length - 2]) {
        const body = new TranslateStream(bytesFrom(cutAt(bytes, [at])), streamContext({ target, framing }), (c) => c);
        const { text } = await readAll(body);
        expect(readEvents(text)).toMatchObject({ content: ALL, finishReasons: ['stop'] });
      }
    }
  });
});

describe('a refusal of SageMaker', () => {
  const kindOf = (status: number, body: object, type = ''): string =>
    upstreamError({
      target: targetOf(sagemakerChat),
      status,
      body: JSON.stringify(body),
      headers: new Headers(type === '' ? {} : { 'x-amzn-errortype': type }),
    }).kind;

  test('is what the container said, where it was the container', () => {
    const by = (code: number, words: string) =>
      kindOf(424, { ErrorCode: 'X', OriginalStatusCode: code, OriginalMessage: words }, 'ModelError');
    expect(by(422, 'bad parameter')).toBe('upstream_rejected');
    expect(by(400, 'inputs tokens + max_new_tokens must be <= 4096')).toBe('context_window_exceeded');
    expect(by(429, 'overloaded')).toBe('upstream_busy');
    expect(by(500, 'CUDA')).toBe('upstream_failed');
  });

  test('is AWS’s own otherwise', () => {
    expect(kindOf(400, { message: 'Rate exceeded' }, 'ThrottlingException')).toBe('upstream_busy');
    expect(kindOf(403, { message: 'no' }, 'AccessDeniedException')).toBe('upstream_forbidden');
    expect(kindOf(400, { Message: 'Endpoint my-endpoint not found.' }, 'ValidationError')).toBe('upstream_rejected');
  });
});
