/** Every provider of OpenAI's dialect through the whole gateway: whichever adapter is between, client, upstream and row say the same. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type AppPlace, startAppPlace } from '../test/support/app-place.ts';
import { samples, speaksOpenAi } from '../test/support/provider-samples.ts';
import { readEvents } from '../test/support/sse.ts';
import { startUpstream, type Upstream } from '../test/support/upstream.ts';
import { digest } from './auth/digest.ts';
import type { LedgerRow } from './db/request-row.ts';

/** Who signs with a key, or buys a token with it, is in test/e2e. */
const SAMPLES = samples.filter(
  (sample) => sample.name === sample.adapter.id && sample.keyParam === 'api_key' && speaksOpenAi(sample),
);
const PROVIDERS = SAMPLES.map(({ name }) => name);
const PRICES = { input_cost_per_token: 3e-6, output_cost_per_token: 7e-6 };
const USAGE = { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 };
const COST_NANO_USD = 11 * 3_000 + 5 * 7_000;

let upstream: Upstream;
let place: AppPlace;
let key: string;
beforeAll(async () => {
  upstream = await startUpstream();
  place = await startAppPlace({
    model_list: SAMPLES.map(({ name: id, model, params }) => ({
      model_name: `by ${id}`,
      litellm_params: {
        model: `${id}/${model}`,
        api_base: upstream.url,
        api_key: `key-of-${id}`,
        ...params,
        ...PRICES,
      },
    })),
    router_settings: { num_retries: 0 },
  });
  key = await place.key();
});
beforeEach(() => {
  upstream.behave = () => ({});
});
afterAll(async () => {
  await upstream?.stop();
});

const ask = (id: string, more: object = {}): Promise<Response> =>
  place.ask({ model: `by ${id}`, messages: [{ role: 'user', content: 'Hello' }], ...more }, { key });

const base = { id: 'chatcmpl-9', created: 1, model: 'some-model-of-today' };
const whole = (content: string): object => ({
  ...base,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage: USAGE,
});

/** A stream of these pieces, its usage in a chunk of its own at the end. */
function events(pieces: readonly string[]): string[] {
  const chunk = (rest: object): string => JSON.stringify({ ...base, object: 'chat.completion.chunk', ...rest });
  const choice = (delta: object, finish_reason: string | null = null): string =>
    chunk({ choices: [{ index: 0, delta, finish_reason }] });
  return [
    choice({ role: 'assistant', content: '' }),
    ...pieces.map((content) => choice({ content })),
    choice({}, 'stop'),
    chunk({ choices: [], usage: USAGE }),
    '[DONE]',
  ];
}

/** What each call's row must hold. Rows come to the database together, so they are looked at once, at the end. */
const expected = new Map<string, Partial<LedgerRow>>();
const note = ({ headers }: Response, row: Partial<LedgerRow>): unknown =>
  expected.set(headers.get('x-litellm-call-id') ?? '', row);

test('there is more than one provider', () => {
  expect(PROVIDERS.length).toBeGreaterThan(5);
});

describe.each(PROVIDERS)('%s', (id) => {
  test('is sent its own key and model, and nothing of the client that is not in the body', async () => {
    const before = upstream.requests.length;
    await (await ask(id, { metadata: { team: 'blue' } })).text();
    const [seen, ...more] = upstream.requests.slice(before);
    expect(more).toEqual([]);
    const sent = JSON.stringify([seen?.headers, seen?.path, seen?.text]);
    expect(sent).toContain(`key-of-${id}`);
    expect(seen?.text).not.toContain(`key-of-${id}`);
    expect(sent).not.toContain(key);
    expect(sent).not.toContain('blue');
    expect(seen?.body).toMatchObject({
      model: expect.stringMatching(/(^|\/)some-model$/),
      messages: [{ role: 'user', content: 'Hello' }],
    });
  });

  test('costs the same whole and streamed, and its rows say who answered', async () => {
    upstream.behave = ({ body }) =>
      body['stream'] === true ? { events: events(['Hel', 'lo']) } : { body: whole('Hello') };
    const answer = await ask(id);
    expect(answer.headers.get('x-litellm-response-cost')).toBe('0.000068');
    expect(await answer.json()).toMatchObject({ model: `by ${id}`, usage: USAGE });
    const stream = await ask(id, { stream: true, stream_options: { include_usage: true } });
    expect(readEvents(await stream.text()).usages).toEqual([expect.objectContaining(USAGE)]);
    for (const response of [answer, stream]) {
      note(response, {
        status: 'success',
        provider: id,
        model: `${id}/some-model`,
        modelGroup: `by ${id}`,
        responseId: 'chatcmpl-9',
        costNanoUsd: COST_NANO_USD,
      });
    }
  });

  test('says the same words whole and streamed, whatever they are', async () => {
    const pieces = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(pieces, async (said) => {
        upstream.behave = ({ body }) =>
          body['stream'] === true ? { events: events(said) } : { body: whole(said.join('')) };
        const { choices } = (await (await ask(id)).json()) as { choices: { message: { content: string } }[] };
        const { content, isDone, chunks } = readEvents(await (await ask(id, { stream: true })).text());
        expect([content, isDone]).toEqual([said.join(''), true]);
        expect(choices.map(({ message }) => message.content)).toEqual([content]);
        expect(new Set(chunks.map(({ model }) => model))).toEqual(new Set([`by ${id}`]));
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });

  test('that refuses is a failed row with its status, free of charge', async () => {
    upstream.behave = () => ({ status: 429, headers: { 'retry-after': '3' } });
    const answer = await ask(id);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '3']);
    expect(await answer.text()).not.toContain(`key-of-${id}`);
    note(answer, { status: 'failure', httpStatus: 429, costNanoUsd: 0, buckets: null, provider: id });
  });

  test('that repeats its key in a refusal does not give it away', async () => {
    upstream.behave = () => ({ status: 401, body: { error: { message: `Incorrect key: key-of-${id}`, type: 'x' } } });
    const answer = await ask(id);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain(`key-of-${id}`);
    note(answer, { status: 'failure', httpStatus: 401, costNanoUsd: 0, provider: id });
  });
});

test('each of these calls has its row, and no row holds a key', async () => {
  const keyHash = digest(key);
  const { rows } = await place.stop();
  const byCall = new Map(rows.map((row) => [row.callId, row]));
  expect(byCall.size).toBe(rows.length);
  expect(expected.size).toBe(4 * PROVIDERS.length);
  for (const [callId, row] of expected) expect(byCall.get(callId)).toMatchObject({ ...row, keyHash });
  expect(JSON.stringify(rows)).not.toContain('key-of-');
});
