/** Configured deployments → Targets that can be called, with credentials and addresses filled in from the environment. */
import type { Config, DeploymentConfig } from '../config/config.ts';
import { ConfigError, Findings } from '../config/findings.ts';
import { reasonOf } from '../lib/reason.ts';
import type { Catalog } from '../pricing/catalog.ts';
import type { KnownModel, Target } from '../providers/adapter.ts';
import { withShape } from '../providers/deployment-shape.ts';
import { DEFAULT_PROVIDER_ID, resolveModel } from '../providers/registry.ts';
import { withoutCatchAll } from './catch-all.ts';

export interface TargetParts {
  readonly lookUp: (name: string) => string | undefined;
  /** Provider of a bare model name, from the catalog. */
  readonly inferProvider: (model: string) => string | undefined;
  /** Abilities and sizes of models, from the catalog. */
  readonly abilities?: Catalog['abilities'];
}

/** @throws ConfigError that names every deployment at fault, beside all that was found before. */
export function targetsOf(config: Config, parts: TargetParts): readonly Target[] {
  const weights = weightsOf(config.deployments);
  const faults = new Findings();
  const targets = config.deployments.flatMap((deployment) => {
    try {
      const weight = weights.get(deployment) ?? 1;
      return withoutCatchAll(deployment, parts.lookUp).map((one) => ({ ...targetOf(one, config, parts), weight }));
    } catch (cause) {
      faults.error(`model_list entry "${deployment.modelName}"`, reasonOf(cause), deployment.position);
      return [];
    }
  });
  if (faults.all.length > 0) throw new ConfigError([...config.findings, ...faults.all]);
  return targets;
}

/** `weight` where any deployment of the group has one, else `rpm`, else `tpm`, else all alike. A missing weight counts as 1. */
function weightsOf(deployments: readonly DeploymentConfig[]): ReadonlyMap<DeploymentConfig, number> {
  const weights = new Map<DeploymentConfig, number>();
  for (const members of Map.groupBy(deployments, ({ modelName }) => modelName).values()) {
    const by = (['weight', 'rpm', 'tpm'] as const).find((name) => members.some((member) => member[name] !== undefined));
    for (const member of members) weights.set(member, (by && member[by]) ?? 1);
  }
  return weights;
}

function targetOf(deployment: DeploymentConfig, config: Config, parts: TargetParts): Target {
  const resolved =
    resolveModel(deployment.model, deployment.customProvider) ??
    resolveModel(deployment.model, parts.inferProvider(deployment.model) ?? fallbackProvider(deployment));
  if (!resolved) {
    throw new Error(
      `cannot tell the provider of model "${deployment.model}"; write it as provider/model, such as openai/${deployment.model}.`,
    );
  }
  const { upstreamModel } = resolved;
  const adapter = withShape(resolved.adapter, deployment.providerSettings);
  const litellmModel = deployment.model.startsWith(`${adapter.id}/`)
    ? deployment.model
    : `${adapter.id}/${deployment.model}`;
  const first = firstOf(parts);
  const settings = settingsOf(deployment, adapter, config, parts);
  const address = deployment.apiBase ?? first(adapter.baseUrlEnv) ?? adapter.baseUrlOf?.(settings, upstreamModel);
  const target: Target = {
    deploymentId: deployment.id,
    modelGroup: deployment.modelName,
    adapter,
    litellmModel,
    upstreamModel,
    baseUrl: (address ?? adapter.defaultBaseUrl).replace(/\/+$/, ''),
    apiKey: deployment.apiKey ?? first(adapter.apiKeyEnv),
    apiVersion: deployment.apiVersion,
    organization: deployment.organization,
    extraHeaders: deployment.extraHeaders,
    defaults: deployment.defaults,
    settings,
    dropParams: deployment.dropParams ?? config.litellm.dropParams,
    additionalDropParams: deployment.additionalDropParams,
    allowedParams: deployment.allowedParams,
    takesCallerKey: config.general.allowCallerKeys || deployment.takesCallerKey === true,
    timeoutMs: deployment.timeoutMs,
    streamTimeoutMs: deployment.streamTimeoutMs,
    numRetries: deployment.numRetries,
    weight: 1,
    order: deployment.order,
    tags: deployment.tags,
    tagPatterns: deployment.tagPatterns.map((pattern) => new RegExp(pattern)),
    tagFiltering: deployment.tagFiltering,
    failsOpen: deployment.failsOpen,
    region: deployment.region,
    mockResponse: deployment.mockResponse,
    fakeStream: deployment.fakeStream,
    baseModel: deployment.baseModel,
    maxInputTokens: tokensIn(deployment.modelInfo['max_input_tokens']),
    knownModel: knowledgeOf(deployment, adapter.id, parts),
    customPrices: deployment.customPrices,
  };
  if (target.baseUrl === '' && target.mockResponse === undefined) {
    throw new Error(`${adapter.id} has no address of its own; set litellm_params.api_base.`);
  }
  return target;
}

const tokensIn = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;

/** What the operator says of a model stands before what the catalog says. */
function knowledgeOf({ modelInfo, baseModel }: DeploymentConfig, provider: string, parts: TargetParts) {
  const flags = Object.entries(modelInfo).filter(
    (entry): entry is [string, boolean] => entry[0].startsWith('supports_') && typeof entry[1] === 'boolean',
  );
  const mostTokens = tokensIn(modelInfo['max_output_tokens']) ?? tokensIn(modelInfo['max_tokens']);
  return (model: string): KnownModel | undefined => {
    const known = parts.abilities?.({ provider, model, baseModel });
    if (!known && flags.length === 0 && mostTokens === undefined) return undefined;
    return {
      maxOutputTokens: mostTokens ?? known?.maxOutputTokens,
      flags: { ...known?.flags, ...Object.fromEntries(flags) },
    };
  };
}

/** A model behind an address of its own speaks OpenAI's dialect unless it says otherwise. */
const fallbackProvider = (deployment: DeploymentConfig): string | undefined =>
  deployment.apiBase === undefined && deployment.mockResponse === undefined ? undefined : DEFAULT_PROVIDER_ID;

type FirstOf = (names: readonly string[]) => string | undefined;

const firstOf =
  ({ lookUp }: TargetParts): FirstOf =>
  (names) =>
    names.map(lookUp).find((value) => value !== undefined);

function settingsOf(
  deployment: DeploymentConfig,
  adapter: Target['adapter'],
  config: Config,
  parts: TargetParts,
): unknown {
  const first = firstOf(parts);
  const fromEnv = Object.entries(adapter.settingsEnv ?? {}).map(([name, variables]) => [name, first(variables)]);
  const raw = {
    enable_azure_ad_token_refresh: config.litellm.refreshesAzureTokens,
    ...Object.fromEntries(fromEnv),
    ...deployment.providerSettings,
    api_base: deployment.apiBase,
    ...(deployment.apiVersion !== undefined && { api_version: deployment.apiVersion }),
  };
  return adapter.parseSettings?.(raw, parts.lookUp);
}
