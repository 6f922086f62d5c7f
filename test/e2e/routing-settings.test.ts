/** Every setting of routing, each seen to do what it says: the fake upstreams tell who was asked, and how often. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { type AppPlace, startAppPlace } from '../support/app-place.ts';
import { deployment } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { type Behaviour, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
/** What each upstream model does; others answer well. */
let behaviours: Readonly<Record<string, Behaviour>>;
const running: AppPlace[] = [];

beforeAll(async () => {
  upstream = await startUpstream(({ body }) => behaviours[String(body['model'])] ?? {});
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((place) => place.stop()));
});
afterAll(() => upstream?.stop());

/** A deployment of `name` whose id is the name it has upstream. */
const at = (name: string, upstreamModel: string, params: object = {}, info: object = {}): object =>
  deployment(
    upstream,
    name,
    { model: `openai/${upstreamModel}`, ...params },
    { model_info: { id: upstreamModel, ...info } },
  );

async function serving(model_list: readonly object[], router: object = {}, sections: object = {}): Promise<AppPlace> {
  behaviours = {};
  const place = await startAppPlace({ model_list, router_settings: router, ...sections });
  running.push(place);
  return place;
}

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { error?: { message: string; code: string } };
  /** Upstream models that were asked for it, in order. */
  readonly tried: string[];
}

interface Asking {
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly key?: string;
}

const messages = [{ role: 'user', content: 'Count to 10' }];

/** One request at a time, so that what reaches the upstreams is its own. */
async function ask(place: AppPlace, model: string, { body, headers, key }: Asking = {}): Promise<Asked> {
  const before = upstream.requests.length;
  const answer = await place.ask(
    { model, messages, ...body },
    { ...(headers && { headers }), ...(key !== undefined && { key }) },
  );
  const json = (await answer.json()) as Asked['body']; // The gateway's JSON.
  const tried = upstream.requests.slice(before).map((request) => String(request.body['model']));
  return { status: answer.status, headers: answer.headers, body: json, tried };
}

async function triedBy(place: AppPlace, count: number, model = 'm', asking: Asking = {}): Promise<string[]> {
  const tried: string[] = [];
  for (let call = 0; call < count; call++) tried.push(...(await ask(place, model, asking)).tried);
  return tried;
}

const times = (name: string, count: number): string[] => Array.from({ length: count }, () => name);

describe('routing_strategy', () => {
  const pair = (one: object = {}, other: object = {}): object[] => [at('m', 'one', one), at('m', 'other', other)];

  test('simple-shuffle shares by weight', async () => {
    const place = await serving(pair({ weight: 0 }, { weight: 1 }), { routing_strategy: 'simple-shuffle' });
    expect(await triedBy(place, 15)).toEqual(times('other', 15));
  });

  test('least-busy asks whom fewest requests are under way at', async () => {
    const place = await serving(pair(), { routing_strategy: 'least-busy' });
    for (let round = 0; round < 5; round++) {
      const before = upstream.requests.length;
      behaviours = { one: { delayMs: 40 }, other: { delayMs: 40 } };
      await Promise.all([ask(place, 'm'), ask(place, 'm')]);
      const both = upstream.requests.slice(before).map(({ body }) => String(body['model']));
      expect(both.toSorted()).toEqual(['one', 'other']);
    }
  });

  test.each(['usage-based-routing-v2', 'usage-based-routing'])(
    '%s asks whom fewest tokens went to',
    async (strategy) => {
      const place = await serving(pair(), { routing_strategy: strategy });
      const usage = (total: number) => ({ prompt_tokens: 1, completion_tokens: total - 1, total_tokens: total });
      behaviours = { one: { usage: usage(1_000) }, other: { usage: usage(10) } };
      const tried = await triedBy(place, 12);
      expect(tried.filter((name) => name === 'one')).toHaveLength(1);
    },
  );

  test('usage-based-routing-v2 counts what is under way: nobody is everybody’s choice at the same moment', async () => {
    const place = await serving([...pair(), at('m', 'third')], { routing_strategy: 'usage-based-routing-v2' });
    const usage = (total: number) => ({ prompt_tokens: 1, completion_tokens: total - 1, total_tokens: total });
    behaviours = { one: { usage: usage(100) }, other: { usage: usage(100) }, third: { usage: usage(90) } };
    expect(new Set(await triedBy(place, 3)).size).toBe(3);
    behaviours = { one: { delayMs: 80 }, other: { delayMs: 80 }, third: { delayMs: 80 } };
    const before = upstream.requests.length;
    await Promise.all(Array.from({ length: 12 }, () => ask(place, 'm')));
    const asked = upstream.requests.slice(before).map(({ body }) => body['model']);
    for (const name of ['one', 'other', 'third'])
      expect(asked.filter((model) => model === name).length).toBeWithin(3, 6);
  });

  test('latency-based-routing asks the quicker, once both are known', async () => {
    const place = await serving(pair(), { routing_strategy: 'latency-based-routing' });
    behaviours = { one: { delayMs: 60 } };
    expect(new Set(await triedBy(place, 2))).toEqual(new Set(['one', 'other']));
    expect(await triedBy(place, 8)).toEqual(times('other', 8));
  });

  test('cost-based-routing asks the cheapest', async () => {
    const price = (usd: number) => ({ input_cost_per_token: usd, output_cost_per_token: usd });
    const place = await serving(pair(price(2e-6), price(1e-6)), { routing_strategy: 'cost-based-routing' });
    expect(await triedBy(place, 10)).toEqual(times('other', 10));
  });
});

