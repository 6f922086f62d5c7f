/**
 * The examination that every adapter of the registry has to pass, whatever its dialect: what leaves, what comes back whole,
 * what comes back in pieces, what becomes of refusals, and that nothing makes it stumble. What is sent for which request
 * stands in test/request-matrix.test.ts; what only OpenAI's dialect promises in describe-openai-dialect.ts.
 */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ERROR_KINDS, errorBody, GatewayError } from '../../src/errors.ts';
import { framingOf } from '../../src/gateway/framing-choice.ts';
import { TranslateStream } from '../../src/gateway/translate-stream.ts';
import type { Change, Target } from '../../src/providers/adapter.ts';
import { upstreamError } from '../../src/providers/upstream-error.ts';
import type { ChatChunk, Usage } from '../../src/wire/openai.ts';
import { Accumulated, accumulate } from './accumulate-chunks.ts';
import { API_KEY, ask } from './provider-parts.ts';
import { type Sample, samples, speaksOpenAi, targetOfSample } from './provider-samples.ts';
import type { Recording } from './recordings.ts';
import { REQUEST_FIXTURES } from './request-fixtures.ts';
import { readEvents } from './sse.ts';
import { bytesFrom, cutAt, framedAs, readAll, streamContext } from './stream-parts.ts';

/** @param more recordings beside the sample's own */
export function describeAdapter(sample: Sample, more: readonly Recording[] = []): void {
  describe(sample.name, () => {
    describeRequest(sample);
    for (const recording of [...sample.recordings, ...more]) describeRecording(sample, recording);
    // Those that stand in for missing ones would be cut for every such provider.
    for (const recording of sample.hasOwnRecordings ? sample.recordings : []) describeBytes(sample, recording);
    describeFailures(sample);
  });
}

function describeRecording(sample: Sample, { name, whole, events }: Recording): void {
  if (whole !== undefined) describeWhole(sample, name, whole);
  if (events) describeStream(sample, name, events);
}

const CANARY = 'canary-of-the-client';

