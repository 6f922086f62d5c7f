/**
 * Where and as whom Bedrock is called. Names are LiteLLM's (its documentation of `bedrock/`); variables are AWS's
 * ("Environment variables" of the SDKs' reference guide) and LiteLLM's.
 */

import { isObject, textOf } from '../lib/json.ts';
import type { LookUp, Target } from './adapter.ts';
import { bedrockModel, DEFAULT_REGION, mantleUrl, runtimeUrl } from './bedrock-model.ts';
import { isOidcReference, type OidcSource, oidcSource } from './oidc-source.ts';

/** Keys that do not change by themselves. */
export interface StaticKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface Role {
  readonly arn: string;
  readonly sessionName: string;
  readonly externalId: string | undefined;
  readonly tags: readonly { readonly Key: string; readonly Value: string }[] | undefined;
  /** A token of an identity provider, or the absolute path of a file that holds one. */
  readonly webIdentity: string | undefined;
  /** Where it is asked for instead each time: `oidc/…`. */
  readonly webIdentitySource: OidcSource | undefined;
  readonly stsEndpoint: string | undefined;
}

export interface BedrockSettings {
  readonly region: string | undefined;
  readonly environmentRegion: string | undefined;
  readonly endpoint: string | undefined;
  /** The deployment's own. */
  readonly keys: StaticKeys | undefined;
  readonly environmentKeys: StaticKeys | undefined;
  readonly profile: string | undefined;
  readonly role: Role | undefined;
  /** `AWS_BEARER_TOKEN_BEDROCK`: what the deployment itself says of keys goes before it. */
  readonly environmentBearer: string | undefined;
  /** `aws_bedrock_project_id`: whom Bedrock's newer endpoint counts it for. */
  readonly project: string | undefined;
}

export const BEARER_ENV = 'AWS_BEARER_TOKEN_BEDROCK';

export const REGION_ENV = ['AWS_REGION_NAME', 'AWS_REGION', 'AWS_DEFAULT_REGION'] as const;

/** Those of the environment under names of their own: half of one pair of keys and half of another would fit nowhere. */
export const SETTINGS_ENV: Readonly<Record<string, readonly string[]>> = {
  environment_access_key_id: ['AWS_ACCESS_KEY_ID'],
  environment_secret_access_key: ['AWS_SECRET_ACCESS_KEY'],
  environment_session_token: ['AWS_SESSION_TOKEN'],
  environment_region: REGION_ENV,
  environment_bearer: [BEARER_ENV],
  environment_profile: ['AWS_PROFILE_NAME', 'AWS_PROFILE'],
  aws_bedrock_runtime_endpoint: ['AWS_BEDROCK_RUNTIME_ENDPOINT'],
};

const DEFAULT_SESSION_NAME = 'tollgate';

type Raw = Readonly<Record<string, unknown>>;

/** @throws Error that names the setting and holds no value of it */
export function parseSettings(raw: Raw, lookUp: LookUp = () => undefined): BedrockSettings {
  const text = (name: string): string | undefined => settingText(raw, name);
  const keys = keysOf(text('aws_access_key_id'), text('aws_secret_access_key'), text('aws_session_token'));
  const environmentKeys = environmentKeysOf(text);
  return {
    region: text('aws_region_name') ?? text('region_name'),
    environmentRegion: text('environment_region'),
    endpoint: endpointOf(text('aws_bedrock_runtime_endpoint'), 'aws_bedrock_runtime_endpoint'),
    keys,
    environmentKeys,
    profile: text('aws_profile_name') ?? (environmentKeys ? undefined : text('environment_profile')),
    role: roleOf(raw, text, lookUp),
    environmentBearer: text('environment_bearer'),
    project: text('aws_bedrock_project_id'),
  };
}

function settingText(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new Error(`${name} must be text`);
  return textOf(value.trim());
}

