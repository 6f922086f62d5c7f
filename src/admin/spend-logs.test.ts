import { describe, expect, test } from 'bun:test';
import { type Answer, adminPlace, NOW_MS } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { digest } from '../auth/digest.ts';
import type { LedgerRow } from '../db/request-row.ts';

const place = adminPlace();
const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 0, 10, 12);

function record(over: Partial<LedgerRow> & { readonly startedAtMs?: number } = {}): LedgerRow {
  const startedAtMs = over.startedAtMs ?? NOON;
  const id = over.id ?? Bun.randomUUIDv7('hex', startedAtMs);
  const row = sampleRow({ id, startedAtMs, endedAtMs: startedAtMs + 812.5, ...over });
  place.ledger.record(row);
  return row;
}

const idsOf = (rows: { tollgate: { id: string } }[]): string[] => rows.map(({ tollgate }) => tollgate.id);

async function ids(query: string, key?: string): Promise<string[]> {
  const answer =
    key === undefined ? await place.get(`/spend/logs${query}`) : await place.get(`/spend/logs${query}`, key);
  expect(answer.status).toBe(200);
  return idsOf(answer.body);
}

describe('a row', () => {
  test('has LiteLLM’s fields, and what those cannot say under tollgate', async () => {
    const row = record({
      keyHash: 'a'.repeat(64),
      firstTokenAtMs: NOON + 300,
      tags: ['x', 'User-Agent: curl'],
      metadata: { note: 'n', user_api_key: 'forged' },
      endUser: 'customer-7',
      sessionId: 'session-1',
      buckets: {
        input: 100,
        cacheRead: 40,
        cacheWrite: 10,
        inputAudio: 0,
        output: 20,
        reasoning: 5,
        outputAudio: 0,
        source: 'provider',
      },
      costNanoUsd: 1_950,
      costParts: { input: 1_000, output: 500, cacheRead: 200, cacheWrite: 150, reasoning: 100 },
      changes: [{ field: 'logit_bias', action: 'dropped', note: 'not known to the model' }],
    });
    const [view] = (await place.get('/spend/logs')).body;
    expect(view).toMatchObject({
      request_id: row.responseId,
      litellm_call_id: row.callId,
      call_type: 'acompletion',
      api_key: row.keyHash,
      spend: 0.00000195,
      prompt_tokens: 150,
      completion_tokens: 25,
      total_tokens: 175,
      startTime: '2026-01-10T12:00:00.000Z',
      endTime: '2026-01-10T12:00:00.812Z',
      completionStartTime: '2026-01-10T12:00:00.300Z',
      request_duration_ms: 813,
      model: 'openai/gpt-4o-mini',
      model_id: 'deployment-1',
      model_group: 'gpt-4o-mini',
      custom_llm_provider: 'openai',
      api_base: 'https://api.openai.com/v1',
      user: 'user-1',
      team_id: 'team-1',
      organization_id: null,
      end_user: 'customer-7',
      session_id: 'session-1',
      requester_ip_address: '127.0.0.1',
      request_tags: ['x', 'User-Agent: curl'],
      status: 'success',
      cache_hit: 'False',
      messages: {},
      response: {},
      proxy_server_request: {},
    });
    expect(view.metadata).toMatchObject({
      note: 'n',
      user_api_key: row.keyHash,
      user_api_key_alias: 'alias',
      user_agent: 'OpenAI/Python 2.0.0',
      attempted_retries: 0,
      litellm_overhead_time_ms: 2.25,
      usage_object: {
        prompt_tokens: 150,
        cache_read_input_tokens: 40,
        cache_creation_input_tokens: 10,
        reasoning_tokens: 5,
      },
      cost_breakdown: { input_cost: 0.000001, cache_read_cost: 0.0000002, total_cost: 0.00000195 },
    });
    expect(view.tollgate).toMatchObject({
      id: row.id,
      status: 'success',
      http_status: 200,
      stream: false,
      route: '/v1/chat/completions',
      requested_model: 'gpt-4o-mini',
      tokens: row.buckets,
      cost_parts: {
        input: 0.000001,
        output: 0.0000005,
        cacheRead: 0.0000002,
        cacheWrite: 0.00000015,
        reasoning: 0.0000001,
      },
      price_version: '2025-11-20',
      latency_ms: { total: 812.5, first_token: 300, upstream: 810.25, overhead: 2.25 },
      changes: row.changes,
      error: null,
    });
  });

  test('of a failure says which; LiteLLM knows two statuses, tollgate five', async () => {
    record({ status: 'truncated', error: { kind: 'upstream_truncated', type: 't', message: 'cut', code: null } });
    record({ status: 'aborted', httpStatus: 499, costNanoUsd: 3, startedAtMs: NOON - 1 });
    const [cut, left] = (await place.get('/spend/logs')).body;
    expect([cut.status, cut.tollgate.status]).toEqual(['failure', 'truncated']);
    expect(cut.metadata.error_information).toEqual({
      error_code: '200',
      error_class: 'upstream_truncated',
      error_message: 'cut',
    });
    expect([left.status, left.tollgate.status, left.tollgate.http_status]).toEqual(['failure', 'aborted', 499]);
  });

  test('of unknown price has the spend null, and one without tokens has none', async () => {
    record({ costNanoUsd: null, costParts: null, buckets: null, responseId: null });
    const [view] = (await place.get('/spend/logs')).body;
    expect(view).toMatchObject({ spend: null, total_tokens: 0 });
    expect(view.request_id).toBe(view.litellm_call_id);
    expect(view.tollgate).toMatchObject({ tokens: null, cost_parts: null });
  });

  test('has times to the microsecond, without the noise of subtracting them', async () => {
    record({ endedAtMs: NOON + 11.981, firstTokenAtMs: NOON + 7.053 });
    const [view] = (await place.get('/spend/logs')).body;
    expect(view.tollgate.latency_ms).toMatchObject({ total: 11.981, first_token: 7.053 });
  });

  test('shows what was stored of prompt and answer, a stream as its list of events', async () => {
    const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
    record({ requestBody: JSON.stringify(request), responseBody: '{"id":"1"}' });
    record({ requestBody: JSON.stringify(request), responseBody: '{"a":1}\n{"b":2}\n', startedAtMs: NOON - 1 });
    record({ requestBody: '"odd"', responseBody: 'no JSON', startedAtMs: NOON - 2 });
    const [full, stream, odd] = (await place.get('/spend/logs')).body;
    expect(full).toMatchObject({ messages: request.messages, proxy_server_request: request, response: { id: '1' } });
    expect(stream.response).toEqual([{ a: 1 }, { b: 2 }]);
    expect(odd).toMatchObject({ messages: {}, response: ['no JSON'], proxy_server_request: ['odd'] });
  });
});

