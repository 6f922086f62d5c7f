/** What callers write, model names behind wildcards among it, must not say where a request goes or as whom. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ask, targetFor } from '../../test/support/provider-parts.ts';
import { PROVIDER_SETTINGS } from '../config/known-params.ts';
import { GatewayError } from '../errors.ts';
import { isGatewayKey, REFUSED_KEYS, REFUSED_SETTINGS } from '../gateway/gateway-keys.ts';
import { createGroups } from '../routing/groups.ts';
import type { Target } from './adapter.ts';
import { registry } from './registry.ts';

const adapters = [...registry.values()];

/** The target that a wildcard makes of a caller's name; `undefined`: it makes none. */
function named(id: string, name: string, overrides: Partial<Target> = {}): Target | undefined {
  const adapter = registry.get(id);
  if (!adapter) throw new Error(id);
  const wild = targetFor(adapter, {
    ...{ modelGroup: `${id}/*`, upstreamModel: '*', litellmModel: `${id}/*`, deploymentId: id },
    ...overrides,
  });
  return createGroups([wild], {}).find(`${id}/${name}`)?.targets[0];
}

/** The request's address, unless the name is refused. */
function addressOf(target: Target): string | undefined {
  try {
    return ask(target).url;
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(GatewayError);
    return undefined;
  }
}

const PIECES = [
  ...[
    '..',
    '.',
    '/',
    '//',
    ':',
    '@',
    '?',
    '#',
    '%2e%2e',
    '%2f',
    '\\',
    ' ',
    '\r\n',
    '\0',
    '*',
    '{project}',
    'é',
    '[::1]',
  ],
  ...['http://evil.example', 'evil.example', '@evil.example', 'projects/p/locations/l/endpoints/7', 'endpoints/7'],
  ...['deployment/', 'deployments/', 'models/', 'publishers/x/models/', 'openai/', 'gemma/', 'invoke/', 'mantle/'],
  ...['chat/', 'agent/', 'claude-3', 'mistral', 'us.', 'us-evil-1/', 'arn:aws:bedrock:evil:1:inference-profile/x'],
  ...['o_series/', 'model_router/', '?api-version=1', '&alt=sse', 'abcd1234', 'a.b.c', 'x'.repeat(64), 'f'.repeat(64)],
];
const names = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));

