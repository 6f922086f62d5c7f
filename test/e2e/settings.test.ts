/** Every key of general_settings, litellm_settings and tollgate_settings, each seen to do what it says. */
import { Database } from 'bun:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { deployment, type Gateway, type SpendRow, startGateway } from '../support/gateway.ts';
import { streamed } from '../support/sse.ts';
import { type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateways: Gateway[] = [];
/** Most keys, set to what is not their default. */
let strict: Gateway;
/** Those that would be in the way there. */
let lenient: Gateway;
const ORIGIN = 'https://app.example';
const MASTER_KEY = 'sk-master-key-from-the-configuration';
const messages = [{ role: 'user', content: 'Count to 10' }];

beforeAll(async () => {
  upstream = await startUpstream();
  gateways = await Promise.all([startGateway(strictOptions()), startGateway(lenientOptions())]);
  [strict, lenient] = gateways as [Gateway, Gateway]; // Two were started.
});
beforeEach(() => {
  upstream.behave = () => ({});
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await upstream?.stop();
});

const strictOptions = () => ({
  withMasterKey: false,
  config: {
    model_list: [deployment(upstream, 'm'), deployment(upstream, 'other')],
    router_settings: { num_retries: 0 },
    litellm_settings: {
      model_alias_map: { nick: 'm' },
      forward_traceparent_to_llm_provider: true,
      disable_add_user_agent_to_request_tags: true,
      disable_end_user_cost_tracking: true,
      sse_keepalive_ping_interval_seconds: 0.1,
    },
    general_settings: {
      master_key: MASTER_KEY,
      database_url: 'sqlite:elsewhere.db',
      store_prompts_in_spend_logs: true,
      max_request_size_mb: 0.01,
      max_response_size_mb: 0.02,
      litellm_key_header_name: 'x-my-key',
      always_include_stream_usage: true,
      reject_clientside_metadata_tags: true,
      allow_client_side_credentials: true,
      dangerously_allow_mock_testing_request_params: true,
      include_call_id_in_error_body: true,
      forward_client_headers_to_llm_api: true,
    },
    tollgate_settings: {
      first_byte_timeout: 0.6,
      idle_timeout: 0.5,
      json_max_depth: 8,
      json_max_nodes: 200,
      data_dir: './other-data',
      cors_origins: [ORIGIN],
      max_stored_chars: 40,
    },
  },
});

const lenientOptions = () => ({
  config: {
    model_list: [
      deployment(upstream, 'm'),
      deployment(upstream, 'forwarding'),
      deployment(upstream, 'spare-1'),
      deployment(upstream, 'spare-2'),
      deployment(upstream, 'spare-3'),
      deployment(upstream, 'choosy', { model: 'groq/choosy' }),
    ],
    litellm_settings: {
      drop_params: true,
      num_retries: 1,
      request_timeout: 0.7,
      fallbacks: [{ m: ['spare-1', 'spare-2', 'spare-3'] }],
      default_fallbacks: ['spare-3'],
      max_fallbacks: 2,
      turn_off_message_logging: true,
      model_group_settings: { forward_client_headers_to_llm_api: ['forwarding'] },
    },
    general_settings: {
      store_prompts_in_spend_logs: true,
      enforce_user_param: true,
      user_header_name: 'X-End-User',
    },
  },
});

type Headers = Record<string, string>;
type Failure = { readonly error: Record<string, unknown> };

const askStrict = (body: object = {}, headers: Headers = {}): Promise<Response> =>
  strict.ask({ model: 'm', messages, ...body }, { 'x-my-key': `Bearer ${MASTER_KEY}`, ...headers });
const askLenient = (body: object = {}, headers: Headers = {}): Promise<Response> =>
  lenient.ask({ model: 'm', messages, user: 'someone', ...body }, headers);

async function failureOf(answer: Response): Promise<Failure['error']> {
  return ((await answer.json()) as Failure).error;
}

/** What the upstream was sent for an answer that succeeded. */
async function sent(pending: Promise<Response>): Promise<SeenRequest> {
  const answer = await pending;
  expect(`${answer.status} ${await answer.text()}`).toStartWith('200');
  return upstream.requests.at(-1) as SeenRequest; // It was asked just now.
}

/** The log's row of an answer. */
async function rowOf(gateway: Gateway, answer: Response): Promise<SpendRow> {
  await answer.text();
  const id = answer.headers.get('x-litellm-call-id');
  const deadline = Date.now() + 5_000;
  for (;;) {
    const listed = await gateway.get('/spend/logs', gateway === strict ? { 'x-my-key': `Bearer ${MASTER_KEY}` } : {});
    const rows = (await listed.json()) as SpendRow[];
    const row = rows.find((each) => each['litellm_call_id'] === id);
    if (row) return row;
    if (Date.now() > deadline) throw new Error('The request has no row.');
    await Bun.sleep(20);
  }
}
const strictRow = async (body: object = {}, headers: Headers = {}): Promise<SpendRow> =>
  rowOf(strict, await askStrict(body, headers));

describe('general_settings', () => {
  test('master_key is the key of the administrator', async () => {
    expect((await askStrict()).status).toBe(200);
    expect((await askStrict({}, { 'x-my-key': 'Bearer sk-another' })).status).toBe(401);
  });

  test('database_url and tollgate_settings.data_dir say where things are kept', async () => {
    await strictRow();
    expect(existsSync(join(strict.folder, 'elsewhere.db'))).toBe(true);
    expect(existsSync(join(strict.folder, 'other-data'))).toBe(true);
    expect(existsSync(join(strict.folder, 'data'))).toBe(false);
  });

  test('store_prompts_in_spend_logs keeps the words, and max_stored_chars shortens them', async () => {
    const row = await strictRow({ messages: [{ role: 'user', content: `begin ${'x'.repeat(200)} end` }] });
    const stored = JSON.stringify(row['messages']);
    expect(stored).toContain('begin');
    expect(stored).toContain('truncated');
    expect(stored).not.toContain('x'.repeat(41));
    expect(JSON.stringify(row['response'])).toContain('Hello! I am do');
  });

  test('max_request_size_mb refuses a larger body', async () => {
    expect((await askStrict({ metadata: { filler: 'x'.repeat(5_000) } })).status).toBe(200);
    expect((await askStrict({ metadata: { filler: 'x'.repeat(11_000) } })).status).toBe(413);
  });

  test('max_response_size_mb refuses a larger answer', async () => {
    upstream.behave = () => ({ content: 'x'.repeat(30_000) });
    expect((await askStrict()).status).toBe(502);
  });

  test('litellm_key_header_name reads the key there and nowhere else', async () => {
    expect((await askStrict()).status).toBe(200);
    const { status } = await strict.ask({ model: 'm', messages }, { authorization: `Bearer ${MASTER_KEY}` });
    expect(status).toBe(401);
  });

  test('always_include_stream_usage sends usage unasked', async () => {
    expect((await streamed(await askStrict({ stream: true }))).usages).toHaveLength(1);
    expect((await streamed(await askLenient({ stream: true }))).usages).toHaveLength(0);
  });

  test.each([
    ['in the body', { tags: ['mine'] }, {}],
    ['in the metadata', { metadata: { tags: ['mine'] } }, {}],
    ['in a header', {}, { 'x-litellm-tags': 'mine' }],
  ])('reject_clientside_metadata_tags refuses tags %s', async (_, body, headers) => {
    expect((await askStrict(body, headers as Headers)).status).toBe(400);
    expect((await askLenient(body, headers as Headers)).status).toBe(200);
  });

  test('allow_client_side_credentials lets requests bring a provider key, and never an address', async () => {
    expect((await askStrict({ api_key: 'sk-of-the-caller' })).status).toBe(200);
    expect(upstream.requests.at(-1)?.headers['authorization']).toBe('Bearer sk-of-the-caller');
    const before = upstream.requests.length;
    expect((await askLenient({ api_key: 'sk-of-the-caller' })).status).toBe(400);
    expect((await askStrict({ api_base: upstream.url })).status).toBe(400);
    expect(upstream.requests.length).toBe(before);
  });

  test('dangerously_allow_mock_testing_request_params lets mock_timeout through', async () => {
    const before = upstream.requests.length;
    expect((await askStrict({ mock_timeout: true, timeout: 0.1 })).status).toBe(408);
    expect(upstream.requests.length).toBe(before);
    expect((await askLenient({ mock_timeout: true, timeout: 0.1 })).status).toBe(400);
  });

  test('include_call_id_in_error_body names the call', async () => {
    const refused = await askStrict({ temperature: 'warm' });
    expect((await failureOf(refused))['litellm_call_id']).toBe(refused.headers.get('x-litellm-call-id'));
    expect(await failureOf(await askLenient({ temperature: 'warm' }))).not.toHaveProperty('litellm_call_id');
  });

  test('forward_client_headers_to_llm_api sends x-* headers on, never keys', async () => {
    const { headers } = await sent(askStrict({}, { 'x-trace': 'yes', cookie: 'a=b' }));
    expect(headers['x-trace']).toBe('yes');
    expect(headers['cookie']).toBeUndefined();
    expect(JSON.stringify(headers)).not.toContain(MASTER_KEY);
  });

  test('enforce_user_param asks for an end user', async () => {
    const refused = await askLenient({ user: undefined });
    expect(refused.status).toBe(400);
    expect((await failureOf(refused))['param']).toBe('user');
    expect((await askLenient()).status).toBe(200);
    expect((await askStrict()).status).toBe(200);
  });

  test('user_header_name reads the end user from a header', async () => {
    const answer = await askLenient({ user: undefined }, { 'x-end-user': 'from-the-header' });
    expect((await rowOf(lenient, answer))['end_user']).toBe('from-the-header');
  });

  describe('in a gateway of their own', () => {
    let gateway: Gateway;
    beforeAll(async () => {
      gateway = await startGateway({
        config: {
          model_list: [deployment(upstream, 'm'), deployment(upstream, 'the-only-one')],
          general_settings: { completion_model: 'the-only-one', disable_spend_logs: true, user_api_key_cache_ttl: 0 },
          tollgate_settings: { drain_timeout: 0.2 },
        },
      });
    });
    afterAll(async () => {
      await gateway?.stop();
    });
    const database = (): Database => new Database(join(gateway.folder, 'data', 'tollgate.db'));

    test('completion_model answers whatever was asked for', async () => {
      const { body } = await sent(gateway.ask({ model: 'm', messages }));
      expect(body['model']).toBe('the-only-one');
    });

    test('user_api_key_cache_ttl: a key that was blocked elsewhere is refused after it', async () => {
      const { key } = (await (await gateway.post('/key/generate', {})).json()) as { key: string };
      const ask = async () => (await gateway.ask({ model: 'm', messages }, { authorization: `Bearer ${key}` })).status;
      expect(await ask()).toBe(200);
      const db = database();
      expect(db.run('update keys set blocked = 1').changes).toBe(1);
      db.close();
      expect(await ask()).not.toBe(200);
    });

    test('drain_timeout ends a stop that a stream holds up, and disable_spend_logs left no row', async () => {
      upstream.behave = () => ({ muteAfter: 3 });
      const answer = await gateway.ask({ model: 'm', messages, stream: true });
      const reader = answer.body?.getReader();
      await reader?.read();
      const startedAtMs = performance.now();
      expect(await gateway.kill('SIGTERM')).toBe(0);
      expect(performance.now() - startedAtMs).toBeLessThan(3_000);
      await reader?.cancel().catch(() => {});
      const db = database();
      expect(db.query('select count(*) as rows from requests').get()).toEqual({ rows: 0 });
      db.close();
    });
  });

  test('dangerously_permit_weak_or_unset_master_key lets a weak key guard an open address', async () => {
    const start = (permit: boolean) =>
      startGateway({
        withMasterKey: false,
        args: ['--host', '0.0.0.0'],
        config: {
          model_list: [deployment(upstream, 'm')],
          general_settings: { master_key: 'sk-1234', dangerously_permit_weak_or_unset_master_key: permit },
        },
      });
    await expect(start(false)).rejects.toThrow('ended with 1');
    const open = await start(true);
    expect(await open.stop()).toBe(0);
  });
});

describe('litellm_settings', () => {
  test('model_alias_map gives a model further names', async () => {
    expect((await sent(askStrict({ model: 'nick' }))).body['model']).toBe('m');
  });

  test('forward_traceparent_to_llm_provider sends it on', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect((await sent(askStrict({}, { traceparent }))).headers['traceparent']).toBe(traceparent);
    expect((await sent(askLenient({}, { traceparent }))).headers['traceparent']).toBeUndefined();
  });

  test('disable_add_user_agent_to_request_tags leaves the agent out of the tags', async () => {
    const agent = { 'user-agent': 'curl/8.5.0' };
    expect((await strictRow({}, agent))['request_tags']).toEqual([]);
    expect((await rowOf(lenient, await askLenient({}, agent)))['request_tags']).toEqual([
      'User-Agent: curl',
      'User-Agent: curl/8.5.0',
    ]);
  });

  test('disable_end_user_cost_tracking does not keep the end user', async () => {
    expect((await strictRow({ user: 'someone' }))['end_user']).toBe('');
    expect((await rowOf(lenient, await askLenient()))['end_user']).toBe('someone');
  });

  test('sse_keepalive_ping_interval_seconds comments on a quiet stream', async () => {
    upstream.behave = () => ({ content: 'a b', paceMs: 250 });
    expect(await (await askStrict({ stream: true })).text()).toContain(': ping\n\n');
  });

  test('turn_off_message_logging keeps no words, even where prompts are stored', async () => {
    const row = await rowOf(lenient, await askLenient());
    expect([row['messages'], row['response']]).toEqual([{}, {}]);
  });

  test('model_group_settings.forward_client_headers_to_llm_api is for its models only', async () => {
    const headers = { 'x-trace': 'yes' };
    expect((await sent(askLenient({ model: 'forwarding' }, headers))).headers['x-trace']).toBe('yes');
    expect((await sent(askLenient({}, headers))).headers['x-trace']).toBeUndefined();
  });

  test('drop_params drops what the provider does not support', async () => {
    const { body } = await sent(askLenient({ model: 'choosy', logit_bias: { 1: 1 } }));
    expect(body).not.toHaveProperty('logit_bias');
  });

  test('num_retries, fallbacks and max_fallbacks count the attempts', async () => {
    upstream.behave = () => ({ status: 500 });
    const before = upstream.requests.length;
    expect((await askLenient()).status).toBe(500);
    const models = upstream.requests.slice(before).map(({ body }) => body['model']);
    // Each group is tried and retried once; the third fallback is one too many.
    expect(models).toEqual(['m', 'm', 'spare-1', 'spare-1', 'spare-2', 'spare-2']);
  });

  test('default_fallbacks serve models without fallbacks of their own', async () => {
    upstream.behave = ({ body }) => (body['model'] === 'spare-3' ? {} : { status: 400 });
    expect((await sent(askLenient({ model: 'forwarding' }))).body['model']).toBe('spare-3');
  });

  test('request_timeout ends a request', async () => {
    upstream.behave = () => ({ silent: true });
    const answer = await askLenient({ num_retries: 0, disable_fallbacks: true });
    expect(answer.status).toBe(408);
    expect((await failureOf(answer))['message']).toContain('within 0.7 seconds');
  });
});

