import { describe, expect, test } from 'bun:test';
import { ENTRA_ENV, entraSecrets, entraSettings } from './entra-settings.ts';
import { withEntraToken } from './entra-token.ts';

const nothing = () => undefined;
const settingsFrom = (raw: object, lookUp: (name: string) => string | undefined = nothing) =>
  entraSettings({ ...raw }, lookUp);
const app = { tenant_id: 't', client_id: 'c' };
const service = { ...app, client_secret: 's' };
const person = { client_id: 'c', azure_username: 'u', azure_password: 'p' };

describe('the way to sign in', () => {
  test.each([
    ['nothing', {}, undefined],
    ['a tenant alone', { tenant_id: 't' }, undefined],
    ['an application without a secret', app, undefined],
    ['a token', { azure_ad_token: 'x' }, undefined],
    ['a service principal', service, { kind: 'secret', tenantId: 't', clientId: 'c', clientSecret: 's' }],
    ['a person', person, { kind: 'password', tenantId: 'organizations', clientId: 'c', username: 'u', password: 'p' }],
    ['a person of a tenant', { ...person, tenant_id: 't' }, { kind: 'password', tenantId: 't' }],
    ['both', { ...service, ...person }, { kind: 'secret' }],
    ['a reference', { ...app, azure_ad_token: 'oidc/env/X' }, { kind: 'assertion', tenantId: 't', clientId: 'c' }],
    ['a reference beside a secret', { ...service, azure_ad_token: 'oidc/env/X' }, { kind: 'secret' }],
    ['the machine', { enable_azure_ad_token_refresh: true }, { kind: 'ambient', clientId: undefined }],
    [
      'the machine as an application',
      { ...app, enable_azure_ad_token_refresh: true },
      { kind: 'ambient', clientId: 'c' },
    ],
    ['the machine and a secret', { ...service, enable_azure_ad_token_refresh: true }, { kind: 'secret' }],
    ['no machine', { enable_azure_ad_token_refresh: false }, undefined],
  ])('of %s is found', (_, raw, expected) => {
    const { signIn } = settingsFrom(raw, () => 'value');
    if (expected === undefined) expect(signIn).toBeUndefined();
    else expect(signIn).toMatchObject(expected);
  });

  test('has the audience of Azure’s models, unless another is named', () => {
    expect(settingsFrom({}).scope).toBe('https://cognitiveservices.azure.com/.default');
    expect(settingsFrom({ azure_scope: 'https://ai.azure.com/.default' }).scope).toBe('https://ai.azure.com/.default');
  });

  test.each([
    [undefined, undefined],
    ['https://login.microsoftonline.us/', 'https://login.microsoftonline.us'],
    ['login.chinacloudapi.cn', 'https://login.chinacloudapi.cn'],
  ])('of the cloud %p is at %p', (azure_authority_host, expected) => {
    expect(settingsFrom({ azure_authority_host }).authorityHost).toBe(expected as string | undefined);
  });

  test('comes from Azure’s own variables where the deployment says nothing', () => {
    expect(ENTRA_ENV).toMatchObject({
      tenant_id: ['AZURE_TENANT_ID'],
      client_id: ['AZURE_CLIENT_ID'],
      client_secret: ['AZURE_CLIENT_SECRET'],
      azure_username: ['AZURE_USERNAME'],
      azure_password: ['AZURE_PASSWORD'],
      azure_ad_token: ['AZURE_AD_TOKEN'],
      azure_scope: ['AZURE_SCOPE'],
      azure_authority_host: ['AZURE_AUTHORITY_HOST'],
    });
  });
});

test.each([
  [{ azure_ad_token: 'token' }, ['token']],
  [service, ['s']],
  [{ ...service, azure_ad_token: 'token' }, ['token', 's']],
  [person, ['p']],
  [{ ...app, azure_ad_token: 'oidc/env/X' }, ['value']],
  [{ enable_azure_ad_token_refresh: true }, []],
  [{}, []],
])('of %j the secrets are %j', (raw, secrets) => {
  expect(entraSecrets(settingsFrom(raw, () => 'value'))).toEqual(secrets);
});

test('a token of the platform that is not there fails the request in plain words', async () => {
  const request = { url: 'https://x', headers: {}, body: '' };
  const missing = settingsFrom({ ...app, azure_ad_token: 'oidc/env_path/X' }, () => '/nowhere/token');
  await expect(withEntraToken(request, missing, 0)).rejects.toMatchObject({
    kind: 'upstream_unauthorized',
    message: "The platform gave no access token (ENOENT); check azure_ad_token's oidc/ reference.",
  });
  const outside = settingsFrom({ ...app, azure_ad_token: `oidc/file/${import.meta.path}` });
  await expect(withEntraToken(request, outside, 0)).rejects.toThrow('outside the folders of credentials');
});

test('a tenant that cannot be one fails the request, not the gateway', async () => {
  const request = { url: 'https://x', headers: {}, body: '' };
  const odd = settingsFrom({ ...service, tenant_id: 'no tenant?' });
  await expect(withEntraToken(request, odd, 0)).rejects.toMatchObject({
    kind: 'upstream_unauthorized',
    message: expect.stringContaining('Microsoft Entra ID gave no access token (Error)'),
  });
});
