import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { targetFor } from '../../test/support/provider-parts.ts';
import { verifiedSigner } from '../../test/support/signature.ts';
import { GatewayError } from '../errors.ts';
import { bedrock } from './bedrock.ts';
import { authorize, signed } from './bedrock-credentials.ts';

const NOW_MS = Date.UTC(2015, 7, 30, 12, 36, 0);
const EXAMPLE = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const SIGNING = { credentials: EXAMPLE, region: 'us-east-1', service: 'service', nowMs: NOW_MS };

describe('a signature is the one of AWS’s published test vectors', () => {
  test.each([
    ['post-vanilla', {}, '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'post-x-www-form-urlencoded',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'Param1=value1',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
  ])('%s', async (_, headers, body, signature) => {
    const { headers: sent } = await signed({ url: 'https://example.amazonaws.com/', headers, body }, SIGNING);
    expect(sent['authorization']).toEndWith(`Signature=${signature}`);
    expect(sent['authorization']).toStartWith('AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/');
    expect(sent['x-amz-date']).toBe('20150830T123600Z');
    expect(sent).not.toHaveProperty('host');
  });
});

const request = {
  url: 'https://bedrock-runtime.eu-west-1.amazonaws.com/model/arn%3Aaws%3Ax%2Fy/converse',
  headers: { 'content-type': 'application/json', 'x-own': 'a  b' },
  body: '{"messages":[]}',
};

const received = (headers: Readonly<Record<string, string>>, url = request.url) => ({
  method: 'POST',
  path: new URL(url).pathname,
  headers: { ...headers, host: new URL(url).host },
  text: request.body,
});

const target = (raw: Record<string, unknown>, overrides = {}) =>
  targetFor(bedrock, {
    apiKey: undefined,
    upstreamModel: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
    settings: bedrock.parseSettings?.(raw),
    ...overrides,
  });

const KEYS = {
  aws_access_key_id: 'AKIAOWN',
  aws_secret_access_key: 'own-secret-1234567',
  aws_region_name: 'eu-west-1',
};

describe('a request', () => {
  test('is signed for its region with the deployment’s keys', async () => {
    const { headers } = await authorize({ ...request, headers: { 'content-type': 'a/b' } }, target(KEYS), NOW_MS);
    const signer = verifiedSigner(received(headers), () => 'own-secret-1234567');
    expect(signer).toMatchObject({ accessKeyId: 'AKIAOWN', scope: '20150830/eu-west-1/bedrock/aws4_request' });
    expect(signer.signedHeaders).toEqual(expect.arrayContaining(['content-type', 'host', 'x-amz-date']));
    expect(() => verifiedSigner({ ...received(headers), text: 'other' }, () => 'own-secret-1234567')).toThrow('wrong');
  });

  test('carries a session token, which is signed too', async () => {
    const own = target({ ...KEYS, aws_session_token: 'session-1234' });
    const { headers } = await authorize({ ...request, headers: {} }, own, NOW_MS);
    expect(headers['x-amz-security-token']).toBe('session-1234');
    expect(verifiedSigner(received(headers), () => 'own-secret-1234567').signedHeaders).toContain(
      'x-amz-security-token',
    );
  });

  test('with a bearer key is left as it is', async () => {
    expect(await authorize(request, target({}, { apiKey: 'bedrock-api-key' }), NOW_MS)).toBe(request);
  });

  test('is signed with the deployment’s keys though the environment has a bearer key', async () => {
    const own = target({ ...KEYS, environment_bearer: 'bearer-of-all' }, { apiKey: 'bearer-of-all' });
    expect((await authorize(request, own, NOW_MS)).headers['authorization']).toContain('Credential=AKIAOWN/');
  });

  test('takes the environment’s pair whole, never half of it', async () => {
    const environment = {
      environment_access_key_id: 'AKIAENV',
      environment_secret_access_key: 'secret-of-env-123',
      environment_session_token: 'token-of-env-123',
    };
    const fromEnv = (await authorize(request, target(environment), NOW_MS)).headers;
    expect(fromEnv['authorization']).toContain('Credential=AKIAENV/20150830/eu-west-1/');
    expect(fromEnv['x-amz-security-token']).toBe('token-of-env-123');
    const own = (await authorize(request, target({ ...environment, ...KEYS }), NOW_MS)).headers;
    expect(own['authorization']).toContain('Credential=AKIAOWN/');
    expect(own).not.toHaveProperty('x-amz-security-token');
  });
});

describe('credentials that are fetched', () => {
  let server: Server;
  let endpoint: string;
  const asked: { form: URLSearchParams; authorization: string | undefined }[] = [];
  let answer: () => { status: number; text: string };

  const expiry = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();
  const credentials = (action: string, id: string, minutes: number) => ({
    status: 200,
    text: `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>
      <AccessKeyId>${id}</AccessKeyId><SecretAccessKey>secret-of-${id}</SecretAccessKey><SessionToken>token-of-${id}</SessionToken>
      <Expiration>${expiry(minutes)}</Expiration></Credentials></${action}Result></${action}Response>`,
  });

  beforeAll(async () => {
    server = createServer(async (incoming, outgoing) => {
      let text = '';
      for await (const piece of incoming) text += piece;
      asked.push({ form: new URLSearchParams(text), authorization: incoming.headers.authorization });
      const { status, text: body } = answer();
      outgoing.writeHead(status, { 'content-type': 'text/xml' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  const ROLE = { aws_role_name: 'arn:aws:iam::123456789012:role/models' };
  const keyOf = ({ headers }: { headers: Record<string, string> }): string =>
    /Credential=(\w+)/.exec(headers['authorization'] ?? '')?.[1] ?? '';

  test('are those of a role, asked for once and again before they end', async () => {
    asked.length = 0;
    let id = 'ASIAFIRST';
    answer = () => credentials('AssumeRole', id, 60);
    const own = target({
      ...KEYS,
      ...ROLE,
      aws_sts_endpoint: endpoint,
      aws_session_name: 'me',
      aws_external_id: 'ext-1',
    });
    const now = Date.now();
    const first = await Promise.all([1, 2, 3].map(() => authorize(request, own, now)));
    expect(first.map(keyOf)).toEqual(['ASIAFIRST', 'ASIAFIRST', 'ASIAFIRST']);
    expect(first[0]?.headers['x-amz-security-token']).toBe('token-of-ASIAFIRST');
    expect(asked).toHaveLength(1);
    expect(Object.fromEntries(asked[0]?.form ?? [])).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: ROLE.aws_role_name,
      RoleSessionName: 'me',
      ExternalId: 'ext-1',
    });
    expect(asked[0]?.authorization).toContain('Credential=AKIAOWN/');
    id = 'ASIASECOND';
    expect(keyOf(await authorize(request, own, now + 10 * 60_000))).toBe('ASIAFIRST');
    expect(keyOf(await authorize(request, own, now + 56 * 60_000))).toBe('ASIASECOND');
  });

  test('are got for a token of an identity provider, from text or file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-token-'));
    const file = join(folder, 'token');
    writeFileSync(file, 'token-in-a-file');
    for (const [given, sent] of [
      ['token-as-text', 'token-as-text'],
      [file, 'token-in-a-file'],
    ]) {
      asked.length = 0;
      answer = () => credentials('AssumeRoleWithWebIdentity', 'ASIAWEB', 60);
      const own = target({
        ...ROLE,
        aws_web_identity_token: given,
        aws_sts_endpoint: endpoint,
        aws_region_name: 'us-east-1',
      });
      expect(keyOf(await authorize(request, own, Date.now()))).toBe('ASIAWEB');
      expect(asked[0]?.form.get('WebIdentityToken')).toBe(sent ?? '');
    }
    rmSync(folder, { recursive: true });
  });

  test('are got for a token that the platform gives, read anew each time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-token-'));
    const file = join(folder, 'token');
    const raw = {
      ...ROLE,
      aws_web_identity_token: 'oidc/env_path/TOKEN_FILE',
      aws_sts_endpoint: endpoint,
      aws_region_name: 'us-east-1',
    };
    const settings = bedrock.parseSettings?.(raw, (name) => (name === 'TOKEN_FILE' ? file : undefined));
    const own = target({}, { settings });
    answer = () => credentials('AssumeRoleWithWebIdentity', 'ASIAOIDC', 60);
    asked.length = 0;
    const now = Date.now();
    for (const [at, token] of [
      [now, 'first-token'],
      [now + 16 * 60_000, 'second-token'],
    ] as const) {
      writeFileSync(file, `${token}\n`);
      expect(keyOf(await authorize(request, own, at))).toBe('ASIAOIDC');
      expect(asked.at(-1)?.form.get('WebIdentityToken')).toBe(token);
    }
    expect(asked).toHaveLength(2);
    rmSync(folder, { recursive: true });
    await expect(authorize(request, own, now + 32 * 60_000)).rejects.toMatchObject({ kind: 'upstream_unauthorized' });
  });

  test('that are refused are an authentication failure without secrets, and are asked for anew', async () => {
    answer = () => ({
      status: 403,
      text: '<ErrorResponse><Error><Code>AccessDenied</Code><Message>own-secret-1234567 may not</Message></Error></ErrorResponse>',
    });
    const own = target({ ...KEYS, ...ROLE, aws_sts_endpoint: endpoint });
    const both = [1, 2].map(() => authorize(request, own, Date.now()).catch((thrown: unknown) => thrown));
    const [error, alsoWaiting] = await Promise.all(both);
    expect(alsoWaiting).toMatchObject({ kind: 'upstream_unauthorized' });
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ kind: 'upstream_unauthorized' });
    expect(String(error)).not.toContain('own-secret');
    answer = () => credentials('AssumeRole', 'ASIALATER', 60);
    expect(keyOf(await authorize(request, own, Date.now()))).toBe('ASIALATER');
  });
});
