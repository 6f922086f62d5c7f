/**
 * The examination that every adapter has to pass, whatever its provider: what leaves, what comes back whole, what comes
 * back in pieces, and what becomes of refusals.
 *
 *   describeAdapter(adapter, { recordings: fixturesOf(adapter.id) });
 */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ERROR_KINDS, errorBody, GatewayError } from '../../src/errors.ts';
import type { ProviderAdapter } from '../../src/providers/adapter.ts';
import { upstreamError } from '../../src/providers/upstream-error.ts';
import type { ChatChunk, Usage } from '../../src/wire/openai.ts';
import { Accumulated, accumulate } from './accumulate-chunks.ts';
import { API_KEY, ask, targetFor } from './provider-parts.ts';
import type { Recording } from './recordings.ts';

export interface Examination {
  readonly recordings: readonly Recording[];
  /** Body members that the adapter adds or renames to, beside `model` and `stream_options`. */
  readonly adds?: readonly string[];
}

export function describeAdapter(adapter: ProviderAdapter, examination: Examination): void {
  describe(adapter.id, () => {
    describeRequest(adapter, examination);
    for (const recording of examination.recordings) {
      if (recording.whole !== undefined) describeWhole(adapter, recording.name, recording.whole);
      if (recording.events) describeStream(adapter, recording.name, recording.events);
    }
    describeFailures(adapter);
  });
}

/** Parameters that an OpenAI client may send, with values that are right for OpenAI. */
const KNOWN: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  stream: fc.boolean(),
  temperature: fc.constantFrom(0, 0.7, 1),
  top_p: fc.constant(0.9),
  n: fc.constantFrom(1, 2),
  stop: fc.constant(['\n', 'END']),
  max_tokens: fc.constant(64),
  max_completion_tokens: fc.constant(64),
  seed: fc.constant(7),
  user: fc.constant('u-1'),
  tools: fc.constant([{ type: 'function', function: { name: 'f', strict: true, parameters: { type: 'object' } } }]),
  tool_choice: fc.constantFrom('auto', 'required', { type: 'function', function: { name: 'f' } }),
  response_format: fc.constant({ type: 'json_object' }),
  reasoning_effort: fc.constant('low'),
  stream_options: fc.constantFrom({ include_usage: false }, { include_usage: true, include_obfuscation: false }),
  logit_bias: fc.constant({ '50256': -100 }),
};