describe('filters', () => {
  test('a request is found by our id, by the call id and by the answer’s id', async () => {
    const row = record({ callId: 'my-call', responseId: 'chatcmpl-1' });
    record();
    for (const id of [row.id, 'my-call', 'chatcmpl-1']) expect(await ids(`?request_id=${id}`)).toEqual([row.id]);
    expect(await ids('?request_id=nobody')).toEqual([]);
  });

  test('a key is found by itself and by its digest', async () => {
    const row = record({ keyHash: digest('sk-a-key-of-the-test') });
    record();
    expect(await ids('?api_key=sk-a-key-of-the-test')).toEqual([row.id]);
    expect(await ids(`?api_key=${row.keyHash}`)).toEqual([row.id]);
    expect(await ids('?api_key=sk-another')).toEqual([]);
  });

  test('all that are given must hold; empty ones are not given', async () => {
    const row = record({ userId: 'u', teamId: 't', endUser: 'e', modelGroup: 'g', requestedModel: 'r', model: 'p/m' });
    record({ userId: 'u', teamId: 'other' });
    for (const query of [
      'user_id=u&team_id=t',
      'end_user=e',
      'model=g',
      'model=r',
      'model=p/m',
      'end_user=e&model=&team_id=',
    ]) {
      expect(await ids(`?${query}`)).toEqual([row.id]);
    }
    expect(await ids('?user_id=u&team_id=nobody')).toEqual([]);
    expect(await ids('?user_id=u')).toHaveLength(2);
  });

  test('status_filter tells success from all that is none', async () => {
    const good = record();
    const bad = (['failure', 'aborted', 'truncated', 'crashed'] as const).map((status, at) =>
      record({ status, startedAtMs: NOON - 1 - at }),
    );
    expect(await ids('?status_filter=success')).toEqual([good.id]);
    expect(await ids('?status_filter=failure')).toEqual(bad.map(({ id }) => id));
  });

  test('a range of days holds its last day; one of times its last second', async () => {
    const rows = [-1, 0, 1, 2].map((day) => record({ startedAtMs: NOON + day * DAY_MS }));
    const [, first, second, third] = rows.map(({ id }) => id);
    const inRange = (query: string): Promise<string[]> => ids(`?summarize=false&${query}`);
    expect(await inRange('start_date=2026-01-10&end_date=2026-01-11')).toEqual([second ?? '', first ?? '']);
    expect(await inRange('start_date=2026-01-11')).toEqual([third ?? '', second ?? '']);
    expect(await inRange('start_date=2026-01-10 12:00:00&end_date=2026-01-10 12:00:00')).toEqual([first ?? '']);
    expect(await inRange('start_date=2026-01-10 12:00:01&end_date=2026-01-10T23:59:59Z')).toEqual([]);
    expect(await inRange('start_date=2026-01-10T13:00:00+01:00&end_date=2026-01-10T13:00+01:00')).toEqual([
      first ?? '',
    ]);
    expect(await inRange('start_date=2026-01-10T13:00:00%2B01:00&end_date=2026-01-10T12:00:00.000Z')).toEqual([
      first ?? '',
    ]);
  });

  test('a row stands in the range of its own start, whatever the clock of its id said', async () => {
    const row = record({ id: Bun.randomUUIDv7('hex', Date.UTC(2026, 0, 11) - 3), startedAtMs: Date.UTC(2026, 0, 11) });
    expect(await ids('?summarize=false&start_date=2026-01-11&end_date=2026-01-11')).toEqual([row.id]);
    expect(await ids('?summarize=false&start_date=2026-01-10&end_date=2026-01-10')).toEqual([]);
  });
});

