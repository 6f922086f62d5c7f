/** Top-level edits to a request body, collected first and made once: spliced into the client's text where there is one. */
import { patchJson } from '../lib/json-members.ts';
import type { ChatRequest } from '../wire/openai.ts';

/** A value and, where it is at hand, its JSON text. */
interface NewValue {
  readonly value: unknown;
  readonly text: string | undefined;
}

export class BodyEdit {
  readonly request: ChatRequest;
  readonly #set = new Map<string, NewValue>();
  #removed: readonly string[] = [];

  constructor(request: ChatRequest) {
    this.request = request;
  }

  /** The value as it stands after the edits so far; `undefined` when there is none. */
  get(name: string): unknown {
    const edited = this.#set.get(name);
    if (edited) return edited.value;
    return this.#removed.includes(name) || !Object.hasOwn(this.request, name) ? undefined : this.request[name];
  }

  /** `null` counts as not given, as it does for OpenAI. */
  has(name: string): boolean {
    const value = this.get(name);
    return value !== undefined && value !== null;
  }

  /** @param text the value's JSON text, if it is at hand */
  set(name: string, value: unknown, text?: string): void {
    if (this.#removed.length > 0) this.#removed = this.#removed.filter((removed) => removed !== name);
    this.#set.set(name, { value, text });
  }

  remove(name: string): void {
    this.#set.delete(name);
    if (!this.#removed.includes(name)) this.#removed = [...this.#removed, name];
  }

  rename(from: string, to: string): void {
    const value = this.get(from);
    this.remove(from);
    this.set(to, value);
  }

  /** @param source the client's text that says the same as `request`, apart from `gatewayKeys`, which leave it too */
  toText(source: string | undefined, gatewayKeys: readonly string[]): string {
    const spliced = source === undefined ? undefined : this.#spliced(source, gatewayKeys);
    return spliced ?? JSON.stringify(this.toObject());
  }

  /** The body as it stands after the edits so far. */
  toObject(): Record<string, unknown> {
    const whole: Record<string, unknown> = { ...this.request };
    for (const [name, { value }] of this.#set) whole[name] = value;
    for (const name of this.#removed) Reflect.deleteProperty(whole, name);
    return whole;
  }

  #spliced(source: string, gatewayKeys: readonly string[]): string | undefined {
    const set: Record<string, string> = {};
    for (const [name, { value, text }] of this.#set) set[name] = text ?? JSON.stringify(value);
    return patchJson(source, { set, remove: [...gatewayKeys, ...this.#removed] });
  }
}
