/**
 * Access tokens of Google Cloud. Keys and people's sign-ins are exchanged here, where their own `token_uri` says; all else
 * is done by Google's own library, which is loaded by the first request that needs it. Sources: Google's "Using OAuth 2.0
 * for server to server applications" and "How Application Default Credentials works"; RFC 7523.
 */
import { sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type {
  AuthClient,
  AwsClientOptions,
  GoogleAuth,
  IdentityPoolClientOptions,
  PluggableAuthClientOptions,
} from 'google-auth-library';
import { boundedText } from '../lib/bounded-text.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import {
  exchangedToken,
  type FetchedToken,
  keptToken,
  keptTokens,
  MOST_ANSWER_BYTES,
  noToken,
} from './fetched-token.ts';
import {
  type CredentialSource,
  federationIn,
  GOOGLE_TOKEN_URL,
  kindOf,
  parsedCredentials,
  projectOf,
  secretsIn,
  type VertexSettings,
} from './vertex-settings.ts';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const ISSUER = {
  issuer: 'Google Cloud',
  advice: "check the deployment's vertex_credentials, or the machine's identity (GOOGLE_APPLICATION_CREDENTIALS)",
};

export interface SignedIn {
  readonly token: string;
  /** That of the settings, else what the credentials say. */
  readonly project: string | undefined;
}

/** What was learnt from files and from the machine, by the settings that led there. */
const projects = new WeakMap<VertexSettings, string>();
const fileSecrets = new WeakMap<VertexSettings, readonly string[]>();

/** @throws GatewayError `upstream_unauthorized`, without a secret, when Google gives no token */
export async function signedIn(settings: VertexSettings, nowMs: number): Promise<SignedIn> {
  const token = await keptToken(settings, '', nowMs, (now) => fetched(settings, now));
  return { token, project: settings.project ?? projects.get(settings) };
}

/** What must never be echoed, tokens that were fetched among them. */
export const vertexSecrets = (settings: VertexSettings): readonly string[] => [
  ...(settings.source?.kind === 'json' ? secretsIn(settings.source.json) : (fileSecrets.get(settings) ?? [])),
  ...keptTokens(settings),
];

async function fetched(settings: VertexSettings, nowMs: number): Promise<FetchedToken> {
  const { source } = settings;
  if (source === undefined) return await ofMachine(settings);
  const json = await credentialsAt(source);
  fileSecrets.set(settings, secretsIn(json));
  const project = projectOf(json);
  if (project !== undefined) projects.set(settings, project);
  return await tokenFor(json, nowMs);
}

async function tokenFor(json: JsonObject, nowMs: number): Promise<FetchedToken> {
  switch (kindOf(json)) {
    case 'service_account':
      return await byAssertion(json, nowMs);
    case 'authorized_user':
      return await byRefreshToken(json, nowMs);
    case 'external_account_authorized_user':
      return await byFederatedRefreshToken(json, nowMs);
    case 'impersonated_service_account':
      return await byImpersonation(json, nowMs);
    default:
      return await byFederation(json);
  }
}

/** Read anew each time: platforms exchange the files of keys. */
async function credentialsAt(source: CredentialSource): Promise<JsonObject> {
  if (source.kind === 'json') return source.json;
  let text: string;
  try {
    text = await readFile(source.path, 'utf8');
  } catch (cause) {
    const code = isObject(cause) && typeof cause['code'] === 'string' ? cause['code'] : 'Error';
    throw noToken(ISSUER, `the file of credentials cannot be read, ${code}`);
  }
  try {
    return parsedCredentials(text, 'the file of vertex_credentials');
  } catch (cause) {
    // Its words are ours and hold nothing of the file.
    throw noToken(ISSUER, cause instanceof Error ? cause.message : 'Error');
  }
}

const tokenUrl = (json: JsonObject): string => textOf(json['token_uri']) ?? GOOGLE_TOKEN_URL;

function byAssertion(json: JsonObject, nowMs: number): Promise<FetchedToken> {
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertionOf(json, nowMs) };
  return exchangedToken({ ...ISSUER, url: tokenUrl(json), form }, nowMs);
}

const LIFE_SECONDS = 3600;

function assertionOf(json: JsonObject, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const header = { alg: 'RS256', typ: 'JWT', ...(textOf(json['private_key_id']) && { kid: json['private_key_id'] }) };
  const times = { iat: seconds, exp: seconds + LIFE_SECONDS };
  const claims = { iss: json['client_email'], scope: SCOPE, aud: tokenUrl(json), ...times };
  const body = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  // Written twice through environments, line breaks often come as two letters.
  const key = String(json['private_key']).replaceAll('\\n', '\n');
  return `${body}.${signature(body, key)}`;
}

function signature(text: string, key: string): string {
  try {
    return sign('RSA-SHA256', Buffer.from(text), key).toString('base64url');
  } catch {
    // The reason may quote the key.
    throw noToken(ISSUER, 'private_key is no key');
  }
}

