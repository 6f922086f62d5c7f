/** Credentials that an adapter has to fetch or compute, for as long as the attempt that needs them is under way. */
import type { Target, UpstreamRequest } from '../providers/adapter.ts';

interface AttemptTime {
  readonly nowMs: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/** @returns `undefined` where the request needs no more: nothing is waited for then */
export function authorized(
  request: UpstreamRequest,
  target: Target,
  { nowMs, signal }: AttemptTime,
): Promise<UpstreamRequest> | undefined {
  const authorizing = target.adapter.authorize?.(request, target, nowMs);
  if (authorizing === undefined) return undefined;
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([authorizing, ended]);
}
