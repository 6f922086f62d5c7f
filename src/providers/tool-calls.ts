/**
 * Tool calls as OpenAI sends them: an id and a name once, arguments as text, one index for each call. Upstreams number
 * all calls 0, leave ids out, repeat them or send arguments as an object; the id tells calls apart, not the index.
 */
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';

/** A complete call of a whole answer. */
export function wholeToolCall(raw: unknown, newId: () => string): JsonObject {
  const call = isObject(raw) ? raw : {};
  const made = isObject(call['function']) ? call['function'] : undefined;
  return {
    ...call,
    id: textOf(call['id']) ?? `call_${newId()}`,
    type: textOf(call['type']) ?? 'function',
    ...(made && { function: { ...made, arguments: argumentsText(made['arguments']) || '{}' } }),
  };
}

/** OpenAI's arguments are JSON text; some upstreams send the object itself. */
const argumentsText = (value: unknown): string | undefined =>
  isObject(value) ? JSON.stringify(value) : typeof value === 'string' ? value : undefined;

interface Slot {
  readonly index: number;
  readonly id: string;
  name: string | undefined;
}

/** The calls of one choice of a stream, each with the index that the client sees. */
export class ToolCallSlots {
  readonly #byId = new Map<string, Slot>();
  readonly #byUpstreamIndex = new Map<number, Slot>();
  readonly #newId: () => string;
  #last: Slot | undefined;
  #count = 0;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  /** A call has been opened. */
  get used(): boolean {
    return this.#count > 0;
  }

  take(calls: readonly unknown[]): JsonObject[] {
    return calls.filter(isObject).map((call) => this.#piece(call));
  }

  #piece(call: JsonObject): JsonObject {
    // A piece that says nothing opens nothing.
    if (textOf(call['id']) === undefined && !isObject(call['function'])) return call;
    const made = isObject(call['function']) ? call['function'] : {};
    const known = this.#find(call, textOf(made['name']));
    const slot = known ?? this.#open(call);
    const upstreamIndex = numberOf(call['index']);
    if (upstreamIndex !== undefined) this.#byUpstreamIndex.set(upstreamIndex, slot);
    this.#last = slot;
    return known ? continuation(call, made, slot) : opening(call, made, slot);
  }

  /** A name together with an id that is new opens a call, whatever the index says. */
  #find(call: JsonObject, name: string | undefined): Slot | undefined {
    const id = textOf(call['id']);
    const sameId = id === undefined ? undefined : this.#byId.get(id);
    if (sameId) return sameId;
    if (id !== undefined && name !== undefined) return undefined;
    const upstreamIndex = numberOf(call['index']);
    return upstreamIndex === undefined
      ? name === undefined
        ? this.#last
        : undefined
      : this.#byUpstreamIndex.get(upstreamIndex);
  }

  #open(call: JsonObject): Slot {
    const slot: Slot = { index: this.#count++, id: textOf(call['id']) ?? `call_${this.#newId()}`, name: undefined };
    this.#byId.set(slot.id, slot);
    return slot;
  }
}

function opening(call: JsonObject, made: JsonObject, slot: Slot): JsonObject {
  slot.name = textOf(made['name']);
  return {
    ...call,
    index: slot.index,
    id: slot.id,
    type: textOf(call['type']) ?? 'function',
    function: { ...made, arguments: argumentsText(made['arguments']) ?? '' },
  };
}

/** Without what has been said: libraries would join it to what they have. A name that comes late still leaves. */
function continuation(call: JsonObject, made: JsonObject, slot: Slot): JsonObject {
  const { id: _, type: __, ...rest } = call;
  const { name, ...others } = made;
  const late = slot.name === undefined ? textOf(name) : undefined;
  slot.name ??= late;
  return {
    ...rest,
    index: slot.index,
    function: {
      ...others,
      ...(late !== undefined && { name: late }),
      arguments: argumentsText(made['arguments']) ?? '',
    },
  };
}
