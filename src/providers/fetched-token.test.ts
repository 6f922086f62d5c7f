import { afterEach, describe, expect, test } from 'bun:test';
import { GatewayError } from '../errors.ts';
import { exchangedToken, type FetchedToken, keptToken, keptTokens } from './fetched-token.ts';

const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;

/** Gives `token-1`, `token-2` …, each for so long. */
function issuer(lifeMs: number | undefined = HOUR) {
  const calls: number[] = [];
  let failure: Error | undefined;
  return {
    calls,
    fail: (error: Error | undefined) => {
      failure = error;
    },
    fetch: async (nowMs: number): Promise<FetchedToken> => {
      calls.push(nowMs);
      await Promise.resolve();
      if (failure) throw failure;
      return { token: `token-${calls.length}`, endsAtMs: lifeMs === undefined ? undefined : nowMs + lifeMs };
    },
  };
}

describe('a kept token', () => {
  test('is fetched once for twenty requests at a time, and again for none of the next', async () => {
    const owner = {};
    const { calls, fetch } = issuer();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => keptToken(owner, '', NOW, fetch)));
    expect(new Set(tokens)).toEqual(new Set(['token-1']));
    expect(await keptToken(owner, '', NOW + 60_000, fetch)).toBe('token-1');
    expect(calls).toEqual([NOW]);
  });

  test('serves while its successor is fetched, shortly before its end', async () => {
    const owner = {};
    const { calls, fetch } = issuer(20 * 60_000);
    await keptToken(owner, '', NOW, fetch);
    const late = NOW + 16 * 60_000 + 1;
    expect(await keptToken(owner, '', late - 2, fetch)).toBe('token-1');
    expect(await keptToken(owner, '', late, fetch)).toBe('token-1');
    expect(calls).toEqual([NOW, late]);
    await Bun.sleep(0);
    expect(await keptToken(owner, '', late, fetch)).toBe('token-2');
  });

  test('is waited for where the old one has ended', async () => {
    const owner = {};
    const { fetch } = issuer();
    await keptToken(owner, '', NOW, fetch);
    expect(await keptToken(owner, '', NOW + HOUR - 4_000, fetch)).toBe('token-2');
  });

  test('is one of a bounded number: callers have as many keys as they like', async () => {
    const owner = {};
    const { calls, fetch } = issuer();
    for (let name = 0; name < 1_100; name++) await keptToken(owner, `key-${name}`, NOW, fetch);
    expect(keptTokens(owner)).toHaveLength(1_000);
    await keptToken(owner, 'key-1099', NOW, fetch);
    expect(calls).toHaveLength(1_100);
    expect(await keptToken(owner, 'key-0', NOW, fetch)).toBe('token-1101');
  });

  test('of a short life is kept for most of it', async () => {
    const owner = {};
    const { calls, fetch } = issuer(100_000);
    await keptToken(owner, '', NOW, fetch);
    await keptToken(owner, '', NOW + 79_000, fetch);
    expect(calls).toHaveLength(1);
  });

  test('without an end is asked for again after a quarter of an hour', async () => {
    const owner = {};
    const made = issuer();
    const fetch = async (nowMs: number) => ({ ...(await made.fetch(nowMs)), endsAtMs: undefined });
    await keptToken(owner, '', NOW, fetch);
    await keptToken(owner, '', NOW + 11 * 60_000, fetch);
    expect(made.calls).toHaveLength(1);
    await keptToken(owner, '', NOW + 16 * 60_000, fetch);
    expect(made.calls).toHaveLength(2);
  });

  test('belongs to its owner and its name', async () => {
    const { fetch } = issuer();
    const owner = {};
    expect(await keptToken(owner, 'a', NOW, fetch)).toBe('token-1');
    expect(await keptToken(owner, 'b', NOW, fetch)).toBe('token-2');
    expect(await keptToken({}, 'a', NOW, fetch)).toBe('token-3');
    expect(await keptToken(owner, 'a', NOW, fetch)).toBe('token-1');
  });

  test('that cannot be had is a failure of the requests that wait, and of no later one', async () => {
    const owner = {};
    const { calls, fail, fetch } = issuer();
    fail(new Error('no'));
    const both = await Promise.allSettled([keptToken(owner, '', NOW, fetch), keptToken(owner, '', NOW, fetch)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fail(undefined);
    expect(await keptToken(owner, '', NOW, fetch)).toBe('token-2');
    expect(calls).toHaveLength(2);
  });

  test('goes on serving to its end where its renewal fails, and is asked for again after a pause', async () => {
    const owner = {};
    const { calls, fail, fetch } = issuer();
    const renewals = () => calls.length;
    await keptToken(owner, '', NOW, fetch);
    fail(new Error('no'));
    const late = NOW + HOUR - 60_000;
    expect(await keptToken(owner, '', late, fetch)).toBe('token-1');
    await Bun.sleep(0);
    expect(await keptToken(owner, '', late + 9_000, fetch)).toBe('token-1');
    expect(renewals()).toBe(2);
    expect(await keptToken(owner, '', late + 11_000, fetch)).toBe('token-1');
    expect(renewals()).toBe(3);
    await Bun.sleep(0);
    await expect(keptToken(owner, '', NOW + HOUR, fetch)).rejects.toThrow('no');
  });
});