describe('sums by day', () => {
  const summary = async (query = ''): Promise<Answer['body']> =>
    (await place.get(`/spend/logs?start_date=2026-01-10&end_date=2026-01-13${query}`)).body;

  test('are by user, model and key, and days after the last are empty', async () => {
    record({ keyHash: 'k1', userId: 'u1', model: 'p/a', costNanoUsd: 1_000_000_000 });
    record({ keyHash: 'k2', userId: 'u1', model: 'p/b', costNanoUsd: 500_000_000 });
    record({ keyHash: 'k1', userId: null, model: null, modelGroup: 'nope', costNanoUsd: null });
    record({ keyHash: 'k1', userId: 'u2', model: 'p/a', costNanoUsd: 250_000_000, startedAtMs: NOON + 2 * DAY_MS });
    record({ costNanoUsd: 9e9, startedAtMs: NOON + 9 * DAY_MS });
    expect(await summary()).toEqual([
      {
        startTime: '2026-01-10',
        spend: 1.5,
        users: { u1: 1.5, '': 0 },
        models: { 'p/a': 1, 'p/b': 0.5, nope: 0 },
        k1: 1,
        k2: 0.5,
      },
      { startTime: '2026-01-12', spend: 0.25, users: { u2: 0.25 }, models: { 'p/a': 0.25 }, k1: 0.25 },
      { startTime: '2026-01-13', spend: 0, users: {}, models: {} },
    ]);
  });

  test('obey the filters', async () => {
    record({ keyHash: digest('sk-x'), costNanoUsd: 2e9 });
    record({ keyHash: digest('sk-y'), userId: 'u9', costNanoUsd: 3e9 });
    expect((await summary('&api_key=sk-x'))[0].spend).toBe(2);
    expect((await summary('&user_id=u9'))[0].spend).toBe(3);
    expect(await summary('&user_id=nobody')).toEqual([]);
  });

  test('count every row, however many there are, exactly', async () => {
    for (let i = 0; i < 1_200; i++) record({ costNanoUsd: 100_000_001, startedAtMs: NOON + i });
    expect((await summary())[0].spend).toBe(120.0000012);
  });

  test('of names like those of objects are sums like others', async () => {
    record({ userId: '__proto__', model: 'constructor', keyHash: 'toString', costNanoUsd: 1e9 });
    const [day] = await summary();
    expect(Object.entries(day.users)).toEqual([['__proto__', 1]]);
    expect(day).toMatchObject({ models: { constructor: 1 }, toString: 1 });
  });
});