function byRefreshToken(json: JsonObject, nowMs: number): Promise<FetchedToken> {
  const form = {
    grant_type: 'refresh_token',
    client_id: String(json['client_id']),
    client_secret: String(json['client_secret']),
    refresh_token: String(json['refresh_token']),
  };
  return exchangedToken({ ...ISSUER, url: tokenUrl(json), form }, nowMs);
}

function byFederatedRefreshToken(json: JsonObject, nowMs: number): Promise<FetchedToken> {
  const login = Buffer.from(`${String(json['client_id'])}:${String(json['client_secret'])}`).toString('base64');
  const form = { grant_type: 'refresh_token', refresh_token: String(json['refresh_token']) };
  const headers = { authorization: `Basic ${login}` };
  return exchangedToken({ ...ISSUER, url: String(json['token_url']), form, headers }, nowMs);
}

/** Source: Google's "IAM Service Account Credentials API", `generateAccessToken`. */
async function byImpersonation(json: JsonObject, nowMs: number): Promise<FetchedToken> {
  const { source_credentials: source, service_account_impersonation_url: url, delegates } = json;
  const own = await tokenFor(isObject(source) ? source : {}, nowMs);
  const order = { scope: [SCOPE], lifetime: `${LIFE_SECONDS}s`, ...(Array.isArray(delegates) && { delegates }) };
  const { status, body } = await answerTo(String(url), own.token, order);
  const token = textOf(body['accessToken']);
  const endsAtMs = Date.parse(String(body['expireTime']));
  if (token === undefined) throw noToken(ISSUER, `${status}, to act as a service account`);
  return { token, endsAtMs: Number.isNaN(endsAtMs) ? undefined : endsAtMs };
}

const LIMIT_MS = 30_000;

async function answerTo(url: string, token: string, order: object): Promise<{ status: number; body: JsonObject }> {
  try {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(LIMIT_MS);
    // Where tokens go is the operator's word, not the answer's.
    const made = { method: 'POST', headers, body: JSON.stringify(order), redirect: 'error', signal } as const;
    const response = await fetch(url, made);
    const body: unknown = JSON.parse((await boundedText(response, MOST_ANSWER_BYTES)) ?? '');
    return { status: response.status, body: isObject(body) ? body : {} };
  } catch {
    // Its words may quote what was sent.
    throw noToken(ISSUER, 'not reached, to act as a service account');
  }
}

/** Made anew each time: the library would keep its token longer than it is told to. */
async function byFederation(json: JsonObject): Promise<FetchedToken> {
  const library = await import('google-auth-library');
  const source = json['credential_source'];
  const { environment_id: cloud, executable } = isObject(source) ? source : {};
  // Google's own document, whose kind and addresses were looked at when it was read.
  const options = { ...federationIn(json), scopes: [SCOPE] } as unknown as AwsClientOptions &
    IdentityPoolClientOptions &
    PluggableAuthClientOptions;
  const Client = cloud ? library.AwsClient : executable ? library.PluggableAuthClient : library.IdentityPoolClient;
  try {
    return await tokenOf(new Client(options));
  } catch (cause) {
    throw noToken(ISSUER, reasonIn(cause));
  }
}

async function ofMachine(settings: VertexSettings): Promise<FetchedToken> {
  const { GoogleAuth } = await import('google-auth-library');
  const auth = new GoogleAuth({ scopes: SCOPE });
  try {
    const fetchedToken = await tokenOf(await auth.getClient());
    await learnProject(settings, auth);
    return fetchedToken;
  } catch (cause) {
    throw noToken(ISSUER, reasonIn(cause));
  }
}

async function tokenOf(client: Pick<AuthClient, 'getAccessToken' | 'credentials'> | null): Promise<FetchedToken> {
  const { token } = (await client?.getAccessToken()) ?? {};
  if (!token) throw new Error('none at all');
  return { token, endsAtMs: client?.credentials.expiry_date ?? undefined };
}

async function learnProject(settings: VertexSettings, auth: GoogleAuth): Promise<void> {
  if (settings.project !== undefined || projects.has(settings)) return;
  try {
    projects.set(settings, await auth.getProjectId());
  } catch {
    // Whoever needs it says that it is missing.
  }
}

const WORD = /^[\w.-]{1,60}$/;

/** Words of the standard, a status, or the name of a failure: anything longer may quote what was sent. */
function reasonIn(cause: unknown): string {
  if (!(cause instanceof Error)) return 'Error';
  const { code, response } = cause as {
    readonly code?: unknown;
    readonly response?: { readonly data?: unknown; readonly status?: unknown };
  };
  const data = response?.data;
  const words = [isObject(data) ? data['error'] : undefined, response?.status, code];
  const word = words.map((value) => (value === undefined ? '' : String(value))).find((text) => WORD.test(text));
  if (word !== undefined) return word;
  return /default credentials/.test(cause.message) ? 'there are no credentials' : cause.name;
}
