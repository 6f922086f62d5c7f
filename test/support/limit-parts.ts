/** Limits over nothing but memory, for tests of what stands around them. */
import type { LimitParts } from '../../src/features/limits.ts';
import type { Quote } from '../../src/features/meter.ts';
import { createLimitTree } from '../../src/limits/memory.ts';
import { createPromptMemory } from '../../src/limits/prompt-memory.ts';
import { type SubjectSettings, subjectOf } from '../../src/limits/subject.ts';
import type { LimitEvent } from '../../src/limits/types.ts';
import { createWaitingRoom } from '../../src/limits/waiting-room.ts';
import { STARTED_AT_MS } from './call-parts.ts';

export const SUBJECT_SETTINGS: SubjectSettings = {
  timeZone: 'UTC',
  rateWindowMs: 60_000,
  globalBudget: null,
  providerBudgets: new Map(),
  userLimitsInTeams: true,
};

/** A thousand nano-dollars a token, in and out. */
const FLAT: Quote = {
  worst: (_call, _target, { input, output }) => (input + output) * 1_000,
  affordable: (_call, _target, { input, output }, nanoUsd) =>
    Math.max(-1, Math.min(output, Math.floor(nanoUsd / 1_000) - input)),
  maxOutputTokens: () => 1_000,
  maxInputTokens: () => 5_000,
};

export function limitParts(
  over: Partial<LimitParts> = {},
  onEvent: (event: LimitEvent) => void = () => {},
): LimitParts {
  const now = () => STARTED_AT_MS;
  const tree = createLimitTree({
    now,
    seed: async () => ({ amount: 0, storedRows: 0 }),
    recordedRows: () => 0,
    onEvent,
  });
  return {
    tree,
    waitingRoom: createWaitingRoom({ now, maxWaiting: 10, wake: () => tree.freed() }),
    quote: FLAT,
    prompts: createPromptMemory((text) => Bun.hash(text)),
    limitSettings: () => ({ budgetStatus: 422, budgetWaitMs: 0, queueMs: 0 }),
    subject: ({ caller }) => {
      if (!caller) throw new Error('Nobody calls');
      const owners = { ...caller, endUser: null, tags: [] };
      return subjectOf(owners, { ...caller, endUserEntity: null, tagEntities: [] }, SUBJECT_SETTINGS, now());
    },
    targets: () => [],
    allowanceOf: () => null,
    now,
    ...over,
  };
}