describe('pages', () => {
  test('come newest first with their totals', async () => {
    const rows = Array.from({ length: 5 }, (_, at) => record({ startedAtMs: NOON + at }));
    const newest = rows.map(({ id }) => id).reverse();
    const page = async (query: string): Promise<Answer['body']> => (await place.get(`/spend/logs/v2${query}`)).body;
    const second = await page('?page=2&page_size=2');
    expect({ ...second, data: idsOf(second.data) }).toEqual({
      data: newest.slice(2, 4),
      total: 5,
      page: 2,
      page_size: 2,
      total_pages: 3,
    });
    expect(await page('?page=4&page_size=2')).toMatchObject({ data: [], total: 5 });
    expect(await page('')).toMatchObject({ total: 5, page: 1, page_size: 50, total_pages: 1 });
    expect(await page('?user_id=nobody')).toEqual({ data: [], total: 0, page: 1, page_size: 50, total_pages: 0 });
  });

  test('of a range of dates are rows, not sums', async () => {
    const row = record();
    const { body } = await place.get('/spend/logs/v2?start_date=2026-01-10&end_date=2026-01-10');
    expect(idsOf(body.data)).toEqual([row.id]);
  });
});

describe('a plain key', () => {
  test('sees its own rows, whatever it asks for, and no prompts', async () => {
    const key = await place.key();
    const mine = record({
      keyHash: digest(key),
      userId: 'u',
      requestBody: '{"messages":["secret"]}',
      responseBody: '{"a":1}',
    });
    const foreign = record({ userId: 'u', callId: 'foreign-call' });
    for (const query of ['', '?user_id=u', `?api_key=${key}`, `?api_key=${digest(key)}`, `?request_id=${mine.id}`]) {
      expect(await ids(query, key)).toEqual([mine.id]);
    }
    expect(await ids(`?request_id=${foreign.id}`, key)).toEqual([]);
    expect(await ids('?request_id=foreign-call', key)).toEqual([]);
    const [view] = (await place.get('/spend/logs', key)).body;
    expect(view).toMatchObject({ messages: {}, response: {}, proxy_server_request: {} });
    const paged = await place.get('/spend/logs/v2', key);
    expect(paged.body).toMatchObject({ total: 1 });
    const days = await place.get('/spend/logs?start_date=2026-01-10&end_date=2026-01-10', key);
    expect(days.body).toHaveLength(1);
    expect(days.body[0].spend).toBe(0.000027);
  });

  test('that names another key learns that there is none, on every form of the log', async () => {
    const key = await place.key();
    const other = await place.key();
    record({ keyHash: digest(other) });
    for (const path of ['/spend/logs', '/spend/logs/v2']) {
      for (const asked of [other, digest(other), 'sk-never-made-by-anyone']) {
        const answer = await place.get(`${path}?api_key=${asked}`, key);
        expect([answer.status, answer.body.error.param]).toEqual([404, 'api_key']);
      }
    }
  });

  test('that is limited to spend routes may read them', async () => {
    const key = await place.key({ allowed_routes: ['spend_tracking_routes'] });
    expect(await ids('', key)).toEqual([]);
    expect((await place.get('/key/info', key)).status).toBe(403);
  });
});

describe('a filter', () => {
  test('by the alias of a key finds its rows and no others', async () => {
    const mine = record({ keyAlias: 'app-1' });
    record({ keyAlias: 'app-2' });
    expect(await ids('?key_alias=app-1')).toEqual([mine.id]);
    expect(await ids('?key_alias=app-3')).toEqual([]);
  });

  test('of every kind finds its rows and no others', async () => {
    const error = { kind: 'rate_limited', type: 'rate_limit_error', message: 'Slow down, 100% busy', code: 'too_fast' };
    const mine = record({
      status: 'failure',
      httpStatus: 429,
      error,
      costNanoUsd: 2_000_000_000,
      sessionId: 's1',
      deploymentId: 'd9',
      organizationId: 'o1',
      keyHash: digest('sk-mine'),
      tags: ['x', 'y'],
    });
    record({ costNanoUsd: 1_000_000_000, httpStatus: 429, sessionId: 's2', tags: ['z'] });
    record({ costNanoUsd: null, costParts: null });
    for (const path of ['/spend/logs', '/spend/logs/v2', '/spend/logs/ui']) {
      for (const query of [
        'min_spend=1.5',
        'min_spend=2&max_spend=2.0',
        'error_code=429',
        'error_code=too_fast',
        'error_message=slow%20DOWN,%20100%25',
        'session_id=s1',
        'model_id=d9',
        'organization_id=o1',
        `key_hash=${digest('sk-mine')}`,
        `api_key=sk-mine&key_hash=${digest('sk-mine')}`,
        'request_tags=q,y',
        'status_filter=failure&end_user=',
      ]) {
        const { status, body } = await place.get(`${path}?${query}`);
        expect([query, status, idsOf(body.data ?? body)]).toEqual([query, 200, [mine.id]]);
      }
      for (const query of [
        'max_spend=0.5',
        'error_code=500',
        'error_message=100_',
        'key_hash=sk-other&api_key=sk-mine',
      ]) {
        const { body } = await place.get(`${path}?${query}`);
        expect([query, idsOf(body.data ?? body)]).toEqual([query, []]);
      }
    }
  });

  test('that nobody knows or that cannot be read is refused by name: all rows would be a wrong answer', async () => {
    record();
    for (const path of ['/spend/logs', '/spend/logs/v2', '/spend/logs/ui']) {
      for (const [name, value] of [
        ['min_spent', '5'],
        ['min_spend', 'much'],
        ['max_spend', '-1'],
        ['status_filter', 'meh'],
        ['timezone', 'Mars/Olympus'],
        ['timezone', '-7'],
        ['start_date', 'yesterday'],
      ]) {
        const answer = await place.get(`${path}?${name}=${value}`);
        expect([answer.status, answer.body.error.param]).toEqual([400, name]);
      }
      expect((await place.get(`${path}?min_spend=`)).status).toBe(200);
    }
    for (const query of ['sort_by=prompt', 'cursor=abc', 'cursor=1.a&sort_by=spend', 'page_size=0']) {
      const answer = await place.get(`/spend/logs/v2?${query}`);
      expect([answer.status, answer.body.error.param]).toEqual([400, query.split('=')[0]]);
    }
  });
});

