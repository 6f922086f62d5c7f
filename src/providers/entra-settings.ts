/**
 * How a deployment signs in to Microsoft Entra ID. Sources: LiteLLM's documentation of `azure/` ("Azure AD token", "Entra
 * ID", "OIDC", "DefaultAzureCredential"); Microsoft's "Azure Identity client library".
 */
import { textOf } from '../lib/json.ts';
import type { LookUp, ProviderAdapter } from './adapter.ts';
import { isOidcReference, type OidcSource, oidcSource } from './oidc-source.ts';

/** `ambient`: what the machine is, by managed identity, workload identity or the environment. */
export type SignIn =
  | { readonly kind: 'secret'; readonly tenantId: string; readonly clientId: string; readonly clientSecret: string }
  | {
      readonly kind: 'password';
      readonly tenantId: string;
      readonly clientId: string;
      readonly username: string;
      readonly password: string;
    }
  | { readonly kind: 'assertion'; readonly tenantId: string; readonly clientId: string; readonly source: OidcSource }
  | { readonly kind: 'ambient'; readonly tenantId: string | undefined; readonly clientId: string | undefined };

export interface EntraSettings {
  /** A token of one's own; it stands over the rest. */
  readonly token: string | undefined;
  readonly signIn: SignIn | undefined;
  readonly scope: string;
  /** `AZURE_AUTHORITY_HOST`: a national or a private cloud's. */
  readonly authorityHost: string | undefined;
}

const DEFAULT_SCOPE = 'https://cognitiveservices.azure.com/.default';
/** Any tenant of organisations: Entra finds it by the user's name. */
const ANY_TENANT = 'organizations';

export const ENTRA_ENV = {
  azure_ad_token: ['AZURE_AD_TOKEN'],
  tenant_id: ['AZURE_TENANT_ID'],
  client_id: ['AZURE_CLIENT_ID'],
  client_secret: ['AZURE_CLIENT_SECRET'],
  azure_username: ['AZURE_USERNAME'],
  azure_password: ['AZURE_PASSWORD'],
  azure_scope: ['AZURE_SCOPE'],
  azure_authority_host: ['AZURE_AUTHORITY_HOST'],
} as const satisfies ProviderAdapter['settingsEnv'];

type Raw = Readonly<Record<string, unknown>>;

/** @throws Error with a plain message */
export function entraSettings(raw: Raw, lookUp: LookUp): EntraSettings {
  const text = (name: string): string | undefined => {
    const value = raw[name];
    if (value !== undefined && value !== null && typeof value !== 'string') throw new Error(`${name} must be text`);
    return textOf(value);
  };
  const given = text('azure_ad_token');
  const reference = given !== undefined && isOidcReference(given) ? given : undefined;
  return {
    token: reference === undefined ? given : undefined,
    signIn: signInOf(raw, text, reference === undefined ? undefined : { reference, lookUp }),
    scope: text('azure_scope') ?? DEFAULT_SCOPE,
    authorityHost: authorityOf(text('azure_authority_host')),
  };
}

interface Federation {
  readonly reference: string;
  readonly lookUp: LookUp;
}

function signInOf(
  raw: Raw,
  text: (name: string) => string | undefined,
  federation: Federation | undefined,
): SignIn | undefined {
  const tenantId = text('tenant_id');
  const clientId = text('client_id');
  const clientSecret = text('client_secret');
  const username = text('azure_username');
  const password = text('azure_password');
  if (tenantId && clientId && clientSecret) return { kind: 'secret', tenantId, clientId, clientSecret };
  if (clientId && username && password) {
    return { kind: 'password', tenantId: tenantId ?? ANY_TENANT, clientId, username, password };
  }
  if (federation) {
    if (!tenantId || !clientId) throw new Error('azure_ad_token: oidc/ needs tenant_id and client_id beside it');
    return { kind: 'assertion', tenantId, clientId, source: oidcSource(federation.reference, federation.lookUp) };
  }
  return raw['enable_azure_ad_token_refresh'] === true ? { kind: 'ambient', tenantId, clientId } : undefined;
}

function authorityOf(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const url = host.includes('://') ? host : `https://${host}`;
  if (!url.startsWith('https://')) throw new Error('AZURE_AUTHORITY_HOST must be an https address');
  return url.replace(/\/+$/, '');
}

/** What must never be echoed. */
export function entraSecrets({ token, signIn }: EntraSettings): readonly string[] {
  const own = token === undefined ? [] : [token];
  switch (signIn?.kind) {
    case undefined:
    case 'ambient':
      return own;
    case 'secret':
      return [...own, signIn.clientSecret];
    case 'password':
      return [...own, signIn.password];
    case 'assertion':
      return [...own, ...signIn.source.secrets];
    default:
      return signIn satisfies never;
  }
}