describe('an exchange', () => {
  const servers: { stop(): unknown }[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.stop();
  });
  const serve = (answer: (request: Request) => Response | Promise<Response>): string => {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer });
    servers.push(server);
    return server.url.href;
  };
  const SECRET = 'a-secret-1234567';
  const exchange = (url: string) =>
    exchangedToken({ issuer: 'The bank', url, form: { secret: SECRET, scope: 'all' }, advice: 'check it' }, NOW);

  test('posts a form and takes the token with its life', async () => {
    let seen: string[] = [];
    const url = serve(async (request) => {
      seen = [request.method, request.headers.get('content-type') ?? '', await request.text()];
      return Response.json({ access_token: 't', expires_in: 60, token_type: 'Bearer' });
    });
    expect(await exchange(url)).toEqual({ token: 't', endsAtMs: NOW + 60_000 });
    expect(seen[0]).toBe('POST');
    expect(seen[1]).toStartWith('application/x-www-form-urlencoded');
    expect(seen[2]).toBe(`secret=${SECRET}&scope=all`);
  });

  test.each([{}, { expires_in: 'soon' }, { expires_in: 0 }])(
    'of a token with the life %j says that nobody knows',
    async (life) => {
      const url = serve(() => Response.json({ access_token: 't', ...life }));
      expect(await exchange(url)).toEqual({ token: 't', endsAtMs: undefined });
    },
  );

  test.each([
    ['a refusal', () => Response.json({ error: 'invalid_client' }, { status: 401 }), '401, invalid_client'],
    ['a vendor’s code', () => Response.json({ errorCode: 'BXNIM0415E' }, { status: 400 }), '400, BXNIM0415E'],
    ['a refusal that quotes', () => Response.json({ error: `no ${SECRET} here` }, { status: 400 }), '(400)'],
    ['a secret for a word', () => Response.json({ error: SECRET, errorCode: 'E1' }, { status: 400 }), '(400, E1)'],
    ['an endless answer', () => new Response(`{"access_token":"${'x'.repeat(300_000)}"}`), '(200)'],
    ['no token', () => Response.json({ expires_in: 5 }), '(200)'],
    ['no JSON', () => new Response(`<p>${SECRET}</p>`, { status: 502 }), '(502)'],
    ['a list', () => Response.json([SECRET]), '(200)'],
    ['a way elsewhere', () => Response.redirect('http://127.0.0.1:1/', 307), 'not reached'],
  ])('that ends in %s is unauthorized and says no secret', async (_, answer, reason) => {
    const error: unknown = await exchange(serve(answer)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GatewayError);
    if (!(error instanceof GatewayError)) return;
    expect(error.kind).toBe('upstream_unauthorized');
    expect(error.message).toContain(reason);
    expect(error.message).toEndWith('; check it.');
    expect(JSON.stringify([error.message, error.details, String(error.cause)])).not.toContain(SECRET);
  });

  test('with nobody there is unauthorized too', async () => {
    await expect(exchange('http://127.0.0.1:1/')).rejects.toMatchObject({ kind: 'upstream_unauthorized' });
  });
});
