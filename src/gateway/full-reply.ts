/** Whole answers: from an upstream's bytes to the client's, touching only what must change. */
import { GatewayError } from '../errors.ts';
import { type JsonMember, patchJson, topLevelMembers } from '../lib/json-members.ts';
import type { Target } from '../providers/adapter.ts';
import type { ChatCompletion, Usage } from '../wire/openai.ts';
import type { Cost, TokenBuckets } from '../wire/usage.ts';
import type { FullReply, Reading } from './call.ts';

export type { Reading };

export interface Metered {
  readonly buckets: TokenBuckets;
  readonly cost: Cost;
  /** What the client is told: the upstream's own numbers, or our estimate in the same shape. */
  readonly usage: Usage;
}

interface ReplyParts {
  readonly target: Target;
  /** Body as received. */
  readonly text: string;
  /** The name the client asked for. */
  readonly requestedModel: string;
  readonly upstreamHeaders: Headers;
  /** Of the request that was sent. */
  readonly memo?: unknown;
}

/**
 * @throws GatewayError `upstream_protocol` when the body is no completion.
 */
export function fullReply(parts: ReplyParts): FullReply {
  const relays = parts.target.adapter.relaysBytes && parts.memo === undefined;
  const relayed = relays ? relayedReply(parts) : undefined;
  return relayed ?? translatedReply(parts);
}

/** OpenAI's own bytes with the `model` text exchanged; `undefined` when the body needs a real parse after all. */
function relayedReply({ target, text, requestedModel, upstreamHeaders }: ReplyParts): FullReply | undefined {
  const members = topLevelMembers(text);
  const find = (key: string): JsonMember | undefined => members?.find((member) => member.key === key);
  const textOf = (key: string): string | undefined => {
    const member = find(key);
    return member && text.slice(member.valueStart, member.valueEnd);
  };
  const model = find('model');
  const id = textOf('id');
  if (!model || id === undefined || !find('choices')) return undefined;
  return replyOf({
    target,
    upstreamHeaders,
    text: `${text.slice(0, model.valueStart)}${JSON.stringify(requestedModel)}${text.slice(model.valueEnd)}`,
    usage: parseOr(textOf('usage'), undefined),
    responseId: parseOr(id, null),
    serviceTier: parseOr(textOf('service_tier'), undefined),
  });
}

function translatedReply({ target, text, requestedModel, upstreamHeaders, memo }: ReplyParts): FullReply {
  const parsed = parseOr<unknown>(text, undefined);
  if (typeof parsed !== 'object' || parsed === null) {
    throw new GatewayError('upstream_protocol', 'The upstream answered with something that is not a chat completion.');
  }
  const body: ChatCompletion = { ...target.adapter.parseResponse(parsed, target, memo), model: requestedModel };
  const tier = body['service_tier'];
  return replyOf({
    target,
    upstreamHeaders,
    text: JSON.stringify(body),
    usage: body.usage ?? undefined,
    responseId: body.id,
    serviceTier: typeof tier === 'string' ? tier : undefined,
  });
}

interface ReplyFacts {
  readonly target: Target | undefined;
  readonly text: string;
  readonly usage: Usage | undefined;
  readonly responseId: string | null;
  readonly serviceTier: string | undefined;
  readonly upstreamHeaders: Headers | undefined;
}

export function replyOf(facts: ReplyFacts): FullReply {
  const { target, text, usage, responseId, upstreamHeaders, serviceTier } = facts;
  // Our own text, or one whose shape was checked.
  const body = (): ChatCompletion => JSON.parse(text) as ChatCompletion;
  const reading = (): Reading => ({ usage, outputChars: () => outputCharsOf(body()), serviceTier });
  return { kind: 'full', target, text, usage, responseId, upstreamHeaders, body, reading };
}

/** JSON text that may be absent; `null` in it counts as absent. */
function parseOr<T>(text: string | undefined, absent: T): T {
  if (text === undefined) return absent;
  try {
    // The caller names the shape that the wire documents; numbers in it stay untrusted.
    return (JSON.parse(text) as T | null) ?? absent;
  } catch {
    return absent; // Not JSON after all: what depends on it is then missing, and said so where it is needed.
  }
}

function outputCharsOf(body: ChatCompletion): number {
  let chars = 0;
  for (const { message } of body.choices) {
    for (const part of [message?.content, message?.['reasoning_content'], message?.['tool_calls']]) {
      if (typeof part === 'string') chars += part.length;
      else if (part) chars += JSON.stringify(part).length;
    }
  }
  return chars;
}

/** An upstream that sent no usage gets our count put in, so that every answer has its token usage. */
export function withUsage(reply: FullReply, metered: Metered): FullReply {
  if (reply.usage) return reply;
  const usage = JSON.stringify(metered.usage);
  const text =
    patchJson(reply.text, { set: { usage }, remove: [] }) ?? JSON.stringify({ ...reply.body(), usage: metered.usage });
  return { ...reply, text, usage: metered.usage };
}