function keysOf(id: string | undefined, secret: string | undefined, token: string | undefined): StaticKeys | undefined {
  if (id === undefined && secret === undefined) {
    if (token === undefined) return undefined;
    throw new Error('aws_session_token needs aws_access_key_id and aws_secret_access_key beside it');
  }
  if (id === undefined || secret === undefined) {
    throw new Error('aws_access_key_id and aws_secret_access_key must be given together');
  }
  return { accessKeyId: id, secretAccessKey: secret, ...(token !== undefined && { sessionToken: token }) };
}

/** Half a pair in the environment is nothing that a deployment can be blamed for. */
function environmentKeysOf(text: (name: string) => string | undefined): StaticKeys | undefined {
  const id = text('environment_access_key_id');
  const secret = text('environment_secret_access_key');
  return id === undefined || secret === undefined ? undefined : keysOf(id, secret, text('environment_session_token'));
}

function roleOf(raw: Raw, text: (name: string) => string | undefined, lookUp: LookUp): Role | undefined {
  const arn = text('aws_role_name');
  const given = text('aws_web_identity_token');
  if (arn === undefined) {
    if (given === undefined) return undefined;
    throw new Error('aws_web_identity_token needs aws_role_name beside it');
  }
  const isReference = given !== undefined && isOidcReference(given);
  return {
    arn,
    sessionName: text('aws_session_name') ?? DEFAULT_SESSION_NAME,
    externalId: text('aws_external_id'),
    tags: tagsOf(raw['aws_session_tags']),
    webIdentity: isReference ? undefined : given,
    webIdentitySource: isReference ? oidcSource(given, lookUp) : undefined,
    stsEndpoint: endpointOf(text('aws_sts_endpoint'), 'aws_sts_endpoint'),
  };
}

function tagsOf(value: unknown): Role['tags'] {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw new Error('aws_session_tags must be a list of {Key, Value}');
  return value.map((tag: unknown) => {
    const { Key, Value } = isObject(tag) ? tag : {};
    if (typeof Key === 'string' && typeof Value === 'string') return { Key, Value };
    throw new Error('aws_session_tags must be a list of {Key, Value}');
  });
}

function endpointOf(url: string | undefined, name: string): string | undefined {
  if (url === undefined || /^https?:\/\/[^/?#]+/.test(url)) return url;
  throw new Error(`${name} must be an address such as https://bedrock-runtime.us-west-2.amazonaws.com`);
}

/** What `parseSettings` returned; a target made without it has none of its own. */
export function settingsOf({ settings }: Pick<Target, 'settings'>): BedrockSettings {
  // The adapter's own, from the line above; nobody else writes it.
  return (settings as BedrockSettings | undefined) ?? NONE;
}

const NONE = parseSettings({});

export function regionOf(settings: BedrockSettings, upstreamModel: string): string {
  return settings.region ?? bedrockModel(upstreamModel).region ?? settings.environmentRegion ?? DEFAULT_REGION;
}

export function baseUrlOf(settings: unknown, upstreamModel: string): string {
  const own = settingsOf({ settings });
  const region = regionOf(own, upstreamModel);
  if (!/^[a-z0-9-]+$/.test(region)) throw new Error('aws_region_name must be a region such as us-west-2');
  if (own.endpoint !== undefined) return own.endpoint;
  return bedrockModel(upstreamModel).route === 'mantle' ? mantleUrl(region) : runtimeUrl(region);
}

/** Bedrock's own API key. The environment's counts less than any credentials that stand at the deployment. */
export function bearerOf(target: Target): string | undefined {
  const { apiKey } = target;
  const { environmentBearer, keys, role } = settingsOf(target);
  if (apiKey === undefined || apiKey === '') return undefined;
  const isEnvironments = apiKey === environmentBearer;
  return isEnvironments && (keys !== undefined || role !== undefined) ? undefined : apiKey;
}

export function secretsOf(target: Target): readonly string[] {
  const { keys, environmentKeys, role, environmentBearer } = settingsOf(target);
  const pairs = [keys, environmentKeys].flatMap((pair) => [pair?.secretAccessKey, pair?.sessionToken]);
  const identities = [role?.webIdentity, ...(role?.webIdentitySource?.secrets ?? [])];
  return [...pairs, ...identities, environmentBearer].filter((secret) => secret !== undefined);
}
