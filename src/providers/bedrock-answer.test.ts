import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { fixturesOf, realRecordings } from '../../test/support/recordings.ts';
import { bucketsOf } from '../ledger/usage.ts';
import type { ChatChunk } from '../wire/openai.ts';
import { completionOf } from './bedrock-answer.ts';
import { streamDecoder } from './bedrock-stream.ts';

const decodeAll = (events: readonly string[], memo?: Parameters<typeof streamDecoder>[0]): ChatChunk[] => {
  const decode = streamDecoder(memo);
  return events.flatMap((event) => decode(event));
};

const thoughtsOf = (chunks: readonly ChatChunk[]): unknown[] =>
  chunks.flatMap(({ choices }) =>
    choices.flatMap(({ delta }) => (delta['thinking_blocks'] as unknown[] | undefined) ?? []),
  );

interface Raw {
  text: string;
  calls: { id: string; name: string; input: unknown }[];
  finish: string;
  usage: { inputTokens: number; outputTokens: number } | undefined;
}

interface RawBlock {
  readonly text?: string;
  readonly toolUse?: { readonly toolUseId: string; readonly name: string; readonly input: unknown };
}

interface RawBody {
  readonly output: { readonly message: { readonly content: readonly RawBlock[] } };
  readonly stopReason: string;
  readonly usage: NonNullable<Raw['usage']>;
}

/** Read straight off a recorded body, without our own translation. */
function rawWhole({ output, stopReason, usage }: RawBody): Raw {
  const blocks = output.message.content;
  return {
    text: blocks.map(({ text }) => text ?? '').join(''),
    calls: blocks.flatMap(({ toolUse }) =>
      toolUse ? [{ id: toolUse.toolUseId, name: toolUse.name, input: toolUse.input }] : [],
    ),
    finish: stopReason,
    usage,
  };
}

function rawStream(events: readonly string[]): Raw {
  const raw: Raw & { texts: Map<number, string> } = {
    text: '',
    calls: [],
    finish: '',
    usage: undefined,
    texts: new Map(),
  };
  const order: number[] = [];
  for (const event of events.map((text) => JSON.parse(text))) {
    const { contentBlockStart: start, contentBlockDelta: delta } = event;
    if (start?.start?.toolUse) {
      order.push(start.contentBlockIndex);
      raw.calls.push({ id: start.start.toolUse.toolUseId, name: start.start.toolUse.name, input: '' });
    }
    raw.text += delta?.delta?.text ?? '';
    const call = raw.calls[order.indexOf(delta?.contentBlockIndex)];
    if (call && delta?.delta?.toolUse) call.input = `${String(call.input)}${delta.delta.toolUse.input}`;
    raw.finish = event.messageStop?.stopReason ?? raw.finish;
    raw.usage = event.metadata?.usage ?? raw.usage;
  }
  for (const call of raw.calls) call.input = JSON.parse(String(call.input));
  return { text: raw.text, calls: raw.calls, finish: raw.finish, usage: raw.usage };
}

const FINISH: Readonly<Record<string, string>> = { end_turn: 'stop', tool_use: 'tool_calls', max_tokens: 'length' };
const RECORDINGS = [...realRecordings('amazon-bedrock', 'amazon-bedrock'), ...fixturesOf('bedrock')];

describe('recordings lose nothing', () => {
  test('and there are some', () => {
    expect(RECORDINGS.length).toBeGreaterThan(1);
  });

  for (const { name, whole, events } of RECORDINGS) {
    if (whole !== undefined) {
      test(`whole: ${name}`, () => {
        const raw = rawWhole(JSON.parse(whole));
        const { choices, usage } = completionOf(JSON.parse(whole));
        const [choice] = choices;
        expect(choice?.message.content ?? '').toBe(raw.text);
        const calls = (choice?.message['tool_calls'] ?? []) as {
          id: string;
          function: { name: string; arguments: string };
        }[];
        expect(
          calls.map((call) => ({ id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) })),
        ).toEqual(raw.calls);
        expect(choice?.finish_reason).toBe(FINISH[raw.finish] ?? '');
        expect(usage?.completion_tokens).toBe(raw.usage?.outputTokens);
        expect(bucketsOf(usage, { promptChars: 0, outputChars: 0 })).toMatchObject({
          input: raw.usage?.inputTokens,
          source: 'provider',
        });
      });
    }
    if (events) {
      test(`streamed: ${name}`, () => {
        const raw = rawStream(events);
        const joined = accumulate(decodeAll(events));
        expect(joined.role).toBe('assistant');
        expect(joined.content).toBe(raw.text);
        expect(
          joined.calls.map((call) => ({ id: call.id, name: call.name, input: JSON.parse(call.arguments) })),
        ).toEqual(raw.calls);
        expect(joined.finish).toBe(FINISH[raw.finish] ?? '');
        expect(joined.ids.size).toBe(1);
        expect(
          raw.usage === undefined ||
            (joined.usage as { completion_tokens: number }).completion_tokens === raw.usage.outputTokens,
        ).toBe(true);
      });
    }
  }
});

