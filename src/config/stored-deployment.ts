/** A deployment that was added at run time: read by the same reader as an entry of `model_list`. */
import type { CredentialValues, DeploymentConfig, Finding } from './config.ts';
import { readCredentialValues } from './credential-values.ts';
import { type DeploymentContext, readDeployment } from './deployments.ts';
import { Findings, isFatal } from './findings.ts';
import { treeOf } from './json-tree.ts';
import { resolveReferences } from './read-files.ts';

export interface StoredEntry {
  /** Deployments of it are known by this, whatever `model_info` says. */
  readonly id: string;
  readonly modelName: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly info: Readonly<Record<string, unknown>>;
}

export interface StoredContext extends Omit<DeploymentContext, 'findings'> {
  lookup(name: string): string | undefined;
}

export interface StoredReading {
  /** More than one when `organization` is a list; none when it cannot be used here. */
  readonly deployments: readonly DeploymentConfig[];
  /** What is wrong, first to last. Paths start at the entry: `litellm_params.api_base`. */
  readonly faults: readonly Finding[];
  /** Keys that nothing acts on. */
  readonly ignored: readonly Finding[];
  /** Environment variables that it refers to and that are not set: what refers to them counts as not given. */
  readonly unset: readonly string[];
  /** Why it is not used although nothing is wrong with it. */
  readonly absence: string | undefined;
}

export function readStoredDeployment(entry: StoredEntry, context: StoredContext): StoredReading {
  const findings = new Findings();
  const written = {
    model_name: entry.modelName,
    litellm_params: entry.params,
    model_info: { ...entry.info, id: entry.id },
  };
  const unset = new Set<string>();
  const lookup = (name: string): string | undefined => {
    const value = context.lookup(name);
    if (value === undefined) unset.add(name);
    return value;
  };
  const tree = resolveReferences(treeOf(written), guarded(lookup, 'litellm_params', findings));
  const deployments = readDeployment(tree, '', { ...context, findings });
  const faults = findings.all.filter(isFatal);
  const ignored = findings.all.filter(({ level }) => level === 'ignored');
  const absence = findings.all.map(({ message }) => LEFT_OUT.exec(message)?.[1]).find((reason) => reason !== undefined);
  return { deployments: faults.length > 0 ? [] : deployments, faults, ignored, unset: [...unset], absence };
}

const LEFT_OUT = /^left out: (.*)$/;

export function readStoredCredential(
  values: Readonly<Record<string, unknown>>,
  lookup: StoredContext['lookup'],
): { readonly values: CredentialValues; readonly faults: readonly Finding[] } {
  const findings = new Findings();
  const tree = resolveReferences(treeOf(values), guarded(lookup, 'credential_values', findings));
  const read = readCredentialValues(tree, 'credential_values', findings);
  return { values: read, faults: findings.all.filter(isFatal) };
}

/** The gateway's own secrets: no deployment may send them anywhere, whoever writes it. */
const OWN_SECRETS: ReadonlySet<string> = new Set([
  'LITELLM_MASTER_KEY',
  'LITELLM_SALT_KEY',
  'LITELLM_SALT_KEY_OLD',
  'DATABASE_URL',
  'DATABASE_PASSWORD',
  'REDIS_URL',
]);

function guarded(lookup: StoredContext['lookup'], path: string, findings: Findings): StoredContext['lookup'] {
  return (name) => {
    if (!OWN_SECRETS.has(name)) return lookup(name);
    findings.error(path, `${name} is a secret of the gateway itself and goes to no provider`, undefined);
    return undefined;
  };
}
