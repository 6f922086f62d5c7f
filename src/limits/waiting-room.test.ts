import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { asking, KEY, LimitPlace, limitOn, MINUTE, NOTHING } from '../../test/support/limit-place.ts';
import { isRefusal, type Refusal } from './types.ts';
import { createWaitingRoom } from './waiting-room.ts';

/** A room with a clock to turn, and so many free places as one gives. */
class Place {
  nowMs = 1_000;
  free = 0;
  /** In the order of service. */
  readonly served: string[] = [];
  asks = 0;
  /** Timers that were set and neither rang nor were taken back. */
  readonly timers: { readonly atMs: number; readonly ring: () => void }[] = [];
  #wake = Promise.withResolvers<void>();
  readonly room;

  constructor(maxWaiting = 100) {
    this.room = createWaitingRoom({
      now: () => this.nowMs,
      maxWaiting,
      wake: () => this.#wake.promise,
      timer: (callback, delayMs) => {
        const timer = { atMs: this.nowMs + delayMs, ring: callback };
        this.timers.push(timer);
        return () => void this.timers.splice(this.timers.indexOf(timer), 1);
      },
    });
  }

  refusal(clearsAtMs: number | null = null): Refusal {
    const limit = limitOn(KEY, 'parallel', 1);
    const standing = { limit, posted: 0, held: 1, resetsAtMs: null };
    return { standing, reason: 'over', asked: 1, clearsAtMs, onlyHeld: true };
  }

  enter(key: string, name: string, more: { deadlineMs?: number; clearsAtMs?: number; gone?: Promise<void> } = {}) {
    const { deadlineMs = 10_000, clearsAtMs = null, gone } = more;
    const attempt = (): string | Refusal => {
      this.asks += 1;
      if (clearsAtMs !== null && this.nowMs >= clearsAtMs) this.free = Math.max(1, this.free);
      if (this.free === 0) return this.refusal(clearsAtMs);
      this.free -= 1;
      this.served.push(name);
      return name;
    };
    return this.room.enter(key, attempt, { deadlineMs, canWait: () => true, ...(gone && { gone }) });
  }

  async release(places = 1): Promise<void> {
    this.free += places;
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    resolve();
    await settled();
  }

  /** Turns the clock, and rings what is due on the way. */
  async turnTo(ms: number): Promise<void> {
    for (;;) {
      const [next] = this.timers.filter(({ atMs }) => atMs <= ms).sort((one, other) => one.atMs - other.atMs);
      if (!next) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.ring();
      await settled();
    }
    this.nowMs = ms;
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, settled().then(() => pending)])) === pending;
}

describe('who enters', () => {
  test('passes at once where there is room', async () => {
    const place = new Place();
    place.free = 1;
    expect(await place.enter('a', 'a1')).toBe('a1');
    expect([place.room.waiting, place.timers.length]).toEqual([0, 0]);
  });

  test('waits, and passes when a call ends', async () => {
    const place = new Place();
    const wait = place.enter('a', 'a1');
    expect(await isPending(wait)).toBe(true);
    expect(place.room.waiting).toBe(1);
    await place.release();
    expect(await wait).toBe('a1');
    expect([place.room.waiting, place.timers.length]).toEqual([0, 0]);
  });

  test('does not wait for what cannot clear in time', async () => {
    const place = new Place();
    const answer = await place.room.enter('a', () => place.refusal(), { deadlineMs: 9_000, canWait: () => false });
    expect(answer).toEqual(place.refusal());
    expect(place.room.waiting).toBe(0);
  });

  test('is refused at once when the room is full, without passing those who wait', async () => {
    const place = new Place(2);
    void place.enter('a', 'a1');
    void place.enter('a', 'a2');
    place.free = 1;
    expect(await place.enter('a', 'a3')).toEqual(place.refusal());
    place.free = 0;
    expect(await place.enter('b', 'b1')).toEqual(place.refusal());
    expect(place.room.waiting).toBe(2);
  });
});

describe('a wait ends', () => {
  test('at its deadline with the last refusal, for everyone of the key', async () => {
    const place = new Place();
    const [first, second, third] = [5_000, 3_000, 7_000].map((deadlineMs) => place.enter('a', 'a', { deadlineMs }));
    await place.turnTo(3_000);
    expect(await second).toEqual(place.refusal());
    await place.turnTo(4_999);
    expect(await isPending(first ?? Promise.resolve())).toBe(true);
    await place.turnTo(5_000);
    expect(await first).toEqual(place.refusal());
    await place.release();
    expect(await third).toBe('a');
  });

  test('when the window clears, at that moment and without being asked in between', async () => {
    const place = new Place();
    const wait = place.enter('a', 'a1', { clearsAtMs: 4_000 });
    await place.turnTo(3_999);
    expect(place.asks).toBe(1);
    await place.turnTo(4_000);
    expect(await wait).toBe('a1');
    expect(place.asks).toBe(2);
  });

  test('when the client leaves; the next of its key is asked then', async () => {
    const place = new Place();
    const gone = Promise.withResolvers<void>();
    const wait = place.enter('a', 'a1', { gone: gone.promise });
    const next = place.enter('a', 'a2');
    place.free = 1;
    gone.resolve();
    expect(await wait).toEqual(place.refusal());
    expect(await next).toBe('a2');
    expect([place.room.waiting, place.timers.length]).toEqual([0, 0]);
  });

  test('when the refusal becomes one that is not worth it', async () => {
    const place = new Place();
    let clearsAtMs: number | null = 2_000;
    const wait = place.room.enter('a', () => place.refusal(clearsAtMs), {
      deadlineMs: 9_000,
      canWait: (refusal) => refusal.clearsAtMs !== null,
    });
    clearsAtMs = null;
    await place.release();
    expect(await wait).toEqual(place.refusal());
  });

  test('when the try fails, for that one alone', async () => {
    const place = new Place();
    let fails = false;
    const attempt = (): Refusal => {
      if (fails) throw new Error('not known yet');
      return place.refusal();
    };
    const wait = place.room.enter('a', attempt, { deadlineMs: 9_000, canWait: () => true });
    const other = place.enter('a', 'a2');
    fails = true;
    const failed = wait.catch((error: Error) => error.message);
    await place.release();
    expect(await failed).toBe('not known yet');
    expect(await other).toBe('a2');
  });
});

