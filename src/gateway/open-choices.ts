interface Choice {
  readonly index?: unknown;
  readonly finish_reason?: unknown;
}

/** Which choices of a stream have begun and not finished. With `n` above 1 each has a `finish_reason` of its own. */
export class OpenChoices {
  readonly #begun = new Set<unknown>();
  readonly #finished = new Set<unknown>();

  get any(): boolean {
    return this.#finished.size < this.#begun.size;
  }

  note(choices: readonly Choice[]): void {
    for (const { index, finish_reason: reason } of choices) {
      this.#begun.add(index);
      if (typeof reason === 'string') this.#finished.add(index);
    }
  }

  /** @param event its text, whose JSON is all from the first brace to the last */
  noteText(event: string): void {
    this.note(choicesIn(event));
  }
}

function choicesIn(event: string): readonly Choice[] {
  try {
    const { choices } = JSON.parse(event.slice(event.indexOf('{'), event.lastIndexOf('}') + 1));
    return Array.isArray(choices) ? choices.filter((choice) => typeof choice === 'object' && choice !== null) : [];
  } catch {
    return []; // What is no JSON is refused elsewhere.
  }
}