describe('an order', () => {
  test('by spend or by time is kept over pages', async () => {
    const costs = [5, 1, 4, 2, 3];
    const rows = costs.map((costNanoUsd, at) => record({ costNanoUsd, startedAtMs: NOON + at }));
    const inOrder = async (query: string): Promise<string[]> => {
      const pages = [1, 2, 3].map((page) => place.get(`/spend/logs/ui?page_size=2&page=${page}&${query}`));
      return (await Promise.all(pages)).flatMap(({ body }) => idsOf(body.data));
    };
    const byCost = rows.toSorted((a, b) => (a.costNanoUsd ?? 0) - (b.costNanoUsd ?? 0)).map(({ id }) => id);
    expect(await inOrder('sort_by=spend&sort_order=asc')).toEqual(byCost);
    expect(await inOrder('sort_by=spend')).toEqual(byCost.toReversed());
    expect(await inOrder('sort_order=asc')).toEqual(rows.map(({ id }) => id));
  });

  test('goes on from a cursor, whatever came meanwhile', async () => {
    const rows = Array.from({ length: 5 }, (_, at) => record({ startedAtMs: NOON + at }));
    const first = await place.get('/spend/logs/v2?page_size=3');
    record({ startedAtMs: NOON + 9 });
    const second = await place.get(`/spend/logs/v2?page_size=3&cursor=${first.headers.get('x-tollgate-next-cursor')}`);
    expect([...idsOf(first.body.data), ...idsOf(second.body.data)]).toEqual(rows.map(({ id }) => id).reverse());
    expect(second.headers.get('x-tollgate-next-cursor')).toBeNull();
  });
});

describe('the requests of a session', () => {
  test('come by pages, and without a session there are none', async () => {
    const rows = [0, 1, 2].map((at) => record({ sessionId: 's1', startedAtMs: NOON + at }));
    record({ sessionId: 's2' });
    const { body } = await place.get('/spend/logs/session/ui?session_id=s1&page_size=2');
    expect(body).toMatchObject({ total: 3, page: 1, page_size: 2, total_pages: 2 });
    expect(idsOf(body.data)).toEqual([rows[2]?.id ?? '', rows[1]?.id ?? '']);
    expect((await place.get('/spend/logs/session/ui')).body.error.param).toBe('session_id');
  });
});

describe('one request', () => {
  const BODIES = { requestBody: '{"messages":["secret"]}', responseBody: '{"a":1}' };

  test('is shown whole to the admin, and is not there for others', async () => {
    const key = await place.key();
    const row = record({ ...BODIES, callId: 'call-1' });
    const mine = record({ ...BODIES, keyHash: digest(key), callId: 'call-2' });
    for (const id of [row.id, 'call-1', row.responseId]) {
      const { body } = await place.get(`/spend/logs/ui/${id}`);
      expect(body).toMatchObject({ tollgate: { id: row.id }, messages: ['secret'], response: { a: 1 } });
    }
    const foreign = await place.get('/spend/logs/ui/call-1', key);
    expect([foreign.status, foreign.body.error.type]).toEqual([404, 'not_found_error']);
    expect((await place.get('/spend/logs/ui/never')).status).toBe(404);
    const own = await place.get('/spend/logs/ui/call-2', key);
    expect(own.body).toMatchObject({ tollgate: { id: mine.id }, messages: {}, response: {} });
  });
});

