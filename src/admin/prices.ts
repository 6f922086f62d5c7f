/** What the management API asks of today's prices: the composition root answers. */
import type { Caller } from '../auth/authenticate.ts';
import type { RateCard } from '../pricing/rate-card.ts';

/** What answered a request, as its row names it. */
export interface Served {
  readonly modelGroup: string;
  readonly deploymentId: string | null;
  /** `openai/gpt-4o-mini`. */
  readonly model: string | null;
  readonly provider: string | null;
}

export interface Prices {
  /** Of the deployment as it is configured now; of its model, when the deployment is gone. `undefined`: has no price. */
  cardOf(served: Served): RateCard | undefined;
  /**
   * By public name, deployment id, or name in the price list. `undefined`: has no price.
   * @param asker of what is served, only the prices of models that they may ask for; absent: of all
   */
  cardOfModel(name: string, asker?: Caller): RateCard | undefined;
}
