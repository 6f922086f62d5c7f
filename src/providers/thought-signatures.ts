/**
 * Thought signatures: opaque texts of Gemini that must come back with the tool call or the text that they were made for.
 * OpenAI's wire has no place for them, so they travel as `extra_content.google.thought_signature`, as in Google's own
 * OpenAI-compatible API, and as `provider_specific_fields`, as in LiteLLM. A client that drops both gets them back from
 * memory. Source: Google's "Thought signatures"; LiteLLM's documentation of `gemini/`.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { isObject, type JsonObject, textOf, without } from '../lib/json.ts';
import type { ChatMessage } from '../wire/openai.ts';
import type { MessageRewrite } from './request-rewrites.ts';

/** LiteLLM hangs a signature on the call's id; histories that it wrote have such ids. */
const IN_ID = '__thought__';

/** Google's own word for "this history was not made by Gemini", base64 as signatures are. */
export const PLACEHOLDER_SIGNATURE = btoa('skip_thought_signature_validator');

/** The id without a signature that LiteLLM hung on it. */
export function plainCallId(id: string): string {
  const at = id.indexOf(IN_ID);
  return at === -1 ? id : id.slice(0, at);
}

const signatureInId = (id: string): string | undefined => {
  const at = id.indexOf(IN_ID);
  return at === -1 ? undefined : textOf(id.slice(at + IN_ID.length));
};

/** Both shapes, for a tool call, an image or a message. */
export const signatureFields = (signature: string | undefined): JsonObject =>
  signature === undefined
    ? {}
    : {
        extra_content: { google: { thought_signature: signature } },
        provider_specific_fields: { thought_signature: signature },
      };

/** The signature that a client sent along with a tool call, an image or a message. */
export function signatureOf(carrier: JsonObject): string | undefined {
  const extra = isObject(carrier['extra_content']) ? carrier['extra_content']['google'] : undefined;
  const made = isObject(carrier['function']) ? carrier['function'] : {};
  const places = [extra, carrier['provider_specific_fields'], made['provider_specific_fields']];
  const found = places.map((place) => (isObject(place) ? textOf(place['thought_signature']) : undefined));
  return found.find((signature) => signature !== undefined) ?? signatureInId(textOf(carrier['id']) ?? '');
}

/** A tool call as far as a signature belongs to it. */
export interface SignedCall {
  readonly id: string;
  readonly name: string;
  readonly args: unknown;
}

const LIFETIME_MS = 3_600_000;
const MAX_CHARS = 32 * 1024 * 1024;
const MAX_SIGNATURE_CHARS = 1024 * 1024;

/**
 * Signatures of late, by tool call: id, name and arguments must all be the same, so that nobody comes by another's by
 * guessing an id. Bounded in time and size; what is lost is replaced by the placeholder.
 */
export class SignatureMemory {
  readonly #kept: LRUCache<string, string>;

  constructor(clock: { now(): number } = performance) {
    this.#kept = new LRUCache<string, string>({
      maxSize: MAX_CHARS,
      maxEntrySize: MAX_SIGNATURE_CHARS,
      sizeCalculation: (signature) => signature.length + 64,
      ttl: LIFETIME_MS,
      ttlResolution: 0,
      perf: clock,
    });
  }

  keep(call: SignedCall, signature: string | undefined): void {
    if (signature !== undefined) this.#kept.set(keyOf(call), signature);
  }

  find(call: SignedCall): string | undefined {
    return this.#kept.get(keyOf(call));
  }
}

const keyOf = ({ id, name, args }: SignedCall): string =>
  createHash('sha256')
    .update(JSON.stringify([id, name, sorted(args)]))
    .digest('base64');

/** Clients write arguments anew, with members in another order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.keys(value)
    .sort()
    .map((name) => [name, sorted(value[name])]);
}

/** For every other provider: a signature means nothing to it, and strict ones refuse the fields and the long ids. */
export const withoutThoughtSignatures: MessageRewrite = {
  action: 'dropped',
  note: 'thought signatures of another provider',
  apply(message) {
    const calls = message['tool_calls'];
    const cleaned = Array.isArray(calls) ? cleanCarriers(calls) : calls;
    return withPlainResultId(cleanCarrier(cleaned === calls ? message : { ...message, tool_calls: cleaned }));
  },
};

function withPlainResultId(message: ChatMessage): ChatMessage {
  const id = message['tool_call_id'];
  return typeof id === 'string' && id.includes(IN_ID) ? { ...message, tool_call_id: plainCallId(id) } : message;
}

function cleanCarriers(calls: readonly unknown[]): readonly unknown[] {
  const cleaned = calls.map(cleanCarrier);
  return cleaned.every((call, at) => call === calls[at]) ? calls : cleaned;
}

function cleanCarrier<T>(carrier: T): T {
  if (!isObject(carrier)) return carrier;
  const { extra_content: extra, provider_specific_fields: fields, id } = carrier;
  const isGoogles = isObject(extra) && Object.hasOwn(extra, 'google');
  const isSigned =
    isObject(fields) && ['thought_signature', 'thought_signatures'].some((name) => Object.hasOwn(fields, name));
  const hasLongId = typeof id === 'string' && id.includes(IN_ID);
  if (!isGoogles && !isSigned && !hasLongId) return carrier;
  return {
    ...without(carrier, ...(isGoogles ? ['extra_content'] : []), ...(isSigned ? ['provider_specific_fields'] : [])),
    ...(hasLongId && { id: plainCallId(id) }),
  };
}
