import { describe, expect, test } from 'bun:test';
import { API_KEY, type Asking, ask, targetFor } from '../../test/support/provider-parts.ts';
import { replicate } from './replicate.ts';
import { upstreamError } from './upstream-error.ts';

const MODEL = 'meta/meta-llama-3-70b-instruct';
const at = (upstreamModel: string, baseUrl?: string) =>
  targetFor(replicate, { upstreamModel, ...(baseUrl !== undefined && { baseUrl }) });
const target = at(MODEL);
const sentFor = (body: Asking['body'] = {}, of = target) => ask(of, { body: body ?? {} });
const changed = ({ changes }: { changes: readonly { field: string; action: string }[] }) =>
  changes.map(({ field, action }) => `${field} ${action}`);

describe('a request to Replicate', () => {
  test('is a prediction that is waited for', () => {
    const asked = sentFor({ max_tokens: 64, temperature: 0.2, top_p: 0.9, top_k: 5, stop: ['A', 'B'], seed: 7 });
    expect(asked.url).toBe(`https://api.replicate.com/v1/models/${MODEL}/predictions`);
    expect(asked.headers).toEqual({
      'content-type': 'application/json',
      authorization: `Bearer ${API_KEY}`,
      prefer: 'wait=60',
    });
    expect(asked.sent).toEqual({
      input: {
        prompt: 'Hi',
        temperature: 0.2,
        top_p: 0.9,
        top_k: 5,
        seed: 7,
        max_tokens: 64,
        max_new_tokens: 64,
        stop_sequences: 'A,B',
      },
    });
    expect(changed(asked)).toEqual(['max_tokens renamed', 'stop renamed', 'messages emulated']);
  });

  test('for a stream says so, and is not waited for', () => {
    const { sent, headers } = sentFor({ stream: true });
    expect(sent).toEqual({ stream: true, input: { prompt: 'Hi' } });
    expect(headers).not.toHaveProperty('prefer');
  });

  const VERSION = 'a'.repeat(64);
  test.each([
    [MODEL, `models/${MODEL}/predictions`, undefined],
    [`${MODEL}:${VERSION}`, 'predictions', VERSION],
    [VERSION, 'predictions', VERSION],
    ['deployments/me/mine', 'deployments/me/mine/predictions', undefined],
    ['me/a b?c', 'models/me/a%20b%3Fc/predictions', undefined],
  ])('for %s goes to %s', (model, path, version) => {
    const { url, sent } = sentFor({}, at(model));
    expect(url).toBe(`https://api.replicate.com/v1/${path}`);
    expect(sent['version']).toBe(version);
  });

  test('goes to an address of one’s own, with its version or without', () => {
    expect(sentFor({}, at('a/b', 'http://box:1')).url).toBe('http://box:1/v1/models/a/b/predictions');
    expect(sentFor({}, at('a/b', 'http://box:1/v1')).url).toBe('http://box:1/v1/models/a/b/predictions');
  });

  test('caps older models by their own name', () => {
    const { sent } = sentFor({ max_completion_tokens: 9 }, at('replicate/vicuna-13b'));
    expect(sent['input']).toEqual({ prompt: 'Hi', max_length: 9 });
  });

  test('tells the system’s words apart, unless the model has no place for them', () => {
    const messages = [
      { role: 'system', content: 'Be kind.' },
      { role: 'developer', content: 'Be short.' },
      { role: 'user', content: 'Hi' },
    ];
    expect(sentFor({ messages }).sent['input']).toEqual({ prompt: 'Hi', system_prompt: 'Be kind.\n\nBe short.' });
    const { sent } = sentFor({ messages, supports_system_prompt: false });
    expect(sent['input']).toEqual({ prompt: 'Be kind.\n\nBe short.\n\nHi' });
  });

  test.each([
    [{ tools: [{ type: 'function', function: { name: 'f' } }] }, 'tools'],
    [{ n: 2 }, 'n'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ messages: [{ role: 'tool', tool_call_id: 'a', content: 'x' }] }, 'messages[0].role'],
  ])('cannot say %p and refuses it by name', (body, param) => {
    expect(() => sentFor(body as Asking['body'])).toThrow(
      expect.objectContaining({ kind: 'invalid_request', details: expect.objectContaining({ param }) }),
    );
  });
});

