/** LiteLLM's own client of its management API against the gateway: everything it can do, it can do here. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { COUNT, openZoo, type Zoo } from '../support/model-zoo.ts';
import { hasLitellm } from '../support/programs.ts';
import { playScenarios, type Scenarios } from '../support/scenarios.ts';

/** It loads everything that it could ever need. */
const START_MS = 60_000;

describe.skipIf(!hasLitellm)("LiteLLM's own client", () => {
  let zoo: Zoo;
  let python: Scenarios;

  beforeAll(async () => {
    zoo = await openZoo();
    const { url, masterKey } = zoo.gateway;
    python = await playScenarios('litellm_client.py', { GATEWAY_URL: url, GATEWAY_KEY: masterKey }, 'litellm');
  }, START_MS);
  afterAll(() => zoo?.close());

  test('makes, shows, changes, lists and deletes keys', () => {
    expect(python.saw('keys')).toEqual({
      alias: 'from-python',
      aliases: { best: 'gpt-4' },
      spend: 0.5,
      status: 'active',
      models: ['gpt-4', 'busy'],
      listed: ['renamed'],
      total: 1,
      deleted: 1,
    });
    expect(python.saw('keys_by_alias')).toBe(1);
  });

  test('lists teams, both ways', () => {
    expect(python.saw('teams')).toEqual({
      list: ['Crew'],
      page: { total: 1, page: 1, page_size: 10, total_pages: 1 },
      teams: ['crew'],
      available: [],
    });
  });

  test('makes, shows, lists and deletes users, and finds none afterwards', () => {
    expect(python.saw('people')).toEqual({
      key: true,
      email: 'ada@example.com',
      keys: 1,
      role: 'internal_user',
      listed: true,
      gone: 'NotFoundError',
    });
  });

  test('adds, finds, changes and deletes models, whose secrets it never sees', () => {
    expect(python.saw('models')).toEqual({
      name: 'from-python',
      secret: false,
      rpm: 7,
      group: true,
      listed: true,
      left: false,
    });
  });

  test('stores, lists, shows and deletes credentials, whose secrets it never sees', () => {
    expect(python.saw('credentials')).toEqual({
      made: true,
      listed: ['shared'],
      info: { custom_llm_provider: 'openai' },
      secret: false,
      deleted: true,
    });
  });

  test('chats, streamed or not', () => {
    expect(python.saw('chat')).toEqual({ whole: COUNT, streamed: COUNT });
  });

  test('sends any request', () => {
    expect(python.saw('plain_http')).toEqual({ spend: expect.any(Number), max_budget: null });
    expect(python.saw('health')).toBe('healthy');
  });

  test('is told that its key is unknown', () => {
    expect(python.saw('wrong_key')).toEqual(Array(4).fill('UnauthorizedError'));
  });
});
