/** How many retries may be under way at once: under a dead upstream they must not multiply what reaches it. */

const ALWAYS = 3;
const SHARE = 0.2;

export class RetryBudget {
  #calls = 0;
  #retries = 0;

  /** A call looks for a target; the returned function ends that. */
  begin(): () => void {
    this.#calls += 1;
    return () => {
      this.#calls -= 1;
    };
  }

  /** @returns the function that ends the retry, or `undefined` when too many are under way */
  retry(): (() => void) | undefined {
    if (this.#retries >= Math.max(ALWAYS, SHARE * this.#calls)) return undefined;
    this.#retries += 1;
    return () => {
      this.#retries -= 1;
    };
  }
}
