import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { answerOf, geminiPlace } from '../../test/support/gemini-place.ts';
import { API_KEY, ask, targetOf } from '../../test/support/provider-parts.ts';
import { recordedText } from '../../test/support/recordings.ts';
import { errorBody } from '../errors.ts';
import { bucketsOf } from '../ledger/usage.ts';
import { webSearchesOf } from '../ledger/usage-factors.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import { price } from '../pricing/price.ts';
import type { ChatMessage } from '../wire/openai.ts';
import { resolveModel } from './registry.ts';
import { upstreamError } from './upstream-error.ts';

const MODEL = 'gemini/gemini-2.5-flash';
const HOST = 'https://generativelanguage.googleapis.com';

describe('the door', () => {
  test.each<[string, object, string]>([
    [MODEL, {}, `${HOST}/v1beta/models/gemini-2.5-flash:generateContent`],
    [MODEL, { apiVersion: 'v1alpha' }, `${HOST}/v1alpha/models/gemini-2.5-flash:generateContent`],
    [MODEL, { baseUrl: 'http://proxy:8080' }, 'http://proxy:8080/v1beta/models/gemini-2.5-flash:generateContent'],
    [MODEL, { baseUrl: 'http://proxy/g/v1' }, 'http://proxy/g/v1/models/gemini-2.5-flash:generateContent'],
    [MODEL, { baseUrl: 'http://proxy/v1beta/models' }, 'http://proxy/v1beta/models/gemini-2.5-flash:generateContent'],
    ['gemini/models/gemini-pro', {}, `${HOST}/v1beta/models/gemini-pro:generateContent`],
    ['gemini/tunedModels/mine', {}, `${HOST}/v1beta/tunedModels/mine:generateContent`],
    ['gemini/../../admin?x=#', {}, `${HOST}/v1beta/models/..%2F..%2Fadmin%3Fx%3D%23:generateContent`],
  ])('%s %j is at %s', (model, over, url) => {
    expect(ask(targetOf(model, over)).url).toBe(url);
  });

  test('streams are another method, as server-sent events', () => {
    const { url, sent } = ask(targetOf(MODEL), { body: { stream: true, stream_options: { include_usage: true } } });
    expect(url).toBe(`${HOST}/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse`);
    expect(Object.keys(sent)).toEqual(['contents']);
  });

  test('the key is in its header and nowhere else', () => {
    const { url, headers, body } = ask(targetOf(MODEL), { body: { stream: true } });
    expect(headers).toEqual({ 'content-type': 'application/json', 'x-goog-api-key': API_KEY });
    expect(url + body).not.toContain(API_KEY);
    expect(ask(targetOf(MODEL, { apiKey: undefined })).headers).toEqual({ 'content-type': 'application/json' });
  });

  test("the operator's headers are sent, the client's only where they are no credentials", () => {
    const target = targetOf(MODEL, { apiKey: undefined, extraHeaders: { 'X-Mine': 'yes' } });
    const extra_headers = { 'x-goog-api-key': 'theirs', 'X-Goog-User-Project': 'theirs', 'x-trace': 't' };
    const { headers, sent } = ask(target, { body: { extra_headers } });
    expect(headers).toEqual({ 'content-type': 'application/json', 'x-mine': 'yes', 'x-trace': 't' });
    expect(sent).not.toHaveProperty('extra_headers');
  });

  test('keys and address come from the variables that people have', () => {
    const adapter = resolveModel(MODEL, undefined)?.adapter;
    expect(adapter?.apiKeyEnv).toEqual(['GEMINI_API_KEY', 'GOOGLE_API_KEY']);
    expect(adapter?.baseUrlEnv).toEqual(['GEMINI_API_BASE']);
    expect(adapter?.relaysBytes).toBe(false);
  });

  test('a request may be built again and again: another target may be tried with it', () => {
    const body = { tools: [{ type: 'function', function: { name: 'f' } }], extra_body: { a: 1 }, stop: ['x'] };
    const before = JSON.stringify(body);
    expect(ask(targetOf(MODEL), { body }).body).toBe(ask(targetOf(MODEL), { body }).body);
    expect(JSON.stringify(body)).toBe(before);
  });
});

