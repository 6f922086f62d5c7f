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
  return {
    choices: choices.map(shortened),
    limits: consulted?.() ?? [],
    waits,
    notAsked,
    ...(refusedBy && { refusedBy }),
  };
}

/** A row must stay small however many deployments a name has. */
const MOST_TOLD = 50;

type Choice = Call['choices'][number];

/** The one that was picked is always told. */
function shortened(choice: Choice): Choice {
  const { candidates, passedOver, picked } = choice;
  if (candidates.length <= MOST_TOLD && passedOver.length <= MOST_TOLD) return choice;
  const first = candidates.slice(0, MOST_TOLD);
  const chosen = candidates.slice(MOST_TOLD).filter(({ deploymentId }) => deploymentId === picked);
  return { ...choice, candidates: [...first, ...chosen], passedOver: passedOver.slice(0, MOST_TOLD) };
}

/** Nothing was there to choose from. */
function isPlain(choices: Call['choices']): boolean {
  const [only] = choices;
  if (only === undefined) return true;
  return choices.length === 1 && only.candidates.length === 1 && only.passedOver.length === 0;
}
