/** What there is to tell of how a call was routed: nothing for a plain one, whose outcome says it all. */
import type { LimitReport } from '../errors.ts';
import type { Call, LimitView, NotAsked, Outcome, Wait } from './call.ts';

export interface Decisions {
  readonly choices: Call['choices'];
  /** As they stand now. */
  readonly limits: readonly LimitView[];
  readonly waits: readonly Wait[];
  readonly notAsked: readonly NotAsked[];
  readonly refusedBy?: LimitReport;
}

/** `undefined`: one deployment to choose from, which answered at once or failed at once, and no finite limit. */
export function decisionsOf(call: Call, outcome: Outcome): Decisions | undefined {
  const { choices, attempts, waits, notAsked, consulted } = call;
  const refusedBy = outcome.status === 'failed' ? outcome.error.details.limit : undefined;
  const isQuiet = !consulted && !refusedBy && waits.length === 0 && notAsked.length === 0;
  if (isQuiet && attempts.length < 2 && isPlain(choices)) return undefined;
  return { choices, limits: consulted?.() ?? [], waits, notAsked, ...(refusedBy && { refusedBy }) };
}

/** Nothing was there to choose from. */
function isPlain(choices: Call['choices']): boolean {
  const [only] = choices;
  if (only === undefined) return true;
  return choices.length === 1 && only.candidates.length === 1 && only.passedOver.length === 0;
}