describe('who may be asked', () => {
  test('order: the lowest, and the next only when that one fails', async () => {
    const place = await serving([at('m', 'second', { order: 2 }), at('m', 'first', { order: 1 }), at('m', 'last')]);
    expect(await triedBy(place, 6)).toEqual(times('first', 6));
    behaviours = { first: { status: 500 }, second: { status: 500 } };
    expect((await ask(place, 'm')).tried).toEqual(['first', 'second', 'last']);
    const unretried = await ask(place, 'm', { body: { num_retries: 0 } });
    expect([unretried.status, unretried.tried]).toEqual([200, ['first', 'second', 'last']]);
  });

  test('enable_tag_filtering and tags: those with a tag of the request, its key or its team', async () => {
    const place = await serving(
      [
        at('m', 'free', { tags: ['free'] }),
        at('m', 'paid', { tags: ['paid', 'eu'] }),
        at('m', 'rest', { tags: ['default'] }),
      ],
      { enable_tag_filtering: true },
    );
    expect(await triedBy(place, 3)).toEqual(times('rest', 3));
    expect(await triedBy(place, 3, 'm', { body: { tags: ['paid'] } })).toEqual(times('paid', 3));
    expect(await triedBy(place, 3, 'm', { body: { metadata: { tags: ['free'] } } })).toEqual(times('free', 3));
    expect(await triedBy(place, 3, 'm', { headers: { 'x-litellm-tags': 'eu' } })).toEqual(times('paid', 3));
    expect(await triedBy(place, 3, 'm', { body: { tags: ['unheard-of'] } })).toEqual(times('rest', 3));
    const key = await place.key({ metadata: { tags: ['paid'] } });
    expect(await triedBy(place, 3, 'm', { key })).toEqual(times('paid', 3));
    const made = await place.fetch('/team/new', {
      method: 'POST',
      body: JSON.stringify({ team_alias: 'team', metadata: { tags: ['free'] } }),
    });
    const { team_id } = (await made.json()) as { team_id: string };
    expect(await triedBy(place, 3, 'm', { key: await place.key({ team_id }) })).toEqual(times('free', 3));
  });

  test('tags nobody has are refused before anybody is asked, and do nothing without the switch', async () => {
    const models = [at('m', 'paid', { tags: ['paid'] })];
    const strict = await ask(await serving(models, { enable_tag_filtering: true }), 'm', { body: { tags: ['x'] } });
    expect([strict.status, strict.tried]).toEqual([401, []]);
    expect(strict.body.error?.message).toContain('Not allowed to access model due to tags configuration');
    expect(strict.headers.get('x-should-retry')).toBe('false');
    expect((await ask(await serving(models), 'm', { body: { tags: ['x'] } })).tried).toEqual(['paid']);
  });

  test('tags with ! and &, tag_regex, and a fallback that the tags lead to', async () => {
    const place = await serving(
      [
        at('m', 'tool', { tag_regex: ['^User-Agent: my-tool/'] }),
        at('m', 'us', { tags: ['us', 'fast'] }),
        at('m', 'eu', { tags: ['eu', 'fast', 'default'] }),
        at('n', 'asia', { tags: ['asia'] }),
      ],
      { enable_tag_filtering: true, fallbacks: [{ m: ['n'] }] },
    );
    const asked = (tags: string[], headers = {}): Promise<string[]> =>
      triedBy(place, 3, 'm', { body: { tags }, headers });
    expect(await asked([])).toEqual(times('eu', 3));
    expect(await asked([], { 'user-agent': 'my-tool/1.0' })).toEqual(times('tool', 3));
    expect(await asked(['fast', '!eu'])).toEqual(times('us', 3));
    expect(await asked(['&fast', '&us'])).toEqual(times('us', 3));
    expect(await asked(['&asia'])).toEqual(times('asia', 3));
    const nobody = await ask(place, 'm', { body: { tags: ['&africa'] } });
    expect([nobody.status, nobody.tried]).toEqual([401, []]);
  });

  test('model_info.enable_tag_filtering stands before the router’s, for its group', async () => {
    const models = [
      at('m', 'm-paid', { tags: ['paid'] }, { enable_tag_filtering: true }),
      at('m', 'm-rest', { tags: ['default'] }),
      at('n', 'n-paid', { tags: ['paid'] }),
      at('n', 'n-rest', { tags: ['default'] }),
      at('o', 'o-paid', { tags: ['paid'] }, { enable_tag_filtering: false }),
    ];
    const off = await serving(models);
    expect(await triedBy(off, 5, 'm', { body: { tags: ['paid'] } })).toEqual(times('m-paid', 5));
    expect(await triedBy(off, 5, 'm')).toEqual(times('m-rest', 5));
    expect(new Set(await triedBy(off, 20, 'n', { body: { tags: ['paid'] } })).size).toBe(2);
    const on = await serving(models, { enable_tag_filtering: true });
    expect(await triedBy(on, 5, 'n', { body: { tags: ['paid'] } })).toEqual(times('n-paid', 5));
    expect(await triedBy(on, 2, 'o', { body: { tags: ['&free'] } })).toEqual(times('o-paid', 2));
  });

  test('tag_routing_prefix: of a request’s own tags only those with it count, of its key all', async () => {
    const models = [
      at('m', 'free', { tags: ['free'] }),
      at('m', 'paid', { tags: ['paid'] }),
      at('m', 'rest', { tags: ['default'] }),
    ];
    const place = await serving(models, { enable_tag_filtering: true, tag_routing_prefix: 'route:' });
    const asked = (tags: string[], key?: string): Promise<string[]> =>
      triedBy(place, 3, 'm', { body: { tags }, ...(key !== undefined && { key }) });
    expect(await asked(['paid'])).toEqual(times('rest', 3));
    expect(await asked(['route:paid', 'free'])).toEqual(times('paid', 3));
    expect(await asked(['route:&free'])).toEqual(times('free', 3));
    const key = await place.key({ metadata: { tags: ['free'] } });
    expect(await asked(['paid'], key)).toEqual(times('free', 3));
    // It says that it is meant: the default ones are no answer to it.
    expect((await ask(place, 'm', { body: { tags: ['route:unheard-of'] } })).status).toBe(401);
  });

  test('model_info.allow_fail_open: an answer all the same, within what the key demands', async () => {
    const models = [
      at('m', 'eu', { tags: ['eu'] }, { allow_fail_open: true }),
      at('m', 'us', { tags: ['us'] }),
      at('m', 'rest', { tags: ['us', 'default'] }),
    ];
    const place = await serving(models, { enable_tag_filtering: true });
    expect(await triedBy(place, 3, 'm', { body: { tags: ['&mars'] } })).toEqual(times('rest', 3));
    const key = await place.key({ metadata: { tags: ['!us'] } });
    expect(await triedBy(place, 3, 'm', { body: { tags: ['&us'] }, key })).toEqual(times('eu', 3));
    const strict = await place.key({ metadata: { tags: ['&mars'] } });
    expect((await ask(place, 'm', { body: { tags: [] }, key: strict })).status).toBe(401);
  });

  test('tag_filtering_match_any false: those with all tags of the request', async () => {
    const models = [at('m', 'one', { tags: ['x'] }), at('m', 'both', { tags: ['x', 'y'] })];
    const place = await serving(models, { enable_tag_filtering: true, tag_filtering_match_any: false });
    expect(await triedBy(place, 8, 'm', { body: { tags: ['x', 'y'] } })).toEqual(times('both', 8));
    expect((await ask(place, 'm', { body: { tags: ['x', 'z'] } })).status).toBe(401);
  });

  test('enable_pre_call_checks: those whose context window holds the prompt', async () => {
    const models = [
      at('m', 'small', { order: 1 }, { max_input_tokens: 50 }),
      at('m', 'large', { order: 2 }, { max_input_tokens: 5_000 }),
    ];
    const router = { enable_pre_call_checks: true, context_window_fallbacks: [{ m: ['huge'] }] };
    const place = await serving([...models, at('huge', 'huge')], router);
    const long = (words: number): Asking => ({
      body: { messages: [{ role: 'user', content: 'word '.repeat(words) }] },
    });
    expect((await ask(place, 'm')).tried).toEqual(['small']);
    expect((await ask(place, 'm', long(500))).tried).toEqual(['large']);
    expect((await ask(place, 'm', long(20_000))).tried).toEqual(['huge']);
    const refused = await ask(await serving(models, { enable_pre_call_checks: true }), 'm', long(20_000));
    expect([refused.status, refused.body.error?.code, refused.tried]).toEqual([400, 'context_length_exceeded', []]);
    expect((await ask(await serving(models), 'm', long(20_000))).tried).toEqual(['small']);
  });

  test('rpm: all deployments at their limits are one 429 that says when the first of them clears', async () => {
    const place = await serving([at('m', 'one', { rpm: 1 }), at('m', 'other', { rpm: 1 })], { num_retries: 0 });
    expect((await triedBy(place, 2)).toSorted()).toEqual(['one', 'other']);
    const refused = await ask(place, 'm');
    expect([refused.status, refused.tried]).toEqual([429, []]);
    expect(refused.body.error).toMatchObject({
      message: 'Rate limit exceeded',
      reason: expect.stringContaining('Every deployment of m that could answer is at a limit of its own.'),
      type: 'rate_limit_error',
      code: 'deployments_at_limit',
      limit: { scope: 'deployment', unit: 'requests', max: 1 },
    });
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeWithin(1, 61);
    expect(refused.headers.get('x-should-retry')).toBe(String(seconds < 60));
  });
});

