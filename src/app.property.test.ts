/** Whatever a client asks and an upstream answers: what passes through is the same JSON, and the money adds up. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type AppPlace, startAppPlace } from '../test/support/app-place.ts';
import { streamed } from '../test/support/sse.ts';
import { startUpstream, type Upstream } from '../test/support/upstream.ts';
import { digest } from './auth/digest.ts';
import type { LedgerRow } from './db/request-row.ts';
import { GATEWAY_KEYS, MOCK_TESTING_KEYS, REFUSED_KEYS, REFUSED_SETTINGS } from './gateway/gateway-keys.ts';

type Json = Record<string, unknown>;

/** From whole nano-dollars a token to fractions that have to be rounded. */
const PRICED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  round: { input_cost_per_token: 3e-6, output_cost_per_token: 6e-6 },
  fractions: { input_cost_per_token: 1.5e-10, output_cost_per_token: 3.33e-10 },
  cached: {
    input_cost_per_token: 2.5e-6,
    output_cost_per_token: 1e-5,
    cache_read_input_token_cost: 1.25e-6,
    cache_creation_input_token_cost: 3.125e-6,
    output_cost_per_reasoning_token: 4e-5,
  },
  'by request': { input_cost_per_token: 1e-9, output_cost_per_token: 0, input_cost_per_request: 0.0123456789 },
};

let upstream: Upstream;
let place: AppPlace;
beforeAll(async () => {
  upstream = await startUpstream();
  place = await startAppPlace({
    model_list: Object.entries(PRICED).map(([name, prices]) => ({
      model_name: name,
      litellm_params: { model: 'openai/gpt-4o-mini', api_base: upstream.url, api_key: 'k', ...prices },
    })),
    router_settings: { num_retries: 0 },
  });
});
beforeEach(() => {
  upstream.behave = () => ({});
});
afterAll(async () => {
  await place?.stop();
  await upstream?.stop();
});

/** Names that nobody gives a meaning, among them what JavaScript's objects inherit. */
const freeName = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 8 }),
    fc.constantFrom('constructor', 'toString', 'a"b', 'ключ', '💥', 'a\\b'),
  )
  .filter((name) => name !== '__proto__')
  .map((name) => `x${name}`);
const value = fc
  .jsonValue({ maxDepth: 2, noUnicodeString: false })
  .filter((json) => !JSON.stringify(json).includes('__proto__'));
const extras = fc.dictionary(freeName, value, { maxKeys: 4, noNullPrototype: true });
const text = fc.string({ unit: 'grapheme', maxLength: 40 });