describe('keys', () => {
  test('are served in turn, and each in the order of coming', async () => {
    const place = new Place();
    for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) void place.enter(name.slice(0, 1), name);
    for (let call = 0; call < 6; call++) await place.release();
    expect(place.served).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  test('share what comes free at once', async () => {
    const place = new Place();
    for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) void place.enter(name.slice(0, 1), name);
    await place.release(4);
    expect(place.served).toEqual(['a1', 'b1', 'c1', 'a2']);
  });

  test('do not stand in each other’s way', async () => {
    const place = new Place();
    const options = { deadlineMs: 9_000, canWait: () => true };
    void place.room.enter('stuck', () => place.refusal(), options);
    void place.room.enter('stuck', () => 'behind', options);
    const other = place.enter('b', 'b1');
    await place.release();
    expect(await other).toBe('b1');
    expect(place.room.waiting).toBe(2);
  });

  test('get within one call of the same service, whatever came when', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 60 }), async (comers) => {
        const place = new Place();
        const waits = comers.map((key, index) => place.enter(key, `${key}${index}`));
        const left = new Map<string, number>();
        for (const key of comers) left.set(key, (left.get(key) ?? 0) + 1);
        for (let call = 0; call < comers.length; call++) {
          await place.release();
          expect(unfairness(place.served, left)).toBeLessThanOrEqual(1);
        }
        expect((await Promise.all(waits)).length).toBe(place.served.length);
        for (const key of left.keys()) {
          const order = place.served.filter((name) => name.startsWith(key)).map((name) => Number(name.slice(1)));
          expect(order).toEqual([...order].sort((one, other) => one - other));
        }
        expect(place.room.waiting).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});

/** How many calls more than another the best served of the waiting keys has had. */
function unfairness(served: readonly string[], left: ReadonlyMap<string, number>): number {
  const counts = [...left].filter(([key, total]) => countOf(served, key) < total).map(([key]) => countOf(served, key));
  return counts.length === 0 ? 0 : Math.max(...counts) - Math.min(...counts);
}

const countOf = (served: readonly string[], key: string): number =>
  served.filter((name) => name.startsWith(key)).length;

describe('with the tree', () => {
  test('two hundred calls share four slots, and none is lost', async () => {
    const place = new LimitPlace();
    const room = createWaitingRoom({ now: () => place.nowMs, maxWaiting: 500, wake: () => place.tree.freed() });
    const slots = limitOn(KEY, 'parallel', 4);
    const part = { scopes: [KEY], limits: [slots] };
    let most = 0;
    const call = async (index: number): Promise<void> => {
      const attempt = () => place.tree.reserve(asking(0), part, NOTHING);
      const found = await room.enter(`key ${index % 7}`, attempt, {
        deadlineMs: place.nowMs + 5_000,
        canWait: () => true,
      });
      if (isRefusal(found)) throw new Error('There was time enough');
      most = Math.max(most, place.stands(slots)?.[1] ?? 0);
      await settled();
      place.settle(found, 0);
    };
    await Promise.all(Array.from({ length: 200 }, (_, index) => call(index)));
    expect(most).toBe(4);
    expect(place.stands(slots)).toEqual([0, 0]);
    expect(room.waiting).toBe(0);
  });

  test('a real clock wakes who waits for a rate', async () => {
    const place = new LimitPlace({ now: () => Date.now() });
    const room = createWaitingRoom({ now: () => Date.now(), maxWaiting: 5, wake: () => place.tree.freed() });
    const rate = limitOn(KEY, 'requests', 1, { window: { ...MINUTE, kind: 'sliding', ms: 40 } });
    const part = { scopes: [KEY], limits: [rate] };
    const enter = () =>
      room.enter('a', () => place.tree.reserve(asking(0), part, NOTHING), {
        deadlineMs: Date.now() + 2_000,
        canWait: () => true,
      });
    const startMs = Date.now();
    const answers = await Promise.all([enter(), enter(), enter()]);
    expect(answers.some((answer) => isRefusal(answer))).toBe(false);
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(80);
  });
});