/** LiteLLM's name of a failure → an upstream's answer that is one. */
const FAILURES: Readonly<Record<string, Behaviour>> = {
  BadRequestError: { status: 400 },
  AuthenticationError: { status: 401 },
  TimeoutError: { status: 408 },
  RateLimitError: { status: 429 },
  ContentPolicyViolationError: {
    status: 400,
    body: { error: { message: 'No.', type: 'invalid_request_error', code: 'content_policy_violation' } },
  },
  InternalServerError: { status: 500 },
  ServiceUnavailableError: { status: 503 },
  BadGatewayError: { status: 502 },
  NotFoundError: { status: 404 },
};
const KINDS = Object.keys(FAILURES);
/** In the same order. */
const RETRIES = [
  'BadRequestErrorRetries',
  'AuthenticationErrorRetries',
  'TimeoutErrorRetries',
  'RateLimitErrorRetries',
  'ContentPolicyViolationErrorRetries',
  'InternalServerErrorRetries',
  'ServiceUnavailableErrorRetries',
  'BadGatewayErrorRetries',
  'NotFoundErrorRetries',
];
const ALLOWED_FAILS = [
  'BadRequestErrorAllowedFails',
  'AuthenticationErrorAllowedFails',
  'TimeoutErrorAllowedFails',
  'RateLimitErrorAllowedFails',
  'ContentPolicyViolationErrorAllowedFails',
  'InternalServerErrorAllowedFails',
  'ServiceUnavailableErrorAllowedFails',
  'BadGatewayErrorAllowedFails',
  'NotFoundErrorAllowedFails',
];
/** A count of its own for each, so that none can stand for another. */
const counted = (names: readonly string[]): object => Object.fromEntries(names.map((name, count) => [name, count]));
/** Spares the tests the wait before a retry. */
const soon = (behaviour: Behaviour | undefined): Behaviour => ({ ...behaviour, headers: { 'retry-after-ms': '1' } });

