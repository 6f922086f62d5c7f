/** Copies of requests for other groups, once a deployment with `silent_model` has answered. Source: LiteLLM's documentation of it. */
import type { Call, Outcome } from '../gateway/call.ts';
import type { Feature } from '../gateway/feature.ts';
import type { Target } from '../providers/adapter.ts';

export interface MirrorParts {
  /** Whether any deployment has a `silent_model`. */
  isMirroring(): boolean;
  /** Returns at once. */
  mirror(call: Call, target: Target): void;
}

export function mirror(parts: MirrorParts): Feature {
  return {
    name: 'mirror',
    admit(call) {
      if (call.isRehearsal || !parts.isMirroring()) return undefined;
      return (outcome) => {
        if (outcome.target && hasAnswered(outcome)) parts.mirror(call, outcome.target);
      };
    },
  };
}

/** Whole, or as far as its client stayed. */
const hasAnswered = ({ status, firstTokenAtMs }: Outcome): boolean => status === 'ok' || firstTokenAtMs !== undefined;
