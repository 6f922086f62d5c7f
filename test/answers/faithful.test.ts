/** Every recorded answer reaches the client with all that the provider said in it: checked against the raw recording. */
import { describe, expect, test } from 'bun:test';
import { GatewayError } from '../../src/errors.ts';
import type { ChatChunk, ChatCompletion } from '../../src/wire/openai.ts';
import { accumulate } from '../support/accumulate-chunks.ts';
import { filesOf, NO_CHAT, ownChats, realChats } from '../support/chat-recordings.ts';
import { targetOf } from '../support/provider-parts.ts';
import { type RawAnswer, type RawCall, rawAnswer } from '../support/raw-answer.ts';
import { realFolders, realRecordings } from '../support/recordings.ts';

/** The providers' words, and what OpenAI's clients know them as. */
const FINISHES: Readonly<Record<string, string>> = {
  ...{ stop: 'stop', length: 'length', tool_calls: 'tool_calls', end_turn: 'stop', tool_use: 'tool_calls' },
  ...{ STOP: 'stop', COMPLETE: 'stop', TOOL_CALL: 'tool_calls', refusal: 'content_filter', max_tokens: 'length' },
};

interface Got {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly RawCall[];
  readonly finish: string | null | undefined;
  readonly usage: unknown;
  /** All of it as JSON. */
  readonly json: string;
}

function fromWhole(answer: ChatCompletion): Got {
  const [choice] = answer.choices;
  const calls = (choice?.message['tool_calls'] ?? []) as {
    id: string;
    function: { name: string; arguments: string };
  }[];
  return {
    text: typeof choice?.message.content === 'string' ? choice.message.content : '',
    reasoning: String(choice?.message['reasoning_content'] ?? ''),
    calls: calls.map(({ id, function: made }) => ({ id, name: made.name, arguments: JSON.parse(made.arguments) })),
    finish: choice?.finish_reason,
    usage: answer.usage,
    json: JSON.stringify(answer),
  };
}

function fromStream(chunks: readonly ChatChunk[]): Got {
  const { content, reasoning, calls, finish, usage } = accumulate(chunks);
  return {
    text: content,
    reasoning,
    calls: calls.map(({ id, name, arguments: text }) => ({ id, name, arguments: JSON.parse(text) })),
    finish,
    usage,
    json: JSON.stringify(chunks),
  };
}

function expectAll(raw: RawAnswer, got: Got): void {
  expect(got.text).toBe(raw.text);
  expect(got.reasoning).toBe(raw.reasoning);
  expect(got.calls.map(({ name, arguments: given }) => [name, given])).toEqual(
    raw.calls.map(({ name, arguments: given }) => [name, given]),
  );
  for (const [at, { id }] of raw.calls.entries()) if (id !== undefined) expect(got.calls[at]?.id).toBe(id);
  const ids = got.calls.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(raw.kept.filter((words) => !got.json.includes(JSON.stringify(words).slice(1, -1)))).toEqual([]);
  const known = raw.finish === undefined ? undefined : FINISHES[raw.finish];
  if (raw.finish !== undefined && known === undefined) throw new Error(`${raw.finish} is in no table`);
  // Anthropic tells them apart itself: calls may be its own, and answered already.
  const isCalling = known === 'stop' && raw.calls.length > 0 && raw.finish !== 'end_turn';
  if (known !== undefined) expect(got.finish).toBe(isCalling ? 'tool_calls' : known);
}

/** Dialects that are examined beside their adapters only, and an answer that began twice: see below. */
const ELSEWHERE: ReadonlySet<string> = new Set(['own replicate', 'own sagemaker']);
const BEGAN_TWICE = 'spliced-message-start';
const examined = [...realChats, ...ownChats].filter(
  ({ source, name }) => !ELSEWHERE.has(source) && name !== BEGAN_TWICE,
);

describe.each(examined)('$source $name', (recording) => {
  const { whole, events, model } = recording;
  const target = targetOf(model);
  const provider = model.split('/')[0] ?? '';

  if (whole !== undefined) {
    test('whole', () => {
      const raw = JSON.parse(whole) as unknown;
      const answer = target.adapter.parseResponse(raw, target);
      expectAll(rawAnswer(provider, [raw]), fromWhole(answer));
      expect(Number(answer.usage?.total_tokens)).toBeGreaterThan(0);
    });
  }

  if (events) {
    test('streamed', () => {
      const raw = events.map((event): unknown => JSON.parse(event));
      const decode = target.adapter.createStreamDecoder(target);
      expectAll(rawAnswer(provider, raw), fromStream(events.flatMap((event) => decode(event))));
    });
  }
});

test('an answer that breaks off inside a call and begins anew has all of its second beginning', () => {
  const [recording] = realRecordings('anthropic', BEGAN_TWICE);
  if (!recording?.events) return;
  const target = targetOf('anthropic/claude-sonnet-4-5');
  const decode = target.adapter.createStreamDecoder(target);
  const chunks = recording.events.flatMap((event) => decode(event));
  const { calls, reasoning, finish } = accumulate(chunks);
  expect(calls.at(-1)).toMatchObject({ id: 'toolu_second', name: 'test-tool', arguments: '{"value":"Sparkle Day"}' });
  expect([reasoning.endsWith('Let me call the tool.'), finish]).toEqual([true, 'tool_calls']);
  expect(JSON.stringify(chunks)).toContain('sig-second');
});

test.skipIf(realFolders.length === 0)('every recording is examined, or is named as none of a chat', () => {
  const all = realFolders.flatMap((folder) => realRecordings(folder).map((recording) => ({ ...recording, folder })));
  const others = all.filter(({ folder, name }) =>
    NO_CHAT.some(([where, prefix]) => where === folder && name.startsWith(prefix)),
  );
  const count = (some: readonly Parameters<typeof filesOf>[0][]): number =>
    some.reduce((sum, one) => sum + filesOf(one), 0);
  expect(count(all)).toBe(155);
  expect([count(realChats), count(others)]).toEqual([count(all) - count(others), count(others)]);
  expect(count(realChats)).toBeGreaterThan(90);
});

test('errors among them are refused as what they are', () => {
  const target = targetOf('gemini/gemini-3.1-pro-preview');
  const [limit] = realRecordings('google', 'google-429');
  if (limit?.whole === undefined) return;
  const error = target.adapter.parseError?.(429, JSON.parse(limit.whole), new Headers());
  expect(error).toBeInstanceOf(GatewayError);
  expect(error?.kind).toBe('upstream_busy');
});
