import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOidcReference, oidcSource } from './oidc-source.ts';

let folder: string;
let allowed: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-oidc-'));
  allowed = join(folder, 'secrets');
  mkdirSync(allowed);
  mkdirSync(`${allowed}-of-others`);
  writeFileSync(join(allowed, 'token'), 'from-the-file\n');
  writeFileSync(join(allowed, 'empty'), '\n');
  writeFileSync(join(folder, 'outside'), 'not-for-you');
  writeFileSync(join(`${allowed}-of-others`, 'token'), 'not-for-you');
  symlinkSync(join(folder, 'outside'), join(allowed, 'link'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const source = (reference: string, env: Readonly<Record<string, string>> = {}) =>
  oidcSource(reference, (name) => env[name]);

test('a reference is known by its beginning', () => {
  expect([isOidcReference('oidc/env/X'), isOidcReference('eyJ.oidc/'), isOidcReference('')]).toEqual([
    true,
    false,
    false,
  ]);
});

describe('a token of the environment', () => {
  test.each([
    ['oidc/env/MY_TOKEN', 'MY_TOKEN'],
    ['oidc/circleci/', 'CIRCLE_OIDC_TOKEN'],
    ['oidc/circleci_v2/', 'CIRCLE_OIDC_TOKEN_V2'],
  ])('%s is %s, and a secret', async (reference, name) => {
    const made = source(reference, { [name]: 'from-the-variable' });
    expect(await made.read()).toBe('from-the-variable');
    expect(made.secrets).toEqual(['from-the-variable']);
    expect(() => source(reference)).toThrow(`needs the environment variable ${name}, which is not set`);
  });
});

describe('a token in a file', () => {
  test.each([
    ['oidc/env_path/WHERE', 'WHERE'],
    ['oidc/azure/', 'AZURE_FEDERATED_TOKEN_FILE'],
    ['oidc/azure/api://AzureADTokenExchange', 'AZURE_FEDERATED_TOKEN_FILE'],
  ])('%s is where %s says, as it is at that time', async (reference, name) => {
    const path = join(folder, 'exchanged');
    writeFileSync(path, 'first');
    const made = source(reference, { [name]: path });
    expect(await made.read()).toBe('first');
    writeFileSync(path, 'second\n');
    expect(await made.read()).toBe('second');
    expect(() => source(reference)).toThrow(name);
  });

  const reading = (path: string, folders = allowed) =>
    source(`oidc/file/${path}`, { LITELLM_OIDC_ALLOWED_CREDENTIAL_DIRS: folders }).read();

  test('is read from the folders that are allowed', async () => {
    expect(await reading(join(allowed, 'token'))).toBe('from-the-file');
    expect(await reading(join(allowed, 'token'), `/nowhere, ${allowed}/`)).toBe('from-the-file');
  });

  test.each(['outside', 'secrets/../outside', 'secrets/link', 'secrets-of-others/token'])(
    'is not read from %s',
    async (path) => {
      await expect(reading(`${folder}/${path}`)).rejects.toThrow('outside the folders of credentials');
    },
  );

  test('is not read from anywhere but the usual folders where nobody said more', async () => {
    await expect(source(`oidc/file/${join(allowed, 'token')}`).read()).rejects.toThrow('outside the folders');
  });

  test('needs an absolute path', () => {
    expect(() => source('oidc/file/run/secrets/token')).toThrow('absolute path');
  });

  test('is not taken where it is empty or not there', async () => {
    await expect(reading(join(allowed, 'empty'))).rejects.toThrow('empty');
    await expect(reading(join(allowed, 'none'))).rejects.toThrow();
  });
});

describe('a token of a platform', () => {
  const serve = (answer: (request: Request) => Response) =>
    Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer });

  test('of GitHub is asked for with the job’s own token, for the audience', async () => {
    const seen: string[] = [];
    const server = serve((request) => {
      seen.push(request.url.replace(/^.*:\d+/, ''), request.headers.get('authorization') ?? '');
      return Response.json({ value: 'of-github', count: 9 });
    });
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}?v=2`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'job-token' };
    const made = source('oidc/github/api://AzureADTokenExchange', env);
    expect(await made.read()).toBe('of-github');
    expect(seen).toEqual(['/?v=2&audience=api%3A%2F%2FAzureADTokenExchange', 'Bearer job-token']);
    expect(made.secrets).toEqual(['job-token']);
    server.stop();
  });

  test('of Google is asked for at the metadata server, for the audience', async () => {
    const server = serve((request) =>
      request.headers.get('metadata-flavor') === 'Google'
        ? new Response(`of-google for ${new URL(request.url).searchParams.get('audience')}`)
        : new Response('', { status: 403 }),
    );
    const made = source('oidc/google/https://example.com/x', { GCE_METADATA_HOST: `127.0.0.1:${server.port}` });
    expect(await made.read()).toBe('of-google for https://example.com/x');
    server.stop();
  });

  test.each([
    [() => new Response('no', { status: 403 }), 'refused with status 403'],
    [() => new Response(''), 'refused'],
    [() => Response.json({ count: 1 }), 'no identity token'],
    [() => Response.json('text'), 'no identity token'],
    [() => new Response('eyJ.token'), 'GitHub gave no identity token'],
  ])('that is not there says so (%#)', async (answer, reason) => {
    const server = serve(answer);
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: server.url.href, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'job-token' };
    await expect(source('oidc/github/a', env).read()).rejects.toThrow(reason);
    server.stop();
  });
});

test.each(['oidc/', 'oidc/moon/x', 'oidc/__proto__/x'])('%s is no kind that is known', (reference) => {
  expect(() => source(reference)).toThrow('oidc/ must be followed by');
});
