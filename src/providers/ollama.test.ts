import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { API_KEY, type Asking, ask, targetFor, targetOf } from '../../test/support/provider-parts.ts';
import { fixturesOf } from '../../test/support/recordings.ts';
import { bytesFrom, cutAt, readAll, streamContext } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import { lineEvents } from '../gateway/line-events.ts';
import { TranslateStream } from '../gateway/translate-stream.ts';
import { ollama } from './ollama.ts';
import { upstreamError } from './upstream-error.ts';

const ALL = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\n';
const THOUGHT = 'The user greets me. I greet back.';
const target = targetFor(ollama, { upstreamModel: 'qwen3:8b' });
const levels = targetFor(ollama, { upstreamModel: 'gpt-oss:20b' });
const TOOL = { type: 'function', function: { name: 'f', description: 'F', parameters: { type: 'object' } } };
const PIXEL = 'iVBORw0KGgo=';

const sentFor = (body: Asking['body'] = {}, at = target) => ask(at, { body: body ?? {} });
const changed = ({ changes }: { changes: readonly { field: string; action: string }[] }) =>
  changes.map(({ field, action }) => `${field} ${action}`);

describe('a request to Ollama', () => {
  test('is what its documentation shows', () => {
    const asked = sentFor({
      stream: true,
      max_tokens: 64,
      temperature: 0.3,
      top_p: 0.9,
      top_k: 40,
      num_ctx: 8192,
      stop: 'END',
      seed: 7,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      keep_alive: '10m',
      tools: [TOOL],
      options: { num_ctx: 4096 },
      response_format: { type: 'json_object' },
      reasoning_effort: 'low',
    });
    expect(asked.url).toBe('http://localhost:11434/api/chat');
    expect(asked.headers).toEqual({ 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` });
    expect(asked.sent).toEqual({
      model: 'qwen3:8b',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      keep_alive: '10m',
      options: {
        num_predict: 64,
        temperature: 0.3,
        top_p: 0.9,
        top_k: 40,
        num_ctx: 4096,
        stop: ['END'],
        seed: 7,
        frequency_penalty: 0.1,
        presence_penalty: 0.2,
      },
      tools: [TOOL],
      format: 'json',
      think: true,
    });
  });

  test('says that it wants no stream, since Ollama streams unasked', () => {
    const asked = ask(targetFor(ollama, { upstreamModel: 'x', apiKey: undefined }));
    expect(asked.sent).toEqual({ model: 'x', messages: [{ role: 'user', content: 'Hi' }], stream: false });
    expect([asked.headers, asked.changes]).toEqual([{ 'content-type': 'application/json' }, []]);
  });

  test.each([
    ['http://localhost:11434', 'http://localhost:11434/api/chat'],
    ['http://box:1/v1', 'http://box:1/api/chat'],
    ['http://box:1/api', 'http://box:1/api/chat'],
    ['http://box:1/api/chat', 'http://box:1/api/chat'],
  ])('at %s goes to %s', (baseUrl, url) => {
    expect(ask(targetFor(ollama, { baseUrl })).url).toBe(url);
  });

  test('keeps every turn of a tool conversation with images', () => {
    const messages = [
      { role: 'developer', content: 'Be kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
          { type: 'image_url', image_url: PIXEL },
        ],
      },
      {
        role: 'assistant',
        content: null,
        reasoning_content: 'Hm.',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
          { id: 'c2', type: 'function', function: { name: 'g', arguments: '' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c2', content: 'two' },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'one' }] },
    ];
    expect(sentFor({ messages }).sent['messages']).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Look', images: [PIXEL, PIXEL] },
      {
        role: 'assistant',
        content: '',
        thinking: 'Hm.',
        tool_calls: [
          { id: 'c1', function: { name: 'f', arguments: { a: 1 } } },
          { id: 'c2', function: { name: 'g', arguments: {} } },
        ],
      },
      { role: 'tool', content: 'two', tool_name: 'g', tool_call_id: 'c2' },
      { role: 'tool', content: 'one', tool_name: 'f', tool_call_id: 'c1' },
    ]);
  });

  test.each([
    ['an address', [{ type: 'image_url', image_url: { url: 'https://e.x/a.png' } }], 'none is fetched'],
    ['an address of a file', [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }], 'none is fetched'],
    ['audio', [{ type: 'input_audio', input_audio: {} }], 'text or an image'],
    ['nothing', [null], 'text or an image'],
  ])('refuses %s in a message with a 400 that says why', (_, content, words) => {
    const asking = () => sentFor({ messages: [{ role: 'user', content }] });
    expect(asking).toThrow(words);
    expect(asking).toThrow(GatewayError);
  });

  test.each(['[1]', '{"a":', 'nonsense'])('refuses the arguments %s, and does not repeat them', (text) => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: text } };
    const asking = () => sentFor({ messages: [{ role: 'assistant', content: null, tool_calls: [call] }] });
    expect(asking).toThrow('must be the JSON text of an object');
    expect(asking).not.toThrow(text);
  });

  test.each([
    [{ reasoning_effort: 'none' }, false, false],
    [{ reasoning_effort: 'minimal' }, true, 'low'],
    [{ reasoning_effort: 'medium' }, true, 'medium'],
    [{ reasoning_effort: 'max' }, true, 'high'],
    [{ thinking: { type: 'enabled', budget_tokens: 9 } }, true, true],
    [{ thinking: { type: 'disabled' } }, false, false],
    [{ reasoning_effort: 'default' }, undefined, undefined],
    [{ think: 'high' }, 'high', 'high'],
  ])('thinks for %j', (body, think, level) => {
    expect(sentFor(body).sent['think']).toEqual(think);
    expect(sentFor(body, levels).sent['think']).toEqual(level);
  });

  test('has a schema as its format', () => {
    const schema = { type: 'object', properties: { a: { anyOf: [{ type: 'string' }, { type: 'null' }] } } };
    const format = (value: object) => sentFor({ response_format: value });
    expect(format({ type: 'json_schema', json_schema: { name: 'n', schema } }).sent['format']).toEqual(schema);
    expect(format({ type: 'text' }).sent).not.toHaveProperty('format');
    expect(() => format({ type: 'json_schema', json_schema: { schema: 1 } })).toThrow('must hold a schema');
  });

  test('cannot force a tool, and says so; without tools it sends none', () => {
    expect(sentFor({ tools: [TOOL], tool_choice: 'auto' }).sent['tools']).toEqual([TOOL]);
    const none = sentFor({ tools: [TOOL], tool_choice: 'none' });
    expect(none.sent).not.toHaveProperty('tools');
    expect(changed(none)).toEqual(['tool_choice emulated', 'tools dropped']);
    expect(() => sentFor({ tools: [TOOL], tool_choice: 'required' })).toThrow("['tool_choice']");
    const dropped = ask(target, { body: { tools: [TOOL], tool_choice: 'required' }, dropParams: true });
    expect(changed(dropped)).toEqual(['tool_choice dropped']);
    expect(() => sentFor({ tools: [{ type: 'web_search' }] })).toThrow('must be a function');
  });

  test.each(['logit_bias', 'functions', 'modalities', 'web_search_options', 'service_tier'])('refuses %s', (field) => {
    expect(() => sentFor({ [field]: {} })).toThrow(`['${field}']`);
    expect(changed(ask(target, { body: { [field]: {} }, dropParams: true }))).toEqual([`${field} dropped`]);
  });
});

const recordingOf = (wanted: string) => fixturesOf('ollama').find(({ name }) => name === wanted);
const chunksOf = (lines: readonly string[]) => {
  const decode = ollama.createStreamDecoder(target);
  return lines.flatMap((line) => decode(line));
};
const CALLS = [
  { id: 'call_a1', type: 'function', name: 'get_weather', arguments: '{"city":"Köln","unit":"c"}' },
  { id: 'call_b2', type: 'function', name: 'get_time', arguments: '{"zone":"Europe/Berlin"}' },
];
const USAGE = { prompt_tokens: 12, completion_tokens: 40, total_tokens: 52 };

const TAGGED = targetOf('ollama_chat/deepseek-r1');

describe('an answer of Ollama', () => {
  test('has thoughts apart that a model writes into its text, whole and streamed', () => {
    const line = (content: string, done = false) =>
      JSON.stringify({ model: 'm', message: { role: 'assistant', content }, done });
    const { adapter } = TAGGED;
    const whole = adapter.parseResponse(JSON.parse(line('<think>Hm.</think>Yes.', true)), TAGGED);
    expect(whole.choices[0]?.message).toMatchObject({ content: 'Yes.', reasoning_content: 'Hm.' });
    const decode = adapter.createStreamDecoder(TAGGED);
    const deltas = [line('<th'), line('ink>Hm.</'), line('think>Yes.'), line('', true)]
      .flatMap((data) => decode(data))
      .flatMap(({ choices }) => choices.map(({ delta }) => delta));
    const joined = (name: string): string => deltas.map((delta) => String(delta[name] ?? '')).join('');
    expect([joined('reasoning_content'), joined('content')]).toEqual(['Hm.', 'Yes.']);
  });

  test('says and thinks the same whole and streamed', () => {
    const recording = recordingOf('reasoning');
    const whole = ollama.parseResponse(JSON.parse(recording?.whole ?? ''), target);
    expect(whole).toMatchObject({
      object: 'chat.completion',
      created: 1_777_629_600,
      usage: USAGE,
      load_duration: 100,
    });
    expect(whole.choices).toEqual([
      { index: 0, message: { role: 'assistant', content: ALL, reasoning_content: THOUGHT }, finish_reason: 'stop' },
    ]);
    const streamed = accumulate(chunksOf(recording?.events ?? []));
    expect(streamed).toMatchObject({
      role: 'assistant',
      content: ALL,
      reasoning: THOUGHT,
      finish: 'stop',
      usage: USAGE,
    });
    expect(streamed.ids.size).toBe(1);
  });

  test('calls the same tools whole and streamed', () => {
    const recording = recordingOf('tool-calls');
    const [choice] = ollama.parseResponse(JSON.parse(recording?.whole ?? ''), target).choices;
    const calls = choice?.message['tool_calls'] as { id: string; type: string; function: object }[];
    expect(calls.map(({ id, type, function: made }) => ({ id, type, ...made }))).toEqual(CALLS);
    expect(choice?.finish_reason).toBe('tool_calls');
    const streamed = accumulate(chunksOf(recording?.events ?? []));
    expect([streamed.calls, streamed.finish]).toEqual([CALLS, 'tool_calls']);
  });

  test('tells calls apart that have neither id nor number', () => {
    const call = (name: string) => ({ function: { name, arguments: {} } });
    const line = JSON.stringify({
      message: { content: '', tool_calls: [call('f'), call('f'), call('g')] },
      done: false,
    });
    const { calls } = accumulate(chunksOf([line]));
    expect(calls.map(({ name }) => name)).toEqual(['f', 'f', 'g']);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(3);
  });

  test('is the same however its stream is cut', async () => {
    const bytes = Buffer.from((recordingOf('reasoning')?.events ?? []).join('\n'));
    const read = async (reads: readonly Uint8Array[]) => {
      const context = streamContext({ target, framing: lineEvents });
      const { text, error } = await readAll(new TranslateStream(bytesFrom(reads), context, (chunk) => chunk));
      return error ?? text.replace(/"id":"[^"]+"/g, '');
    };
    const whole = await read([bytes]);
    expect(whole).toContain('Köln');
    for (let at = 1; at < bytes.length; at++) {
      if ((await read(cutAt(bytes, [at]))) !== whole) expect(`cut at ${at}`).toBe('the same');
    }
    const half = bytes.subarray(0, bytes.length - 20);
    expect(await read([half])).toMatchObject({ kind: 'upstream_truncated' });
  });

  test('that does not tell its counts has none made up', () => {
    const answer = ollama.parseResponse({ message: { content: 'x' }, done: true, eval_count: 3 }, target);
    expect(answer.usage).toEqual({ completion_tokens: 3 } as never);
  });

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['unload', 'stop'],
    [undefined, 'stop'],
  ])('that ends with %p ends with %s', (reason, finish) => {
    const body = { message: { content: 'x' }, done: true, done_reason: reason };
    expect(ollama.parseResponse(body, target).choices[0]?.finish_reason).toBe(finish);
    expect(chunksOf([JSON.stringify(body)])[0]?.choices[0]?.finish_reason).toBe(finish);
  });

  test('that is none is a failure of the upstream', () => {
    for (const body of [null, 1, 'text', [], {}, { message: null }]) {
      expect(() => ollama.parseResponse(body, target)).toThrow(GatewayError);
    }
    for (const line of ['<html>', '{"message":', '[1]']) expect(() => chunksOf([line])).toThrow('not a JSON object');
  });

  test('never fails for what it holds', () => {
    const field = fc.constantFrom('content', 'thinking', 'tool_calls', 'role');
    const message = fc.dictionary(field, fc.jsonValue(), { maxKeys: 3 });
    const body = fc.record({ message, done: fc.boolean(), done_reason: fc.jsonValue(), eval_count: fc.jsonValue() });
    fc.assert(
      fc.property(fc.array(body, { maxLength: 4 }), (bodies) => {
        chunksOf(bodies.map((one) => JSON.stringify(one)));
        for (const one of bodies) ollama.parseResponse(one, target);
      }),
      { numRuns: 150 },
    );
  });
});

test.each([
  [404, 'model "x" not found, try pulling it first', 'upstream_not_found'],
  [400, 'registry.ollama.ai/library/x does not support tools', 'upstream_rejected'],
  [400, 'the input length exceeds the context length', 'context_window_exceeded'],
  [500, 'model requires more system memory than is available', 'upstream_failed'],
] as const)('a refusal with %s says %j and is %s', (status, words, kind) => {
  const error = upstreamError({ target, status, body: JSON.stringify({ error: words }), headers: new Headers() });
  expect([error.kind, error.message]).toEqual([kind, words]);
});