describe('a model named by a caller', () => {
  test.each(adapters.map(({ id }) => id))('leaves a request to %s where the operator sends it', (id) => {
    const usual = named(id, 'some-model');
    if (usual === undefined) throw new Error('no target');
    const origin = new URL(addressOf(usual) ?? usual.baseUrl).origin.replace(
      'bedrock-mantle.us-east-1.api.aws',
      'bedrock-runtime.us-east-1.amazonaws.com',
    );
    fc.assert(
      fc.property(names, (name) => {
        const target = named(id, name);
        const address = target && addressOf(target);
        if (address === undefined) return;
        const url = new URL(address);
        // Bedrock has two hosts in each region, and names that begin with mantle/ are at its newer one.
        const place = url.origin.replace(/bedrock-mantle\.([a-z0-9-]+)\.api\.aws$/, 'bedrock-runtime.$1.amazonaws.com');
        expect([place, url.username, url.password, url.hash]).toEqual([origin, '', '', '']);
        // Nothing of it is a way back, or anything else that an address is read otherwise than written for.
        expect(url.href).toBe(address);
        expect([...url.searchParams.keys()].every((key) => ['alt', 'api-version', 'version'].includes(key))).toBe(true);
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  test.each(['..', '../..', 'a/..', '../a', '.', 'a/./b', '..:latest', 'us...', 'a\\b', 'a\nb', ''])(
    '%j is no model behind a wildcard',
    (name) => {
      expect(named('sagemaker', name)).toBeUndefined();
    },
  );

  test.each([
    'gpt-4.1',
    'meta/llama-3.1:free',
    'o/m@2024-01-01',
    'us.anthropic.claude-3-5-sonnet-20241022-v2:0',
    '.5b-x',
  ])('%s is one', (name) => {
    expect(named('sagemaker', name)?.upstreamModel).toBe(name);
  });

  test('is none either when only the part that is sent leads elsewhere', () => {
    const azure = registry.get('azure');
    if (!azure) throw new Error('azure');
    const wild = targetFor(azure, { modelGroup: 'own-*-*', upstreamModel: '**', litellmModel: 'azure/**' });
    expect(createGroups([wild], {}).find('own-.-.')).toBeUndefined();
    expect(createGroups([wild], {}).find('own-a-b')?.targets[0]?.upstreamModel).toBe('ab');
  });
});

describe('an extra header', () => {
  const openAi = registry.get('openai');
  const sentWith = (name: string) => {
    if (!openAi) throw new Error('openai');
    const { headers, changes } = ask(targetFor(openAi), { body: { extra_headers: { [name]: 'x' } } });
    return { value: headers[name.toLowerCase()], changes };
  };

  test.each([
    ...['Authorization', 'Api-Key', 'X-Goog-User-Project', 'Host', 'OpenAI-Project', 'Anthropic-Workspace-Id'],
    ...['X-Amz-Security-Token', 'X-Amzn-SageMaker-Inference-Component', 'X-Amzn-SageMaker-Target-Model'],
    ...['X-Snowflake-Authorization-Token-Type', 'X-Forwarded-Host', 'Helicone-Target-URL', 'X-Portkey-Custom-Host'],
    ...['X-Portkey-Api-Key', 'CF-Access-Client-Secret', 'cf-aig-authorization'],
  ])('%s is not the client’s to set, and it is told', (name) => {
    const { value, changes } = sentWith(name);
    expect(value).not.toBe('x');
    expect(changes).toEqual([
      { field: `extra_headers.${name.toLowerCase()}`, action: 'dropped', note: 'set by the gateway' },
    ]);
  });

  test.each(['X-Title', 'Helicone-Property-App', 'X-Amzn-SageMaker-Custom-Attributes', 'X-Portkey-Metadata'])(
    '%s is',
    (name) => {
      expect(sentWith(name)).toEqual({ value: 'x', changes: [] });
    },
  );
});

describe("a provider's setting", () => {
  test.each([...PROVIDER_SETTINGS])('%s is refused in a body, or stays in the gateway', (name) => {
    expect(REFUSED_KEYS.has(name) || REFUSED_SETTINGS.has(name) || isGatewayKey(name)).toBe(true);
  });

  /** They name an organisation to be billed or a site to be shown: as members of a body they mean nothing to anybody. */
  const HARMLESS = new Set(['organization', 'site_url', 'app_name']);
  const OWN = /^(environment_|application_credentials$|cloud_project$)/;

  test.each([...new Set(adapters.flatMap(({ settingsEnv }) => Object.keys(settingsEnv ?? {})))])(
    '%s, which the environment may give, is one of those',
    (name) => {
      expect(REFUSED_KEYS.has(name) || REFUSED_SETTINGS.has(name) || HARMLESS.has(name) || OWN.test(name)).toBe(true);
    },
  );

  const WORDS = Object.fromEntries(
    [...PROVIDER_SETTINGS, ...REFUSED_KEYS, ...REFUSED_SETTINGS].map((name) => [name, 'https://evil.example/x']),
  );

  test.each(adapters.map(({ id }) => id))('in a body changes neither address nor credentials of %s', (id) => {
    const target = named(id, 'some-model', { dropParams: true });
    if (target === undefined) throw new Error('no target');
    const usual = ask(target);
    for (const body of [WORDS, { extra_body: WORDS }]) {
      const { url, headers } = ask(target, { body });
      expect([url, headers]).toEqual([usual.url, usual.headers]);
    }
  });
});