describe('retry_policy', () => {
  const models = (): object[] => KINDS.map((kind) => at(kind, kind));
  const failing = (): Record<string, Behaviour> =>
    Object.fromEntries(Object.entries(FAILURES).map(([kind, behaviour]) => [kind, soon(behaviour)]));

  test('counts each kind by its name, and DefaultRetries the others', async () => {
    const router = { disable_cooldowns: true, num_retries: 12 };
    const place = await serving(models(), { ...router, retry_policy: counted(RETRIES) });
    behaviours = failing();
    for (const [count, kind] of KINDS.entries()) {
      expect((await ask(place, kind)).tried).toEqual(times(kind, count + 1));
      expect((await ask(place, kind, { body: { num_retries: 0 } })).tried).toEqual([kind]);
    }
    const others = await serving(models(), { ...router, retry_policy: { TimeoutErrorRetries: 2, DefaultRetries: 1 } });
    behaviours = failing();
    expect((await ask(others, 'TimeoutError')).tried).toHaveLength(3);
    expect((await ask(others, 'InternalServerError')).tried).toHaveLength(2);
  });

  test('model_group_retry_policy counts for one model', async () => {
    const place = await serving(models(), {
      disable_cooldowns: true,
      retry_policy: { InternalServerErrorRetries: 1, BadGatewayErrorRetries: 1 },
      model_group_retry_policy: { InternalServerError: { InternalServerErrorRetries: 3 } },
    });
    behaviours = failing();
    expect((await ask(place, 'InternalServerError')).tried).toHaveLength(4);
    expect((await ask(place, 'BadGatewayError')).tried).toHaveLength(2);
  });
});