function describeRequest(sample: Sample): void {
  const target = targetOfSample(sample);
  const secrets = [API_KEY, ...(sample.adapter.secretsOf?.(target) ?? [])];

  test('has recordings, which are read below', () => {
    expect(sample.recordings.length).toBeGreaterThan(0);
    expect(sample.recordings.some(({ whole }) => whole !== undefined)).toBe(true);
    expect(sample.recordings.some(({ events }) => events !== undefined)).toBe(true);
  });

  test('keeps what is the gateway’s to itself', () => {
    const own = { tags: [CANARY], metadata: { note: CANARY }, litellm_metadata: CANARY, timeout: CANARY };
    for (const withoutText of [true, false]) {
      const asked = ask(target, { body: { stream: true, ...own }, gatewayKeys: Object.keys(own), withoutText });
      expect(JSON.stringify([asked.url, asked.headers, asked.body, asked.changes])).not.toContain(CANARY);
    }
  });

  test('shows the key in one header at most and nowhere else', () => {
    for (const stream of [false, true]) {
      const { url, headers, body, changes } = ask(target, { body: { stream } });
      const places = Object.values(headers).filter((value) => value.includes(API_KEY));
      expect(places.length).toBeLessThanOrEqual(1);
      for (const secret of secrets) expect(url + body + JSON.stringify(changes)).not.toContain(secret);
    }
    const keyless = ask(targetOfSample(sample, { apiKey: undefined }));
    expect(JSON.stringify(keyless.headers)).not.toMatch(/undefined|null|Bearer ?"/);
  });

  test('calls an address of the host that the operator has set, whatever the client says', () => {
    const { origin } = new URL(target.baseUrl);
    const host = { host: 'evil.example', 'x-forwarded-host': 'evil.example' };
    const asked = ask(target, { body: { model: 'https://evil.example/', extra_headers: host }, dropParams: true });
    expect(new URL(asked.url).origin).toBe(origin);
    expect(Object.keys(asked.headers)).not.toContain('host');
    const elsewhere = targetOfSample(sample, { baseUrl: 'https://proxy.example/below' });
    expect(ask(elsewhere).url).toStartWith('https://proxy.example/below');
  });

  test('sends the operator’s headers and the client’s, in lower case, but no credentials of the client', () => {
    const operator = targetOfSample(sample, { extraHeaders: { 'X-Operator': 'operator' } });
    const credentials = { Authorization: CANARY, 'x-api-key': CANARY, 'api-key': CANARY, 'x-goog-api-key': CANARY };
    const asked = ask(operator, { body: { extra_headers: { ...credentials, 'X-Client': 'client' } } });
    expect(asked.headers).toMatchObject({ 'x-operator': 'operator', 'x-client': 'client' });
    expect(Object.keys(asked.headers).filter((name) => name !== name.toLowerCase())).toEqual([]);
    expect(JSON.stringify(asked.headers)).not.toContain(CANARY);
    expect(asked.changes.map(({ field }) => field)).toContain('extra_headers.authorization');
    expect(() => ask(target, { body: { extra_headers: 'x' } })).toThrow('extra_headers');
    expect(() => ask(target, { body: { extra_headers: { a: 'b\r\nc: d' } } })).toThrow(GatewayError);
  });

  test('lets extra_body add what is new, and change neither model, messages nor stream', () => {
    const extra = {
      new_parameter: CANARY,
      model: 'evil-model',
      messages: [{ role: 'user', content: 'evil-words' }],
      stream: true,
    };
    const { url, body, changes } = ask(target, { body: { extra_body: extra } });
    expect(body).toContain(CANARY);
    expect(url + body).not.toContain('evil');
    for (const name of ['model', 'messages', 'stream']) {
      expect(changes).toContainEqual(expect.objectContaining({ field: `extra_body.${name}`, action: 'dropped' }));
    }
    expect(url).toBe(ask(target).url);
    expect(() => ask(target, { body: { extra_body: CANARY } })).toThrow('extra_body');
  });

  test('uses the deployment’s parameters where the client gives none', () => {
    const defaults = {
      max_tokens: 4321,
      model: 'evil-model',
      messages: 'evil-words',
      extra_headers: { 'x-evil': '1' },
    };
    const fixed = targetOfSample(sample, { defaults });
    const { body, headers, url } = ask(fixed);
    expect(body).toContain('4321');
    expect(url + body).not.toContain('evil');
    expect(Object.keys(headers)).not.toContain('x-evil');
    expect(ask(fixed, { body: { max_tokens: 1234 } }).body).not.toContain('4321');
  });

  test('drops what it is told to drop, and tells', () => {
    const { body, changes } = ask(target, { body: { user: CANARY }, additionalDropParams: ['user'] });
    expect(body).not.toContain(CANARY);
    expect(changes).toContainEqual({ field: 'user', action: 'dropped', note: 'additional_drop_params' });
  });

  test('says what it changes in short plain words without the request’s', () => {
    for (const { body } of REQUEST_FIXTURES) {
      const changes = changesOf(target, body);
      for (const { field, action, note } of changes) {
        expect(field).toMatch(/^[\w.[\]$-]{1,80}$/);
        expect(['dropped', 'renamed', 'emulated', 'clamped', 'added']).toContain(action);
        expect(note).toMatch(/^\S.{0,158}\S$|^\S$/);
        expect(note).not.toMatch(/QZ\d{3}/);
      }
      expect(new Set(changes.map(({ field, note }) => `${field} ${note}`)).size).toBe(changes.length);
    }
  });
}

function changesOf(target: Target, body: Readonly<Record<string, unknown>>): readonly Change[] {
  try {
    return ask(target, { body, dropParams: true }).changes;
  } catch (error) {
    if (error instanceof GatewayError) return [];
    throw error;
  }
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0;

function expectUsage(usage: Usage | null | undefined): void {
  expect(usage).toBeDefined();
  expect([usage?.prompt_tokens, usage?.completion_tokens, usage?.total_tokens].every(isCount)).toBe(true);
  const reasoning = usage?.completion_tokens_details?.reasoning_tokens ?? 0;
  expect(reasoning <= (usage?.completion_tokens ?? 0)).toBe(true);
  const cached = usage?.prompt_tokens_details?.cached_tokens ?? 0;
  expect(cached <= (usage?.prompt_tokens ?? 0)).toBe(true);
}

const FINISHES = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'];

function describeWhole(sample: Sample, name: string, text: string): void {
  const target = targetOfSample(sample);
  const read = () => sample.adapter.parseResponse(JSON.parse(text), target);

  test(`reads the whole answer "${name}" into OpenAI's shape`, () => {
    const answer = read();
    expect(answer).toMatchObject({ object: 'chat.completion', id: expect.any(String), model: expect.any(String) });
    expect(answer.id).not.toBe('');
    expect(isCount(answer.created)).toBe(true);
    if (sample.tellsUsage) expectUsage(answer.usage);
    expect(answer.choices.length).toBeGreaterThan(0);
    for (const [at, { index, message, finish_reason }] of answer.choices.entries()) {
      expect(index).toBe(at);
      expect(FINISHES).toContain(finish_reason ?? 'none');
      expect(message.role).toBe('assistant');
      expect(message.content === null || typeof message.content === 'string').toBe(true);
      expectCalls(message['tool_calls'], finish_reason);
    }
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

function describeStream(sample: Sample, name: string, events: readonly string[]): void {
  const { adapter } = sample;
  const target = targetOfSample(sample);
  const decodeAll = (some: readonly string[]): ChatChunk[] => {
    const decode = adapter.createStreamDecoder(target);
    return some.flatMap((event) => decode(event));
  };

  test(`reads the stream "${name}" into OpenAI's shape`, () => {
    const chunks = decodeAll(events);
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
    if (sample.tellsUsage) expectUsage(whole.usage as Usage);
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
    const decode = adapter.createStreamDecoder(target);
    const soFar = new Accumulated();
    for (const event of events) {
      for (const chunk of decode(event)) soFar.add(chunk);
      expectBeginning(soFar, whole);
    }
  });

  test(`two streams of "${name}" at once do not mix`, () => {
    const decoders = [1, 2].map(() => adapter.createStreamDecoder(target));
    const [one, other] = [new Accumulated(), new Accumulated()];
    for (const event of events) {
      for (const [at, all] of [one, other].entries()) for (const chunk of decoders[at]?.(event) ?? []) all.add(chunk);
    }
    expect(one.content).toBe(other.content);
    expect(one.calls.map((call) => call.arguments)).toEqual(other.calls.map((call) => call.arguments));
  });
}

function expectBeginning(soFar: Accumulated, whole: Accumulated): void {
  expect(whole.content.startsWith(soFar.content) && whole.reasoning.startsWith(soFar.reasoning)).toBe(true);
  expect([null, whole.finish]).toContain(soFar.finish);
  for (const [at, { id, arguments: text }] of soFar.calls.entries()) {
    expect(whole.calls[at]?.arguments.startsWith(text)).toBe(true);
    // An id of our own making is another one each time.
    expect(id !== '').toBe((whole.calls[at]?.id ?? '') !== '');
  }
}

/** All come byte by byte. In two pieces, cut at every byte, comes the shortest of each dialect; the others at so many places. */
const FEW_CUTS = 25;

function isCutEverywhere(sample: Sample, events: readonly string[]): boolean {
  const isSame = (other: Sample): boolean =>
    speaksOpenAi(sample) ? speaksOpenAi(other) : other.recordings[0]?.whole === sample.recordings[0]?.whole;
  const first = samples.find(isSame);
  const lengths = sample.recordings.flatMap((one) => (one.events ? [one.events.join('').length] : []));
  return first === sample && events.join('').length === Math.min(...lengths);
}

function describeBytes(sample: Sample, { name, events }: Recording): void {
  if (!events) return;

  test(`the stream "${name}" is the same wherever its bytes are cut`, async () => {
    const { adapter } = sample;
    const bytes = framedAs(adapter, events);
    const framing = await framingOf(adapter);
    const context = streamContext({ target: targetOfSample(sample), wantsUsage: true, framing });
    const translated = async (reads: readonly Uint8Array[]) => {
      const { text, error } = await readAll(new TranslateStream(bytesFrom(reads), context, (chunk) => chunk));
      // Written by the line above. Ids may be of our own making, another one each time.
      const { ids: _, calls, ...whole } = accumulate(readEvents(text).chunks as ChatChunk[]);
      return { whole, calls: calls.map((call) => ({ ...call, id: call.id !== '' })), error };
    };
    const plain = await translated([bytes]);
    expect(plain.error).toBeUndefined();
    expect(plain.whole.finish).not.toBeNull();
    expect(await translated(cutAt(bytes, [...bytes.keys()]))).toEqual(plain);
    const step = isCutEverywhere(sample, events) ? 1 : Math.ceil(bytes.length / FEW_CUTS);
    for (let at = 1; at < bytes.length; at += step) expect(await translated(cutAt(bytes, [at]))).toEqual(plain);
  });
}

const NONSENSE = [null, 1, 'text', [], {}, { choices: null }, { choices: 'none' }, { error: 1 }, { message: [] }];

function describeFailures(sample: Sample): void {
  const { adapter } = sample;
  const target = targetOfSample(sample);

  test('turns nonsense into a failure of the upstream, not of the gateway', () => {
    for (const body of NONSENSE) expect(() => adapter.parseResponse(body, target)).toThrow(GatewayError);
    for (const event of ['<html>', '{"choices":', '[1]', '"text"', 'null']) {
      expect(() => adapter.createStreamDecoder(target)(event)).toThrow(GatewayError);
    }
    for (const event of ['{}', '{"choices":[]}', '{"choices":[null]}', '{"choices":[{"delta":null}]}', '{"type":1}']) {
      expect(() => adapter.createStreamDecoder(target)(event)).not.toThrow();
    }
  });

  test('every refusal finds its kind, keeps its words and hides every secret', () => {
    const secrets = [API_KEY, ...(adapter.secretsOf?.(target) ?? [])];
    const statuses = [400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504, 529, 599];
    const messages = fc.oneof(fc.string(), ...secrets.map((secret) => fc.constant(`The key ${secret} is no good`)));
    fc.assert(
      fc.property(fc.constantFrom(...statuses), messages, (status, message) => {
        for (const body of refusalsOf(message, secrets)) {
          const error = upstreamError({ target, status, body, headers: new Headers() });
          expect(error.kind.startsWith('upstream_') || ERROR_KINDS[error.kind].next === 'fallback').toBe(true);
          expect(error.details.upstreamStatus).toBe(status);
          for (const secret of secrets) expect(JSON.stringify(errorBody(error))).not.toContain(secret);
        }
      }),
      { numRuns: 40 },
    );
    const said = upstreamError({
      target,
      status: 400,
      body: '{"error":{"message":"So said it."}}',
      headers: new Headers(),
    });
    expect(said.message).toContain('So said it.');
  });
}

/** As different providers write them. */
const refusalsOf = (message: string, secrets: readonly string[]): string[] => [
  JSON.stringify({ error: { message, code: secrets[0] } }),
  JSON.stringify({ message, __type: secrets.at(-1) }),
  JSON.stringify({ error: message }),
  JSON.stringify([{ error: { message, details: [{ reason: secrets[0] }] } }]),
  message,
];
