/** What one configuration amounts to at run time. A reload makes a new one and swaps it in whole. */
import type { Config, DeploymentConfig } from '../config/config.ts';
import type { ModelCatalogue } from '../features/model-access.ts';
import type { RequestLogSettings } from '../features/request-log.ts';
import { type Allowance, UNLIMITED } from '../gateway/entities.ts';
import type { ParseSettings } from '../gateway/parse-chat-request.ts';
import type { SendSettings } from '../gateway/send.ts';
import type { HttpSettings } from '../http/server.ts';
import type { Target } from '../providers/adapter.ts';
import { isInRegion } from '../routing/choose.ts';
import { createGroups, type Groups } from '../routing/groups.ts';
import { createFallbacks, type FallbacksOf } from './fallbacks.ts';
import { type TargetParts, targetsOf } from './targets.ts';

type Cooling = Pick<DeploymentConfig, 'cooldownMs' | 'allowedFails' | 'allowedFailsPolicy'>;

export interface Runtime {
  readonly config: Config;
  readonly groups: Groups;
  readonly models: ModelCatalogue;
  readonly parse: ParseSettings;
  readonly send: SendSettings;
  readonly http: HttpSettings;
  readonly log: RequestLogSettings;
  /** What a deployment itself may take (`rpm`, `tpm`, `max_parallel_requests`, `max_budget`). */
  allowanceOf(target: Target): Allowance | null;
  /** What a deployment says itself of when and how long it is left alone. */
  coolingOf(deploymentId: string): Cooling | undefined;
  /** Deployment id → groups that get a copy of what it answers (`silent_model`). */
  readonly silentModels: ReadonlyMap<string, readonly string[]>;
  /** Groups to try after this one has failed so. */
  readonly fallbacksOf: FallbacksOf;
}

/**
 * @param blocked names of models that have blocked deployments
 * @throws Error that names the deployment at fault.
 */
export function createRuntime(config: Config, parts: TargetParts, blocked: readonly string[] = []): Runtime {
  const { general, litellm, tollgate, router } = config;
  const groups = createGroups(targetsOf(config, parts), config.aliases, blocked);
  const models = catalogueOf(config, groups);
  return {
    config,
    groups,
    models,
    parse: {
      userHeaderName: general.userHeaderName,
      maxDepth: tollgate.jsonMaxDepth,
      maxNodes: tollgate.jsonMaxNodes,
      completionModel: general.completionModel,
      allowMockTestingParams: general.allowMockTestingParams,
      enforceUserParam: general.enforceUserParam,
      rejectClientTags: general.rejectClientMetadataTags,
    },
    send: {
      timeoutMs: router.timeoutMs,
      streamTimeoutMs: router.streamTimeoutMs,
      idleTimeoutMs: tollgate.idleTimeoutMs,
      connectTimeoutMs: tollgate.connectTimeoutMs,
      totalTimeoutMs: tollgate.totalTimeoutMs,
      firstByteTimeoutMs: tollgate.firstByteTimeoutMs,
      forward: {
        headersFor: (group) => general.forwardClientHeaders || litellm.forwardClientHeadersFor.includes(group),
        traceparent: litellm.forwardTraceparent,
        keyHeaderName: general.keyHeaderName,
      },
      maxResponseBytes: general.maxResponseBytes,
      storePrompts: general.storePrompts && !litellm.turnOffMessageLogging,
      alwaysIncludeStreamUsage: general.alwaysIncludeStreamUsage === true,
    },
    http: {
      maxRequestBytes: general.maxRequestBytes,
      corsOrigins: tollgate.corsOrigins,
      includeCallIdInErrors: general.includeCallIdInErrors,
      keepAlivePingMs: litellm.keepAlivePingMs,
    },
    log: {
      storePrompts: general.storePrompts && !litellm.turnOffMessageLogging,
      maxStoredChars: litellm.maxStoredChars,
      userAgentTags: !litellm.disableUserAgentTags,
      endUserTracking: !litellm.disableEndUserTracking,
      keepsRows: !general.disableSpendLogs,
    },
    allowanceOf: allowances(config),
    coolingOf: coolings(config),
    silentModels: silentModelsIn(config),
    fallbacksOf: createFallbacks({ groups, models, router }),
  };
}

function allowances(config: Config): Runtime['allowanceOf'] {
  const byId = new Map(config.deployments.map((deployment) => [deployment.id, deploymentAllowance(deployment)]));
  return ({ deploymentId }) => byId.get(deploymentId) ?? null;
}

function deploymentAllowance({ rpm, tpm, maxParallelRequests, maxBudgetUsd, budgetDuration }: DeploymentConfig) {
  if ([rpm, tpm, maxParallelRequests, maxBudgetUsd].every((limit) => limit === undefined)) return null;
  return {
    ...UNLIMITED,
    rpmLimit: rpm ?? null,
    tpmLimit: tpm ?? null,
    maxParallelRequests: maxParallelRequests ?? null,
    maxBudgetNanoUsd: maxBudgetUsd === undefined ? null : Math.round(maxBudgetUsd * 1e9),
    budgetDuration: budgetDuration ?? null,
  };
}

function catalogueOf(config: Config, groups: Groups): ModelCatalogue {
  const accessGroups = new Map<string, string[]>();
  for (const { modelName, modelInfo } of config.deployments) {
    const listed = modelInfo['access_groups'];
    if (!Array.isArray(listed)) continue;
    const known = accessGroups.get(modelName) ?? [];
    accessGroups.set(modelName, [...known, ...listed.filter((name): name is string => typeof name === 'string')]);
  }
  const aliasMap = new Map(Object.entries(config.litellm.modelAliasMap));
  return {
    resolveAlias: (name) => groups.resolveAlias(aliasMap.get(name) ?? name),
    has: (group) => groups.find(group) !== undefined,
    isBlocked: (group) => groups.isBlocked(group),
    accessGroups: (group) => accessGroups.get(group) ?? [],
    deployments: (group) => groups.find(group)?.targets.map(({ deploymentId }) => deploymentId) ?? [],
    isIn: (group, region) => groups.find(group)?.targets.some((target) => isInRegion(target, region)) ?? false,
  };
}

const silentModelsIn = ({ deployments }: Config): Runtime['silentModels'] =>
  new Map(deployments.flatMap(({ id, silentModels }) => (silentModels.length > 0 ? [[id, silentModels]] : [])));

function coolings(config: Config): Runtime['coolingOf'] {
  const byId = new Map(config.deployments.map((deployment) => [deployment.id, deployment]));
  return (deploymentId) => byId.get(deploymentId);
}
