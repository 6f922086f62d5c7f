/** What the deployment's `model_info`, else the catalog, says of the model that a target calls. */
import type { Target } from './adapter.ts';

/** `undefined`: nobody says. A flag that is not there is not a no. */
export const knowsOf = (target: Target, flag: string): boolean | undefined =>
  target.knownModel?.(target.upstreamModel)?.flags[flag];
