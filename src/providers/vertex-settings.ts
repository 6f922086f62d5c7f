/**
 * Where and as whom Vertex AI is called. Names are LiteLLM's (its documentation of `vertex_ai/`); kinds of credentials and
 * hosts are Google's ("Application Default Credentials", "Vertex AI locations", "Workload Identity Federation").
 */
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { ProviderAdapter, Target } from './adapter.ts';

/** Credentials as Google's console and `gcloud` write them, or the path of a file of them. */
export type CredentialSource =
  | { readonly kind: 'json'; readonly json: JsonObject }
  | { readonly kind: 'file'; readonly path: string };

export interface VertexSettings {
  /** The deployment's own. */
  readonly ownProject: string | undefined;
  /** `undefined`: only the credentials can tell. */
  readonly project: string | undefined;
  readonly location: string | undefined;
  /** `undefined`: whatever the machine is. */
  readonly source: CredentialSource | undefined;
  /** `api_base` is a private endpoint: LiteLLM's `use_psc_endpoint_format`. */
  readonly isPrivateEndpoint: boolean;
}

export const DEFAULT_LOCATION = 'us-central1';
export const GOOGLE_TOKEN_URL = 'https://oauth2.googleapis.com/token';

/** Under names of their own: what stands at the deployment goes before the environment as a whole. */
export const SETTINGS_ENV = {
  environment_project: ['VERTEXAI_PROJECT', 'VERTEX_PROJECT'],
  environment_location: ['VERTEXAI_LOCATION', 'VERTEX_LOCATION'],
  environment_credentials: ['VERTEXAI_CREDENTIALS', 'VERTEX_CREDENTIALS'],
  application_credentials: ['GOOGLE_APPLICATION_CREDENTIALS'],
  cloud_project: ['GOOGLE_CLOUD_PROJECT', 'GCLOUD_PROJECT'],
} as const satisfies ProviderAdapter['settingsEnv'];

type Raw = Readonly<Record<string, unknown>>;

/** @throws Error that names the setting and holds no value of it */
export function parseSettings(raw: Raw): VertexSettings {
  const first = (...names: readonly string[]): string | undefined =>
    names.map((name) => settingText(raw, name)).find(Boolean);
  const explicit = sourceOf(raw, ['vertex_credentials', 'vertex_ai_credentials', 'environment_credentials']);
  const ambient = sourceOf(raw, ['application_credentials']);
  const ownProject = first('vertex_project', 'vertex_ai_project');
  const named = ownProject ?? first('environment_project');
  const ofMachine = first('cloud_project');
  const ofKey = projectIn(explicit);
  // With credentials of its own a deployment is not where the machine is.
  const isTold = explicit === undefined || explicit.kind === 'json';
  return {
    ownProject,
    project: named ?? ofKey ?? (isTold ? ofMachine : undefined),
    location: locationOf(first('vertex_location', 'vertex_ai_location', 'region_name', 'environment_location')),
    source: explicit ?? ambient,
    isPrivateEndpoint: raw['use_psc_endpoint_format'] === true,
  };
}

function settingText(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (typeof value !== 'string') throw new Error(`${name} must be text`);
  return textOf(value.trim());
}

/** A part of host names and paths. */
const LOCATION = /^[a-z][a-z0-9-]{0,40}$/;

function locationOf(location: string | undefined): string | undefined {
  if (location === undefined || LOCATION.test(location)) return location;
  throw new Error('vertex_location must be a location such as us-central1, us or global');
}

function sourceOf(raw: Raw, names: readonly string[]): CredentialSource | undefined {
  const name = names.find((name) => isObject(raw[name]) || settingText(raw, name) !== undefined);
  if (name === undefined) return undefined;
  const value = raw[name];
  return isObject(value) ? { kind: 'json', json: checked(value) } : sourceIn(settingText(raw, name) ?? '', name);
}

const BASE64_JSON = /^(?:base64:)?(eyJ[A-Za-z0-9+/=\s]{40,}|ewo[A-Za-z0-9+/=\s]{40,})$/;

/** JSON, JSON in base64, or a path. */
function sourceIn(text: string, name: string): CredentialSource {
  const encoded = BASE64_JSON.exec(text)?.[1];
  const json = encoded === undefined ? text : Buffer.from(encoded, 'base64').toString('utf8');
  if (json.trimStart().startsWith('{')) return { kind: 'json', json: parsedCredentials(json, name) };
  return { kind: 'file', path: text };
}

