/** Keys from the database to the request path and the management API, over a real ledger. */
import { beforeEach, describe, expect, test } from 'bun:test';
import { SetHealth } from '../../test/support/health-watch.ts';
import { ledgerPlace } from '../../test/support/ledger-place.ts';
import { liveModels } from '../../test/support/live-models.ts';
import { NO_PREVIEW } from '../../test/support/request-preview.ts';
import { runtimeFrom } from '../../test/support/runtime-from.ts';
import { ANY_KEYS } from '../admin/context.ts';
import type { ModelRegistry } from '../admin/model-registry.ts';
import type { RunTimeSettings } from '../admin/run-time-settings.ts';
import { digest } from '../auth/digest.ts';
import { createDirectory } from '../auth/directory.ts';
import { builtInConfig } from '../config/built-in.ts';
import { readEnv } from '../config/env.ts';
import { directReader } from '../db/reader.ts';
import type { Caller } from '../gateway/call.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Auth, type AuthParts, createAuth, lazyAdmin, randomBytes } from './auth.ts';
import type { Runtime } from './runtime.ts';
import { createTryKey } from './try-key.ts';

const MASTER = 'sk-master-of-the-auth-tests';
const place = ledgerPlace();
let nowMs: number;
let ledger: Ledger;
let runtime: Runtime;
let runTimeSettings: RunTimeSettings;
let models: ModelRegistry;

beforeEach(async () => {
  nowMs = Date.now();
  ledger = await place.open();
  runtime = runtimeFrom('model_list: []');
  ({ registry: models, settings: runTimeSettings } = await liveModels(place.db));
});

interface Door extends Auth {
  admin(request: Request): Promise<Response>;
}

function authOf(over: Partial<AuthParts> = {}): Door {
  const now = () => nowMs;
  const directory = createDirectory({ db: place.db, now, ttlMs: () => 60_000, defaultEndUserBudgetId: () => null });
  const auth = createAuth({
    db: place.db,
    directory,
    masterKey: { hash: digest(MASTER), made: undefined },
    tryKey: undefined,
    runtime: () => runtime,
    now,
    ...over,
  });
  return {
    ...auth,
    admin: lazyAdmin({
      ...auth,
      db: place.db,
      directory,
      ledger,
      models,
      health: new SetHealth(),
      preview: NO_PREVIEW,
      runTimeSettings,
      settings: () => SETTINGS,
      version: '0.0.0',
      reader: directReader(place.db),
      prices: { cardOf: () => undefined, cardOfModel: () => undefined },
      now,
      randomBytes,
    }),
  };
}

const SETTINGS = { timeZone: 'UTC', endUserBudgetId: null, globalBudget: null, providerBudgets: {}, keys: ANY_KEYS };

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const CHAT = '/v1/chat/completions';
const callerOf = async (auth: Door, key: string): Promise<Caller> => auth.authenticate(bearer(key), CHAT);

async function manage(auth: Door, path: string, body: object): Promise<Record<string, unknown>> {
  const init = { method: 'POST', body: JSON.stringify(body), headers: bearer(MASTER) };
  return Object(await (await auth.admin(new Request(`http://gateway${path}`, init))).json());
}

const made = async (auth: Door, fields: object = {}): Promise<string> =>
  String((await manage(auth, '/key/generate', fields))['key']);

describe('the master key', () => {
  test('is the administrator', async () => {
    const caller = await callerOf(authOf(), MASTER);
    expect(caller).toMatchObject({ kind: 'master', userId: 'default_user_id', models: [] });
  });

  test('is one caller for all its calls', async () => {
    const auth = authOf();
    expect(await callerOf(auth, MASTER)).toBe(await callerOf(auth, MASTER));
  });
});

describe('a virtual key', () => {
  test('that was made a moment ago is known, by what was said of it', async () => {
    const auth = authOf();
    const key = await made(auth, { models: ['m'], key_alias: 'mine', rpm_limit: 3 });
    expect(await callerOf(auth, key)).toMatchObject({
      kind: 'key',
      keyHash: digest(key),
      keyAlias: 'mine',
      models: ['m'],
      rpmLimit: 3,
    });
  });

  test('that nobody made is refused', async () => {
    const auth = authOf();
    await expect(callerOf(auth, 'sk-nobody')).rejects.toMatchObject({
      status: 401,
      details: { code: 'invalid_api_key' },
    });
  });

  test('is known to a new start', async () => {
    const key = await made(authOf(), { key_alias: 'kept' });
    expect((await callerOf(authOf(), key)).keyAlias).toBe('kept');
  });

  test('that is blocked through the management API is refused at once', async () => {
    const auth = authOf();
    const key = await made(auth);
    await callerOf(auth, key);
    await manage(auth, '/key/block', { key });
    await expect((async () => callerOf(auth, key))()).rejects.toMatchObject({ status: 401 });
  });

  test('is read from the header that the current configuration names', async () => {
    const auth = authOf();
    const key = await made(auth);
    runtime = runtimeFrom('general_settings: {litellm_key_header_name: x-my-key}');
    expect(await auth.authenticate({ 'x-my-key': `Bearer ${key}` }, CHAT)).toMatchObject({ keyHash: digest(key) });
  });
});

describe('the key of the first curl', () => {
  const config = builtInConfig({ env: readEnv({}), providerKeys: [] });

  test('is known without a row, and for its hour only', async () => {
    const tryKey = createTryKey(config, nowMs, randomBytes);
    const auth = authOf({ tryKey });
    expect(await callerOf(auth, tryKey?.secret ?? '')).toMatchObject({ keyAlias: 'try-it', models: ['mock'] });
    nowMs += 3_600_001;
    await expect((async () => callerOf(auth, tryKey?.secret ?? ''))()).rejects.toMatchObject({ status: 401 });
  });

  test('manages nothing', async () => {
    const tryKey = createTryKey(config, nowMs, randomBytes);
    const auth = authOf({ tryKey });
    const init = { method: 'POST', body: '{}', headers: bearer(tryKey?.secret ?? '') };
    const answer = await auth.admin(new Request('http://gateway/key/generate', init));
    expect(answer.status).toBeGreaterThanOrEqual(401);
    expect(answer.status).toBeLessThan(404);
  });

  test('of another start is not known', async () => {
    const old = createTryKey(config, nowMs, randomBytes);
    const auth = authOf({ tryKey: createTryKey(config, nowMs, randomBytes) });
    await expect((async () => callerOf(auth, old?.secret ?? ''))()).rejects.toMatchObject({ status: 401 });
  });
});

test('random bytes are 32, and never the same', () => {
  const drawn = Array.from({ length: 20 }, () => Buffer.from(randomBytes()).toString('hex'));
  expect(new Set(drawn).size).toBe(20);
  expect(drawn.every((hex) => hex.length === 64)).toBe(true);
});
