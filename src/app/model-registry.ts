/** The answers of what is served to the management API's questions. */
import type { ModelEntry, ModelListing, ModelRegistry, ModelStamps } from '../admin/model-registry.ts';
import type { DeploymentConfig, Finding } from '../config/config.ts';
import { asText, isSecretParam } from '../config/shown-params.ts';
import { readStoredCredential, readStoredDeployment } from '../config/stored-deployment.ts';
import { type GatewayError, invalidRequest } from '../errors.ts';
import { visibleModels } from '../features/model-access.ts';
import { shownParams } from '../lib/shown-values.ts';
import type { Catalog } from '../pricing/catalog.ts';
import { credentialsOf, FaultyEntry, isBlocked, UnknownCredential, usable } from './deployments.ts';
import type { LiveModels } from './live-models.ts';
import { factsOf, paramsOf } from './model-facts.ts';
import type { StoredModel } from './stored-models.ts';
import { targetsOf } from './targets.ts';

export function createModelRegistry(live: LiveModels, catalog: Catalog): ModelRegistry {
  return {
    isOpen: () => live.current.file.general.storeModels,
    box: live.box,
    check: (entry) => check(entry, live),
    checkCredential(values) {
      const { faults } = readStoredCredential(values, live.parts(live.current.file).lookup);
      if (faults[0] !== undefined) throw refusalOf(faults[0]);
    },
    isSecret: isSecretParam,
    asText,
    isConfigured: (id) => live.current.file.deployments.some((deployment) => deployment.id === id),
    configuredCredentials: () => Object.values(live.current.file.credentials).map(({ name, info }) => ({ name, info })),
    configuredUsers: (credential) =>
      live.current.file.deployments
        .filter(({ credentialName }) => credentialName === credential)
        .map(({ modelName }) => modelName),
    refresh: () => live.refresh(),
    listings: () => listings(live, catalog),
    visible: (caller, names) => visibleModels(caller, names, live.runtime.models),
  };
}

function check(entry: ModelEntry, live: LiveModels): readonly string[] {
  const { file: config, stored } = live.current;
  const parts = live.parts(config);
  const taken = new Set(config.deployments.map(({ id }) => id));
  try {
    usable({ entry, fault: undefined }, taken, { config, parts, credentialOf: credentialsOf(config, stored, parts) });
  } catch (cause) {
    if (cause instanceof FaultyEntry) throw refusal(cause.message, cause.path);
    const param = cause instanceof UnknownCredential ? 'litellm_params.litellm_credential_name' : 'litellm_params';
    throw refusal(cause instanceof Error ? cause.message : String(cause), param);
  }
  const { ignored, unset } = readStoredDeployment(entry, parts);
  return [
    ...(ignored.length > 0 ? [`stored but not enforced yet: ${ignored.map(({ path }) => path).join(', ')}`] : []),
    ...(unset.length > 0 ? [`not set in the environment of the gateway, so not given: ${unset.join(', ')}`] : []),
  ];
}

const refusalOf = ({ path, message }: Finding): GatewayError => refusal(`${path}: ${message}`, path);

const refusal = (message: string, param: string): GatewayError => {
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  return invalidRequest(sentence.startsWith(param) ? `'${param}'${sentence.slice(param.length)}` : sentence, param);
};

function listings(live: LiveModels, catalog: Catalog): ModelListing[] {
  const { file, stored, composed } = live.current;
  const served = new Map(composed.config.deployments.map((deployment) => [deployment.id, deployment]));
  // What is served answers for itself; of several behind one id, the first.
  const targets = new Map(live.runtime.groups.targets.toReversed().map((target) => [target.deploymentId, target]));
  const faultOf = (id: string): string | null => composed.leftOut.get(id) ?? null;
  const factsFor = (deployment: DeploymentConfig | undefined): Record<string, unknown> => {
    try {
      const running = deployment && targets.get(deployment.id);
      if (running) return factsOf(running, catalog);
      const made = deployment && targetsOf({ ...file, deployments: [deployment] }, live.parts(file).targets);
      return factsOf(made?.[0], catalog);
    } catch {
      // It is left out for this very reason, which is shown beside it.
      return factsOf(undefined, catalog);
    }
  };
  const fromFile = file.deployments.map((deployment): ModelListing => {
    const { id, modelName, modelInfo } = deployment;
    return {
      id,
      modelName,
      params: shownOf(paramsOf(deployment)),
      info: modelInfo,
      isStored: false,
      isBlocked: false,
      fault: faultOf(id),
      facts: factsFor(served.get(id)),
      stamps: null,
    };
  });
  const added = stored.models.map((model): ModelListing => {
    const { entry } = model;
    const blocked = isBlocked(model);
    return {
      id: entry.id,
      modelName: entry.modelName,
      params: shownOf(entry.params),
      info: entry.info,
      isStored: true,
      isBlocked: blocked,
      fault: file.general.storeModels ? faultOf(entry.id) : 'general_settings.store_model_in_db is false',
      facts: factsFor(served.get(entry.id) ?? (blocked ? blockedDeployment(model, live) : undefined)),
      stamps: stampsOf(model),
    };
  });
  return [...fromFile, ...added];
}

/** A secret that happens to be a number is none the less one. */
const shownOf = (params: StoredModel['entry']['params']): Record<string, unknown> =>
  shownParams(
    Object.fromEntries(Object.entries(params).map(([name, value]) => [name, asText(name, value)])),
    isSecretParam,
  );

const blockedDeployment = ({ entry }: StoredModel, live: LiveModels): DeploymentConfig | undefined =>
  readStoredDeployment(entry, live.parts(live.current.file)).deployments[0];

const stampsOf = ({ row }: StoredModel): ModelStamps => ({
  createdAtMs: Number(row.created_at_ms),
  updatedAtMs: Number(row.updated_at_ms),
  createdBy: row.created_by,
  updatedBy: row.updated_by,
});
