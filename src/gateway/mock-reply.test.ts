import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  meterAtFlatPrice,
  type SampleCall,
  STARTED_AT_MS,
  sampleCall,
  sampleTarget,
} from '../../test/support/call-parts.ts';
import { readEvents } from '../../test/support/sse.ts';
import { readAll } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import type { ChatRequest } from '../wire/openai.ts';
import type { FullReply, StreamReply } from './call.ts';
import { mockReply, wantsUsage } from './mock-reply.ts';

const reply = (content: string, given: SampleCall = {}): FullReply | StreamReply =>
  mockReply({
    call: sampleCall({ requestedModel: 'my-model', ...given }),
    target: sampleTarget(),
    content,
    now: () => STARTED_AT_MS,
    meter: (outputChars) => meterAtFlatPrice({ usage: undefined, outputChars }),
  });

const streamedText = async (content: string, includeUsage = false): Promise<string> => {
  const request = { stream: true, ...(includeUsage && { stream_options: { include_usage: true } }) };
  const made = reply(content, { request });
  if (made.kind === 'full') throw new Error('It is no stream.');
  return (await readAll(made.body)).text;
};

test('a canned answer has the shape of a real one, with counted tokens', () => {
  const made = reply('Hello there');
  if (made.kind === 'stream') throw new Error('It is a stream.');
  expect<unknown>(made.body()).toEqual({
    id: 'chatcmpl-0198f6a2-0000-7000-8000-000000000001',
    object: 'chat.completion',
    created: STARTED_AT_MS / 1000,
    model: 'my-model',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there' }, finish_reason: 'stop' }],
    usage: meterAtFlatPrice({ usage: undefined, outputChars: 11 }).usage,
  });
  expect(made.usage?.completion_tokens).toBe(3);
});

describe('a canned stream', () => {
  test('says the same, in pieces, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (content) => {
        fc.pre(!content.startsWith('Exception:'));
        const { content: heard, finishReasons, usages } = readEvents(await streamedText(content));
        expect([heard, finishReasons, usages]).toEqual([content, ['stop'], []]);
      }),
    );
  });

  test('opens with the role, goes on word by word, and ends with usage when asked', async () => {
    const { chunks, usages } = readEvents(await streamedText('one two\n three', true));
    expect<unknown>(chunks.map(({ choices }) => choices?.[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'one ' },
      { content: 'two\n ' },
      { content: 'three' },
      {},
      undefined,
    ]);
    expect(usages).toEqual([expect.objectContaining({ completion_tokens: 4, cost: 0.000009 })]);
    expect(new Set(chunks.map(({ model }) => model))).toEqual(new Set(['my-model']));
  });

  test('counts what it has said when the client leaves early', async () => {
    const made = reply('one two three four five six', { request: { stream: true } });
    if (made.kind === 'full') throw new Error('It is no stream.');
    const { body } = made;
    expect(body.tally.outputChars).toBe(0);
    for (let read = 0; read < 3; read++) await body.next();
    body.cancel();
    expect(body.tally.outputChars).toBeGreaterThan(0);
    expect(body.tally.outputChars).toBeLessThan('one two three four five six'.length);
    expect(body.tally.firstContentAtMs).toBe(STARTED_AT_MS);
  });

  test('counts all of it in the end', async () => {
    const made = reply('one two', { request: { stream: true } });
    if (made.kind === 'full') throw new Error('It is no stream.');
    await readAll(made.body);
    expect(made.body.tally.outputChars).toBe(7);
  });
});

describe('the wish for usage', () => {
  const always = sampleTarget({ defaults: { stream_options: { include_usage: true } } });
  const asking = (options: unknown): ChatRequest => ({ model: 'm', messages: [], stream_options: options as never });

  test('is the client’s, else the deployment’s', () => {
    expect(wantsUsage(asking({ include_usage: true }), undefined)).toBe(true);
    expect(wantsUsage(asking({ include_usage: false }), always)).toBe(false);
    expect(wantsUsage(asking({}), always)).toBe(false);
    expect([undefined, null].map((options) => wantsUsage(asking(options), always))).toEqual([true, true]);
    expect([undefined, null].map((options) => wantsUsage(asking(options), sampleTarget()))).toEqual([false, false]);
  });

  test('is no wish when it is nonsense', () => {
    for (const options of ['yes', 5, { include_usage: 'true' }])
      expect(wantsUsage(asking(options), undefined)).toBe(false);
  });
});

describe('texts that stand for failures', () => {
  test.each([
    ['litellm.RateLimitError', 'upstream_busy', 429],
    ['litellm.ContextWindowExceededError', 'context_window_exceeded', 400],
    ['litellm.InternalServerError', 'upstream_failed', 500],
    ['Exception: content_filter_policy', 'content_policy_violation', 400],
  ] as const)('%s fails as %s', (content, kind, status) => {
    for (const stream of [false, true]) {
      let thrown: unknown;
      try {
        reply(content, { request: { stream } });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(GatewayError);
      expect(thrown).toMatchObject({ kind, status });
    }
  });
});
