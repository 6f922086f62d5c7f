/**
 * Signature Version 4 and the credentials for it, both by AWS's own libraries, which are loaded by the first request
 * that needs them. Source: AWS's "Signature Version 4 for API requests" and "Standardized credential providers".
 */
import { GatewayError } from '../errors.ts';
import type { Target, UpstreamRequest } from './adapter.ts';
import { bedrockModel } from './bedrock-model.ts';
import {
  type BedrockSettings,
  bearerOf,
  type Role,
  regionOf,
  type StaticKeys,
  settingsOf,
} from './bedrock-settings.ts';

const SERVICE = 'bedrock';
/** Bedrock's newer endpoint is a service of its own. */
const MANTLE_SERVICE = 'bedrock-mantle';

/** @throws GatewayError `upstream_unauthorized` when AWS gives no credentials */
export async function authorize(request: UpstreamRequest, target: Target, nowMs: number): Promise<UpstreamRequest> {
  if (bearerOf(target) !== undefined) return request;
  const { route } = bedrockModel(target.upstreamModel);
  return signedFor(route === 'mantle' ? MANTLE_SERVICE : SERVICE, request, target, nowMs);
}

/** @throws GatewayError `upstream_unauthorized` when AWS gives no credentials */
export async function signedFor(
  service: string,
  request: UpstreamRequest,
  target: Target,
  nowMs: number,
): Promise<UpstreamRequest> {
  const settings = settingsOf(target);
  // A caller's name may not say which token service is asked, nor have one remembered for each name.
  const region = regionIn(request.url) ?? regionOf(settings, target.isNamedByCaller ? '' : target.upstreamModel);
  const credentials = await credentialsFor(settings, region, nowMs);
  return signed(request, { credentials, region, service, nowMs });
}

/** AWS's own hosts take signatures for their region only. */
const regionIn = (url: string): string | undefined =>
  /^https:\/\/bedrock-(?:runtime|mantle)(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|api\.aws)/.exec(url)?.[1];

export interface Signing {
  readonly credentials: StaticKeys;
  readonly region: string;
  readonly service: string;
  readonly nowMs: number;
}

/** The request with `authorization`, `x-amz-date` and, for temporary credentials, `x-amz-security-token`. */
export async function signed(request: UpstreamRequest, signing: Signing): Promise<UpstreamRequest> {
  const [{ SignatureV4 }, { Sha256 }] = await Promise.all([
    import('@smithy/signature-v4'),
    import('@aws-crypto/sha256-js'),
  ]);
  const { credentials, region, service, nowMs } = signing;
  const { protocol, hostname, host, port, pathname, searchParams } = new URL(request.url);
  const signer = new SignatureV4({ credentials, region, service, sha256: Sha256, applyChecksum: false });
  const { headers } = await signer.sign(
    {
      method: 'POST',
      protocol,
      hostname,
      ...(port !== '' && { port: Number(port) }),
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: { ...request.headers, host },
      body: request.body,
    },
    { signingDate: new Date(nowMs) },
  );
  // The connection writes it, from the same address.
  const { host: _, ...sent } = headers;
  return { ...request, headers: sent };
}

interface Fetched extends StaticKeys {
  readonly expiration?: Date;
}

type Provider = () => Promise<Fetched>;

interface Held {
  readonly provide: Promise<Provider>;
  current: Promise<Fetched> | undefined;
  usableUntilMs: number;
}

/** One holder for all requests of a deployment; two regions of it ask two token services. */
const held = new WeakMap<BedrockSettings, Map<string, Held>>();

/** Renewed early, so that none expires on its way. */
const MARGIN_MS = 5 * 60_000;
/** Credentials without an end may still be exchanged in their file. */
const LONGEST_USE_MS = 15 * 60_000;

async function credentialsFor(settings: BedrockSettings, region: string, nowMs: number): Promise<StaticKeys> {
  const fixed = settings.role === undefined ? (settings.keys ?? environmentKeysOf(settings)) : undefined;
  if (fixed !== undefined) return fixed;
  const holder = holderOf(settings, region);
  return holder.current !== undefined && nowMs < holder.usableUntilMs ? holder.current : renew(holder, nowMs);
}

const environmentKeysOf = ({ profile, environmentKeys }: BedrockSettings): StaticKeys | undefined =>
  profile === undefined ? environmentKeys : undefined;

function holderOf(settings: BedrockSettings, region: string): Held {
  const byRegion = held.get(settings) ?? new Map<string, Held>();
  held.set(settings, byRegion);
  const known = byRegion.get(region);
  if (known) return known;
  const made: Held = { provide: providerFor(settings, region), current: undefined, usableUntilMs: 0 };
  byRegion.set(region, made);
  return made;
}

/** Requests that come meanwhile wait for the same answer; a failure is not kept. */
function renew(holder: Held, nowMs: number): Promise<Fetched> {
  const fetching = holder.provide
    .then((provide) => provide())
    .then(
      (fetched) => {
        const endsAtMs = fetched.expiration?.getTime() ?? Infinity;
        holder.usableUntilMs = Math.min(nowMs + LONGEST_USE_MS, endsAtMs - MARGIN_MS);
        return fetched;
      },
      (cause: unknown) => {
        holder.current = undefined;
        throw refused(cause);
      },
    );
  holder.current = fetching;
  holder.usableUntilMs = nowMs + LONGEST_USE_MS;
  return fetching;
}

/** The library's words may quote what it was given; its name for the failure does not. */
function refused(cause: unknown): GatewayError {
  const name = cause instanceof Error && /^\w+$/.test(cause.name) ? cause.name : 'Error';
  const message = `AWS gave no credentials (${name}); check the deployment's aws_… settings or AWS's own environment.`;
  return new GatewayError('upstream_unauthorized', message, { cause });
}

async function providerFor(settings: BedrockSettings, region: string): Promise<Provider> {
  const library = await import('@aws-sdk/credential-providers');
  const { profile, role, keys } = settings;
  const clientConfig = { region, ...(role?.stsEndpoint !== undefined && { endpoint: role.stsEndpoint }) };
  const own = (): Provider => {
    const fixed = keys ?? environmentKeysOf(settings);
    if (fixed) return async () => fixed;
    return profile === undefined
      ? library.fromNodeProviderChain({ clientConfig: { region } })
      : library.fromIni({ profile, clientConfig: { region } });
  };
  if (role === undefined) return own();
  const { arn: roleArn, sessionName: roleSessionName, webIdentity, webIdentitySource } = role;
  if (webIdentitySource !== undefined) {
    return async () => {
      const webIdentityToken = await webIdentitySource.read();
      return library.fromWebToken({ webIdentityToken, roleArn, roleSessionName, clientConfig })();
    };
  }
  if (webIdentity?.startsWith('/')) {
    return library.fromTokenFile({ webIdentityTokenFile: webIdentity, roleArn, roleSessionName, clientConfig });
  }
  if (webIdentity !== undefined) {
    return library.fromWebToken({ webIdentityToken: webIdentity, roleArn, roleSessionName, clientConfig });
  }
  return library.fromTemporaryCredentials({ masterCredentials: own(), params: paramsOf(role), clientConfig });
}

const paramsOf = ({ arn, sessionName, externalId, tags }: Role) => ({
  RoleArn: arn,
  RoleSessionName: sessionName,
  ...(externalId !== undefined && { ExternalId: externalId }),
  ...(tags !== undefined && { Tags: [...tags] }),
});