function describeRequest(adapter: ProviderAdapter, { adds = [] }: Examination): void {
  const target = targetFor(adapter);

  test('sends nothing that was not asked for, and keeps the gateway to itself', () => {
    const known = fc.record(KNOWN, { requiredKeys: [] });
    const own = fc.record({ tags: fc.constant(['secret-tag']), metadata: fc.constant({ secret: 'canary' }) });
    fc.assert(
      fc.property(known, own, fc.boolean(), (body, gateway, withoutText) => {
        const { sent, changes } = ask(target, {
          body: { ...body, ...gateway },
          gatewayKeys: ['tags', 'metadata'],
          dropParams: true,
          withoutText,
        });
        const allowed = new Set(['model', 'messages', 'stream_options', ...Object.keys(body), ...adds]);
        for (const { action, note } of changes) if (action === 'renamed') allowed.add(note);
        expect(Object.keys(sent).filter((key) => !allowed.has(key))).toEqual([]);
        // Whatever is missing has left a trace, but for what only says how usage is delivered.
        const traced = new Set(['stream_options', ...changes.map(({ field }) => field)]);
        expect(Object.keys(body).filter((key) => !(key in sent) && !traced.has(key))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('passes on what it does not know, digit for digit', () => {
    const body = { new_parameter: { deep: [1, { er: null }] }, top_k: 40 };
    expect(ask(target, { body }).sent).toMatchObject(body);
    const changes: [] = [];
    const text = '{"model":"asked","messages":[{"role":"user","content":"Hi"}],"id": 12345678901234567890}';
    const input = { text, request: JSON.parse(text), gatewayKeys: [], dropParams: undefined };
    const request = adapter.buildRequest({ ...input, additionalDropParams: [], allowedParams: [] }, target, changes);
    expect(request.body).toContain('"id": 12345678901234567890');
  });

  test('names the model as the provider does', () => {
    const { sent, changes } = ask(target);
    expect(String(sent['model']).endsWith('some-model')).toBe(true);
    expect(changes).toEqual([]);
  });

  test('shows the key in its own header and nowhere else', () => {
    const { url, headers, body } = ask(target, { body: { stream: true } });
    const places = Object.entries(headers).filter(([, value]) => value.includes(API_KEY));
    expect(places.map(([name]) => name)).toHaveLength(1);
    expect(url + body).not.toContain(API_KEY);
    const keyless = ask(targetFor(adapter, { apiKey: undefined }));
    expect(JSON.stringify(keyless.headers)).not.toMatch(/undefined|null|Bearer/);
  });

  test('calls an address below the one it was given', () => {
    expect(ask(target).url.startsWith(target.baseUrl)).toBe(true);
    expect(ask(target).url).toMatch(/\/chat\/completions(\?api-version=[\w-]+)?$/);
  });

  test('leaves the request as it was: another target may be tried with it', () => {
    const body = {
      stream: true,
      seed: 1,
      max_completion_tokens: 5,
      extra_body: { a: 1 },
      extra_headers: { 'x-a': 'b' },
    };
    const before = JSON.stringify(body);
    ask(target, { body, dropParams: true });
    expect(JSON.stringify(body)).toBe(before);
    expect(ask(target, { body, dropParams: true }).body).toBe(ask(target, { body, dropParams: true }).body);
  });
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0;

function expectUsage(usage: Usage | null | undefined): void {
  expect(usage).toBeDefined();
  expect([usage?.prompt_tokens, usage?.completion_tokens, usage?.total_tokens].every(isCount)).toBe(true);
  const reasoning = usage?.completion_tokens_details?.reasoning_tokens ?? 0;
  expect(reasoning <= (usage?.completion_tokens ?? 0)).toBe(true);
}

const FINISHES = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'];

function describeWhole(adapter: ProviderAdapter, name: string, text: string): void {
  const read = () => adapter.parseResponse(JSON.parse(text), targetFor(adapter));

  test(`reads the whole answer "${name}" into OpenAI's shape`, () => {
    const answer = read();
    expect(answer).toMatchObject({ object: 'chat.completion', id: expect.any(String), model: expect.any(String) });
    expect(answer.id).not.toBe('');
    expect(isCount(answer.created)).toBe(true);
    expectUsage(answer.usage);
    for (const [at, { index, message, finish_reason }] of answer.choices.entries()) {
      expect(index).toBe(at);
      expect(FINISHES).toContain(finish_reason ?? 'none');
      expect(message.role).toBe('assistant');
      expect(message.content === null || typeof message.content === 'string').toBe(true);
      expectCalls(message['tool_calls'], finish_reason);
    }
  });

  test(`keeps what the provider adds to "${name}"`, () => {
    const raw = JSON.parse(text);
    expect(adapter.parseResponse({ ...raw, addition: { kept: true } }, targetFor(adapter))).toMatchObject({
      addition: { kept: true },
    });
  });
}

function expectCalls(calls: unknown, finish: string | null): void {
  if (!Array.isArray(calls) || calls.length === 0) return;
  expect(finish).toBe('tool_calls');
  for (const call of calls) {
    expect(call).toMatchObject({ id: expect.stringMatching(/./), type: 'function' });
    expect(() => JSON.parse(call.function.arguments)).not.toThrow();
  }
}

function describeStream(adapter: ProviderAdapter, name: string, events: readonly string[]): void {
  const decodeAll = (some: readonly string[]): ChatChunk[] => {
    const decode = adapter.createStreamDecoder(targetFor(adapter));
    return some.flatMap((event) => decode(event));
  };

  test(`reads the stream "${name}" into OpenAI's shape`, () => {
    const chunks = decodeAll([...events, '[DONE]']);
    for (const { object, choices } of chunks) {
      expect(object).toBe('chat.completion.chunk');
      for (const { delta } of choices) expect(delta.content ?? '').toBeString();
    }
    const whole = accumulate(chunks);
    whole.ids.delete(''); // Azure's first event.
    expect(whole.ids.size).toBe(1);
    expect(['assistant', '']).toContain(whole.role);
    expect(FINISHES).toContain(whole.finish ?? 'none');
    expect(whole.content + whole.reasoning + whole.calls.map((call) => call.arguments).join('')).not.toBe('');
    expectUsage(whole.usage as Usage);
    expectCalls(
      whole.calls.map(({ name: called, arguments: text, ...call }) => ({
        ...call,
        function: { name: called, arguments: text },
      })),
      whole.finish,
    );
  });

  test(`a cut of "${name}" anywhere leaves a beginning of it and no made-up end`, () => {
    const whole = accumulate(decodeAll(events));
    const decode = adapter.createStreamDecoder(targetFor(adapter));
    const soFar = new Accumulated();
    for (const event of events) {
      for (const chunk of decode(event)) soFar.add(chunk);
      expectBeginning(soFar, whole);
    }
  });

  test(`"${name}" is the same however its texts are cut into events`, () => {
    const whole = accumulate(decodeAll(events));
    for (const step of [1, 3]) {
      const cut = accumulate(decodeAll(events.slice(0, 60).flatMap((event) => splitEvent(event, step))));
      const plain = events.length <= 60 ? whole : accumulate(decodeAll(events.slice(0, 60)));
      expect({ ...cut, usage: undefined }).toEqual({ ...plain, usage: undefined });
    }
  });

  test(`two streams of "${name}" at once do not mix`, () => {
    const [one, other] = [1, 2].map(() => adapter.createStreamDecoder(targetFor(adapter)));
    const chunks: [ChatChunk[], ChatChunk[]] = [[], []];
    for (const event of events) {
      chunks[0].push(...(one?.(event) ?? []));
      chunks[1].push(...(other?.(event) ?? []));
    }
    expect(accumulate(chunks[0]).content).toBe(accumulate(chunks[1]).content);
    expect(accumulate(chunks[0]).calls).toHaveLength(accumulate(chunks[1]).calls.length);
  });
}

function expectBeginning(soFar: Accumulated, whole: Accumulated): void {
  expect(whole.content.startsWith(soFar.content) && whole.reasoning.startsWith(soFar.reasoning)).toBe(true);
  expect([null, whole.finish]).toContain(soFar.finish);
  for (const [at, { id, arguments: text }] of soFar.calls.entries()) {
    expect(whole.calls[at]?.arguments.startsWith(text)).toBe(true);
    expect(id).toBe(whole.calls[at]?.id ?? '');
  }
}

/** An event whose text delta is longer than `at`, as two events; finish and usage stay with the second. */
function splitEvent(event: string, at: number): string[] {
  const chunk = JSON.parse(event);
  const [choice] = chunk.choices;
  const field = ['content', 'reasoning_content', 'reasoning'].find(
    (name) => typeof choice?.delta?.[name] === 'string' && choice.delta[name].length > at,
  );
  if (field === undefined || choice.delta.tool_calls) return [event];
  const withText = (text: string, finish: unknown): string =>
    JSON.stringify({
      ...chunk,
      choices: [{ ...choice, delta: { ...choice.delta, [field]: text }, finish_reason: finish }],
    });
  const text: string = choice.delta[field];
  return [withText(text.slice(0, at), null), withText(text.slice(at), choice.finish_reason ?? null)];
}

function describeFailures(adapter: ProviderAdapter): void {
  test('turns nonsense into a failure of the upstream, not of the gateway', () => {
    const target = targetFor(adapter);
    for (const body of [null, 1, 'text', [], {}, { choices: null }, { choices: 'none' }]) {
      expect(() => adapter.parseResponse(body, target)).toThrow(GatewayError);
    }
    for (const event of ['<html>', '{"choices":', '[1]', '"text"', 'null']) {
      expect(() => adapter.createStreamDecoder(target)(event)).toThrow('not a JSON object');
    }
    for (const event of ['{}', '{"choices":[]}', '{"choices":[null]}', '{"choices":[{"delta":null}]}']) {
      expect(() => adapter.createStreamDecoder(target)(event)).not.toThrow();
    }
  });

  test('every refusal finds its kind, keeps its words and hides the key', () => {
    const target = targetFor(adapter);
    const statuses = [400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504, 529, 599];
    const status = fc.constantFrom(...statuses);
    fc.assert(
      fc.property(status, fc.oneof(fc.string(), fc.constant(`The key ${API_KEY} is no good`)), (code, message) => {
        for (const body of [JSON.stringify({ error: { message, code: API_KEY } }), message]) {
          const error = upstreamError({ target, status: code, body, headers: new Headers() });
          expect(error.kind.startsWith('upstream_') || ERROR_KINDS[error.kind].next === 'fallback').toBe(true);
          expect(error.details.upstreamStatus).toBe(code);
          expect(JSON.stringify(errorBody(error))).not.toContain(API_KEY);
        }
      }),
      { numRuns: 40 },
    );
  });
}
