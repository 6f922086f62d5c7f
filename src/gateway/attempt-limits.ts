/** How long one attempt may take: of the request, else of the deployment, else of the settings. */
import type { Target } from '../providers/adapter.ts';
import type { AttemptLimits } from './attempt-clock.ts';
import type { Call } from './call.ts';

export interface TimeSettings {
  /** Longest wait for an answer to begin. */
  readonly firstByteTimeoutMs: number;
  /** Whole-request limit where neither the request nor the deployment has one. */
  readonly timeoutMs: number;
  readonly streamTimeoutMs: number | undefined;
  /** Longest silence between two reads of a stream. */
  readonly idleTimeoutMs: number;
  /** Longest a call may take with all its attempts and its stream. */
  readonly totalTimeoutMs: number;
}

export function limitsOf(target: Target, call: Call, settings: TimeSettings): AttemptLimits {
  const timeoutMs = timeoutOf(target, call, settings);
  return {
    firstByteMs: Math.min(timeoutMs, settings.firstByteTimeoutMs),
    answerMs: timeoutMs,
    idleMs: Math.min(timeoutMs, settings.idleTimeoutMs),
    totalMs: settings.totalTimeoutMs,
  };
}

/** What the client waits for decides: a stream that is made of a whole answer has the limit of a stream. */
export function timeoutOf(target: Target, { controls, request }: Call, settings: TimeSettings): number {
  const forStream =
    controls.streamTimeoutMs ?? controls.timeoutMs ?? target.streamTimeoutMs ?? settings.streamTimeoutMs;
  const whole = controls.timeoutMs ?? target.timeoutMs ?? settings.timeoutMs;
  return request.stream === true ? (forStream ?? whole) : whole;
}
