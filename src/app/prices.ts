/** Today's rate cards for the management API: those of what is served now, else those of the price list. */
import type { Prices, Served } from '../admin/prices.ts';
import type { Catalog } from '../pricing/catalog.ts';
import type { RateCard } from '../pricing/rate-card.ts';
import type { Target } from '../providers/adapter.ts';
import { isServedTo } from './models.ts';
import type { Runtime } from './runtime.ts';

export interface PriceParts {
  readonly catalog: Catalog;
  /** Of a deployment, with its own prices. */
  rateCard(target: Target): RateCard | undefined;
  runtime(): Runtime;
}

export function createPrices({ catalog, rateCard, runtime }: PriceParts): Prices {
  function targetOf({ deploymentId, modelGroup }: Served): Target | undefined {
    if (deploymentId === null) return undefined;
    const { groups } = runtime();
    // A wildcard's deployment is found by the name that it was asked for under.
    const targets = [...(groups.find(deploymentId)?.targets ?? []), ...(groups.find(modelGroup)?.targets ?? [])];
    return targets.find((target) => target.deploymentId === deploymentId);
  }

  function firstOf(name: string): Target | undefined {
    const { groups } = runtime();
    return groups.find(groups.resolveAlias(name))?.targets[0];
  }

  return {
    cardOf(served) {
      const target = targetOf(served);
      // Another model under the same id is not what was used.
      if (target !== undefined && target.litellmModel === served.model) return rateCard(target);
      const { model, provider } = served;
      return model === null ? undefined : catalog.rateCard({ model, provider: provider ?? undefined });
    },
    cardOfModel(name, asker) {
      const target = asker === undefined || isServedTo(asker, name, runtime()) ? firstOf(name) : undefined;
      return target === undefined ? catalog.rateCard(splitName(name)) : rateCard(target);
    },
  };
}

/** `openai/gpt-4o`: the part before the slash is the provider, when the price list has it. */
function splitName(name: string): { readonly model: string; readonly provider?: string } {
  const slash = name.indexOf('/');
  return slash === -1 ? { model: name } : { model: name, provider: name.slice(0, slash) };
}
