/** Waiting for a condition instead of a time. */

const LONGEST_MS = 5_000;
const BETWEEN_MS = 2;

/** What `look` gives once `isSo`; throws when that takes too long. */
export async function until<T>(look: () => T | Promise<T>, isSo: (seen: T) => boolean): Promise<T> {
  const startedAtMs = performance.now();
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    if (performance.now() - startedAtMs > LONGEST_MS) throw new Error('What was waited for did not come about.');
    await Bun.sleep(BETWEEN_MS);
  }
}