const refusalOf = (status: number, body: unknown, headers = new Headers()) =>
  upstreamError({
    target: targetOf(MODEL),
    status,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers,
  });

const rpc = (code: number, status: string, message: string, details: readonly object[] = []): object => ({
  error: { code, message, status, details },
});

describe('refusals', () => {
  test.each<[number, object, string]>([
    [400, rpc(400, 'INVALID_ARGUMENT', 'Unknown name "foo": Cannot find field.'), 'upstream_rejected'],
    [
      400,
      rpc(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [{ reason: 'API_KEY_INVALID' }]),
      'upstream_unauthorized',
    ],
    [
      400,
      rpc(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      ),
      'context_window_exceeded',
    ],
    [
      400,
      rpc(400, 'INVALID_ARGUMENT', 'Request payload size exceeds the limit: 20971520 bytes.'),
      'context_window_exceeded',
    ],
    [400, rpc(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.'), 'upstream_rejected'],
    [400, rpc(400, 'INVALID_ARGUMENT', 'The response was blocked.'), 'content_policy_violation'],
    [401, rpc(401, 'UNAUTHENTICATED', 'No credentials.'), 'upstream_unauthorized'],
    [403, rpc(403, 'PERMISSION_DENIED', 'Not allowed.'), 'upstream_forbidden'],
    [404, rpc(404, 'NOT_FOUND', 'models/x is not found for API version v1beta.'), 'upstream_not_found'],
    [429, rpc(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.'), 'upstream_busy'],
    [500, rpc(429, '', 'Resource exhausted. Please try again later.'), 'upstream_busy'],
    [500, rpc(500, 'INTERNAL', 'An internal error has occurred.'), 'upstream_failed'],
    [503, rpc(503, 'UNAVAILABLE', 'The model is overloaded.'), 'upstream_unavailable'],
    [504, rpc(504, 'DEADLINE_EXCEEDED', 'Deadline expired.'), 'upstream_gateway_timeout'],
    [499, rpc(499, 'CANCELLED', 'Cancelled.'), 'upstream_rejected'],
  ])('%p %j is %s', (status, body, kind) => {
    const error = refusalOf(status, body);
    expect(error.kind as string).toBe(kind);
    expect(error.message).toBe((body as { error: { message: string } }).error.message);
    expect(error.details.upstreamStatus).toBe(status);
    // A stream's refusal comes in a list.
    expect(refusalOf(status, [body]).kind as string).toBe(kind);
  });

  test('an error inside a stream is told by its own code', () => {
    expect(refusalOf(200, rpc(503, 'UNAVAILABLE', 'The model is overloaded.')).kind).toBe('upstream_unavailable');
  });

  test.each([
    ['34.4s', 34_400],
    ['2s', 2_000],
    ['0.000000001s', 0],
    ['soon', undefined],
    ['999999999s', undefined],
  ])('RetryInfo %s is a wait', (retryDelay, ms) => {
    const error = refusalOf(
      429,
      rpc(429, 'RESOURCE_EXHAUSTED', 'Quota', [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }]),
    );
    expect(error.details.retryAfterMs).toBe(ms);
  });

  test('a header says it better', () => {
    const error = refusalOf(
      429,
      rpc(429, 'RESOURCE_EXHAUSTED', 'Quota', [{ retryDelay: '5s' }]),
      new Headers({ 'retry-after': '7' }),
    );
    expect(error.details.retryAfterMs).toBe(7_000);
  });

  test('the recorded one keeps its wait and its details', () => {
    const text = recordedText('google/google-429-retry-info.json');
    if (text === undefined) return;
    const error = refusalOf(429, text);
    expect([error.kind, error.details.retryAfterMs]).toEqual(['upstream_busy', 34_400]);
    expect(JSON.stringify(errorBody(error))).toContain('RESOURCE_EXHAUSTED');
  });

  test('whatever it says, it finds a kind and hides the key', () => {
    const status = fc.constantFrom(400, 401, 403, 404, 413, 429, 500, 503, 529);
    fc.assert(
      fc.property(status, fc.anything(), fc.constantFrom(`bad ${API_KEY}`, ''), (code, details, message) => {
        for (const body of [{ error: { message, details, status: API_KEY } }, details, [details]]) {
          const error = refusalOf(code, JSON.stringify(body) ?? '');
          expect(error.kind).toMatch(/^upstream_|^content|^context/);
          expect(JSON.stringify(errorBody(error))).not.toContain(API_KEY);
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe('a tool loop of three turns', () => {
  const SIGNATURES = ['Sig+One/==', 'Sig+Two/==', 'Sig+Three/=='];
  const parts = (turn: number): object[] => [
    { text: `Thought ${turn}`, thought: true },
    { functionCall: { name: 'step', args: { turn, text: 'ü"\\' } }, thoughtSignature: SIGNATURES[turn] },
    { functionCall: { name: 'beside', args: {} } },
  ];

  /** What a client does with an answer before it sends it back. */
  const CLIENTS: Readonly<Record<string, (message: ChatMessage) => ChatMessage>> = {
    'keeps everything': (message) => message,
    'keeps what Google documents': ({ provider_specific_fields: _, ...message }) => message,
    'drops what OpenAI does not know': ({ role, content, tool_calls }) => ({
      role,
      content: content ?? null,
      tool_calls: (tool_calls as { id: string; function: { name: string; arguments: string } }[]).map((call) => ({
        id: call.id,
        type: 'function',
        function: { arguments: JSON.stringify(JSON.parse(call.function.arguments), null, 1), name: call.function.name },
      })),
    }),
    'hangs it on the id as LiteLLM does': ({ role, content, tool_calls }) => ({
      role,
      content: content ?? null,
      tool_calls: (tool_calls as { id: string; provider_specific_fields?: { thought_signature: string } }[]).map(
        ({ id, provider_specific_fields: fields, ...call }) => ({
          ...call,
          extra_content: undefined,
          id: fields ? `${id}__thought__${fields.thought_signature}` : id,
        }),
      ),
    }),
  };

  const cases = Object.keys(CLIENTS).flatMap((client) => [false, true].map((isStream) => [client, isStream] as const));
  test.each(cases)('a client that %s gets the same parts back (streamed: %p)', (client, isStream) => {
    const place = geminiPlace();
    const messages: ChatMessage[] = [{ role: 'user', content: 'Go' }];
    for (const turn of [0, 1, 2]) {
      const answer = answerOf(parts(turn), {}, { responseId: `r${turn}` });
      const message = isStream ? streamedMessage(place, answer) : wholeMessage(place, answer);
      const echoed = CLIENTS[client]?.(message) ?? message;
      const calls = echoed['tool_calls'] as { id: string }[];
      messages.push(
        echoed,
        ...calls.map(({ id }, at) => ({ role: 'tool', tool_call_id: id, content: `{"at":${at}}` })),
      );
    }
    const contents = place.sent({ messages }, 'gemini-3-flash-preview').body['contents'] as {
      role: string;
      parts: object[];
    }[];
    const calls = contents
      .filter(({ role }) => role === 'model')
      .map((turn) => turn.parts.filter((part) => 'functionCall' in part));
    expect(JSON.stringify(calls)).toBe(JSON.stringify([0, 1, 2].map((turn) => parts(turn).slice(1))));
  });

  const wholeMessage = (place: ReturnType<typeof geminiPlace>, answer: object): ChatMessage => {
    const [choice] = place.adapter.parseResponse(answer, place.target('gemini-3-flash-preview')).choices;
    if (!choice) throw new Error('no choice');
    return choice.message;
  };

  function streamedMessage(place: ReturnType<typeof geminiPlace>, answer: object): ChatMessage {
    const chunks = place.adapter.createStreamDecoder(place.target('gemini-3-flash-preview'))(JSON.stringify(answer));
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
    const tool_calls = deltas.flatMap((delta) => (delta['tool_calls'] ?? []) as object[]);
    return { role: 'assistant', content: null, tool_calls };
  }

  test('an answer of another provider goes on with the placeholder, in the middle of the conversation', () => {
    const foreign = { id: 'call_abc', type: 'function', function: { name: 'step', arguments: '{}' } };
    const messages = [
      { role: 'user', content: 'Go' },
      { role: 'assistant', content: null, tool_calls: [foreign] },
      { role: 'tool', tool_call_id: 'call_abc', content: 'ok' },
    ];
    const place = geminiPlace();
    const { body } = place.sent({ messages }, 'gemini-3-flash-preview');
    expect(JSON.stringify(body)).toContain(btoa('skip_thought_signature_validator'));
    // And back again: OpenAI sees none of Gemini's fields.
    const [choice] = place.adapter.parseResponse(answerOf(parts(0)), place.target()).choices;
    const { body: toOpenAi } = ask(targetOf('openai/gpt-4o'), { body: { messages: [...messages, choice?.message] } });
    expect(toOpenAi).not.toContain('Sig+One');
    expect(toOpenAi).not.toContain('extra_content');
  });
});

describe('cost, to the nano-dollar, from the provider’s price page', () => {
  const catalog = loadCatalog();
  const search = { groundingMetadata: { webSearchQueries: ['a', 'b', 'c'] } };
  // Token counts, what is beside them, and the sum written out in nano-dollars a token.
  test.each<[string, string, readonly [object, object], number]>([
    [
      'a plain answer',
      'gemini-2.5-flash',
      [{ promptTokenCount: 9, candidatesTokenCount: 29 }, {}],
      9 * 300 + 29 * 2_500,
    ],
    [
      'thoughts',
      'gemini-2.5-flash',
      [{ promptTokenCount: 9, candidatesTokenCount: 29, thoughtsTokenCount: 282, totalTokenCount: 320 }, {}],
      9 * 300 + 311 * 2_500,
    ],
    [
      'a cached prompt',
      'gemini-2.5-pro',
      [{ promptTokenCount: 1000, cachedContentTokenCount: 400, candidatesTokenCount: 50, totalTokenCount: 1050 }, {}],
      600 * 1_250 + 400 * 125 + 50 * 10_000,
    ],
    [
      'a long prompt',
      'gemini-2.5-pro',
      [{ promptTokenCount: 200_001, candidatesTokenCount: 10 }, {}],
      200_001 * 2_500 + 10 * 15_000,
    ],
    [
      'sound',
      'gemini-2.5-flash',
      [
        {
          promptTokenCount: 150,
          candidatesTokenCount: 1,
          promptTokensDetails: [{ modality: 'AUDIO', tokenCount: 100 }],
        },
        {},
      ],
      50 * 300 + 100 * 1_000 + 2_500,
    ],
    [
      'a priority call',
      'gemini-2.5-flash',
      [{ promptTokenCount: 10, candidatesTokenCount: 10, serviceTier: 'PRIORITY' }, {}],
      10 * 540 + 10 * 4_500,
    ],
    [
      'a flexible call',
      'gemini-2.5-flash',
      [{ promptTokenCount: 10, candidatesTokenCount: 10, serviceTier: 'flex' }, {}],
      10 * 150 + 10 * 1_250,
    ],
    [
      'searches, by answer',
      'gemini-2.5-flash',
      [{ promptTokenCount: 10, candidatesTokenCount: 10 }, search],
      28_000 + 35_000_000,
    ],
    [
      'searches, by query',
      'gemini-3-flash-preview',
      [{ promptTokenCount: 10, candidatesTokenCount: 10 }, search],
      35_000 + 42_000_000,
    ],
  ])('%s with %s', (_, model, [usageMetadata, candidate], nanoUsd) => {
    const place = geminiPlace();
    const answer = place.adapter.parseResponse(
      answerOf([{ text: 'a' }], candidate, { usageMetadata }),
      place.target(model),
    );
    const buckets = bucketsOf(answer.usage, { promptChars: 0, outputChars: 0 });
    const tier = answer['service_tier'];
    const cost = price(buckets, catalog.rateCard({ provider: place.adapter.id, model }), {
      webSearches: webSearchesOf(answer.usage),
      serviceTier: typeof tier === 'string' ? tier : undefined,
    });
    expect(cost.totalNanoUsd).toBe(nanoUsd);
  });
});
