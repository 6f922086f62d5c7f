/** What limits are put together from. */
import type { Call } from '../gateway/call.ts';
import type { Allowance } from '../gateway/entities.ts';
import type { PromptMemory } from '../limits/prompt-memory.ts';
import type { Subject } from '../limits/subject.ts';
import type { LimitTree } from '../limits/types.ts';
import type { WaitingRoom } from '../limits/waiting-room.ts';
import type { Target } from '../providers/adapter.ts';
import type { Quote } from './meter.ts';

export interface LimitSettings {
  /** `litellm_settings.budget_exceeded_status_code`. */
  readonly budgetStatus: number;
  /** How long a call waits for money that calls under way hold and may give back. */
  readonly budgetWaitMs: number;
  /** `tollgate_settings.queue`: how long a call waits for a rate to clear instead of being refused; 0: not at all. */
  readonly queueMs: number;
}

export interface LimitParts {
  readonly tree: LimitTree;
  readonly waitingRoom: WaitingRoom;
  readonly quote: Quote;
  readonly prompts: PromptMemory;
  limitSettings(): LimitSettings;
  /** What stands over the call; waits only for what is not in memory yet. */
  subject(call: Call): Subject | Promise<Subject>;
  /** Deployments that may serve the group. */
  targets(modelGroup: string): readonly Target[];
  allowanceOf(target: Target): Allowance | null;
  now(): number;
}
