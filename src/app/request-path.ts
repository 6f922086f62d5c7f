/** The way of a request, put together: the pipeline's parts, and how it reaches an upstream. */
import { explainView } from '../admin/explain-view.ts';
import type { Env } from '../config/env.ts';
import type { Meter } from '../features/meter.ts';
import { createRequestLog } from '../features/request-log.ts';
import type { Feature } from '../gateway/feature.ts';
import { parseChatRequest } from '../gateway/parse-chat-request.ts';
import type { PipelineParts } from '../gateway/pipeline.ts';
import { Sender, type SendParts } from '../gateway/send.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createDeadlines } from '../lib/deadlines.ts';
import { upstreamError } from '../providers/upstream-error.ts';
import { plan } from '../routing/plan.ts';
import type { Auth } from './auth.ts';
import { connectsFrom } from './connects.ts';
import { errorFields, type Log } from './log.ts';
import type { Routing } from './routing.ts';
import type { Runtime } from './runtime.ts';

export interface SenderSource {
  readonly meter: Meter;
  readonly features: readonly Feature[];
  runtime(): Runtime;
  now(): number;
}

export interface RequestPath extends SenderSource {
  readonly log: Log;
  readonly ledger: Ledger;
  readonly auth: Pick<Auth, 'authenticate'>;
  readonly routing: Routing;
  readonly sender: Pick<Sender, 'send'>;
}

/** All but hedging: a probe of a deployment asks that one only. */
export function pipelineParts(parts: RequestPath): Omit<PipelineParts, 'hedging'> {
  const { log, meter, ledger, runtime, now, auth, routing, features, sender } = parts;
  const requestLog = createRequestLog(ledger, () => runtime().log);
  return {
    authenticate: auth.authenticate,
    parse: (source) => parseChatRequest(source, runtime().parse),
    plan: (call) => plan(routing.planFor(call)),
    watch: routing.watch,
    send: (target, call) => sender.send(target, call),
    meter,
    features,
    ledger: requestLog,
    explain: (call, outcome) => {
      const telling = { isRehearsal: true, inFull: call.caller?.kind === 'master' };
      return JSON.stringify(explainView(requestLog.rowOf(call, outcome), telling));
    },
    now,
    onSettleError: (error, call) =>
      log.error('a feature failed while settling', { ...errorFields(error), call: call.id }),
  };
}

export const createSender = ({ env, ...source }: SenderSource & { readonly env: Env }): Sender =>
  new Sender({ ...senderParts(source), connects: connectsFrom(env) });

function senderParts({ meter, runtime, features, now }: SenderSource): Omit<SendParts, 'connects'> {
  const listeners = features.filter((feature) => feature.onChunk !== undefined);
  return {
    fetch: (url, init) => fetch(url, init),
    deadlines: createDeadlines(now),
    now,
    settings: () => runtime().send,
    meter,
    upstreamError,
    onChunk:
      listeners.length === 0
        ? undefined
        : (call, chunk) => listeners.reduce((current, feature) => feature.onChunk?.(call, current) ?? current, chunk),
  };
}
