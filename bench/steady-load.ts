/** Requests at a steady pace, whether or not those before were answered: a slow server must not slow its own load. */

const PACE_MS = 25;
const WARM_UP = 200;

export class SteadyLoad {
  /** Of one core, as measured while nothing else was asked. */
  cpuShare = 0;
  readonly #ask: () => Promise<unknown>;
  readonly #open = new Set<Promise<void>>();
  #latencies: number[] = [];
  #longest = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #failure: unknown;

  constructor(ask: () => Promise<unknown>) {
    this.#ask = ask;
  }

  async warmUp(): Promise<void> {
    for (let count = 0; count < WARM_UP; count++) await this.#ask();
  }

  begin(): void {
    this.#timer = setInterval(() => this.#one(), PACE_MS);
  }

  /** @throws what a request failed with */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    if (this.#failure !== undefined) throw this.#failure;
  }

  takeLatencies(): number[] {
    const taken = this.#latencies;
    this.#latencies = [];
    return taken;
  }

  takeLongest(): number {
    const longest = this.#longest;
    this.#longest = 0;
    return longest;
  }

  #one(): void {
    const startedAtMs = performance.now();
    const open = this.#ask()
      .then(() => {
        const latency = performance.now() - startedAtMs;
        this.#latencies.push(latency);
        this.#longest = Math.max(this.#longest, latency);
      })
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#open.delete(open));
    this.#open.add(open);
  }
}