describe('a table', () => {
  test('has every row of the filter, safe to open, and the same sum', async () => {
    for (let at = 0; at < 1_203; at++) record({ startedAtMs: NOON + at, costNanoUsd: 1_000_000 + at, teamId: 'big' });
    record({ costNanoUsd: 5, teamId: '=cmd|"/c calc"!A1', endUser: 'a, "b"\nc', startedAtMs: NOON - 1 });
    record({ costNanoUsd: null, costParts: null, startedAtMs: NOON - 2 });
    for (const init of [{ path: '/spend/logs?format=csv' }, { path: '/spend/logs', headers: { accept: 'text/csv' } }]) {
      const answer = await place.request(init.path, { headers: init.headers ?? {} });
      expect(answer.headers.get('content-type')).toStartWith('text/csv');
      expect(answer.headers.get('content-disposition')).toBe('attachment; filename="spend-logs.csv"');
      const lines = String(answer.body).trimEnd().split('\r\n');
      expect(lines).toHaveLength(1_206);
      expect(lines.at(-2)).toContain(`"'=cmd|""/c calc""!A1"`);
      expect(lines.at(-2)).toContain('"a, ""b""');
      const at = lines[0]?.split(',').indexOf('spend') ?? -1;
      const spends = lines.slice(1, -2).map((line) => Math.round(Number(line.split(',')[at]) * 1e9));
      expect(spends.reduce((sum, one) => sum + one)).toBe(1_203 * 1_000_000 + (1_202 * 1_203) / 2);
      expect(lines.at(-1)?.split(',')[at]).toBe('');
    }
    const mine = await place.get('/spend/logs/v2?format=csv&team_id=big&page_size=1');
    expect(String(mine.body).trimEnd().split('\r\n')).toHaveLength(1_204);
  });

  test('of sums by day says what the sums say', async () => {
    record({ costNanoUsd: 7, keyHash: 'k', userId: 'u', model: 'm' });
    const { body } = await place.get('/spend/logs?start_date=2026-01-10&end_date=2026-01-10&format=csv');
    expect(body).toBe('date,api_key,user,model,spend\r\n2026-01-10,k,u,m,0.000000007\r\n');
  });
});

describe('a time zone', () => {
  test('says which day a request was on', async () => {
    const row = record({ startedAtMs: Date.UTC(2026, 0, 10, 23, 30) });
    const days = async (zone: string, query = ''): Promise<string[]> => {
      const range = 'start_date=2026-01-09&end_date=2026-01-11';
      const { body } = await place.get(`/spend/logs?${range}&timezone=${zone}${query}`);
      return body
        .filter(({ spend }: { spend: number }) => spend > 0)
        .map(({ startTime }: { startTime: string }) => startTime);
    };
    expect(await days('UTC')).toEqual(['2026-01-10']);
    expect(await days('Europe/Berlin')).toEqual(['2026-01-11']);
    expect(await days('-60')).toEqual(['2026-01-11']);
    expect(await days('-60', '&min_spend=0.00001')).toEqual(['2026-01-11']);
    expect(await ids('?summarize=false&start_date=2026-01-11&end_date=2026-01-11&timezone=Europe/Berlin')).toEqual([
      row.id,
    ]);
    place.settings = { ...place.settings, timeZone: 'Europe/Berlin' };
    expect(await days('')).toEqual(['2026-01-11']);
    expect(await ids('?summarize=false&start_date=2026-01-11 00:30&end_date=2026-01-11 00:31')).toEqual([row.id]);
  });
});

describe('reading your own writes', () => {
  test('a row is there as soon as its request has been answered', async () => {
    for (let i = 0; i < 5; i++) {
      const row = record({ startedAtMs: NOON + i });
      expect((await ids(''))[0]).toBe(row.id);
    }
    expect(place.ledger.pending()).toBe(0);
  });

  test('no row and no time is an empty list', async () => {
    expect(await ids('')).toEqual([]);
    expect((await place.get('/spend/logs?start_date=2026-01-01&end_date=2026-01-31')).body).toEqual([]);
    expect(place.nowMs).toBe(NOW_MS);
  });
});
