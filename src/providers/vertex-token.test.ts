import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  authorizedUser,
  CLIENT_SECRET,
  federated,
  PRIVATE_KEY,
  REFRESH_TOKEN,
  SUBJECT_TOKEN,
  serviceAccount,
  startTokenDesk,
  type TokenDesk,
} from '../../test/support/google-tokens.ts';
import { until } from '../../test/support/until.ts';
import { GatewayError } from '../errors.ts';
import { parseSettings, type VertexSettings } from './vertex-settings.ts';
import { signedIn, vertexSecrets } from './vertex-token.ts';

const NOW_MS = 1_764_000_000_000;
const HOUR_MS = 3_600_000;

let desk: TokenDesk;
let folder: string;
let nowMs = NOW_MS;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-google-'));
});
beforeEach(() => {
  nowMs = NOW_MS;
  desk = startTokenDesk(() => nowMs);
});
afterEach(() => desk.stop());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settingsWith = (credentials: unknown, more: object = {}): VertexSettings =>
  parseSettings({ vertex_credentials: credentials, ...more });

const written = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

async function refusalOf(settings: VertexSettings): Promise<GatewayError> {
  const error = await signedIn(settings, nowMs).catch((thrown: unknown) => thrown);
  if (!(error instanceof GatewayError)) throw new Error('no refusal');
  return error;
}

const expectNoSecret = (text: string): void => {
  const keyLines = PRIVATE_KEY.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));
  for (const secret of [...keyLines, REFRESH_TOKEN, CLIENT_SECRET, SUBJECT_TOKEN]) expect(text).not.toContain(secret);
};

describe('a service account', () => {
  test('signs for a token, which is kept until shortly before its end', async () => {
    const settings = settingsWith(serviceAccount(desk));
    const first = await signedIn(settings, nowMs);
    expect(first).toEqual({ token: desk.given[0] ?? '', project: 'project-of-the-key' });
    nowMs = NOW_MS + HOUR_MS - 6 * 60_000;
    expect((await signedIn(settings, nowMs)).token).toBe(first.token);
    expect(desk.asked).toHaveLength(1);
    // Five minutes before the end it still serves while the next one is fetched.
    nowMs = NOW_MS + HOUR_MS - 4 * 60_000;
    expect((await signedIn(settings, nowMs)).token).toBe(first.token);
    await until(
      async () => (await signedIn(settings, nowMs)).token,
      (token) => token === desk.given[1],
    );
    expect(desk.asked).toHaveLength(2);
    expect(desk.asked.map(({ fields }) => fields['assertion'])).not.toContain(undefined);
  });

  test('waits for a new token when the old one has ended', async () => {
    const settings = settingsWith(serviceAccount(desk));
    await signedIn(settings, nowMs);
    nowMs += HOUR_MS;
    expect((await signedIn(settings, nowMs)).token).toBe(desk.given[1] ?? 'none');
  });

  test('signs once for twenty requests at a time', async () => {
    const settings = settingsWith(serviceAccount(desk));
    const all = await Promise.all(Array.from({ length: 20 }, () => signedIn(settings, nowMs)));
    expect(new Set(all.map(({ token }) => token))).toEqual(new Set(desk.given));
    expect(desk.asked).toHaveLength(1);
  });

  test('names its key, and nothing else of itself but its address', async () => {
    await signedIn(settingsWith(serviceAccount(desk)), nowMs);
    const [head = '', claims = ''] = desk.asked[0]?.fields['assertion']?.split('.') ?? [];
    const read = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64url').toString());
    expect(read(head)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' });
    expect(Object.keys(read(claims) as object).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'scope']);
  });

  test.each([
    ['JSON text', (key: object) => JSON.stringify(key)],
    ['JSON text with blanks around it', (key: object) => `\n  ${JSON.stringify(key, null, 2)}\n`],
    ['base64', (key: object) => Buffer.from(JSON.stringify(key)).toString('base64')],
    ['marked base64', (key: object) => `base64:${Buffer.from(JSON.stringify(key, null, 2)).toString('base64')}`],
    ['the path of a file', (key: object) => written('key.json', JSON.stringify(key))],
  ])('may be given as %s', async (_, write) => {
    const settings = settingsWith(write(serviceAccount(desk)));
    expect(await signedIn(settings, nowMs)).toEqual({ token: desk.given[0] ?? '', project: 'project-of-the-key' });
  });

  test('may have its line breaks as two letters, and no type', async () => {
    const key = PRIVATE_KEY.replaceAll('\n', '\\n');
    const settings = settingsWith(serviceAccount(desk, { private_key: key, type: undefined }));
    expect((await signedIn(settings, nowMs)).token).toBe(desk.given[0] ?? 'none');
  });

  test('is read anew when its file was exchanged', async () => {
    const path = written('exchanged.json', JSON.stringify(serviceAccount(desk, { private_key: 'old' })));
    const settings = settingsWith(path);
    expect((await refusalOf(settings)).message).toContain('private_key is no key');
    writeFileSync(path, JSON.stringify(serviceAccount(desk)));
    expect((await signedIn(settings, nowMs)).token).toBe(desk.given[0] ?? 'none');
  });

  test('of another file serves where the deployment names none', async () => {
    const path = written('adc.json', JSON.stringify(serviceAccount(desk)));
    const settings = parseSettings({ application_credentials: path, cloud_project: 'project-of-the-machine' });
    expect(await signedIn(settings, nowMs)).toEqual({ token: desk.given[0] ?? '', project: 'project-of-the-machine' });
  });
});

