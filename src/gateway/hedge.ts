/**
 * One attempt, or two at once where the first is slow: another deployment is asked as well, the first that answers wins,
 * and the other is cancelled. Both are in the row and both are priced.
 */
import { GatewayError, toGatewayError } from '../errors.ts';
import { nextTurn } from '../lib/next-turn.ts';
import type { Target } from '../providers/adapter.ts';
import type { Attempt, Call, Reading, Reply } from './call.ts';
import type { Admission, Narrow } from './feature.ts';
import type { AttemptWatch, PipelineParts } from './pipeline-parts.ts';
import { Presence } from './presence.ts';
import { settlesWithin } from './stream-source.ts';

export type AttemptParts = Pick<PipelineParts, 'watch' | 'send' | 'meter' | 'now' | 'hedging'>;

/** @returns why it failed, when it did: a failed attempt is an answer for the plan */
export async function attempt(
  target: Target,
  call: Call,
  admissions: Admission[],
  parts: AttemptParts,
): Promise<Reply | GatewayError> {
  const afterMs = parts.hedging?.afterMs(target, call);
  if (afterMs !== undefined) return new Race(call, admissions, parts).run(target, afterMs);
  const run = new Run(target, call, parts);
  await run.done;
  return conclude(run, call, admissions);
}

/** One request under way. */
class Run {
  readonly target: Target;
  /** What it sees of the call: the call itself, or a view of its own. */
  readonly call: Call;
  readonly watch: AttemptWatch;
  readonly startedAtMs: number;
  readonly now: () => number;
  readonly done: Promise<Run>;
  met: Reply | GatewayError | undefined;

  constructor(target: Target, call: Call, { watch, send, now }: AttemptParts) {
    this.target = target;
    this.call = call;
    this.now = now;
    this.watch = watch(target, call);
    this.startedAtMs = now();
    this.done = this.#meet(send);
  }

  get entry(): Attempt {
    return { target: this.target, startedAtMs: this.startedAtMs, endedAtMs: this.now() };
  }

  async #meet(send: AttemptParts['send']): Promise<Run> {
    try {
      this.met = await send(this.target, this.call);
    } catch (thrown) {
      this.met = toGatewayError(thrown);
    }
    return this;
  }
}

/** Writes down how it went. */
function conclude({ met, entry, watch }: Run, call: Call, admissions: Admission[]): Reply | GatewayError {
  if (met === undefined || met instanceof GatewayError) {
    const error = met ?? new GatewayError('internal', 'Internal server error');
    call.attempts.push({ ...entry, error });
    watch.failed(error);
    return error;
  }
  call.attempts.push(entry);
  watch.answered();
  admissions.push({ settle: (outcome) => watch.ended(outcome) });
  return met;
}

/** A provider that was cancelled before it said anything has read the prompt. */
const PROMPT_ONLY: Reading = { usage: undefined, outputChars: 0 };

class Race {
  readonly #call: Call;
  readonly #admissions: Admission[];
  readonly #parts: AttemptParts;
  readonly #clients: Presence[] = [];
  readonly #narrows: Narrow[] = [];

  constructor(call: Call, admissions: Admission[], parts: AttemptParts) {
    this.#call = call;
    this.#admissions = admissions;
    this.#parts = parts;
  }

  async run(target: Target, afterMs: number): Promise<Reply | GatewayError> {
    const first = this.#start(target);
    this.#call.client.watch(() => {
      for (const client of this.#clients) client.leave();
    });
    const second = (await settlesWithin(first.done, afterMs)) ? undefined : this.#second(target);
    if (second === undefined) return this.#end(await first.done);
    const earlier = await Promise.race([first.done, second.done]);
    const other = earlier === first ? second : first;
    if (earlier.met instanceof GatewayError) return this.#end(await this.#survivor(earlier, other));
    await this.#cancel(other);
    return this.#end(earlier);
  }

  /** Each has a client and changes of its own: both watch for the client's leaving, and adapters differ. */
  #start(target: Target): Run {
    const client = new Presence();
    if (this.#call.client.gone) client.leave();
    this.#clients.push(client);
    return new Run(target, { ...this.#call, client, changes: [] }, this.#parts);
  }

  #second(first: Target): Run | undefined {
    const { hedging } = this.#parts;
    const second = this.#call.client.gone ? undefined : hedging?.second(first, this.#call);
    if (second === undefined || !this.#cover(second.target)) return undefined;
    second.began();
    return this.#start(second.target);
  }

  /** Whatever was taken for one attempt is taken for both, or there is no second one. */
  #cover(target: Target): boolean {
    for (const admission of this.#admissions) {
      const narrow = admission.alongside?.(target);
      if (narrow === 'refused') return false;
      if (narrow) this.#narrows.push(narrow);
    }
    return true;
  }

  /** One has failed; the call lives on in the other. */
  async #survivor(failed: Run, other: Run): Promise<Run> {
    if (this.#call.client.gone) this.#lose(failed, PROMPT_ONLY);
    else conclude(failed, this.#call, this.#admissions);
    return await other.done;
  }

  /** Its socket closes at once. What it had said already is in its price; else the prompt is. */
  async #cancel(run: Run): Promise<void> {
    for (const client of this.#clients) if (client === run.call.client) client.leave();
    await Promise.race([run.done, nextTurn()]);
    const { met } = run;
    if (met instanceof GatewayError && met.kind !== 'client_closed') {
      conclude(run, this.#call, this.#admissions); // It failed in the same moment.
      return;
    }
    if (met === undefined) void run.done.then(({ met: late }) => stop(late));
    stop(met);
    this.#lose(run, readingOf(met));
  }

  #lose({ target, entry, watch }: Run, reading: Reading): void {
    const { cost } = this.#parts.meter(this.#call, target, reading);
    this.#call.attempts.push({ ...entry, lost: cost });
    watch.lost();
  }

  #end(run: Run): Reply | GatewayError {
    const { changes, attempts, client } = this.#call;
    changes.splice(0, Infinity, ...run.call.changes);
    const lost = attempts.reduce((sum, attempt) => sum + (attempt.lost?.totalNanoUsd ?? 0), 0);
    for (const narrow of this.#narrows) narrow(run.target, lost);
    const met = conclude(run, this.#call, this.#admissions);
    // A stream goes on, and its client may still leave.
    if (met instanceof GatewayError || met.kind === 'full') client.unwatch();
    return met;
  }
}

function stop(met: Run['met']): void {
  if (met !== undefined && !(met instanceof GatewayError) && met.kind === 'stream') met.body.cancel();
}

function readingOf(met: Run['met']): Reading {
  if (met === undefined || met instanceof GatewayError) return PROMPT_ONLY;
  return met.kind === 'full' ? met.reading() : met.body.tally;
}
