/** Whether the client is still there. One watcher at a time: whatever the call waits for now. Cheaper than a signal's listeners. */
export class Presence {
  #gone = false;
  #watcher: (() => void) | undefined;

  get gone(): boolean {
    return this.#gone;
  }

  /** The client closed the connection. */
  leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    const watcher = this.#watcher;
    this.#watcher = undefined;
    watcher?.();
  }

  /** Called once when the client leaves; at once if it has left already. Takes the place of an earlier watcher. */
  watch(watcher: () => void): void {
    if (this.#gone) watcher();
    else this.#watcher = watcher;
  }

  unwatch(): void {
    this.#watcher = undefined;
  }
}
