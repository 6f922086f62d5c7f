/** What the pipeline is given, and what it gives. */
import type { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Step } from '../routing/plan.ts';
import type { Call, Caller, FullReply, HeaderBag, Outcome, Reply, StreamReply } from './call.ts';
import type { Feature } from './feature.ts';
import type { Meter } from './outcomes.ts';
import type { ChatSource, ParsedChat } from './parse-chat-request.ts';

export interface PipelineParts {
  /** Synchronous while the key is in memory. */
  authenticate(headers: HeaderBag, route: string): Caller | Promise<Caller>;
  parse(source: ChatSource): ParsedChat;
  plan(call: Call): Generator<Step, GatewayError | undefined, GatewayError>;
  /** An attempt begins: routing watches how it goes. */
  watch(target: Target, call: Call): AttemptWatch;
  send(target: Target, call: Call): Promise<Reply>;
  /** Which attempts get a second one beside them; without it none does. */
  readonly hedging?: Hedging;
  /** Usage, however doubtful, → tokens and money. */
  readonly meter: Meter;
  readonly features: readonly Feature[];
  readonly ledger: {
    /** Durable before it returns: called before the first upstream byte. */
    intend(call: Call): void;
    /** Called exactly once a call, refused ones too, before its last byte leaves. */
    record(call: Call, outcome: Outcome): void;
  };
  /** What was decided and why, as JSON text. */
  explain(call: Call, outcome: Outcome): string;
  now(): number;
  onSettleError(error: unknown, call: Call): void;
}

/** Which attempts get a second one, as routing knows it. */
export interface Hedging {
  /** Milliseconds without an answer after which a second attempt is worth its money; `undefined`: never. Counts the call. */
  afterMs(target: Target, call: Call): number | undefined;
  /** Another deployment of the group that is well and has room, while the group's share of extra calls lasts. */
  second(target: Target, call: Call): Second | undefined;
}

export interface Second {
  readonly target: Target;
  /** It is asked: the extra call counts. */
  began(): void;
}

/** What routing learns of an attempt: either it failed, or it was answered and then ended. */
export interface AttemptWatch {
  failed(error: GatewayError): void;
  /** The answer has begun, or is there as a whole. */
  answered(): void;
  /** Another attempt at the same call answered first, and this one was cancelled. */
  lost(): void;
  ended(outcome: Outcome): void;
}

/** What became of a call. `outcome` is still open for a stream. */
export type Answer =
  | { readonly call: Call; readonly reply: FullReply; readonly outcome: Outcome }
  | { readonly call: Call; readonly reply: StreamReply; readonly outcome: undefined }
  | { readonly call: Call; readonly error: GatewayError; readonly outcome: Outcome };