/** @throws Error without a word of what stands there */
export function parsedCredentials(text: string, name: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${name} is no JSON; look for line breaks in private_key that are not written as \\n`);
  }
  if (!isObject(value)) throw new Error(`${name} must be a JSON object`);
  return checked(value);
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  service_account: ['client_email', 'private_key'],
  authorized_user: ['client_id', 'client_secret', 'refresh_token'],
  external_account: ['audience', 'subject_token_type', 'credential_source'],
  external_account_authorized_user: ['client_id', 'client_secret', 'refresh_token', 'token_url'],
  impersonated_service_account: ['service_account_impersonation_url', 'source_credentials'],
};

export const kindOf = (json: JsonObject): string => textOf(json['type']) ?? 'service_account';

function checked(json: JsonObject): JsonObject {
  const kind = kindOf(json);
  const members = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (members === undefined)
    throw new Error(`vertex_credentials are of a type that is not one of ${Object.keys(KINDS).join(', ')}`);
  const missing = members.find((name) => json[name] === undefined || json[name] === '');
  if (missing !== undefined) throw new Error(`vertex_credentials of type ${kind} lack ${missing}`);
  checkAddresses(json);
  if (kind === 'impersonated_service_account') {
    if (!isObject(json['source_credentials']))
      throw new Error('vertex_credentials.source_credentials must be an object');
    checked(json['source_credentials']);
  }
  return json;
}

const GOOGLES = 'googleapis.com';

/** What Google documents of `external_account`. Its library reads other spellings of these, and how it is to connect, too. */
const FEDERATION_MEMBERS = [
  ...['type', 'audience', 'subject_token_type', 'token_url', 'token_info_url', 'credential_source'],
  ...['service_account_impersonation_url', 'service_account_impersonation', 'client_id', 'client_secret'],
  ...['quota_project_id', 'workforce_pool_user_project'],
];

/** Without members whose addresses nobody has looked at. */
export const federationIn = (json: JsonObject): JsonObject =>
  Object.fromEntries(FEDERATION_MEMBERS.flatMap((name) => (Object.hasOwn(json, name) ? [[name, json[name]]] : [])));

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);

/**
 * A key says where it is exchanged, and what is sent there was made with that key: any safe address will do. Federation
 * sends what it finds on this machine: only Google may have that.
 */
function checkAddresses(json: JsonObject): void {
  const universe = json['universe_domain'];
  if (kindOf(json) === 'external_account' && universe !== undefined && universe !== GOOGLES) {
    throw new Error(`vertex_credentials.universe_domain must be ${GOOGLES}`);
  }
  const members = ['token_uri', 'token_url', 'service_account_impersonation_url'];
  for (const name of members) if (json[name] !== undefined) checkAddress(name, json[name]);
}

function checkAddress(name: string, address: unknown): void {
  const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
  const isLocal = url !== undefined && isLoopback(url.hostname);
  if (url?.protocol !== 'https:' && !isLocal) throw new Error(`vertex_credentials.${name} must be an https address`);
  const isGoogles = url.hostname.endsWith(`.${GOOGLES}`) || isLocal;
  if (name === 'token_uri' || isGoogles) return;
  throw new Error(`vertex_credentials.${name} must be an address at ${GOOGLES}`);
}

/** Of people's credentials it is the project that pays. */
export const projectOf = (json: JsonObject): string | undefined =>
  textOf(json['project_id']) ?? textOf(json['quota_project_id']);

const projectIn = (source: CredentialSource | undefined): string | undefined =>
  source?.kind === 'json' ? projectOf(source.json) : undefined;

const SECRET_MEMBERS = [
  'private_key',
  'refresh_token',
  'client_secret',
  'access_token',
  'aws_secret_access_key',
  'aws_session_token',
];

/** What must never be echoed: whole, and the lines of a key, as which it may stand in an error. */
export function secretsIn(json: JsonObject): readonly string[] {
  const own = SECRET_MEMBERS.flatMap((name) => textOf(json[name]) ?? []);
  const lines = own
    .flatMap((secret) => secret.split(/\\n|\n/))
    .filter((line) => line.length >= 16 && !line.startsWith('-----'));
  const { source_credentials: source } = json;
  return [...own, ...lines, ...(isObject(source) ? secretsIn(source) : [])];
}

const NONE = parseSettings({});

/** What `parseSettings` returned; a target built without it has none of its own. */
export const settingsOf = ({ settings }: Pick<Target, 'settings'>): VertexSettings =>
  // The adapter's own, from above; nobody else writes it.
  isObject(settings) ? (settings as unknown as VertexSettings) : NONE;
