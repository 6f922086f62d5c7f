/** The four places where behaviour attaches to the request path. The ordered list is data: `features/index.ts`. */

import type { Target } from '../providers/adapter.ts';
import type { ChatChunk, ChatCompletion } from '../wire/openai.ts';
import type { Call, Outcome, Reply } from './call.ts';

export type Maybe<T> = T | undefined | Promise<T | undefined>;

/** Runs exactly once, however the call ends, last in first out. A throw is logged and never reaches the client. */
export type Settle = (outcome: Outcome) => void | Promise<void>;

/** What a feature took, when it also has a say in which targets may be tried. */
export interface Admission {
  readonly settle: Settle;
  /** Before each attempt: throw to refuse this target; the error's kind says whether another may be tried. */
  attempt?(target: Target): void | Promise<void>;
  /**
   * Before a second attempt beside the one under way: takes for both, or refuses, and then there is no second one.
   * @returns what to call when one of the two is left
   */
  alongside?(target: Target): Narrow | 'refused';
}

/**
 * Of two attempts one has ended.
 * @param lostNanoUsd what the call owes for attempts that did not answer
 */
export type Narrow = (left: Target, lostNanoUsd: number) => void;

export interface Feature {
  readonly name: string;
  /** Throw to refuse, replace `call.request` to rewrite (and clear `call.text`), return the undo of what was taken. */
  admit?(call: Call): Maybe<Settle | Admission>;
  /** Answer in place of an upstream. The first feature with a reply wins. */
  answer?(call: Call): Maybe<Reply>;
  onReply?(call: Call, body: ChatCompletion): ChatCompletion | Promise<ChatCompletion>;
  /** Synchronous on purpose. If no feature has one, a stream's bytes pass untouched. */
  onChunk?(call: Call, chunk: ChatChunk): ChatChunk;
}