describe('other credentials', () => {
  test('a person’s are exchanged, and pay with their project', async () => {
    const settings = settingsWith(authorizedUser(desk));
    expect(await signedIn(settings, nowMs)).toEqual({ token: desk.given[0] ?? '', project: 'project-of-the-person' });
    expect(desk.asked[0]?.fields['grant_type']).toBe('refresh_token');
  });

  test('a platform’s identity is exchanged, from its file', async () => {
    const subject = written('subject', SUBJECT_TOKEN);
    const settings = settingsWith(federated(desk, subject), { vertex_project: 'project-1' });
    expect(await signedIn(settings, Date.now())).toEqual({ token: desk.given[0] ?? '', project: 'project-1' });
    expect(desk.asked[0]?.fields).toMatchObject({ subject_token: SUBJECT_TOKEN });
  });

  test('a platform’s identity may act as a service account', async () => {
    const more = { service_account_impersonation_url: `${desk.origin}/impersonate` };
    const path = written('federation.json', JSON.stringify(federated(desk, written('subject-2', SUBJECT_TOKEN), more)));
    const settings = settingsWith(path, { vertex_project: 'project-1' });
    expect((await signedIn(settings, Date.now())).token).toBe(desk.given[1] ?? 'none');
    expect(desk.asked.map(({ path: asked }) => asked)).toEqual(['/token', '/impersonate']);
  });

  test('of a service account are borrowed by another’s, at the address that they name', async () => {
    const settings = settingsWith({
      type: 'impersonated_service_account',
      service_account_impersonation_url: `${desk.origin}/impersonate`,
      source_credentials: serviceAccount(desk),
      delegates: ['between'],
    });
    const made = await signedIn(settings, nowMs);
    expect(made.token).toBe(desk.given[1] ?? 'none');
    expect(desk.asked[1]).toMatchObject({
      path: '/impersonate',
      fields: { lifetime: '3600s', delegates: ['between'] },
    });
    desk.refusal = { status: 403, body: { error: { message: `denied ${made.token}` } } };
    const error = await refusalOf(settingsWith(settings.source?.kind === 'json' ? settings.source.json : ''));
    expect(error.message).toContain('403');
    expect(error.message).not.toContain(made.token);
  });

  test('of a workforce are exchanged with its client’s login', async () => {
    const settings = settingsWith(
      authorizedUser(desk, { type: 'external_account_authorized_user', token_url: `${desk.origin}/oauthtoken` }),
    );
    expect((await signedIn(settings, nowMs)).token).toBe(desk.given[0] ?? 'none');
    expect(desk.asked[0]).toEqual({
      path: '/oauthtoken',
      fields: { grant_type: 'refresh_token', refresh_token: REFRESH_TOKEN },
    });
  });

  test('of a platform are fetched once for twenty requests, and kept', async () => {
    const settings = settingsWith(federated(desk, written('subject-3', SUBJECT_TOKEN)), { vertex_project: 'p' });
    const now = Date.now();
    await Promise.all(Array.from({ length: 20 }, () => signedIn(settings, now)));
    await signedIn(settings, now + HOUR_MS / 2);
    expect(desk.asked).toHaveLength(1);
  });
});

