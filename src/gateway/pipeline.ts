/**
 * The whole life of an inference request, top to bottom.
 *
 *   authenticate → parse → admit → answer | (plan → intend → send)* → onReply → record, settle
 *
 * Everything it needs is handed in, so this file imports no feature, no provider, no database and no HTTP server.
 */
import { GatewayError, toGatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Call, FullReply, Outcome, Reply, StreamReply } from './call.ts';
import type { Admission } from './feature.ts';
import { withUsage } from './full-reply.ts';
import { attempt } from './hedge.ts';
import { type Incoming, newCall } from './new-call.ts';
import { answered, refused, streamed } from './outcomes.ts';
import type { Answer, AttemptWatch, PipelineParts } from './pipeline-parts.ts';
import { explained, isRehearsal, noDeployment, rehearse } from './rehearsal.ts';
import { SettledStream } from './settled-stream.ts';
import { clientClosed, sleep } from './sleep.ts';

export type { Answer, AttemptWatch, PipelineParts };

export class Pipeline {
  readonly #parts: PipelineParts;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  /** Never throws: a failure is an Answer too. */
  async handle(incoming: Incoming): Promise<Answer> {
    const call = newCall(incoming, this.#parts.now());
    const admissions: Admission[] = [];
    try {
      await this.#identify(call, incoming);
      await this.#admit(call, admissions);
      if (call.isRehearsal) return await this.#rehearse(call, admissions);
      // Can someone answer without an upstream? If not, work through the plan.
      const reply = (await this.#answerLocally(call)) ?? (await this.#sendUpstream(call, admissions));
      return reply.kind === 'full'
        ? await this.#deliverFull(call, reply, admissions)
        : this.#deliverStream(call, reply, admissions);
    } catch (thrown) {
      return this.#refuse(call, thrown, admissions);
    }
  }

  /** Who is calling, and what do they want? The body is read only then: a stranger's upload costs nothing. */
  async #identify(call: Call, incoming: Incoming): Promise<void> {
    const caller = this.#parts.authenticate(call.headers, call.route);
    call.caller = caller instanceof Promise ? await caller : caller;
    const bytes = await incoming.readBody();
    Object.assign(call, this.#parts.parse({ bytes, pathModel: incoming.pathModel, headers: call.headers }));
    call.isRehearsal = isRehearsal(call.headers);
  }

  /** May they? Each feature can refuse, rewrite the request, or reserve something it will give back. */
  async #admit(call: Call, admissions: Admission[]): Promise<void> {
    for (const feature of this.#parts.features) {
      const admitted = feature.admit?.(call);
      const admission = admitted instanceof Promise ? await admitted : admitted;
      if (admission) admissions.push(typeof admission === 'function' ? { settle: admission } : admission);
    }
  }

  async #answerLocally(call: Call): Promise<Reply | undefined> {
    for (const feature of this.#parts.features) {
      const reply = await feature.answer?.(call);
      if (reply) return reply;
    }
    return undefined;
  }

  /** Retries and fallbacks live in the plan: we report each failure and it offers the next target, or ends. */
  async #sendUpstream(call: Call, admissions: Admission[]): Promise<Reply> {
    const plan = this.#parts.plan(call);
    let step = plan.next();
    let lastError: GatewayError | undefined;
    this.#parts.ledger.intend(call);
    try {
      while (!step.done) {
        const { target, delayMs } = step.value;
        if (delayMs > 0 || call.client.gone) await this.#wait(delayMs, call);
        const met = await this.#try(target, call, admissions);
        if (!(met instanceof GatewayError)) return met;
        lastError = met;
        step = plan.next(lastError);
      }
      throw step.value ?? lastError ?? noDeployment(call);
    } finally {
      plan.return(undefined);
    }
  }

  async #wait(durationMs: number, call: Call): Promise<void> {
    if (durationMs > 0) call.waits.push({ kind: 'backoff', durationMs, afterAttempts: call.attempts.length });
    await sleep(durationMs, call.client);
  }

  /** One attempt at one target, if nothing that was admitted speaks against it. */
  async #try(target: Target, call: Call, admissions: Admission[]): Promise<Reply | GatewayError> {
    try {
      for (const admission of admissions) {
        const waiting = admission.attempt?.(target);
        if (waiting instanceof Promise) await waiting;
      }
    } catch (thrown) {
      const error = toGatewayError(thrown);
      call.notAsked.push({ deploymentId: target.deploymentId, reason: error.kind });
      return error;
    }
    return attempt(target, call, admissions, this.#parts);
  }

  async #deliverFull(call: Call, given: FullReply, admissions: Admission[]): Promise<Answer> {
    let reply = given;
    for (const feature of this.#parts.features) {
      if (!feature.onReply) continue;
      const body = await feature.onReply(call, reply.body());
      reply = { ...reply, text: JSON.stringify(body), body: () => body };
    }
    const metered = this.#parts.meter(call, reply.target, reply.reading());
    reply = withUsage(reply, metered);
    const outcome = answered(reply, metered, this.#parts.now());
    this.#finish(call, admissions, outcome);
    return { call, reply, outcome };
  }

  /** Once the first bytes are out there is no going back: a later failure ends the stream, it does not fall back. */
  #deliverStream(call: Call, reply: StreamReply, admissions: Admission[]): Answer {
    const body = new SettledStream(reply.body, (ending) => {
      const { tally } = reply.body;
      const known = streamed(reply.target, tally, this.#parts.meter(call, reply.target, tally));
      this.#finish(call, admissions, { ...known, ...ending, endedAtMs: this.#parts.now() });
    });
    return { call, reply: { ...reply, body }, outcome: undefined };
  }

  async #rehearse(call: Call, admissions: Admission[]): Promise<Answer> {
    const { plan, now } = this.#parts;
    const outcome = await rehearse(call, admissions, { plan, now, answerLocally: (one) => this.#answerLocally(one) });
    return this.#explain(call, outcome, admissions);
  }

  #explain(call: Call, outcome: Outcome, admissions: Admission[]): Answer {
    this.#settle(call, admissions, outcome);
    return { call, reply: explained(this.#parts.explain(call, outcome)), outcome };
  }

  #refuse(call: Call, thrown: unknown, admissions: Admission[]): Answer {
    const error = call.client.gone ? clientClosed(thrown) : toGatewayError(thrown);
    const outcome = refused(call, error, this.#parts.now(), this.#parts.meter);
    if (call.isRehearsal) return this.#explain(call, outcome, admissions);
    try {
      this.#finish(call, admissions, outcome);
    } catch (unwritten) {
      return { call, error: toGatewayError(unwritten), outcome };
    }
    return { call, error, outcome };
  }

  /** Undoes run last in, first out. Emptying the list makes a second call harmless. */
  #settle(call: Call, admissions: Admission[], outcome: Outcome): void {
    for (const { settle } of admissions.splice(0).reverse()) {
      void (async () => settle(outcome))().catch((error: unknown) => this.#parts.onSettleError(error, call));
    }
  }

  #finish(call: Call, admissions: Admission[], outcome: Outcome): void {
    this.#settle(call, admissions, outcome);
    try {
      this.#parts.ledger.record(call, outcome);
    } catch (cause) {
      this.#parts.onSettleError(cause, call);
      if (cause instanceof GatewayError) throw cause;
      throw new GatewayError('unavailable', 'The request could not be written to the log of requests.', { cause });
    }
  }
}
