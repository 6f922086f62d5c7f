import { afterEach, describe, expect, test } from 'bun:test';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { until } from '../../test/support/until.ts';
import { GatewayError } from '../errors.ts';
import { encodingOf } from './encodings.ts';
import type { Prompt } from './prompt-tokens.ts';
import { createTokenCounter, type TokenCounter, type TokenCounterOptions } from './token-counter.ts';

let counter: TokenCounter | undefined;
afterEach(() => counter?.close());

function made(options: TokenCounterOptions = {}): TokenCounter {
  counter = createTokenCounter(options);
  return counter;
}

/** Nothing in it is remembered from before, so counting it takes its time. */
function hardText(chars: number): string {
  const random = seededRandom(11);
  return Array.from({ length: chars / 10 }, () => random().toString(36).slice(2, 11)).join(' ');
}

const HARD: Prompt = { model: 'gpt-4o', text: hardText(400_000) };
const EASY: Prompt = { model: 'gpt-4o', text: 'Hello' };

const PARAMETERS = {
  type: 'object',
  properties: {
    city: { type: 'string', description: 'The city' },
    unit: { type: 'string', enum: ['c', 'f'] },
    days: { type: 'integer' },
    where: {
      type: 'object',
      properties: { lat: { type: 'number' }, tags: { type: 'array', items: { type: 'string' } } },
    },
  },
  required: ['city'],
};
const user = (content: unknown, more: object = {}): object => ({ role: 'user', content, ...more });
const system = (content: string, more: object = {}): object => ({ role: 'system', content, ...more });

/** What LiteLLM 1.110.2 and tiktoken count. */
const TABLE: readonly (readonly [number, Prompt])[] = [
  [8, { model: 'gpt-4o', messages: [user('Hello')] }],
  [23, { model: 'gpt-4o', messages: [system('You are a helpful assistant.'), user('Hello, how are you?')] }],
  [
    35,
    {
      model: 'gpt-4',
      messages: [system('Du bist höflich.'), user('Grüße aus Köln — 你好世界 🎉', { name: 'ada' })],
    },
  ],
  [
    81,
    {
      model: 'gpt-3.5-turbo',
      messages: [
        system('You are a helpful, pattern-following assistant that translates corporate jargon into plain English.'),
        system('New synergies will help drive top-line growth.', { name: 'example_user' }),
        system('Things working well together will increase revenue.', { name: 'example_assistant' }),
        user("This late pivot means we don't have time to boil the ocean for the client deliverable."),
      ],
    },
  ],
  [
    96,
    {
      model: 'gpt-4o',
      messages: [
        user([
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
        ]),
      ],
    },
  ],
  [
    74,
    {
      model: 'gpt-4o',
      messages: [user('weather?')],
      tools: [
        {
          type: 'function',
          function: { name: 'get_weather', description: 'Get the weather', parameters: PARAMETERS },
        },
      ],
    },
  ],
  [
    35,
    {
      model: 'gpt-4o',
      messages: [system('Be brief.'), user('weather?')],
      tools: [{ type: 'function', function: { name: 'now' } }],
    },
  ],
  [6, { model: 'gpt-4', text: 'tiktoken is great!' }],
  [17, { model: 'gpt-4o', text: '    def f(x):\n\n\t\treturn x  # <|endoftext|>\r\n' }],
  [15, { model: 'text-embedding-3-small', text: 'The quick brown fox jumps over the lazy dog. 1234567890' }],
  [24, { model: 'gpt-5-mini', text: 'Ünïcödé, emoji 👩‍👩‍👧‍👦 and 日本語テキスト' }],
  [
    25,
    {
      model: 'azure/gpt-4o',
      messages: [user('Hello'), { role: 'assistant', content: 'Hi! What can I do?' }, user('Nothing.')],
    },
  ],
];

describe('counting', () => {
  test('gives what OpenAI’s own tokenizer gives', async () => {
    const one = made();
    const counted = await Promise.all(TABLE.map(([, prompt]) => one.count(prompt, encodingOf(prompt.model))));
    expect(counted).toEqual(TABLE.map(([tokens]) => tokens));
  });

  test('goes on beside the event loop', async () => {
    let isCounted = false;
    const counting = made()
      .count(HARD, 'o200k_base')
      .then((tokens) => {
        isCounted = true;
        return tokens;
      });
    await using server = Bun.serve({ port: 0, fetch: () => new Response('here') });
    for (let asked = 0; asked < 5; asked++) expect(await (await fetch(server.url)).text()).toBe('here');
    expect(isCounted).toBe(false);
    expect(await counting).toBeGreaterThan(100_000);
  });
});

describe('its thread', () => {
  test('starts with the first count and ends when there is nothing to do', async () => {
    const { isRunning } = made({ idleMs: 1 });
    expect(isRunning).toBe(false);
    const counting = counter?.count(EASY, 'o200k_base');
    expect(counter?.isRunning).toBe(true);
    expect(await counting).toBe(1);
    await until(
      () => counter?.isRunning,
      (runs) => runs === false,
    );
    expect(await counter?.count(EASY, 'o200k_base')).toBe(1);
  });

  test('is ended when a count takes too long; those that wait have a time of their own', async () => {
    const one = made({ timeLimitMs: 1 });
    const settled = await Promise.allSettled([one.count(HARD, 'o200k_base'), one.count(HARD, 'o200k_base')]);
    const late = { kind: 'unavailable', message: 'The prompt took too long to count.' };
    expect(settled).toMatchObject([
      { status: 'rejected', reason: late },
      { status: 'rejected', reason: late },
    ]);
    expect(one.isRunning).toBe(false);
  });

  test('takes so many at once and no more', async () => {
    const one = made({ maxWaiting: 1 });
    const [first, second] = [one.count(EASY, 'o200k_base'), one.count(EASY, 'o200k_base')];
    const third = await one.count(EASY, 'o200k_base').catch((error: unknown) => error);
    expect(third).toBeInstanceOf(GatewayError);
    expect(third).toMatchObject({ kind: 'unavailable', details: { code: 'token_count_unavailable' } });
    expect(await Promise.all([first, second])).toEqual([1, 1]);
  });

  test('closing refuses what is under way, what waits and what comes', async () => {
    const one = made();
    const counts = [one.count(HARD, 'o200k_base'), one.count(EASY, 'o200k_base')];
    one.close();
    for (const settled of await Promise.allSettled([...counts, one.count(EASY, 'o200k_base')])) {
      expect(settled).toMatchObject({ status: 'rejected', reason: { message: 'The gateway is stopping.' } });
    }
    expect(one.isRunning).toBe(false);
  });
});
