import { beforeEach, describe, expect, test } from 'bun:test';
import { sampleCaller, sampleKey } from '../../test/support/callers.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { errorBody } from '../errors.ts';
import type { Caller, HeaderBag } from '../gateway/call.ts';
import { type Authenticate, createAuthenticator } from './authenticate.ts';
import { digest } from './digest.ts';
import { createKeyCache, type LoadedKey } from './key-cache.ts';

const MASTER_KEY = 'sk-master-of-the-tests';
const KEY = 'sk-virtual-key-of-the-tests';
const NOW_MS = Date.UTC(2026, 0, 31);
const master = sampleCaller({ kind: 'master', keyHash: digest(MASTER_KEY), userId: 'default_user_id' });

let stored: Map<string, LoadedKey>;
let isDown: boolean;
let asked: number;
let authenticate: Authenticate;

beforeEach(() => {
  stored = new Map();
  isDown = false;
  asked = 0;
  const keys = createKeyCache({
    now: () => NOW_MS,
    ttlMs: () => 60_000,
    load: async (hash) => {
      asked += 1;
      if (isDown) throw new Error('down');
      return stored.get(hash);
    },
  });
  authenticate = createAuthenticator({
    keys,
    master,
    acting: (caller) => caller,
    now: () => NOW_MS,
    options: () => ({}),
  });
});

const store = (over: Partial<LoadedKey> = {}, caller: Partial<Caller> = {}): void => {
  stored.set(digest(KEY), sampleKey(over, { keyHash: digest(KEY), ...caller }));
};
const bearer = (key: string, more: HeaderBag = {}): HeaderBag => ({ authorization: `Bearer ${key}`, ...more });
const refused = (headers: HeaderBag, route?: string) => refusalOf(() => authenticate(headers, route));

describe('who is calling', () => {
  test('the master key is the admin, at once and without a database', () => {
    isDown = true;
    const caller = authenticate(bearer(MASTER_KEY));
    expect(caller).toBe(master);
    expect(asked).toBe(0);
  });

  test('a virtual key is its row; while it is warm, nothing is waited for', async () => {
    store({}, { userId: 'u1', teamId: 't1' });
    const first = authenticate(bearer(KEY));
    expect(first).toBeInstanceOf(Promise);
    expect((await first).userId).toBe('u1');
    for (let i = 0; i < 1_000; i++) expect(authenticate(bearer(KEY))).toBe(await first);
    expect(asked).toBe(1);
  });

  test('a digest is not a key', async () => {
    store();
    expect((await refused(bearer(digest(KEY)))).status).toBe(401);
    expect((await refused(bearer(digest(MASTER_KEY)))).status).toBe(401);
  });

  test('a key that differs in one character is another key', async () => {
    store();
    for (const other of [`${KEY}x`, KEY.slice(0, -1), KEY.toUpperCase().replace('SK-', 'sk-'), `sk-${KEY.slice(4)}`]) {
      expect((await refused(bearer(other))).status).toBe(401);
    }
  });
});

describe('refusals, in the one shape of a 401 with the case in words', () => {
  const reasonOf = async (headers: HeaderBag): Promise<string> => {
    const error = await refused(headers);
    const { reason, ...rest } = errorBody(error).error;
    expect(error.status).toBe(401);
    expect(rest).toEqual({
      message: 'Invalid API key',
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_api_key',
    });
    expect(String(reason)).not.toContain(KEY);
    return String(reason);
  };

  test('missing', async () => expect(await reasonOf({})).toContain('No API key was sent'));
  test('malformed', async () => {
    expect(await reasonOf(bearer('no-prefix-at-all'))).toContain('start with "sk-"');
    expect(asked).toBe(0);
  });
  test('unknown', async () => expect(await reasonOf(bearer(KEY))).toContain('not known here'));
  test('deleted, which is told apart from unknown', async () => {
    store({ deleted: true, blocked: true, expiresAtMs: 0 });
    expect(await reasonOf(bearer(KEY))).toBe('This API key was deleted. Ask for a new one.');
  });
  test('blocked', async () => {
    store({ blocked: true });
    expect(await reasonOf(bearer(KEY))).toContain('/key/unblock');
  });
  test('expired', async () => {
    store({ expiresAtMs: NOW_MS });
    expect(await reasonOf(bearer(KEY))).toContain('expired at 2026-01-31T00:00:00.000Z');
  });
  test('blocked and expired: blocked is said, because that is what comes first', async () => {
    store({ blocked: true, expiresAtMs: 0 });
    expect(await reasonOf(bearer(KEY))).toContain('blocked');
  });
  test('the second time too, when the key is in memory', async () => {
    store({ blocked: true });
    await reasonOf(bearer(KEY));
    expect(await reasonOf(bearer(KEY))).toContain('blocked');
    expect(asked).toBe(1);
  });
});