describe('cooldowns', () => {
  const pair = (params: object = {}): object[] => [
    at('m', 'first', { order: 1, ...params }),
    at('m', 'second', { order: 2 }),
  ];
  /** How often the first was asked by so many requests, while it fails so. */
  async function asked(place: AppPlace, failure: Behaviour, requests = 8): Promise<number> {
    behaviours = { first: failure };
    return (await triedBy(place, requests)).filter((name) => name === 'first').length;
  }

  test('begin after five failures in a row, and at once when everybody would fail', async () => {
    expect(await asked(await serving(pair()), { status: 500 })).toBe(5);
    for (const status of [401, 404, 429]) expect(await asked(await serving(pair()), { status })).toBe(1);
  });

  test('allowed_fails: after more than so many, in router_settings or litellm_settings', async () => {
    expect(await asked(await serving(pair(), { allowed_fails: 1 }), { status: 500 })).toBe(2);
    const litellm = { litellm_settings: { allowed_fails: 2 } };
    expect(await asked(await serving(pair(), {}, litellm), { status: 500 })).toBe(3);
  });

  test('allowed_fails_policy: counts each kind by its name', async () => {
    const models = KINDS.flatMap((kind) => [at(kind, kind, { order: 1 }), at(kind, `spare of ${kind}`, { order: 2 })]);
    const place = await serving(models, { allowed_fails: 100, allowed_fails_policy: counted(ALLOWED_FAILS) });
    behaviours = FAILURES;
    for (const [count, kind] of KINDS.entries()) {
      const tried = await triedBy(place, KINDS.length + 2, kind);
      expect([kind, tried.filter((name) => name === kind).length]).toEqual([kind, count + 1]);
    }
  });

  test('cooldown_time: so long, then one request finds out', async () => {
    const place = await serving(pair(), { cooldown_time: 0.3, allowed_fails: 0 });
    expect(await asked(place, { status: 500 }, 1)).toBe(1);
    behaviours = {};
    const startedAtMs = performance.now();
    await until(
      () => ask(place, 'm'),
      ({ tried }) => tried.includes('first'),
    );
    expect(performance.now() - startedAtMs).toBeWithin(150, 2_000);
    expect(await triedBy(place, 3)).toEqual(times('first', 3));
  });

  test('cooldown_time of a deployment: its own, and 0 is never', async () => {
    expect(await asked(await serving(pair({ cooldown_time: 0 }), { allowed_fails: 0 }), { status: 500 })).toBe(8);
    const long = await serving(pair({ cooldown_time: 60 }), { cooldown_time: 0.01, allowed_fails: 0 });
    expect(await asked(long, { status: 500 }, 1)).toBe(1);
    await Bun.sleep(30);
    expect(await triedBy(long, 3)).toEqual(times('second', 3));
  });

  test('disable_cooldowns: never', async () => {
    expect(await asked(await serving(pair(), { disable_cooldowns: true }), { status: 429 })).toBe(8);
  });

  test('survive a reload', async () => {
    const place = await serving(pair(), { allowed_fails: 0 });
    await asked(place, { status: 500 }, 1);
    place.app.reload(place.configOf({ model_list: pair(), router_settings: { num_retries: 1 } }));
    behaviours = {};
    expect(await triedBy(place, 3)).toEqual(times('second', 3));
  });

  test('leave the last one in', async () => {
    const place = await serving([at('m', 'only')], { num_retries: 0, allowed_fails: 0 });
    behaviours = { only: { status: 500 } };
    expect(await triedBy(place, 4)).toEqual(times('only', 4));
  });
});