const SIGNATURE = 'EqQBCkYIARgCKkD/+=A1b2\u2028C3==';
const bodyOf = (content: unknown[], more: object = {}) => ({
  output: { message: { role: 'assistant', content } },
  stopReason: 'end_turn',
  usage: { inputTokens: 10, outputTokens: 4, totalTokens: 14 },
  ...more,
});

describe('a whole answer', () => {
  test('keeps thoughts and their signatures, also hidden ones', () => {
    const body = bodyOf([
      { reasoningContent: { reasoningText: { text: 'Let me think. ', signature: SIGNATURE } } },
      { reasoningContent: { redactedContent: 'aGlkZGVu' } },
      { text: 'Done.' },
    ]);
    expect(completionOf(body).choices[0]?.message).toMatchObject({
      content: 'Done.',
      reasoning_content: 'Let me think. ',
      thinking_blocks: [
        { type: 'thinking', thinking: 'Let me think. ', signature: SIGNATURE },
        { type: 'redacted_thinking', data: 'aGlkZGVu' },
      ],
    });
  });

  test('keeps citations, pictures, unknown blocks and what stands beside the message', () => {
    const citation = { title: 'Doc', location: { documentPage: { documentIndex: 0, start: 1, end: 2 } } };
    const answer = completionOf(
      bodyOf(
        [
          { citationsContent: { content: [{ text: 'Cited.' }], citations: [citation] } },
          { image: { format: 'png', source: { bytes: 'AAAA' } } },
          { toolResult: { toolUseId: 't', content: [] } },
        ],
        {
          trace: { guardrail: { actionReason: 'x' } },
          metrics: { latencyMs: 3 },
          serviceTier: { type: 'flex' },
          new: 1,
        },
      ),
    );
    expect(answer).toMatchObject({
      trace: { guardrail: { actionReason: 'x' } },
      metrics: { latencyMs: 3 },
      service_tier: 'flex',
      new: 1,
    });
    expect(answer.choices[0]?.message).toMatchObject({
      content: 'Cited.',
      images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
      provider_specific_fields: { citations: [citation], blocks: [{ toolResult: { toolUseId: 't', content: [] } }] },
    });
  });

  test('names sources in the web as annotations of the text they stand for, whole and streamed', () => {
    const web = { title: 'T', location: { web: { url: 'https://a.example/x', domain: 'a.example' } } };
    const page = { title: 'Doc', location: { documentPage: { documentIndex: 0, start: 1, end: 2 } } };
    const annotation = {
      type: 'url_citation',
      url_citation: { start_index: 4, end_index: 10, url: 'https://a.example/x', title: 'T' },
    };
    const whole = completionOf(
      bodyOf([{ text: 'So 🙂' }, { citationsContent: { content: [{ text: 'cited.' }], citations: [web, page] } }]),
    ).choices[0]?.message;
    const delta = (at: number, inner: object) =>
      JSON.stringify({ contentBlockDelta: { contentBlockIndex: at, delta: inner } });
    const streamed = decodeAll([
      delta(0, { text: 'So ' }),
      delta(0, { text: '🙂' }),
      '{"contentBlockStop":{"contentBlockIndex":0}}',
      delta(1, { text: 'cited.' }),
      delta(1, { citation: web }),
      delta(1, { citation: page }),
      '{"contentBlockStop":{"contentBlockIndex":1}}',
      '{"messageStop":{"stopReason":"end_turn"}}',
    ]);
    const told = { annotations: [annotation], provider_specific_fields: { citations: [web, page] } };
    expect(whole).toMatchObject({ content: 'So 🙂cited.', ...told });
    expect(streamed.at(-1)?.choices[0]?.delta).toMatchObject(told);
  });

  test('that was held in an object is taken out of it, whole and streamed, and words beside it are left out', () => {
    const memo = { names: new Map(), answersByTool: true, isWrapped: true };
    const json = { toolUse: { toolUseId: 'j', name: 'json_tool_call', input: { value: ['a', 1] } } };
    const whole = completionOf(bodyOf([{ text: 'Here:' }, json], { stopReason: 'tool_use' }), memo).choices[0];
    expect(whole).toMatchObject({ finish_reason: 'stop', message: { content: '["a",1]' } });
    const events = [
      '{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"text":"Here:"}}}',
      '{"contentBlockStop":{"contentBlockIndex":0}}',
      '{"contentBlockStart":{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"j","name":"json_tool_call"}}}}',
      '{"contentBlockDelta":{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\\"value\\":[\\"a\\","}}}}',
      '{"contentBlockDelta":{"contentBlockIndex":1,"delta":{"toolUse":{"input":"1]}"}}}}',
      '{"contentBlockStop":{"contentBlockIndex":1}}',
      '{"messageStop":{"stopReason":"tool_use"}}',
    ];
    expect(accumulate(decodeAll(events, memo))).toMatchObject({ content: '["a",1]', finish: 'stop', calls: [] });
    const words = [events[0] ?? '', events[1] ?? '', '{"messageStop":{"stopReason":"end_turn"}}'];
    expect(accumulate(decodeAll(words, memo))).toMatchObject({ content: 'Here:', finish: 'stop' });
  });

  test('gives tools the names that they were asked for by', () => {
    const memo = { names: new Map([['a_b', 'a.b']]), answersByTool: false };
    const body = bodyOf([{ toolUse: { toolUseId: 't1', name: 'a_b', input: {} } }], { stopReason: 'tool_use' });
    expect(completionOf(body, memo).choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        tool_calls: [{ id: 't1', type: 'function', function: { name: 'a.b', arguments: '{}' } }],
      },
    });
  });

  test('that came as a tool’s arguments is text, and real calls beside it stay calls', () => {
    const memo = { names: new Map(), answersByTool: true };
    const json = { toolUse: { toolUseId: 'j', name: 'json_tool_call', input: { city: 'Köln' } } };
    const call = { toolUse: { toolUseId: 't', name: 'f', input: { a: 1 } } };
    const tool = { stopReason: 'tool_use' };
    expect(completionOf(bodyOf([json], tool), memo).choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: '{"city":"Köln"}' },
    });
    const both = completionOf(bodyOf([json, call], tool), memo).choices[0];
    expect(both?.finish_reason).toBe('tool_calls');
    expect(both?.message['tool_calls']).toHaveLength(1);
    const events = [
      '{"contentBlockStart":{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"j","name":"json_tool_call"}}}}',
      '{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\\"city\\":"}}}}',
      '{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"toolUse":{"input":"\\"Köln\\"}"}}}}',
      '{"messageStop":{"stopReason":"tool_use"}}',
    ];
    expect(accumulate(decodeAll(events, memo))).toMatchObject({
      content: '{"city":"Köln"}',
      finish: 'stop',
      calls: [],
    });
  });

  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['guardrail_intervened', 'content_filter'],
    ['content_filtered', 'content_filter'],
    ['malformed_model_output', 'stop'],
  ])('that ended with %s finishes with %s', (native, finish) => {
    const [choice] = completionOf(bodyOf([{ text: 'x' }], { stopReason: native })).choices;
    expect(choice).toMatchObject({ finish_reason: finish, provider_specific_fields: { native_finish_reason: native } });
  });

  test('counts cached tokens apart from the rest', () => {
    const usage = {
      ...{ inputTokens: 7, outputTokens: 5, totalTokens: 142, cacheReadInputTokens: 100, cacheWriteInputTokens: 30 },
      cacheDetails: [
        { ttl: '1h', inputTokens: 20 },
        { ttl: '5m', inputTokens: 10 },
      ],
    };
    const answer = completionOf(bodyOf([{ text: 'x' }], { usage }));
    expect(answer.usage).toMatchObject({ prompt_tokens: 137, completion_tokens: 5, total_tokens: 142 });
    expect(bucketsOf(answer.usage, { promptChars: 0, outputChars: 0 })).toMatchObject({
      ...{ input: 7, cacheRead: 100, cacheWrite: 30, cacheWrite1h: 20, output: 5, source: 'provider' },
    });
  });

  test('is refused when it is none', () => {
    for (const body of [null, 1, 'x', [], {}, { output: {} }, { output: { message: { content: 'x' } } }]) {
      expect(() => completionOf(body)).toThrow('not a chat completion');
    }
  });
});