describe('a prediction', () => {
  const follow = (body: unknown, isStream = false, of = target) => replicate.followUp?.(body, of, isStream);
  const urls = { get: 'https://api.replicate.com/v1/predictions/p1', stream: 'https://stream.replicate.com/v1/p1' };

  test('that is done is the answer', () => {
    expect(follow({ status: 'succeeded', output: ['a'], urls })).toBeUndefined();
    expect(follow('no prediction at all')).toBeUndefined();
  });

  test.each(['starting', 'processing', 'queued'])(
    'that is %s is asked for again, after a while, with the key',
    (status) => {
      expect(follow({ status, urls })).toEqual({
        url: urls.get,
        headers: { authorization: `Bearer ${API_KEY}` },
        waitMs: 500,
      });
    },
  );

  test('that streams is read where it streams, without the key', () => {
    expect(follow({ status: 'starting', urls }, true)).toEqual({
      url: urls.stream,
      headers: { accept: 'text/event-stream' },
      waitMs: 0,
    });
  });

  test('that has no stream is awaited whole', () => {
    const { get } = urls;
    expect(follow({ status: 'starting', urls: { get } }, true)).toMatchObject({ url: get, waitMs: 500 });
    expect(follow({ status: 'succeeded', output: ['a'], urls: { get } }, true)).toBeUndefined();
  });

  test('shows the key to its own host only', () => {
    const get = 'https://eu.replicate.com/v1/predictions/p1';
    expect(follow({ status: 'starting', urls: { get } })?.headers).toEqual({});
    const own = at(MODEL, 'http://127.0.0.1:9/v1');
    expect(follow({ status: 'starting', urls: { get: 'http://127.0.0.1:9/p1' } }, false, own)?.headers).toEqual({
      authorization: `Bearer ${API_KEY}`,
    });
  });

  test.each([
    'https://evil.example/p1',
    'https://replicate.com.evil.example/p1',
    'http://api.replicate.com/p1',
    'file:///etc/passwd',
    'nonsense',
  ])('is never looked for at %s', (get) => {
    const lost = expect.objectContaining({ kind: 'upstream_protocol' });
    expect(() => follow({ status: 'starting', urls: { get } })).toThrow(lost);
    expect(() => follow({ status: 'starting', urls: { stream: get } }, true)).toThrow(lost);
  });

  test('without an address cannot be followed', () => {
    expect(() => follow({ status: 'starting' })).toThrow('does not say where');
    expect(() => follow({ status: 'starting', urls: {} }, true)).toThrow('does not say where');
  });

  test.each(['failed', 'canceled', 'aborted'])('that was %s is a failure, in its own words', (status) => {
    for (const isStream of [true, false]) {
      expect(() => follow({ status, error: 'CUDA out of memory', urls }, isStream)).toThrow('CUDA out of memory');
      expect(() => follow({ status }, isStream)).toThrow(status);
    }
  });
});

describe('an answer of Replicate', () => {
  test('is one text, with the tokens that were counted', () => {
    const body = { id: 'p1', output: ['Hel', 'lo'], metrics: { input_token_count: 3, output_token_count: 2 } };
    const answer = replicate.parseResponse({ ...body, created_at: '2026-05-01T10:00:00Z' }, target);
    expect(answer).toMatchObject({
      id: 'p1',
      created: 1_777_629_600,
      choices: [{ message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    });
    expect(replicate.parseResponse({ output: 'Hello' }, target).choices[0]?.message.content).toBe('Hello');
    expect(replicate.parseResponse({ output: 'Hello' }, target).usage).toBeUndefined();
  });

  test('that holds no text is none', () => {
    for (const output of [undefined, null, 7, { a: 1 }]) {
      expect(() => replicate.parseResponse({ output }, target)).toThrow();
    }
  });

  test('streamed ends with its last event, and with a failure where that says so', () => {
    const decode = replicate.createStreamDecoder(target);
    expect(decode('{"output":"Hi"}')[0]?.choices[0]?.delta.content).toBe('Hi');
    expect(decode('{"done":"{}"}')[0]?.choices[0]?.finish_reason).toBe('stop');
    expect(decode('{"logs":"loading"}').flatMap(({ choices }) => choices)).toEqual([]);
    const failed = replicate.createStreamDecoder(target);
    for (const reason of ['error', 'canceled']) {
      expect(() => failed(JSON.stringify({ done: JSON.stringify({ reason }) }))).toThrow('failed');
    }
  });

  test.each([
    [401, { title: 'Unauthenticated', detail: 'You did not pass a valid token' }, 'upstream_unauthorized'],
    [402, { title: 'Payment required', detail: 'You have no credit' }, 'upstream_forbidden'],
    [404, { detail: 'Not found' }, 'upstream_not_found'],
    [422, { detail: '- input.max_tokens: must be less than 4096' }, 'upstream_rejected'],
    [422, { detail: 'Prompt is too long for the context window' }, 'context_window_exceeded'],
    [429, { detail: 'Request was throttled.' }, 'upstream_busy'],
    [500, { detail: 'Internal server error' }, 'upstream_failed'],
  ])('refused with %i is told apart', (status, body, kind) => {
    const refusal = { target, status, body: JSON.stringify(body), headers: new Headers() };
    expect(upstreamError(refusal)).toMatchObject({ kind });
  });
});