describe('fallbacks by failure', () => {
  const models = (): object[] => ['m', 'long', 'mild', 'any'].map((name) => at(name, name));
  const tooLong: Behaviour = {
    status: 400,
    body: { error: { message: 'Too long', type: 'invalid_request_error', code: 'context_length_exceeded' } },
  };
  const lists = {
    fallbacks: [{ m: ['any'] }],
    context_window_fallbacks: [{ m: ['long'] }],
    content_policy_fallbacks: [{ m: ['mild'] }],
  };

  test.each([
    ['router_settings', async () => serving(models(), lists)],
    ['litellm_settings', async () => serving(models(), {}, { litellm_settings: lists })],
  ])('context_window_fallbacks and content_policy_fallbacks of %s go before fallbacks', async (_, start) => {
    const place = await start();
    behaviours = { m: tooLong };
    const answer = await ask(place, 'm');
    expect([answer.status, answer.tried]).toEqual([200, ['m', 'long']]);
    expect(answer.headers.get('x-litellm-model-group')).toBe('long');
    expect(answer.headers.get('x-litellm-attempted-fallbacks')).toBe('1');
    behaviours = { m: FAILURES['ContentPolicyViolationError'] ?? {} };
    expect((await ask(place, 'm')).tried).toEqual(['m', 'mild']);
    behaviours = { m: { status: 400 } };
    expect((await ask(place, 'm')).tried).toEqual(['m', 'any']);
  });

  test('the regular ones follow where a list has no entry, and a request may want none', async () => {
    const place = await serving(models(), {
      fallbacks: [{ m: ['any'] }],
      context_window_fallbacks: [{ any: ['long'] }],
    });
    behaviours = { m: tooLong, any: tooLong };
    expect((await ask(place, 'm')).tried).toEqual(['m', 'any', 'long']);
    const none = await ask(place, 'm', { body: { disable_fallbacks: true } });
    expect([none.status, none.tried]).toEqual([400, ['m']]);
  });
});

