/** Whether a deployment's provider exists. */

import { didYouMean, nearestNames, suggestionLimit } from '../lib/near-name.ts';
import type { DeploymentParams } from './deployment-params.ts';
import type { Findings } from './findings.ts';
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
 */
export function checkProvider({ params, tree, path }: ProviderQuestion, context: ProviderContext): void {
  const { model, customProvider, apiBase } = params;
  const { findings, knownProviders } = context;
  const entries = tree?.kind === 'map' ? tree.entries : undefined;
  const hint = (name: string): string => didYouMean(nearestNames(name, knownProviders, suggestionLimit(name)));
  if (customProvider !== undefined) {
    if (knownProviders.includes(customProvider)) return;
    const position = entries?.get('custom_llm_provider')?.value.position;
    findings.error(
      path.replace(/model$/, 'custom_llm_provider'),
      `no provider of this name is there.${hint(customProvider)}`,
      position,
    );
    return;
  }
  const slash = model?.indexOf('/') ?? -1;
  if (model === undefined || slash < 0) return;
  const prefix = model.slice(0, slash);
  if (knownProviders.includes(prefix)) return;
  const near = nearestNames(prefix, knownProviders, prefix.length >= MIN_COMPARED ? 1 : 0);
  if (apiBase !== undefined && near.length === 0) return;
  const position = entries?.get('model')?.value.position;
  findings.error(
    path,
    `no provider "${prefix}" is there.${hint(prefix)} For an OpenAI-compatible address give api_base.`,
    position,
  );
}
