/** Whether a deployment's provider exists. */

import { didYouMean, nearestNames, suggestionLimit } from '../lib/near-name.ts';
import type { Position } from './config.ts';
import type { DeploymentParams } from './deployment-params.ts';
import type { Findings } from './findings.ts';
import { LATER_PROVIDERS } from './later-providers.ts';
import type { Tree } from './yaml-tree.ts';

export interface ProviderContext {
  readonly findings: Findings;
  readonly knownProviders: readonly string[];
}

export interface ProviderQuestion {
  readonly params: DeploymentParams;
  /** `litellm_params`. */
  readonly tree: Tree | undefined;
  readonly path: string;
}

/** Shorter names are one edit from too many others. */
const MIN_COMPARED = 4;

/**
 * `provider/model` must name a provider that is there. A model without `/` is left to the catalog; one whose first part
 * is no provider is a model's own name (`meta-llama/…`) when the provider or the address is given beside it.
 * Returns the provider's name when LiteLLM has it and it is not there yet: the entry is then left out, not refused.
 */
export function checkProvider(question: ProviderQuestion, context: ProviderContext): string | undefined {
  return question.params.customProvider === undefined
    ? checkPrefix(question, context)
    : checkNamed(question.params.customProvider, question, context);
}

function checkNamed(name: string, { tree, path }: ProviderQuestion, context: ProviderContext): string | undefined {
  if (context.knownProviders.includes(name)) return undefined;
  if (LATER_PROVIDERS.has(name)) return name;
  context.findings.error(
    path.replace(/model$/, 'custom_llm_provider'),
    `no provider of this name is there.${hint(name, context)}`,
    positionOf(tree, 'custom_llm_provider'),
  );
  return undefined;
}

function checkPrefix({ params, tree, path }: ProviderQuestion, context: ProviderContext): string | undefined {
  const { model, apiBase, credentialName } = params;
  const { findings, knownProviders } = context;
  const slash = model?.indexOf('/') ?? -1;
  if (model === undefined || slash < 0) return undefined;
  const prefix = model.slice(0, slash);
  if (knownProviders.includes(prefix)) return undefined;
  if (LATER_PROVIDERS.has(prefix)) return prefix;
  const near = nearestNames(prefix, knownProviders, prefix.length >= MIN_COMPARED ? 1 : 0);
  // A credential may hold the address.
  if ((apiBase !== undefined || credentialName !== undefined) && near.length === 0) return undefined;
  findings.error(
    path,
    `no provider "${prefix}" is there.${hint(prefix, context)} For an OpenAI-compatible address give api_base.`,
    positionOf(tree, 'model'),
  );
  return undefined;
}

const hint = (name: string, { knownProviders }: ProviderContext): string =>
  didYouMean(nearestNames(name, knownProviders, suggestionLimit(name)));

const positionOf = (tree: Tree | undefined, key: string): Position | undefined =>
  tree?.kind === 'map' ? tree.entries.get(key)?.value.position : undefined;