describe('fallbacks of a request', () => {
  const long = { messages: [{ role: 'user', content: 'word '.repeat(500) }] };

  test('may be written as the configuration writes them, and for one kind of failure', async () => {
    const models = [at('m', 'm', {}, { max_input_tokens: 50 }), at('long', 'long'), at('any', 'any')];
    const place = await serving(models, { enable_pre_call_checks: true, num_retries: 0 });
    behaviours = { m: { status: 500 } };
    const own = { fallbacks: [{ m: ['any'] }], context_window_fallbacks: [{ m: ['long'] }] };
    expect((await ask(place, 'm', { body: own })).tried).toEqual(['m', 'any']);
    const longer = await ask(place, 'm', { body: { ...long, ...own } });
    expect([longer.tried, longer.headers.get('x-litellm-model-group')]).toEqual([['long'], 'long']);
    expect(upstream.requests.at(-1)?.body).not.toContainKey('context_window_fallbacks');
    const key = await place.key({ models: ['m'] });
    const foreign = await ask(place, 'm', { key, body: { context_window_fallbacks: ['long'] } });
    expect([foreign.status, foreign.tried]).toEqual([403, []]);
  });

  test('of an alias and of a wildcard are found by the name that is written', async () => {
    const models = [at('m', 'm'), at('openai/*', '*', { model: 'openai/*' }), at('n', 'n'), at('k', 'k')];
    const place = await serving(models, {
      num_retries: 0,
      model_group_alias: { nick: 'm' },
      fallbacks: [{ nick: ['n'] }, { 'openai/*': ['k'] }],
    });
    behaviours = { m: { status: 500 }, bad: { status: 500 } };
    expect((await ask(place, 'nick')).tried).toEqual(['m', 'n']);
    expect((await ask(place, 'm')).tried).toEqual(['m']);
    expect((await ask(place, 'openai/bad')).tried).toEqual(['bad', 'k']);
  });
});

describe('optional_pre_call_checks', () => {
  const pair = (): object[] => [at('m', 'one'), at('m', 'other')];
  const long = 'Rules of the house. '.repeat(300);
  const prompt = (question: string): object => ({
    messages: [
      { role: 'system', content: [{ type: 'text', text: long, cache_control: { type: 'ephemeral' } }] },
      { role: 'user', content: question },
    ],
  });

  test.each([
    ['session_affinity', () => ({ headers: { 'x-litellm-session-id': 'session-1' } })],
    ['prompt_caching', (call: number) => ({ body: prompt(`Question ${call}`) })],
    ['deployment_affinity', () => ({})],
  ] as const)('%s keeps requests on one deployment, which another key’s are not bound to', async (check, asking) => {
    const place = await serving(pair(), { optional_pre_call_checks: [check] });
    const key = await place.key();
    const tried: string[] = [];
    for (let call = 0; call < 12; call++) tried.push(...(await ask(place, 'm', { key, ...asking(call) })).tried);
    const [pinned = ''] = tried;
    expect(tried).toEqual(times(pinned, 12));
    behaviours = { [pinned]: { status: 500 } };
    const moved = await ask(place, 'm', { key, ...asking(0) });
    expect([moved.status, moved.tried.length]).toEqual([200, 2]);
    const others = new Set<string>();
    behaviours = {};
    for (let call = 0; call < 30 && others.size < 2; call++) {
      const other = await place.key();
      for (const name of (await ask(place, 'm', { key: other, ...asking(call) })).tried) others.add(name);
    }
    expect(others.size).toBe(2);
  });

  test('responses_api_deployment_check follows previous_response_id', async () => {
    const place = await serving(pair(), { optional_pre_call_checks: ['responses_api_deployment_check'] });
    const first = await ask(place, 'm');
    const { id } = first.body as { id: string };
    const tried: string[] = [];
    for (let call = 0; call < 12; call++) {
      tried.push(...(await ask(place, 'm', { body: { previous_response_id: id } })).tried);
    }
    expect(tried).toEqual(times(first.tried[0] ?? '', 12));
  });

  test('without one, requests of a session are shared', async () => {
    const place = await serving(pair());
    const tried = await triedBy(place, 30, 'm', { headers: { 'x-litellm-session-id': 'session-1' } });
    expect(new Set(tried).size).toBe(2);
  });

  test('deployment_affinity_ttl_seconds: for so long after the last of them', async () => {
    const place = await serving(pair(), {
      optional_pre_call_checks: ['session_affinity'],
      deployment_affinity_ttl_seconds: 0.02,
    });
    const headers = { 'x-litellm-session-id': 'session-1' };
    const [first] = await triedBy(place, 1, 'm', { headers });
    await until(
      async () => {
        await Bun.sleep(25);
        return triedBy(place, 1, 'm', { headers });
      },
      ([name]) => name !== first,
    );
  });
});

