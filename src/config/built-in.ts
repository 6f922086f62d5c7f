/** What runs without a config file: a mock model that answers at once, and every provider whose key is in the environment. */
import type { Config, DeploymentConfig } from './config.ts';
import type { Env } from './env.ts';
import { ConfigError, Findings, isFatal } from './findings.ts';
import { freezeDeep } from './freeze.ts';
import type { Layer } from './layer.ts';
import { readTree } from './load.ts';
import { emptyMap } from './yaml-tree.ts';

export interface ProviderKey {
  readonly provider: string;
  /** Environment variables that hold its key, first match wins. */
  readonly apiKeyEnv: readonly string[];
}

export interface BuiltInSource {
  readonly env: Env;
  readonly providerKeys: readonly ProviderKey[];
  /** Made at run time. */
  readonly layer?: Layer | undefined;
}

const MOCK_GROUP = 'mock';
const MOCK_RESPONSE =
  'Hello from Tollgate! This is the built-in mock model: no provider was called. Add a provider key or a config.yaml to reach a real one.';
/** USD per token; on paper only, so that costs and budgets can be tried. */
const MOCK_PRICES = { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };
/** The model most examples ask for; the mock answers to it until a real key is there. */
const EXAMPLE_MODEL = 'gpt-4';
const EXAMPLE_KEY = 'OPENAI_API_KEY';
/** Names that its clients write without a prefix. */
export const BARE_NAMES = ['gpt-*', 'chatgpt-*', 'o1*', 'o3*', 'o4*'];

export function builtInConfig({ env, providerKeys, layer }: BuiltInSource): Config {
  const findings = new Findings();
  const parts = readTree(emptyMap({ file: '', line: 1, column: 1 }), {
    env,
    knownProviders: [],
    findings,
    layer: layer && { ...layer, served: [MOCK_GROUP, ...layer.served] },
  });
  if (findings.all.some(isFatal)) throw new ConfigError(findings.all);
  const found = providerKeys.flatMap(({ provider, apiKeyEnv }) => {
    const variable = apiKeyEnv.find((name) => env.lookup(name) !== undefined);
    return variable === undefined ? [] : [{ provider, apiKey: env.lookup(variable), bare: variable === EXAMPLE_KEY }];
  });
  const wildcards = found.flatMap(({ provider, apiKey, bare }) => [
    deployment(`${provider}/*`, `${provider}/*`, { apiKey }),
    ...(bare ? BARE_NAMES.map((name) => deployment(name, `${provider}/${name}`, { apiKey })) : []),
  ]);
  const isReal = found.some(({ bare }) => bare);
  return freezeDeep<Config>({
    ...parts,
    files: [],
    findings: findings.all,
    deployments: [mock(providerKeys), ...wildcards],
    aliases: isReal ? parts.aliases : { ...parts.aliases, [EXAMPLE_MODEL]: { group: MOCK_GROUP, hidden: false } },
  });
}

/** The mock wears the prefix of the provider whose wire it speaks. */
function mock(providerKeys: readonly ProviderKey[]): DeploymentConfig {
  const provider =
    providerKeys.find(({ apiKeyEnv }) => apiKeyEnv.includes(EXAMPLE_KEY))?.provider ?? providerKeys[0]?.provider;
  const model = provider === undefined ? MOCK_GROUP : `${provider}/${MOCK_GROUP}`;
  return deployment(MOCK_GROUP, model, { mockResponse: MOCK_RESPONSE, customPrices: MOCK_PRICES });
}

function deployment(modelName: string, model: string, given: Partial<DeploymentConfig>): DeploymentConfig {
  return {
    modelName,
    model,
    customProvider: undefined,
    id: `built-in:${modelName}`,
    apiKey: undefined,
    apiBase: undefined,
    apiVersion: undefined,
    organization: undefined,
    extraHeaders: {},
    timeoutMs: undefined,
    streamTimeoutMs: undefined,
    numRetries: undefined,
    weight: undefined,
    rpm: undefined,
    tpm: undefined,
    maxParallelRequests: undefined,
    order: undefined,
    tags: [],
    tagPatterns: [],
    cooldownMs: undefined,
    region: undefined,
    silentModels: [],
    maxBudgetUsd: undefined,
    budgetDuration: undefined,
    mockResponse: undefined,
    dropParams: undefined,
    additionalDropParams: [],
    allowedParams: [],
    defaults: {},
    providerSettings: {},
    customPrices: undefined,
    baseModel: undefined,
    modelInfo: {},
    position: undefined,
    ...given,
  };
}
