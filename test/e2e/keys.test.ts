/** The life of a key over HTTP, and the request log that it leaves. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, type SpendRow, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
const config = (storePrompts: boolean): object => ({
  model_list: [
    deployment(upstream, 'gpt-4o', { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 }),
    deployment(upstream, 'other'),
    deployment(upstream, 'team/one'),
  ],
  router_settings: { num_retries: 0 },
  general_settings: { store_prompts_in_spend_logs: storePrompts },
});

beforeAll(async () => {
  upstream = await startUpstream(({ body }) => (body['model'] === 'other' ? { status: 500 } : {}));
  gateway = await startGateway({ config: config(true) });
  for (const team_id of ['t1', 't9', 'red']) expect((await gateway.post('/team/new', { team_id })).status).toBe(200);
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

interface MadeKey {
  readonly key: string;
  readonly token: string;
}

async function make(settings: object = {}): Promise<MadeKey> {
  const answer = await gateway.post('/key/generate', settings);
  expect(answer.status).toBe(200);
  return (await answer.json()) as MadeKey;
}

const messages = [{ role: 'user', content: 'Count to 10' }];
const ask = (key: string, body: object = {}, headers: Record<string, string> = {}): Promise<Response> =>
  gateway.ask({ model: 'gpt-4o', messages, ...body }, { ...headers, authorization: `Bearer ${key}` });

async function reasonOf(answer: Response): Promise<string> {
  expect(answer.status).toBe(401);
  const { error } = (await answer.json()) as { error: Record<string, string> };
  expect(error).toMatchObject({ message: 'Invalid API key', type: 'invalid_request_error', code: 'invalid_api_key' });
  return error['reason'] ?? '';
}

async function rowOf(answer: Response): Promise<SpendRow> {
  await answer.text();
  const id = answer.headers.get('x-litellm-call-id');
  const row = (await gateway.rows()).find((each) => each['litellm_call_id'] === id);
  if (row === undefined) throw new Error(`There is no row for ${id}`);
  return row;
}

describe('a key', () => {
  test('works from the moment that it is made, and is stored as a digest', async () => {
    const { key, token } = await make({ key_alias: 'first', user_id: 'u1', team_id: 't1', metadata: { app: 'x' } });
    expect(key).toMatch(/^sk-.{30,}/);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect((await ask(key)).status).toBe(200);
    const info = await gateway.get(`/key/info?key=${key}`);
    expect(await info.json()).toMatchObject({
      info: { key_alias: 'first', user_id: 'u1', team_id: 't1', metadata: { app: 'x' } },
    });
  });

  test('a changed, blocked, unblocked or deleted key is so at once, and the refusal says which', async () => {
    const { key } = await make({});
    expect((await ask(key)).status).toBe(200);
    expect((await gateway.post('/key/block', { key })).status).toBe(200);
    expect(await reasonOf(await ask(key))).toContain('blocked');
    expect((await gateway.post('/key/unblock', { key })).status).toBe(200);
    expect((await ask(key)).status).toBe(200);
    expect((await gateway.post('/key/update', { key, models: ['team/one'] })).status).toBe(200);
    expect((await ask(key)).status).toBe(403);
    expect((await ask(key, { model: 'team/one' })).status).toBe(200);
    expect((await gateway.post('/key/delete', { keys: [key] })).status).toBe(200);
    expect(await reasonOf(await ask(key))).toContain('deleted');
  });

  test('expires', async () => {
    const { key } = await make({ duration: '1s' });
    expect((await ask(key)).status).toBe(200);
    let answer = await ask(key);
    while (answer.status === 200) {
      await Bun.sleep(50);
      answer = await ask(key);
    }
    expect(await reasonOf(answer)).toContain('expired');
  });

  test.each([
    ['missing', ''],
    ['malformed', 'Bearer'],
    ['not a key', 'Bearer nonsense'],
    ['unknown', `Bearer sk-${'x'.repeat(40)}`],
  ])('that is %s is told so without being repeated', async (_, authorization) => {
    const answer = await gateway.ask({ model: 'gpt-4o', messages }, { authorization });
    const reason = await reasonOf(answer);
    expect(reason.length).toBeGreaterThan(10);
    expect(reason).not.toContain('xxxx');
  });

  test('sees and reaches only its models, by name, by prefix and through its aliases', async () => {
    const { key } = await make({ models: ['team/*', 'fast'], aliases: { fast: 'gpt-4o' } });
    expect((await ask(key, { model: 'team/one' })).status).toBe(200);
    expect((await ask(key, { model: 'fast' })).status).toBe(200);
    expect((await ask(key, { model: 'other' })).status).toBe(403);
    expect((await ask(key, { model: 'team/one', fallbacks: ['other'] })).status).toBe(403);
    const list = await gateway.get('/v1/models', { authorization: `Bearer ${key}` });
    const { data } = (await list.json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).not.toContain('other');
  });

  test('acts for its own team and no other', async () => {
    const { key } = await make({ team_id: 'red' });
    expect((await ask(key, {}, { 'x-litellm-team-id': 'red' })).status).toBe(200);
    expect((await ask(key, {}, { 'x-litellm-team-id': 'blue' })).status).toBe(403);
  });

  test('manages nothing, and reads its own rows only', async () => {
    const { key, token } = await make({ key_alias: 'reader' });
    const authorization = `Bearer ${key}`;
    for (const path of ['/key/generate', '/key/delete', '/key/update', '/key/block']) {
      expect((await gateway.post(path, { key }, { authorization })).status).toBe(403);
    }
    await (await ask(key)).text();
    const logs = await gateway.get('/spend/logs', { authorization });
    const rows = (await logs.json()) as SpendRow[];
    expect(rows.length).toBe(1);
    expect(rows[0]?.['api_key']).toBe(token);
  });
});

describe('a row of the log', () => {
  test('has what was asked, answered, spent and waited for', async () => {
    const { key, token } = await make({
      key_alias: 'logged',
      user_id: 'u9',
      team_id: 't9',
      metadata: { tags: ['from-key'] },
    });
    const answer = await ask(key, {
      user: 'end-user',
      tags: ['a', 'b'],
      metadata: { environment: 'production', trace_id: 'tr' },
    });
    const row = await rowOf(answer);
    expect(row).toMatchObject({
      api_key: token,
      user: 'u9',
      team_id: 't9',
      end_user: 'end-user',
      status: 'success',
      model_group: 'gpt-4o',
      model: 'openai/gpt-4o',
      custom_llm_provider: 'openai',
      prompt_tokens: 11,
      completion_tokens: 10,
      total_tokens: 21,
    });
    expect(row['spend']).toBeCloseTo(31e-6, 9);
    expect(row['request_tags']).toEqual(expect.arrayContaining(['a', 'b', 'from-key']));
    expect(row['metadata']).toMatchObject({ environment: 'production', user_api_key_alias: 'logged' });
    expect(row['tollgate']).toMatchObject({
      http_status: 200,
      stream: false,
      tokens: { input: 11, output: 10, source: 'provider' },
      cost_parts: { input: 11e-6, output: 20e-6 },
      attempts: [{ provider: 'openai', error: null }],
    });
    expect(row['messages']).toEqual(messages);
    expect(JSON.stringify(row['response'])).toContain('1, 2, 3');
  });

  test('exists for failures of the upstream, refusals and unknown keys too', async () => {
    const { key } = await make({ models: ['gpt-4o', 'other'] });
    const cases: [Promise<Response>, number][] = [
      [ask(key, { model: 'other' }), 500],
      [ask(key, { model: 'team/one' }), 403],
      [ask(key, { temperature: 'hot' }), 400],
      [ask('sk-nobody-has-this-one-at-all'), 401],
    ];
    for (const [pending, status] of cases) {
      const answer = await pending;
      expect(answer.status).toBe(status);
      const row = await rowOf(answer);
      expect(row).toMatchObject({ status: 'failure', tollgate: { http_status: status } });
      const { error } = row['tollgate'] as { error: { message: string } };
      expect(error.message.length).toBeGreaterThan(5);
    }
  });

  test('is found by key, by id and by user', async () => {
    const { key, token } = await make({ user_id: 'finder' });
    const answer = await ask(key);
    const { id } = (await answer.clone().json()) as { id: string };
    await rowOf(answer);
    for (const query of [`?api_key=${key}`, `?api_key=${token}`, `?request_id=${id}`, '?user_id=finder']) {
      const rows = await gateway.rows(query);
      expect(rows.map((row) => row.request_id)).toEqual([id]);
    }
    expect(await gateway.rows('?request_id=nothing', 0)).toEqual([]);
  });

  test("a key's spend is the sum of its rows, also after a restart", async () => {
    const { key } = await make({});
    for (let at = 0; at < 3; at++) await (await ask(key, { stream: at === 1 })).text();
    const rows = await gateway.rows(`?api_key=${key}`, 3);
    const sum = rows.reduce((total, row) => total + Number(row['spend']), 0);
    const { folder } = gateway;
    await gateway.kill('SIGTERM');
    gateway = await startGateway({ config: config(true), folder });
    const { info } = (await (await gateway.get(`/key/info?key=${key}`)).json()) as { info: { spend: number } };
    expect(info.spend).toBeCloseTo(sum, 9);
    expect((await ask(key)).status).toBe(200);
  });

  test('holds no words where prompts are not to be stored', async () => {
    const { folder } = gateway;
    await gateway.kill('SIGTERM');
    gateway = await startGateway({ config: config(false), folder });
    const answer = await ask(gateway.masterKey, { messages: [{ role: 'user', content: 'Keep this to yourself' }] });
    const row = await rowOf(answer);
    expect(row).toMatchObject({ messages: {}, response: {} });
    expect(JSON.stringify(row)).not.toContain('Keep this');
  });
});
