/** The file's deployments and the database's, with what their credentials add: what a runtime is made of. */
import type { Config, CredentialValues, DeploymentConfig, Finding } from '../config/config.ts';
import { freezeDeep } from '../config/freeze.ts';
import { readStoredCredential, readStoredDeployment, type StoredContext } from '../config/stored-deployment.ts';
import { reasonOf } from '../lib/reason.ts';
import type { Stored, StoredModel } from './stored-models.ts';
import { type TargetParts, targetsOf } from './targets.ts';

export interface Composed {
  /** The file's configuration, with everything that is served as its deployments. */
  readonly config: Config;
  /** Deployment id → why it is not served. */
  readonly leftOut: ReadonlyMap<string, string>;
  /** Names of models that have blocked deployments. */
  readonly blocked: readonly string[];
}

export interface CompositionParts extends StoredContext {
  readonly targets: TargetParts;
}

export function compose(config: Config, stored: Stored, parts: CompositionParts): Composed {
  const leftOut = new Map<string, string>();
  const credentialOf = credentialsOf(config, stored, parts);
  const fromFile = config.deployments.flatMap((deployment) => {
    try {
      return [withCredential(deployment, credentialOf)];
    } catch (cause) {
      leftOut.set(deployment.id, reasonOf(cause));
      return [];
    }
  });
  const ids = new Set(config.deployments.map(({ id }) => id));
  const added = stored.models.flatMap((model) => {
    try {
      const read = usable(model, ids, { config, parts, credentialOf });
      for (const { id } of read) ids.add(id);
      return read;
    } catch (cause) {
      leftOut.set(model.row.model_id, reasonOf(cause));
      return [];
    }
  });
  const blocked = stored.models.filter(isBlocked).map(({ row }) => row.model_name);
  return { config: { ...config, deployments: [...fromFile, ...freezeDeep(added)] }, leftOut, blocked };
}

export const isBlocked = ({ row }: StoredModel): boolean => Number(row.blocked) === 1;

type CredentialOf = (name: string) => CredentialValues;

interface Surroundings {
  readonly config: Config;
  readonly parts: CompositionParts;
  readonly credentialOf: CredentialOf;
}

/** @throws Error that says why the model cannot be used, without its secrets */
export function usable(
  model: Pick<StoredModel, 'entry' | 'fault'> & { readonly row?: StoredModel['row'] },
  taken: ReadonlySet<string>,
  { config, parts, credentialOf }: Surroundings,
): readonly DeploymentConfig[] {
  if (model.fault !== undefined) throw new Error(model.fault);
  const { deployments, faults, absence } = readStoredDeployment(model.entry, parts);
  const [first] = faults;
  if (first !== undefined) throw new FaultyEntry(first);
  if (absence !== undefined) throw new Error(absence);
  const clash = deployments.find(({ id }) => taken.has(id));
  if (clash !== undefined) throw new Error(`another deployment has the id "${clash.id}"`);
  const filled = deployments.map((deployment) => withCredential(deployment, credentialOf));
  try {
    targetsOf({ ...config, findings: [], deployments: filled }, parts.targets);
  } catch (cause) {
    throw new Error(reasonOf(cause).replace(/^.*?model_list entry "[^"]*": /s, ''));
  }
  return model.row !== undefined && Number(model.row.blocked) === 1 ? [] : filled;
}

/** A key of an entry is wrong; the finding's path says which. */
export class FaultyEntry extends Error {
  readonly path: string;

  constructor({ path, message }: Finding) {
    super(`${path}: ${message}`);
    this.path = path;
  }
}

/** The file's credentials go first. @returns a function that throws Error when there is none of this name, or it cannot be used */
export function credentialsOf(config: Config, stored: Stored, parts: StoredContext): CredentialOf {
  return (name) => {
    const configured = Object.hasOwn(config.credentials, name) ? config.credentials[name] : undefined;
    if (configured !== undefined) return configured.values;
    const found = stored.credentials.get(name);
    if (found === undefined) throw new UnknownCredential(name);
    if (found.fault !== undefined) throw new Error(`the credential "${name}" cannot be used: ${found.fault}`);
    const { values, faults } = readStoredCredential(found.values, parts.lookup);
    const [first] = faults;
    if (first !== undefined) throw new Error(`the credential "${name}": ${first.path}: ${first.message}`);
    return values;
  };
}

export class UnknownCredential extends Error {
  constructor(name: string) {
    super(`there is no credential "${name}"; add it with POST /credentials or in credential_list`);
  }
}

/** What stands at the deployment itself wins. */
function withCredential(deployment: DeploymentConfig, credentialOf: CredentialOf): DeploymentConfig {
  if (deployment.credentialName === undefined) return deployment;
  const values = credentialOf(deployment.credentialName);
  return {
    ...deployment,
    customProvider: deployment.customProvider ?? values.customProvider,
    apiKey: deployment.apiKey ?? values.apiKey,
    apiBase: deployment.apiBase ?? values.apiBase,
    apiVersion: deployment.apiVersion ?? values.apiVersion,
    organization: deployment.organization ?? values.organization,
    extraHeaders: { ...values.extraHeaders, ...deployment.extraHeaders },
    providerSettings: { ...values.providerSettings, ...deployment.providerSettings },
  };
}
