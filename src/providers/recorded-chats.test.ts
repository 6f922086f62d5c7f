/**
 * What hosts of OpenAI's dialect really answered, against a plain reading of the very same bytes: no text, thought, call,
 * source, count or end is lost or made up. Where the recordings are not there, nothing is examined.
 */
import { describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { targetOf } from '../../test/support/provider-parts.ts';
import { type Recording, realFolders, realRecordings, recordedText } from '../../test/support/recordings.ts';
import { upstreamError } from './upstream-error.ts';

/** Folder → whose answers these are. */
const PROVIDERS: Readonly<Record<string, string>> = {
  openai: 'openai',
  groq: 'groq',
  mistral: 'mistral',
  deepseek: 'deepseek',
  xai: 'xai',
  'openai-compatible': 'xai',
  moonshotai: 'moonshot',
  perplexity: 'perplexity',
  alibaba: 'dashscope',
  togetherai: 'together_ai',
};

type Raw = Readonly<Record<string, unknown>>;

const parsed = (text: string): Raw => JSON.parse(text);
const listOf = (value: unknown): Raw[] => (Array.isArray(value) ? value : []);
const rawOf = (value: unknown): Raw => (typeof value === 'object' && value !== null ? { ...value } : {});
const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

const isWholeChat = (text: string | undefined): text is string =>
  text !== undefined && textIn(parsed(text)['object']) === 'chat.completion';
const isStreamedChat = (events: Recording['events']): events is readonly string[] =>
  events?.some((event) => event !== '[DONE]' && textIn(parsed(event)['object']).startsWith('chat.')) === true;

/** A plain reading of messages or deltas, in their order. */
function readingOf(parts: readonly Raw[]) {
  const calls = new Map<unknown, { id: string; name: string; arguments: string }>();
  for (const part of parts) {
    for (const [at, call] of listOf(part['tool_calls']).entries()) {
      const index = call['index'] ?? at;
      const made = calls.get(index) ?? { id: '', name: '', arguments: '' };
      const asked = rawOf(call['function']);
      calls.set(index, {
        id: made.id || textIn(call['id']),
        name: made.name || textIn(asked['name']),
        arguments: made.arguments + textIn(asked['arguments']),
      });
    }
  }
  return {
    content: parts.map(({ content }) => textIn(content)).join(''),
    reasoning: parts.map((part) => textIn(part['reasoning_content'] ?? part['reasoning'])).join(''),
    calls: [...calls.values()],
  };
}

/** Prompt and all: what a provider calls the completion differs, its total does not. */
const countsOf = (usage: unknown) => {
  const { prompt_tokens: prompt, total_tokens: total } = rawOf(usage);
  return { prompt, total };
};

const chats = Object.entries(PROVIDERS).flatMap(([folder, provider]) =>
  realRecordings(folder).map((recording) => ({ ...recording, provider, name: `${folder}/${recording.name}` })),
);
const wholes = chats.filter(({ whole }) => isWholeChat(whole));
const streams = chats.filter(({ events }) => isStreamedChat(events));

describe('a recorded answer', () => {
  for (const { name, whole, provider } of wholes) {
    test(`${name} says what its bytes say`, () => {
      const raw = parsed(whole ?? '');
      const target = targetOf(`${provider}/m`);
      const answer = target.adapter.parseResponse(raw, target);
      for (const [at, choice] of listOf(raw['choices']).entries()) {
        const made = answer.choices[at];
        const { content, reasoning, calls } = readingOf([rawOf(choice['message'])]);
        expect(made?.message.content ?? '').toBe(content);
        expect(textIn(made?.message['reasoning_content'])).toBe(reasoning);
        expect(readingOf([{ ...made?.message }]).calls).toEqual(calls);
        expect(made?.finish_reason).toBe(textIn(choice['finish_reason']));
      }
      expect(countsOf(answer.usage)).toEqual(countsOf(raw['usage']));
      for (const field of ['citations', 'search_results', 'images']) expect(answer[field]).toEqual(raw[field]);
      expect([answer.id, answer.created]).toEqual([textIn(raw['id']), Number(raw['created'])]);
    });
  }
});

describe('a recorded stream', () => {
  for (const { name, events = [], provider } of streams) {
    test(`${name} says what its bytes say`, () => {
      const target = targetOf(`${provider}/m`);
      const decode = target.adapter.createStreamDecoder(target);
      const streamed = accumulate(events.flatMap((event) => decode(event)));
      const raws = events.filter((event) => event !== '[DONE]').map(parsed);
      const choices = raws.flatMap(({ choices: some }) => listOf(some));
      const { content, reasoning, calls } = readingOf(choices.map(({ delta }) => rawOf(delta)));
      expect(streamed).toMatchObject({ content, reasoning });
      expect(
        streamed.calls.map(({ id, name: called, arguments: text }) => ({ id, name: called, arguments: text })),
      ).toEqual(calls);
      expect(streamed.finish).toBe(textIn(choices.map(({ finish_reason: finish }) => finish).findLast(Boolean)));
      const told = [...raws.map(({ usage }) => usage), ...choices.map(({ usage }) => usage)].findLast(Boolean);
      expect(countsOf(streamed.usage)).toEqual(countsOf(told));
    });
  }
});

describe('the recordings', () => {
  test('all have somebody to read them', () => {
    const unread = realFolders.filter(
      (folder) =>
        PROVIDERS[folder] === undefined &&
        realRecordings(folder).some(({ whole, events }) => isWholeChat(whole) || isStreamedChat(events)),
    );
    expect(unread).toEqual([]);
  });

  test('of each provider that has any are found', () => {
    if (realFolders.length === 0) return;
    const found = new Set([...wholes, ...streams].map(({ provider }) => provider));
    expect([...found].sort()).toEqual(
      [...new Set(Object.values(PROVIDERS))].filter((id) => id !== 'together_ai').sort(),
    );
    expect([wholes.length, streams.length].every((count) => count >= 10)).toBe(true);
  });

  test('of a refusal keep the parameter and the provider’s code', () => {
    const body = recordedText('openai/chat-reasoning-model-legacy-parameter-error.json');
    if (body === undefined) return;
    const error = upstreamError({ target: targetOf('openai/o3'), status: 400, body, headers: new Headers() });
    const { message, param, code } = rawOf(parsed(body)['error']);
    expect(error.message).toContain(textIn(message));
    expect(JSON.stringify(error.details)).toContain(textIn(code));
    expect(error.details).toMatchObject({ param });
  });
});
