/** Models that nobody serves here and that the price list knows: as they would be reached by default. */
import { readStoredDeployment } from '../config/stored-deployment.ts';
import type { Catalog } from '../pricing/catalog.ts';
import type { Target } from '../providers/adapter.ts';
import type { LiveModels } from './live-models.ts';
import { factsOf } from './model-facts.ts';
import { targetsOf } from './targets.ts';

export interface PriceListModels {
  /** @param model `gpt-4o` or `provider/model`. `undefined`: nobody knows it */
  find(model: string): Target | undefined;
  /** Under LiteLLM's names. */
  factsOf(target: Target): Readonly<Record<string, unknown>>;
}

export const priceListModels = (live: LiveModels, catalog: Catalog): PriceListModels => ({
  find: (model) => find(model, live, catalog),
  factsOf: (target) => factsOf(target, catalog),
});

function find(model: string, live: LiveModels, catalog: Catalog): Target | undefined {
  if (model.includes('*')) return undefined;
  const { file } = live.current;
  const parts = live.parts(file);
  const entry = { id: 'unserved', modelName: model, params: { model }, info: {} };
  const target = firstOf(() =>
    targetsOf({ ...file, deployments: readStoredDeployment(entry, parts).deployments }, parts.targets),
  );
  if (target === undefined) return undefined;
  const isKnown = catalog.abilities({ provider: target.adapter.id, model: target.upstreamModel }) !== undefined;
  return isKnown ? target : undefined;
}

/** A name that leads to no provider is no model's. */
function firstOf(read: () => readonly Target[]): Target | undefined {
  try {
    return read()[0];
  } catch {
    return undefined;
  }
}
