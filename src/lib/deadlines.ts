/**
 * Many deadlines, one timer. A timer per chunk would cost more than the chunk; moving a deadline here is one assignment.
 * Precision is one tick, which is enough for timeouts and far too coarse for anything else.
 */

const TICK_MS = 25;

export interface Deadline {
  /** Epoch or monotonic milliseconds, in the clock given to `createDeadlines`. Move it freely. */
  atMs: number;
  readonly fire: () => void;
}

export interface Deadlines {
  add(atMs: number, fire: () => void): Deadline;
  /** Sets one that has fired once more. */
  put(deadline: Deadline): void;
  remove(deadline: Deadline): void;
  readonly size: number;
}

export function createDeadlines(now: () => number): Deadlines {
  const live = new Set<Deadline>();
  let timer: ReturnType<typeof setInterval> | undefined;

  function tick(): void {
    const nowMs = now();
    for (const deadline of live) {
      if (deadline.atMs > nowMs) continue;
      live.delete(deadline);
      deadline.fire();
    }
    if (live.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  function put(deadline: Deadline): void {
    live.add(deadline);
    timer ??= setInterval(tick, TICK_MS);
  }

  return {
    put,
    add(atMs, fire) {
      const deadline = { atMs, fire };
      put(deadline);
      return deadline;
    },
    remove: (deadline) => {
      live.delete(deadline);
    },
    get size() {
      return live.size;
    },
  };
}
