/** `model_list` → deployments, one per entry and organization. */
import { createHash } from 'node:crypto';
import type { DeploymentConfig, Position } from './config.ts';
import { type DeploymentParams, readParams } from './deployment-params.ts';
import type { Findings } from './findings.ts';
import { whyLeftOut } from './later-providers.ts';
import { readModelInfo } from './model-info.ts';
import { checkProvider, type ProviderContext } from './provider-check.ts';
import { MODEL_ENTRY } from './schema.ts';
import { openSection } from './section.ts';
import { describeValue } from './values.ts';
import { join, type Tree } from './yaml-tree.ts';

export interface DeploymentContext extends ProviderContext {
  /** `LITELLM_ENVIRONMENT`. */
  readonly environmentName: string | undefined;
}

export interface Deployments {
  readonly deployments: readonly DeploymentConfig[];
  /** Every `model_name` written, also of entries that were left out. */
  readonly groupNames: readonly string[];
}

const PATH = 'model_list';

export function readDeployments(tree: Tree | undefined, context: DeploymentContext): Deployments {
  const items = listItems(tree, context.findings);
  const read = items.map((item, index) => readEntry(item, join(PATH, String(index)), context));
  const drafts = read.flatMap(({ drafts }) => drafts);
  return {
    deployments: withUniqueIds(drafts, context.findings),
    groupNames: read.flatMap(({ name }) => (name === undefined ? [] : [name])),
  };
}

function listItems(tree: Tree | undefined, findings: Findings): readonly Tree[] {
  if (tree === undefined || (tree.kind === 'scalar' && tree.value === null)) return [];
  if (tree.kind === 'list') return tree.items;
  findings.error(PATH, `must be a list of models, not ${describeValue(tree)}`, tree.position);
  return [];
}

/** A deployment and where its id came from: an id that was written must be unique, a computed one is made so. */
interface Draft {
  readonly deployment: DeploymentConfig;
  readonly idPosition: Position | undefined;
  readonly path: string;
}

interface ReadEntry {
  readonly name: string | undefined;
  readonly drafts: readonly Draft[];
}

/** One entry by itself. @param path where it stands; `''` for an entry alone */
export const readDeployment = (tree: Tree, path: string, context: DeploymentContext): readonly DeploymentConfig[] =>
  readEntry(tree, path, context).drafts.map(({ deployment }) => deployment);

function readEntry(tree: Tree, path: string, context: DeploymentContext): ReadEntry {
  const { findings } = context;
  const entry = openSection({ tree, path, rules: MODEL_ENTRY }, findings);
  const name = entry.read('model_name');
  if (tree.kind === 'map') {
    if (name === undefined || name === '')
      requireKey(entry.entries.has('model_name'), join(path, 'model_name'), tree, findings);
    requireTree(entry.read('litellm_params'), join(path, 'litellm_params'), tree, findings);
  }
  const paramsTree = entry.read('litellm_params');
  const params = readParams(paramsTree, join(path, 'litellm_params'), findings);
  const info = readModelInfo(entry.read('model_info'), join(path, 'model_info'), findings);
  const later = checkProvider({ params, tree: paramsTree, path: join(path, 'litellm_params.model') }, context);
  if (name === undefined || name === '' || params.model === undefined) return { name, drafts: [] };
  if (later !== undefined) {
    findings.add('ignored', path, `left out: ${whyLeftOut(later)}`, tree.position);
    return { name, drafts: [] };
  }
  const absent = absenceOf(info.supportedEnvironments, entry.read('blocked') ?? false, context.environmentName);
  if (absent !== undefined) {
    findings.warn(path, absent, tree.position);
    return { name, drafts: [] };
  }
  const organizations = params.organizations.length === 0 ? [undefined] : params.organizations;
  const drafts = organizations.map((organization, index): Draft => {
    const written = info.id === undefined || index === 0 ? info.id : `${info.id}-${index + 1}`;
    const id = written ?? stableId(name, paramsTree, organization);
    const deployment = assemble({ name, id, organization, position: tree.position }, params, info);
    return { deployment, path, idPosition: written === undefined ? undefined : info.idPosition };
  });
  return { name, drafts };
}

function requireTree(tree: Tree | undefined, path: string, entry: Tree, findings: Findings): void {
  if (tree === undefined) findings.error(path, 'is missing; it holds the model and how to reach it', entry.position);
}

function requireKey(isThere: boolean, path: string, entry: Tree, findings: Findings): void {
  if (!isThere) findings.error(path, 'is missing; it is the name that clients ask for', entry.position);
  else findings.error(path, 'must be the name that clients ask for', entry.position);
}

/** Why an entry is left out, or `undefined`. */
function absenceOf(environments: readonly string[] | undefined, blocked: boolean, environment: string | undefined) {
  if (blocked) return 'blocked, so it is left out';
  if (environments === undefined || (environment !== undefined && environments.includes(environment))) return undefined;
  return `left out: LITELLM_ENVIRONMENT is not one of its supported_environments`;
}

interface Identity {
  readonly name: string;
  readonly id: string;
  readonly organization: string | undefined;
  readonly position: Position;
}

type Info = ReturnType<typeof readModelInfo>;

function assemble(identity: Identity, params: DeploymentParams, info: Info): DeploymentConfig {
  const { organizations: _, model, prices, ...rest } = params;
  const customPrices = { ...info.prices, ...prices };
  return {
    ...rest,
    // What a team calls it is its name for whoever asks: nobody else sees it.
    modelName: info.publicName ?? identity.name,
    model: model ?? '',
    id: identity.id,
    organization: identity.organization,
    position: identity.position,
    customPrices: Object.keys(customPrices).length === 0 ? undefined : customPrices,
    allowedFails: info.allowedFails,
    allowedFailsPolicy: info.allowedFailsPolicy,
    tagFiltering: info.tagFiltering,
    failsOpen: info.failsOpen,
    baseModel: info.baseModel,
    modelInfo: info.written,
  };
}

/** SHA-256 over the group name and every parameter in order, references resolved, as LiteLLM computes its ids. */
function stableId(name: string, params: Tree | undefined, organization: string | undefined): string {
  const hash = createHash('sha256').update(JSON.stringify(name));
  if (params?.kind === 'map') {
    for (const [key, { value }] of params.entries) {
      hash.update(JSON.stringify([key, key === 'organization' ? organization : contentOf(value)]));
    }
  }
  return hash.digest('hex');
}

/** Lists and maps as pairs, so that no two different trees give the same text. */
function contentOf(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(contentOf);
  return { map: [...tree.entries].map(([key, { value }]) => [key, contentOf(value)]) };
}

function withUniqueIds(drafts: readonly Draft[], findings: Findings): DeploymentConfig[] {
  const firstWith = new Map<string, Draft>();
  const timesSeen = new Map<string, number>();
  return drafts.map((draft) => {
    const { id } = draft.deployment;
    const first = firstWith.get(id);
    if (first === undefined) {
      firstWith.set(id, draft);
      return draft.deployment;
    }
    if (draft.idPosition !== undefined) {
      findings.error(join(draft.path, 'model_info.id'), `"${id}" is already the id of ${first.path}`, draft.idPosition);
      return draft.deployment;
    }
    // The same entry written twice is two deployments on purpose: a cheap way to give one more weight.
    const times = (timesSeen.get(id) ?? 1) + 1;
    timesSeen.set(id, times);
    return { ...draft.deployment, id: createHash('sha256').update(`${id}:${times}`).digest('hex') };
  });
}
