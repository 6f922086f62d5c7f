/** How long a call waits for what refused it to clear. */
import type { Refusal } from './types.ts';

export interface LimitSettings {
  /** `litellm_settings.budget_exceeded_status_code`. */
  readonly budgetStatus: number;
  /** How long a call waits for money that calls under way hold and may give back. */
  readonly budgetWaitMs: number;
  /** `tollgate_settings.queue`: how long a call waits for a rate to clear instead of being refused; 0: not at all. */
  readonly queueMs: number;
}

/** Milliseconds; 0: not at all. A call whose answer can still be made smaller waits for money that is there. */
export function patienceMs(refusal: Refusal, settings: LimitSettings, isCapped: boolean): number {
  const { standing, reason, onlyHeld } = refusal;
  if (standing.limit.unit !== 'usd') return reason === 'over' ? settings.queueMs : 0;
  const isWorthIt = onlyHeld || (!isCapped && standing.posted < standing.limit.max);
  return reason !== 'unpriced' && standing.held > 0 && isWorthIt ? settings.budgetWaitMs : 0;
}