test('a key is good until the millisecond of its expiry', async () => {
  store({ expiresAtMs: NOW_MS + 1 });
  expect((await authenticate(bearer(KEY))).keyHash).toBe(digest(KEY));
});

describe('while the database is down', () => {
  test('an unknown, blocked or expired key is never let in', async () => {
    isDown = true;
    store();
    expect((await refused(bearer(KEY))).kind).toBe('unavailable');
    isDown = false;
    store({ blocked: true });
    expect((await refused(bearer(KEY))).status).toBe(401);
    isDown = true;
    expect((await refused(bearer(KEY))).status).toBe(401);
    expect((await refused({})).status).toBe(401);
    expect((await refused(bearer('garbage'))).status).toBe(401);
  });
});

describe('the team named in x-litellm-team-id', () => {
  const inTeam = (teamId: string, key = KEY): HeaderBag => bearer(key, { 'x-litellm-team-id': teamId });

  test('may be the key’s own', async () => {
    store({}, { teamId: 't1' });
    expect((await authenticate(inTeam('t1'))).teamId).toBe('t1');
  });

  test('may be one that the key is allowed for; the call then counts for that one', async () => {
    store({}, { teamId: 't1', metadata: { allowed_teams: ['t2', 't3'] } });
    expect((await authenticate(inTeam('t3'))).teamId).toBe('t3');
    const plain = authenticate(bearer(KEY));
    expect((await plain).teamId).toBe('t1');
  });

  test('is 403 for any other team, for a key without a team, and for nonsense in allowed_teams', async () => {
    for (const metadata of [
      {},
      { allowed_teams: 't2' },
      { allowed_teams: ['t22', null] },
      { allowed_teams: { t2: 1 } },
    ]) {
      store({}, { teamId: null, metadata });
      const error = await refused(inTeam('t2'));
      expect([error.status, error.kind, error.details.param]).toEqual([403, 'permission_denied', 'x-litellm-team-id']);
    }
  });

  test('may be any for the master key, and changes no other call of it', () => {
    const caller = authenticate(inTeam('t9', MASTER_KEY));
    expect(caller).toMatchObject({ kind: 'master', teamId: 't9' });
    expect(master.teamId).toBeNull();
  });

  test('is as good as absent when it is empty', async () => {
    store({}, { teamId: 't1' });
    expect((await authenticate(inTeam(''))).teamId).toBe('t1');
  });

  test('is looked at after the key: a blocked key learns nothing of teams', async () => {
    store({ blocked: true });
    expect((await refused(inTeam('t2'))).status).toBe(401);
  });
});

describe('routes that a key is limited to', () => {
  test('are the only ones it may call', async () => {
    store({ allowedRoutes: ['info_routes'] });
    expect((await authenticate(bearer(KEY), '/key/info')).keyHash).toBe(digest(KEY));
    const error = await refused(bearer(KEY), '/v1/chat/completions');
    expect([error.status, error.kind]).toEqual([403, 'permission_denied']);
    expect(error.message).toContain('Only allowed to call routes: info_routes. Tried to call route: /v1/chat');
  });

  test('do not limit the master key', () => {
    expect(authenticate(bearer(MASTER_KEY), '/anything')).toBe(master);
  });
});