describe('tollgate_settings', () => {
  test('first_byte_timeout ends an attempt that is not answered', async () => {
    upstream.behave = () => ({ silent: true });
    const answer = await askStrict();
    expect(answer.status).toBe(408);
    expect((await failureOf(answer))['message']).toContain('within 0.6 seconds');
  });

  test('idle_timeout ends a stream that falls silent', async () => {
    upstream.behave = () => ({ muteAfter: 4 });
    const { error, isDone, content } = await streamed(await askStrict({ stream: true }));
    expect(content).not.toBe('');
    expect(error).toBeDefined();
    expect(isDone).toBe(false);
  });

  test('json_max_depth and json_max_nodes refuse what is too deep or too much', async () => {
    const deep = { a: { a: { a: { a: { a: { a: { a: { a: 1 } } } } } } } };
    const many = Array.from({ length: 200 }, () => 1);
    for (const extra of [deep, { many }]) {
      expect((await askStrict({ extra })).status).toBe(400);
      expect((await askLenient({ extra })).status).toBe(200);
    }
  });

  test('cors_origins lets those pages in and no others', async () => {
    const allowed = async (origin: string) =>
      (await askStrict({}, { origin })).headers.get('access-control-allow-origin');
    expect(await allowed(ORIGIN)).toBe(ORIGIN);
    expect(await allowed('https://evil.example')).toBeNull();
  });
});