describe('a stream', () => {
  test('thinks in pieces, and gives the signed thought whole at its end', () => {
    const delta = (reasoningContent: object): string =>
      JSON.stringify({ contentBlockDelta: { contentBlockIndex: 0, delta: { reasoningContent } } });
    const events = [
      '{"messageStart":{"role":"assistant"}}',
      delta({ text: 'Let me' }),
      delta({ text: ' think.' }),
      delta({ signature: SIGNATURE }),
      delta({ redactedContent: 'aGlkZGVu' }),
      '{"messageStop":{"stopReason":"end_turn"}}',
    ];
    const chunks = decodeAll(events);
    expect(accumulate(chunks).reasoning).toBe('Let me think.');
    // All at once: client libraries do not join them.
    expect(chunks.filter(({ choices }) => choices[0]?.delta['thinking_blocks'])).toHaveLength(1);
    expect(thoughtsOf(chunks)).toEqual([
      { type: 'thinking', thinking: 'Let me think.', signature: SIGNATURE },
      { type: 'redacted_thinking', data: 'aGlkZGVu' },
    ]);
  });

  test('opens each call once, numbers calls from 0 and gives one without arguments an empty object', () => {
    const events = [
      '{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"text":"x"}}}',
      '{"contentBlockStart":{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"a","name":"f"}}}}',
      '{"contentBlockStop":{"contentBlockIndex":1}}',
      '{"contentBlockStart":{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"b","name":"g"}}}}',
      '{"contentBlockDelta":{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\\"k\\":1}"}}}}',
      '{"contentBlockStop":{"contentBlockIndex":2}}',
      '{"messageStop":{"stopReason":"tool_use"}}',
    ];
    expect(accumulate(decodeAll(events))).toMatchObject({
      finish: 'tool_calls',
      calls: [
        { id: 'a', name: 'f', arguments: '{}' },
        { id: 'b', name: 'g', arguments: '{"k":1}' },
      ],
    });
  });

  test('carries a guardrail’s trace, citations and what it does not know', () => {
    const events = [
      '{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"citation":{"title":"Doc"}}}}',
      '{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"novelty":{"a":1}}}}',
      '{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"b":2}}}',
      '{"novelEvent":{"a":1}}',
      '{"messageStop":{"stopReason":"guardrail_intervened"}}',
      '{"metadata":{"usage":{"inputTokens":1,"outputTokens":2},"trace":{"guardrail":{"a":1}},"serviceTier":{"type":"priority"}}}',
    ];
    const chunks = decodeAll(events);
    expect(JSON.stringify(chunks)).toContain('{"citations":[{"title":"Doc"}],"blocks":[{"novelty":{"a":1}},{"b":2}]}');
    expect(
      chunks.some((chunk) => JSON.stringify(chunk['trace']) === '{"guardrail":{"a":1}}' && chunk.choices.length === 1),
    ).toBe(true);
    expect(accumulate(chunks)).toMatchObject({
      finish: 'content_filter',
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    });
    expect(chunks.at(-1)).toMatchObject({ service_tier: 'priority', choices: [] });
  });

  test('refuses what is no JSON object, and throws nothing else, whatever is in one', () => {
    for (const event of ['<html>', '{"a":', '[1]', '"x"', 'null']) {
      expect(() => streamDecoder()(event)).toThrow('not a JSON object');
    }
    const types = fc.constantFrom(
      'messageStart',
      'contentBlockStart',
      'contentBlockDelta',
      'contentBlockStop',
      'messageStop',
      'metadata',
      '__proto__',
    );
    const names = fc.constantFrom(
      'start',
      'delta',
      'toolUse',
      'text',
      'contentBlockIndex',
      'usage',
      'reasoningContent',
      'stopReason',
    );
    const payload = fc.dictionary(names, fc.jsonValue());
    fc.assert(
      fc.property(fc.array(fc.tuple(types, payload), { maxLength: 6 }), (events) => {
        expect(() =>
          decodeAll(events.map(([type, value]) => `{${JSON.stringify(type)}:${JSON.stringify(value)}}`)),
        ).not.toThrow();
      }),
      { numRuns: 150 },
    );
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 4 }), (content) => {
        expect(() => completionOf(bodyOf(content))).not.toThrow();
      }),
      { numRuns: 60 },
    );
  });
});