describe('a refusal', () => {
  test('of Google is ours, with its word and without a secret', async () => {
    desk.refusal = { status: 401, body: { error: 'invalid_grant', error_description: `No: ${PRIVATE_KEY}` } };
    const error = await refusalOf(settingsWith(serviceAccount(desk)));
    expect(error.kind).toBe('upstream_unauthorized');
    expect(error.message).toContain('Google Cloud gave no access token (401, invalid_grant)');
    expect(error.message).toContain('vertex_credentials');
    expectNoSecret(JSON.stringify([error.message, error]));
  });

  test('is not kept: the next request asks again', async () => {
    const settings = settingsWith(serviceAccount(desk));
    desk.refusal = { status: 503, body: 'busy' };
    expect((await refusalOf(settings)).message).toContain('(503)');
    desk.refusal = undefined;
    expect((await signedIn(settings, nowMs)).token).toBe(desk.given[0] ?? 'none');
  });

  test('of a wrong key is Google’s', async () => {
    const settings = settingsWith(serviceAccount(desk, { client_email: 'somebody@else.example' }));
    expect((await refusalOf(settings)).message).toContain('400, invalid_grant');
  });

  test('of a platform’s identity says why, in a word', async () => {
    const settings = settingsWith(federated(desk, written('wrong', 'another-token-canary')), { vertex_project: 'p' });
    const error = await refusalOf(settings);
    expect(error.kind).toBe('upstream_unauthorized');
    expect(error.message).toMatch(/gave no access token \([\w.-]+\)/);
    expect(JSON.stringify([error.message, error])).not.toContain('another-token-canary');
  });

  test.each([
    ['that is not there', undefined, 'cannot be read, ENOENT'],
    ['that is no JSON', `canary ${PRIVATE_KEY}`, 'is no JSON'],
    ['that is a list', '["canary"]', 'must be a JSON object'],
    ['without a key', '{"type": "service_account", "client_email": "canary"}', 'lack private_key'],
    ['of no known type', '{"type": "canary"}', 'of a type that is not one of'],
  ])('of a file %s says so and quotes nothing', async (_, text, why) => {
    const path = join(folder, `bad-${why.length}.json`);
    if (text !== undefined) writeFileSync(path, text);
    const error = await refusalOf(settingsWith(path));
    expect(error.kind).toBe('upstream_unauthorized');
    expect(error.message).toContain(why);
    expect(error.message).not.toContain('canary');
    expectNoSecret(error.message);
  });

  test('follows no redirect to another host', async () => {
    const elsewhere = startTokenDesk(() => nowMs);
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => Response.redirect(elsewhere.url, 307),
    });
    const settings = settingsWith(serviceAccount({ url: `http://127.0.0.1:${server.port}/token` }));
    expect((await refusalOf(settings)).kind).toBe('upstream_unauthorized');
    expect(elsewhere.asked).toEqual([]);
    await Promise.all([server.stop(true), elsewhere.stop()]);
  });
});

describe('what must never be echoed', () => {
  test('is the key, each of its lines, and the tokens it bought', async () => {
    const settings = settingsWith(serviceAccount(desk));
    await signedIn(settings, nowMs);
    const secrets = vertexSecrets(settings);
    expect(secrets).toContain(PRIVATE_KEY);
    expect(secrets).toContain(desk.given[0] ?? 'none');
    expect(secrets).toContain(PRIVATE_KEY.split('\n')[1] ?? 'none');
    expect(secrets.some((secret) => secret.startsWith('-----BEGIN') && secret.length < 40)).toBe(false);
  });

  test('is also what stands in a file, once it was read', async () => {
    const settings = settingsWith(written('secret.json', JSON.stringify(authorizedUser(desk))));
    expect(vertexSecrets(settings)).toEqual([]);
    await signedIn(settings, nowMs);
    expect(vertexSecrets(settings)).toEqual(expect.arrayContaining([REFRESH_TOKEN, CLIENT_SECRET, desk.given[0]]));
  });

  test('is also the source of an impersonation', () => {
    const settings = settingsWith({
      type: 'impersonated_service_account',
      service_account_impersonation_url: 'https://iamcredentials.googleapis.com/v1/x:generateAccessToken',
      source_credentials: authorizedUser(desk),
    });
    expect(vertexSecrets(settings)).toContain(REFRESH_TOKEN);
  });
});