describe('names', () => {
  test('of a key and of a team lead to the group, with its deployments, retries and fallbacks', async () => {
    const place = await serving([at('m', 'first', { order: 1 }), at('m', 'second', { order: 2 }), at('n', 'third')], {
      num_retries: 1,
      fallbacks: [{ m: ['n'] }],
    });
    const key = await place.key({ aliases: { mine: 'm' } });
    expect((await ask(place, 'mine', { key })).tried).toEqual(['first']);
    const made = await place.fetch('/team/new', {
      method: 'POST',
      body: JSON.stringify({ team_alias: 'team', model_aliases: { ours: 'm' } }),
    });
    const { team_id } = (await made.json()) as { team_id: string };
    behaviours = { first: { status: 500 }, second: { status: 500 } };
    const answer = await ask(place, 'ours', { key: await place.key({ team_id }) });
    expect([answer.status, answer.tried]).toEqual([200, ['first', 'second', 'third']]);
    expect((await ask(place, 'ours', { key })).status).toBeWithin(400, 404);
  });

  test('openai/* and * take what they match, the closer one first, and fall back like any other', async () => {
    const place = await serving(
      [
        at('openai/*', '*', { model: 'openai/*' }, { id: 'w1' }),
        at('*', '*', { model: 'openai/*' }, { id: 'w2' }),
        at('m', 'good'),
      ],
      { num_retries: 0, fallbacks: [{ 'openai/bad': ['m'] }], default_fallbacks: ['openai/spare'] },
    );
    const closer = await ask(place, 'openai/gpt-x');
    expect([closer.tried, closer.headers.get('x-litellm-model-id')]).toEqual([['gpt-x'], 'w1']);
    const rest = await ask(place, 'something');
    expect([rest.tried, rest.headers.get('x-litellm-model-id')]).toEqual([['something'], 'w2']);
    behaviours = { bad: { status: 500 }, worse: { status: 500 } };
    expect((await ask(place, 'openai/bad')).tried).toEqual(['bad', 'good']);
    expect((await ask(place, 'openai/worse')).tried).toEqual(['worse', 'spare']);
  });

  test('that a provider does not know take its wildcard from nobody else', async () => {
    const place = await serving([at('openai/*', '*', { model: 'openai/*' }), at('spare', 'spare')], {
      default_fallbacks: ['spare'],
    });
    behaviours = { 'no-such-model': { status: 404 }, 'not-for-us': { status: 403 } };
    expect((await ask(place, 'openai/no-such-model')).tried).toEqual(['no-such-model', 'spare']);
    expect((await ask(place, 'openai/not-for-us')).tried).toEqual(['not-for-us', 'spare']);
    expect((await ask(place, 'openai/gpt-x')).tried).toEqual(['gpt-x']);
  });

  test('that are hidden work and are not listed; those of an access group open its models only', async () => {
    const place = await serving([at('m', 'one', {}, { access_groups: ['club'] }), at('n', 'two')], {
      model_group_alias: { shown: 'm', quiet: { model: 'm', hidden: true } },
      fallbacks: [{ m: ['n'] }],
      num_retries: 0,
    });
    const listed = (await (await place.fetch('/v1/models')).json()) as { data: { id: string }[] };
    expect(listed.data.map(({ id }) => id).toSorted()).toEqual(['m', 'n', 'shown']);
    expect((await ask(place, 'quiet')).tried).toEqual(['one']);
    const key = await place.key({ models: ['club'] });
    expect((await ask(place, 'm', { key })).tried).toEqual(['one']);
    expect((await ask(place, 'n', { key })).status).toBe(403);
    behaviours = { one: { status: 500 } };
    expect((await ask(place, 'm', { key })).tried).toEqual(['one']);
    expect((await ask(place, 'm')).tried).toEqual(['one', 'two']);
  });
});