const message = fc.oneof(
  fc.record(
    { role: fc.constantFrom('system', 'developer', 'user', 'assistant'), content: text, name: fc.constant('n') },
    { requiredKeys: ['role', 'content'] },
  ),
  fc.record({
    role: fc.constant('user'),
    content: fc.array(fc.record({ type: fc.constant('text'), text }), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ role: fc.constant('tool'), content: text, tool_call_id: text }),
);

const wellKnown = fc.record(
  {
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    top_p: fc.double({ min: 0, max: 1, noNaN: true }),
    max_tokens: fc.integer({ min: 0, max: 1e6 }),
    n: fc.integer({ min: 1, max: 9 }),
    seed: fc.maxSafeInteger(),
    stop: fc.oneof(text, fc.array(text, { maxLength: 4 })),
    logit_bias: fc.dictionary(fc.nat().map(String), fc.integer({ min: -100, max: 100 }), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    user: text,
    response_format: fc.constant({ type: 'json_object' }),
    tools: fc.array(
      fc.record({ type: fc.constant('function'), function: fc.record({ name: text, parameters: extras }) }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);

/** The gateway's own keys whose values have no effect on whether the request is taken. */
const gatewayKeys = fc.record(
  {
    metadata: extras,
    tags: fc.array(text, { maxLength: 3 }),
    num_retries: fc.nat(3),
    drop_params: fc.boolean(),
    cache: value,
    guardrails: value,
    base_model: value,
    input_cost_per_token: fc.constant(0),
    model_info: value,
    priority: value,
  },
  { requiredKeys: [] },
);

const isOurs = (name: string): boolean =>
  [GATEWAY_KEYS, MOCK_TESTING_KEYS, REFUSED_KEYS, REFUSED_SETTINGS].some((keys) => keys.has(name));

const request = fc
  .record({
    model: fc.constantFrom(...Object.keys(PRICED)),
    messages: fc.array(message, { minLength: 1, maxLength: 4 }),
    known: wellKnown,
    own: gatewayKeys,
    free: extras,
    streams: fc.option(fc.record({ stream_options: fc.option(extras, { nil: undefined }) }), { nil: undefined }),
    indent: fc.constantFrom(0, 1, '\t'),
    reversed: fc.boolean(),
  })
  .map(({ model, messages, known, own, free, streams, indent, reversed }) => {
    const members = Object.entries({
      model,
      messages,
      ...known,
      ...own,
      ...free,
      ...(streams && { stream: true, ...streams }),
    });
    const body = Object.fromEntries(reversed ? members.reverse() : members);
    return JSON.stringify(body, null, indent);
  });

describe('what the upstream receives', () => {
  test("is the client's JSON but for the model, stream_options and the gateway's own keys", async () => {
    await fc.assert(
      fc.asyncProperty(request, async (sent) => {
        const before = upstream.requests.length;
        const answer = await place.ask(sent);
        await answer.text();
        expect(answer.status).toBe(200);
        const [seen, ...more] = upstream.requests.slice(before);
        expect(more).toEqual([]);
        const asked = JSON.parse(sent) as Json; // It was made above.
        const expected = Object.fromEntries(Object.entries(asked).filter(([name]) => !isOurs(name)));
        expected['model'] = 'gpt-4o-mini';
        if (asked['stream'] === true)
          expected['stream_options'] = { ...Object(asked['stream_options']), include_usage: true };
        expect(JSON.parse(seen?.text ?? '')).toEqual(expected);
      }),
      { numRuns: 70 },
    );
  });
});

const count = fc.integer({ min: 1, max: 100_000 });
/** Usage as providers report it: details are parts of their totals. */
const usage = fc
  .record({ input: count, output: count, cached: fc.nat(100), written: fc.nat(100), reasoned: fc.nat(100) })
  .map(({ input, output, cached, written, reasoned }) => ({
    prompt_tokens: input + cached + written,
    completion_tokens: output + reasoned,
    total_tokens: input + cached + written + output + reasoned,
    prompt_tokens_details: { cached_tokens: cached, cache_creation_tokens: written },
    completion_tokens_details: { reasoning_tokens: reasoned },
  }));

const answered = fc
  .record({
    content: fc.option(text),
    usage: fc.option(usage, { nil: undefined }),
    choiceExtras: extras,
    messageExtras: extras,
    free: extras,
    upstreamModel: text,
  })
  .map(({ content, choiceExtras, messageExtras, free, upstreamModel, usage: reported }) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_764_000_000,
    model: upstreamModel,
    ...free,
    choices: [
      { index: 0, ...choiceExtras, message: { role: 'assistant', content, ...messageExtras }, finish_reason: 'stop' },
    ],
    ...(reported && { usage: reported }),
  }));

const messages = [{ role: 'user', content: 'Count to 10' }];

describe('what the client receives', () => {
  test("is the upstream's JSON but for the model, and usage where there was none", async () => {
    await fc.assert(
      fc.asyncProperty(answered, fc.constantFrom(...Object.keys(PRICED)), async (body, model) => {
        upstream.behave = () => ({ body });
        const answer = await place.ask({ model, messages });
        const got = (await answer.json()) as Json;
        expect(answer.status).toBe(200);
        if (body.usage === undefined) {
          const told = Object(got['usage']) as Record<string, number>;
          expect(told['prompt_tokens']).toBeGreaterThan(0);
          expect(told['total_tokens']).toBe((told['prompt_tokens'] ?? 0) + (told['completion_tokens'] ?? 0));
          delete got['usage'];
        }
        expect(got).toEqual({ ...JSON.parse(JSON.stringify(body)), model });
      }),
      { numRuns: 70 },
    );
  });

  test('is the same content in a stream, however the upstream cuts it into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 8 }), usage, async (pieces, reported) => {
        upstream.behave = () => ({ events: eventsOf(pieces, reported) });
        const seen = await streamed(await place.ask({ model: 'round', messages, stream: true }));
        expect(seen.content).toBe(pieces.join(''));
        expect(seen.isDone).toBe(true);
        expect(new Set(seen.chunks.map(({ model }) => model))).toEqual(new Set(['round']));
        expect(seen.usages).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

/** The events of a stream that says `pieces` one after the other. */
function eventsOf(pieces: readonly string[], reported: object | undefined): string[] {
  const base = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o-mini' };
  const choice = (delta: object, finish_reason: string | null = null) => ({
    ...base,
    choices: [{ index: 0, delta, finish_reason }],
  });
  return [
    ...pieces.map((content, at) => choice(at === 0 ? { role: 'assistant', content } : { content })),
    choice({}, 'stop'),
    ...(reported ? [{ ...base, choices: [], usage: reported }] : []),
  ]
    .map((chunk) => JSON.stringify(chunk))
    .concat('[DONE]');
}

function nanosOf(usd: string | null): number {
  const [ones = '0', decimals = ''] = (usd ?? '').split('.');
  return Number(ones) * 1e9 + Number(decimals.padEnd(9, '0'));
}

/** The rows of these answers, in their order; a key's rows come to the database together. */
async function rowsOf(key: string, answers: readonly Response[]): Promise<LedgerRow[]> {
  const byCall = new Map((await place.rows({ keyHash: digest(key) }, answers.length)).map((row) => [row.callId, row]));
  expect(byCall.size).toBe(answers.length);
  return answers.flatMap(({ headers }) => byCall.get(headers.get('x-litellm-call-id') ?? '') ?? []);
}

async function read(asking: Promise<Response>): Promise<Response> {
  const answer = await asking;
  await answer.text();
  expect(answer.status).toBe(200);
  return answer;
}

describe('money', () => {
  test("is the same in the headers and in the rows, and the whole is the parts' sum", async () => {
    const bill = fc.record({ model: fc.constantFrom(...Object.keys(PRICED)), reported: usage });
    await fc.assert(
      fc.asyncProperty(fc.array(bill, { minLength: 1, maxLength: 40, size: 'max' }), async (bills) => {
        const key = await place.key();
        const answers: Response[] = [];
        for (const { model, reported } of bills) {
          upstream.behave = () => ({ body: { id: 'c', object: 'o', model: 'm', choices: [], usage: reported } });
          answers.push(await read(place.ask({ model, messages }, { key })));
        }
        let spent = 0;
        for (const [at, row] of (await rowsOf(key, answers)).entries()) {
          const header = (name: string): number => nanosOf(answers[at]?.headers.get(`x-litellm-${name}`) ?? null);
          const cost = row.costNanoUsd ?? Number.NaN;
          spent += cost;
          expect(header('response-cost')).toBe(cost);
          expect(Object.values(row.costParts ?? {}).reduce((sum, part) => sum + part, 0)).toBe(cost);
          expect(row.costParts).toEqual({
            input: header('response-cost-input'),
            output: header('response-cost-output'),
            cacheRead: header('response-cost-cache-read'),
            cacheWrite: header('response-cost-cache-creation'),
            reasoning: header('response-cost-reasoning'),
          });
          expect(header('key-spend')).toBe(spent);
        }
        expect(Math.round((await place.spendOf(key)) * 1e9)).toBe(spent);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });

  test('is the same for a stream and a whole answer of the same content', async () => {
    const said = fc.record({
      model: fc.constantFrom(...Object.keys(PRICED)),
      pieces: fc.array(text, { minLength: 1, maxLength: 6 }),
      reported: fc.option(usage, { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(said, { minLength: 1, maxLength: 20, size: 'max' }), async (all) => {
        const key = await place.key();
        const answers: Response[] = [];
        for (const { model, pieces, reported } of all) {
          upstream.behave = ({ body }) =>
            body['stream'] === true ? { events: eventsOf(pieces, reported) } : { body: wholeOf(pieces, reported) };
          for (const stream of [false, true]) answers.push(await read(place.ask({ model, messages, stream }, { key })));
        }
        const bills = (await rowsOf(key, answers)).map(({ costNanoUsd, costParts, buckets }) => ({
          costNanoUsd,
          costParts,
          buckets,
        }));
        expect(bills.filter((_, at) => at % 2 === 1)).toEqual(bills.filter((_, at) => at % 2 === 0));
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });
});

const wholeOf = (pieces: readonly string[], reported: object | undefined): Json => ({
  id: 'c',
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: pieces.join('') }, finish_reason: 'stop' }],
  usage: reported,
});
