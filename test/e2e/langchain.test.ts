/** LangChain's ChatOpenAI, in Python and in JavaScript, against the gateway. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { AIMessageChunk } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { COUNT, openZoo, type Zoo } from '../support/model-zoo.ts';
import { hasPython } from '../support/programs.ts';
import { playScenarios, type Scenarios } from '../support/scenarios.ts';

let zoo: Zoo;
beforeAll(async () => {
  zoo = await openZoo();
});
afterAll(() => zoo?.close());

describe.skipIf(!hasPython)('in Python', () => {
  let python: Scenarios;
  beforeAll(async () => {
    const { url, masterKey } = zoo.gateway;
    python = await playScenarios('langchain_client.py', { GATEWAY_URL: url, GATEWAY_KEY: masterKey });
  });

  test('invoke gives the content, the usage and the model', () => {
    expect(python.saw('invoke')).toEqual({ content: COUNT, usage: 10, model: 'gpt-4' });
  });

  test('stream adds up, usage too', () => {
    expect(python.saw('stream')).toEqual({ content: COUNT, usage: 10 });
  });

  test('bound tools are called', () => {
    expect(python.saw('tools')).toEqual({ name: 'get_weather', args: { location: 'New York' } });
  });

  test('AzureChatOpenAI works', () => {
    expect(python.saw('azure')).toBe(COUNT);
  });
});

describe('in JavaScript', () => {
  const chat = (): ChatOpenAI =>
    new ChatOpenAI({
      model: 'gpt-4',
      apiKey: zoo.gateway.masterKey,
      configuration: { baseURL: zoo.gateway.url },
      maxRetries: 0,
    });

  test('invoke gives the content and the usage', async () => {
    const message = await chat().invoke('Count to 10');
    expect(message.content).toBe(COUNT);
    expect(message.usage_metadata).toMatchObject({ output_tokens: 10 });
  });

  test('stream adds up, and counts usage once', async () => {
    let whole: AIMessageChunk | undefined;
    for await (const chunk of await chat().stream('Count to 10')) whole = whole ? whole.concat(chunk) : chunk;
    expect(whole?.content).toBe(COUNT);
    expect(whole?.usage_metadata).toMatchObject({ output_tokens: 10 });
  });
});
