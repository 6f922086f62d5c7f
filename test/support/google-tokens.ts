/** A fake of Google's token endpoints on loopback, which lets in only those who sign or know what they must. */
import { createVerify, generateKeyPairSync } from 'node:crypto';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

export const PRIVATE_KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
export const CLIENT_EMAIL = 'gateway@project-of-the-key.iam.gserviceaccount.com';
export const REFRESH_TOKEN = '1//refresh-token-canary-0123456789';
export const CLIENT_SECRET = 'GOCSPX-client-secret-canary';
export const SUBJECT_TOKEN = 'subject-token-canary-of-the-platform';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

export interface TokenDesk {
  readonly url: string;
  readonly origin: string;
  /** Form or JSON of each request, with its path. */
  readonly asked: { readonly path: string; readonly fields: Readonly<Record<string, string>> }[];
  /** Tokens given so far; the last one is the only one that is good. */
  given: string[];
  /** Refuses with this answer instead. */
  refusal: { readonly status: number; readonly body: unknown } | undefined;
  /** Seconds that the next token lives. */
  lifeSeconds: number;
  /** Of the caller's clock: assertions must be of now. */
  nowMs: () => number;
  stop(): Promise<void>;
}

export function startTokenDesk(nowMs: () => number = Date.now): TokenDesk {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request) => answer(request) });
  const origin = `http://127.0.0.1:${server.port}`;
  const desk: TokenDesk = {
    url: `${origin}/token`,
    origin,
    asked: [],
    given: [],
    refusal: undefined,
    lifeSeconds: 3600,
    nowMs,
    stop: () => server.stop(true),
  };

  async function answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const text = await request.text();
    const isJson = request.headers.get('content-type')?.includes('json') === true;
    const fields: Record<string, string> = isJson ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
    desk.asked.push({ path: pathname, fields });
    if (desk.refusal) return Response.json(desk.refusal.body, { status: desk.refusal.status });
    if (pathname === '/token' && !isAllowed(fields)) {
      return Response.json({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }, { status: 400 });
    }
    const token = `ya29.token-${desk.given.length + 1}-of-the-desk`;
    desk.given.push(token);
    if (pathname === '/impersonate') {
      const expireTime = new Date(Date.now() + desk.lifeSeconds * 1000).toISOString();
      return Response.json({ accessToken: token, expireTime });
    }
    return Response.json({ access_token: token, expires_in: desk.lifeSeconds, token_type: 'Bearer' });
  }

  function isAllowed(fields: Readonly<Record<string, string>>): boolean {
    switch (fields['grant_type']) {
      case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
        return isSigned(fields['assertion'] ?? '', desk);
      case 'refresh_token':
        return fields['refresh_token'] === REFRESH_TOKEN && fields['client_secret'] === CLIENT_SECRET;
      case 'urn:ietf:params:oauth:grant-type:token-exchange':
        return fields['subject_token'] === SUBJECT_TOKEN && fields['audience'] === AUDIENCE;
      default:
        return false;
    }
  }
  return desk;
}

function isSigned(assertion: string, desk: TokenDesk): boolean {
  const [header = '', claims = '', signature = ''] = assertion.split('.');
  const verifier = createVerify('RSA-SHA256').update(`${header}.${claims}`);
  if (!verifier.verify(publicKey, signature, 'base64url')) return false;
  const { iss, scope, aud, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString());
  const seconds = Math.floor(desk.nowMs() / 1000);
  const isOfNow = Math.abs(iat - seconds) < 60 && exp - iat === 3600;
  return iss === CLIENT_EMAIL && scope === SCOPE && aud === desk.url && isOfNow;
}

export const AUDIENCE = '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/oidc';

export const serviceAccount = (desk: Pick<TokenDesk, 'url'>, more: object = {}) => ({
  type: 'service_account',
  project_id: 'project-of-the-key',
  private_key_id: 'key-1',
  private_key: PRIVATE_KEY,
  client_email: CLIENT_EMAIL,
  token_uri: desk.url,
  ...more,
});

export const authorizedUser = (desk: Pick<TokenDesk, 'url'>, more: object = {}) => ({
  type: 'authorized_user',
  client_id: 'client-1',
  client_secret: CLIENT_SECRET,
  refresh_token: REFRESH_TOKEN,
  token_uri: desk.url,
  quota_project_id: 'project-of-the-person',
  ...more,
});

/** @param file holds the platform's token */
export const federated = (desk: Pick<TokenDesk, 'url'>, file: string, more: object = {}) => ({
  type: 'external_account',
  audience: AUDIENCE,
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: desk.url,
  credential_source: { file },
  ...more,
});
