/**
 * Access tokens of Microsoft Entra ID, by Microsoft's own library, which is loaded by the first request that needs one.
 * Source: Microsoft's "Azure Identity client library" and "Microsoft Entra authentication and authorization error codes".
 */
import type { TokenCredential } from '@azure/identity';
import type { UpstreamRequest } from './adapter.ts';
import { type EntraSettings, entraSecrets, type SignIn } from './entra-settings.ts';
import { type FetchedToken, keptToken, keptTokens, noToken } from './fetched-token.ts';

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
  const credential = credentials.get(settings) ?? credentialOf(settings);
  credentials.set(settings, credential);
  try {
    const got = await (await credential).getToken(settings.scope);
    if (got) return { token: got.token, endsAtMs: got.expiresOnTimestamp };
  } catch (cause) {
    throw noToken({ issuer: ISSUER, advice: ADVICE }, reasonIn(cause));
  }
  throw noToken({ issuer: ISSUER, advice: ADVICE }, 'none at all');
}

/** Entra's own code says what is wrong; the sentences around it name tenants and people. */
function reasonIn(cause: unknown): string {
  if (!(cause instanceof Error)) return 'Error';
  return /\bAADSTS\d+\b/.exec(cause.message)?.[0] ?? (/^\w+$/.test(cause.name) ? cause.name : 'Error');
}

async function credentialOf({ signIn, authorityHost }: EntraSettings): Promise<TokenCredential> {
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
      const { tenantId, clientId, source } = signIn;
      return new library.ClientAssertionCredential(tenantId, clientId, () => source.read(), options);
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
