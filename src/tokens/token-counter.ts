/**
 * Counts tokens beside the event loop: a long prompt takes seconds, in which no request may wait. The thread is started for the
 * first count and ended when there has been none for a while, since its tables are large.
 */
import { GatewayError } from '../errors.ts';
import { SideThread, type ThreadFault } from '../lib/side-thread.ts';
import type { CountAnswer, CountQuestion } from './counting-thread.ts';
import type { Encoding } from './encodings.ts';
import type { Prompt } from './prompt-tokens.ts';

export interface TokenCounter {
  /**
   * Prompts are counted one after another.
   * @throws GatewayError 503 when too many wait already, when it takes too long, or once closed
   */
  count(prompt: Prompt, encoding: Encoding): Promise<number>;
  /** Whether its thread is there. */
  readonly isRunning: boolean;
  /** Counts that are still under way are refused. */
  close(): void;
}

export interface TokenCounterOptions {
  /** For one count. */
  readonly timeLimitMs?: number;
  readonly idleMs?: number;
  readonly maxWaiting?: number;
}

const FAULTS: Readonly<Record<ThreadFault, string>> = {
  closed: 'The gateway is stopping.',
  'too many wait': 'Too many prompts are being counted.',
  'too slow': 'The prompt took too long to count.',
  broken: 'The prompt could not be counted.',
};

export function createTokenCounter(options: TokenCounterOptions = {}): TokenCounter {
  const thread = new SideThread<CountQuestion, CountAnswer>({
    ...{ timeLimitMs: 30_000, idleMs: 30_000, maxWaiting: 50, ...options },
    start: () => new Worker(new URL('./counting-thread.ts', import.meta.url)),
    errorOf: unavailable,
  });
  return {
    get isRunning() {
      return thread.isRunning;
    },
    async count(prompt, encoding) {
      const answer = await thread.ask({ prompt, encoding });
      if ('tokens' in answer) return answer.tokens;
      throw unavailable('broken');
    },
    close: () => thread.close(),
  };
}

const unavailable = (fault: ThreadFault): GatewayError =>
  new GatewayError('unavailable', FAULTS[fault], { code: 'token_count_unavailable', retryAfterMs: 1_000 });
