/**
 * Access tokens of Microsoft Entra ID, by Microsoft's own library, which is loaded by the first request that needs one.
 * Source: Microsoft's "Azure Identity client library" and "Microsoft Entra authentication and authorization error codes".
 */
import type { TokenCredential } from '@azure/identity';
import { GatewayError } from '../errors.ts';
import { isObject, textOf } from '../lib/json.ts';
import { reasonOf } from '../lib/reason.ts';
import type { UpstreamRequest } from './adapter.ts';
import { type EntraSettings, entraSecrets, type SignIn } from './entra-settings.ts';
import { type FetchedToken, keptToken, keptTokens, noToken } from './fetched-token.ts';
import type { OidcSource } from './oidc-source.ts';

const ISSUER = 'Microsoft Entra ID';
const ADVICE = "check the deployment's tenant_id, client_id and secret, or the machine's identity";

/** Any of these says already who asks. */
const CREDENTIALS = ['authorization', 'api-key', 'x-api-key'];

/**
 * The request with `authorization: Bearer`; `undefined` where it has credentials or the deployment cannot sign in.
 * @throws GatewayError `upstream_unauthorized` when Entra gives no token
 */
export function withEntraToken(
  request: UpstreamRequest,
  settings: EntraSettings | undefined,
  nowMs: number,
): Promise<UpstreamRequest> | undefined {
  const { headers } = request;
  if (settings?.signIn === undefined || CREDENTIALS.some((name) => headers[name] !== undefined)) return undefined;
  const fetching = keptToken(settings, '', nowMs, () => fetched(settings));
  return fetching.then((token) => ({ ...request, headers: { ...headers, authorization: `Bearer ${token}` } }));
}

/** What must never be echoed, tokens that were fetched among them. */
export const allEntraSecrets = (settings: EntraSettings | undefined): readonly string[] =>
  settings === undefined ? [] : [...entraSecrets(settings), ...keptTokens(settings)];

/** The library's object holds connections and a cache of its own. */
const credentials = new WeakMap<EntraSettings, Promise<TokenCredential>>();

async function fetched(settings: EntraSettings): Promise<FetchedToken> {
  try {
    const credential = await credentialFor(settings);
    const got = await credential.getToken(settings.scope);
    if (got) return { token: got.token, endsAtMs: got.expiresOnTimestamp };
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw noToken({ issuer: ISSUER, advice: ADVICE }, reasonIn(cause));
  }
  throw noToken({ issuer: ISSUER, advice: ADVICE }, 'none at all');
}

/** One for all requests of a deployment, but for assertions: they are other ones each time. */
async function credentialFor(settings: EntraSettings): Promise<TokenCredential> {
  const { signIn } = settings;
  const assertion = signIn?.kind === 'assertion' ? await assertionOf(signIn.source) : undefined;
  const known = assertion === undefined ? credentials.get(settings) : undefined;
  if (known !== undefined) return known;
  const made = credentialOf(settings, assertion ?? '');
  credentials.set(settings, made);
  return made;
}

async function assertionOf(source: OidcSource): Promise<string> {
  try {
    return await source.read();
  } catch (cause) {
    const code = isObject(cause) ? textOf(cause['code']) : undefined;
    const advice = "check azure_ad_token's oidc/ reference";
    throw noToken({ issuer: 'The platform', advice }, code ?? reasonOf(cause));
  }
}

/** Entra's own code says what is wrong; the sentences around it name tenants and people. */
function reasonIn(cause: unknown): string {
  if (!(cause instanceof Error)) return 'Error';
  return /\bAADSTS\d+\b/.exec(cause.message)?.[0] ?? (/^\w+$/.test(cause.name) ? cause.name : 'Error');
}

async function credentialOf({ signIn, authorityHost }: EntraSettings, assertion: string): Promise<TokenCredential> {
  const library = await import('@azure/identity');
  const options = {
    // A cloud of one's own is in no list of Microsoft's: the operator vouches for it.
    ...(authorityHost !== undefined && { authorityHost, disableInstanceDiscovery: true }),
  };
  switch (signIn?.kind) {
    case 'secret':
      return new library.ClientSecretCredential(signIn.tenantId, signIn.clientId, signIn.clientSecret, options);
    case 'password': {
      const { tenantId, clientId, username, password } = signIn;
      return new library.UsernamePasswordCredential(tenantId, clientId, username, password, options);
    }
    case 'assertion': {
      const { tenantId, clientId } = signIn;
      return new library.ClientAssertionCredential(tenantId, clientId, async () => assertion, options);
    }
    default:
      return new library.DefaultAzureCredential({ ...ambientOptions(signIn), ...options });
  }
}

function ambientOptions(signIn: SignIn | undefined) {
  if (signIn?.kind !== 'ambient') return {};
  const { tenantId, clientId } = signIn;
  return {
    ...(tenantId !== undefined && { tenantId }),
    ...(clientId !== undefined && { managedIdentityClientId: clientId, workloadIdentityClientId: clientId }),
  };
}
