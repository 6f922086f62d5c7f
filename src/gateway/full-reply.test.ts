import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { adapterOf, meterAtFlatPrice, sampleTarget } from '../../test/support/call-parts.ts';
import { recordedText } from '../../test/support/recordings.ts';
import { GatewayError } from '../errors.ts';
import type { FullReply } from './call.ts';
import { fullReply, withUsage } from './full-reply.ts';

const RELAYING = sampleTarget();
/** Its answers differ from OpenAI's, so they are parsed and written anew. */
const TRANSLATING = sampleTarget({ adapter: adapterOf('mistral') });
const USAGE = { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 };

const replyTo = (text: string, target = RELAYING): FullReply =>
  fullReply({ target, text, requestedModel: 'my-model', upstreamHeaders: new Headers() });

function completion(over: object = {}): string {
  return JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1764000000,
    model: 'upstream-model',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
    usage: USAGE,
    ...over,
  });
}

const charsOf = (reply: FullReply): number => {
  const { outputChars } = reply.reading();
  return typeof outputChars === 'number' ? outputChars : outputChars();
};

function refusal(text: string, target = RELAYING): GatewayError {
  try {
    replyTo(text, target);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

describe('an answer of OpenAI’s own shape', () => {
  test('keeps every byte but the name of the model', () => {
    const text =
      '{\n  "id": "chatcmpl-1", "usage":{"total_tokens":1e1},\n  "model" : "upstream-model",\n  "choices": [{"message":{"content":"\\u00e9 \\"model\\": \\"x\\""}}], "new": 1.50\n}\n';
    expect(replyTo(text).text).toBe(text.replace('"upstream-model"', '"my-model"'));
  });

  test('keeps every byte whatever members it has, in whatever order', () => {
    const extra = fc.dictionary(
      fc.string().filter((key) => !['model', 'id', 'choices', 'usage', '__proto__'].includes(key)),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(extra, extra, fc.constantFrom(0, 2), (before, after, spaces) => {
        const text = JSON.stringify(
          { ...before, id: 'x', model: 'upstream-model', choices: [], ...after },
          null,
          spaces,
        );
        const { text: relayed } = replyTo(text);
        expect(relayed.length).toBe(text.length - 'upstream-model'.length + 'my-model'.length);
        expect(JSON.parse(relayed)).toEqual({ ...JSON.parse(text), model: 'my-model' });
      }),
    );
  });

  test('tells its id, usage and service tier', () => {
    const reply = replyTo(completion({ service_tier: 'flex' }));
    expect(reply).toMatchObject({ kind: 'full', responseId: 'chatcmpl-1', usage: USAGE });
    expect(reply.reading()).toMatchObject({ usage: USAGE, serviceTier: 'flex' });
    expect(reply.body().model).toBe('my-model');
  });

  test('may have null where something is missing', () => {
    const reply = replyTo(completion({ id: null, usage: null, service_tier: null }));
    expect([reply.responseId, reply.usage, reply.reading().serviceTier]).toEqual([null, undefined, undefined]);
  });

  test('without a model is given the name asked for', () => {
    expect(JSON.parse(replyTo('{"id":"x","choices":[]}').text)).toMatchObject({
      id: 'x',
      model: 'my-model',
      choices: [],
    });
  });
});

describe('an answer of another shape', () => {
  test('is written in OpenAI’s, under the name asked for', () => {
    const content = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'Hello' },
    ];
    const reply = replyTo(
      completion({ choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] }),
      TRANSLATING,
    );
    expect(JSON.parse(reply.text)).toMatchObject({
      model: 'my-model',
      choices: [{ message: { content: 'Hello', reasoning_content: 'hm' } }],
    });
    expect(reply.usage).toEqual(USAGE);
  });
});

describe('what is no answer', () => {
  test.each([
    '',
    'null',
    'true',
    '[]',
    '"text"',
    '{}',
    '{"choices":{}}',
    '{"id":"x","choices":[',
    '<html>secret</html>',
    '{"message":"secret"}',
  ])('is refused and not quoted: %j', (text) => {
    for (const target of [RELAYING, TRANSLATING]) {
      const error = refusal(text, target);
      expect(error.kind).toBe('upstream_protocol');
      expect(error.message).toBe('The upstream answered with something that is not a chat completion.');
    }
  });
});

describe('characters for an estimate', () => {
  test('are those of content, reasoning and tool calls of all choices', () => {
    const calls = [{ id: 'c', function: { name: 'f', arguments: '{}' } }];
    const choices = [
      { message: { content: '12345' } },
      { message: { content: null, reasoning_content: '123', tool_calls: calls } },
      { message: undefined },
    ];
    expect(charsOf(replyTo(completion({ choices, usage: undefined })))).toBe(5 + 3 + JSON.stringify(calls).length);
  });
});

describe('usage that is missing', () => {
  test.each([{ usage: undefined }, { usage: null }])('is put in from our count: %j', (over) => {
    const reply = replyTo(completion(over));
    const counted = meterAtFlatPrice(reply.reading());
    const filled = withUsage(reply, counted);
    expect(JSON.parse(filled.text)).toEqual({ ...JSON.parse(reply.text), usage: counted.usage });
    expect(filled.usage).toEqual(counted.usage);
    expect(filled.body().choices[0]?.message.content).toBe('Hello');
  });

  test('that is there stays as it is', () => {
    const reply = replyTo(completion());
    expect(withUsage(reply, meterAtFlatPrice(reply.reading()))).toBe(reply);
  });
});

describe('recordings', () => {
  for (const file of [
    'openai/chat-openai-text.json',
    'openai-compatible/chat-xai-text.json',
    'deepseek/chat-deepseek-tool-call.json',
    'alibaba/alibaba-tool-call.json',
  ]) {
    const text = recordedText(file);
    test.skipIf(text === undefined)(`of ${file} change in nothing but the model`, () => {
      const reply = replyTo(text ?? '');
      const recorded = JSON.parse(text ?? '');
      expect(JSON.parse(reply.text)).toEqual({ ...recorded, model: 'my-model' });
      expect<unknown>(reply.usage).toEqual(recorded.usage);
      expect(reply.responseId).toBe(recorded.id);
    });
  }
});
