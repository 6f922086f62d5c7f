/** What a call's row keeps of how it was routed: nothing for a plain one, which its row tells in full. */
import type { LedgerRow } from '../db/request-row.ts';
import type { Call, Outcome } from '../gateway/call.ts';

const NOTHING: Pick<LedgerRow, 'routing'> = Object.freeze({});

export function routingOf(call: Call, outcome: Outcome): Pick<LedgerRow, 'routing'> {
  const { choices, attempts, waits, notAsked, consulted } = call;
  const refusedBy = outcome.status === 'failed' ? outcome.error.details.limit : undefined;
  const isQuiet = !consulted && !refusedBy && waits.length === 0 && notAsked.length === 0;
  if (isQuiet && attempts.length < 2 && isPlain(choices)) return NOTHING;
  const limits = consulted?.() ?? [];
  return { routing: { choices, limits, waits, notAsked, ...(refusedBy && { refusedBy }) } };
}

/** Nothing was there to choose from. */
function isPlain(choices: Call['choices']): boolean {
  const [only] = choices;
  if (only === undefined) return true;
  return choices.length === 1 && only.candidates.length === 1 && only.passedOver.length === 0;
}
