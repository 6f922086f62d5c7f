/** Requests that are decided like any other and then not sent: who would be asked, and what. */
import type { Call, Caller, Outcome } from '../gateway/call.ts';
import type { Feature } from '../gateway/feature.ts';
import type { ParseSettings } from '../gateway/parse-chat-request.ts';
import { parseChatRequest } from '../gateway/parse-chat-request.ts';
import { Pipeline, type PipelineParts } from '../gateway/pipeline.ts';
import { Presence } from '../gateway/presence.ts';
import { EXPLAIN_HEADER } from '../gateway/rehearsal.ts';
import type { Target } from '../providers/adapter.ts';

type Json = Readonly<Record<string, unknown>>;

export interface RehearsalParts {
  /** Of real requests. */
  readonly pipeline: Omit<PipelineParts, 'hedging'>;
  parse(): ParseSettings;
  newId(): string;
}

export interface Rehearsal {
  readonly call: Call;
  /** `undefined`: the gateway would answer by itself. */
  readonly target: Target | undefined;
}

export interface Rehearsals {
  /** With all that the caller's limits would make of it. @throws GatewayError as the request would be refused */
  request(body: Json, caller: Caller, route: string): Promise<Rehearsal>;
  /** Whether the caller may use the model, and who would serve it; what is asked, and of how much, plays no part. */
  model(model: string, caller: Caller, route: string): Promise<Rehearsal>;
}

/** Features that decide neither who may use a model nor who serves it. */
const BESIDE_THE_POINT: ReadonlySet<string> = new Set(['mirror', 'enforced-params', 'limits', 'mock-response']);
const NOBODY_ASKED = { enforceUserParam: false, completionModel: undefined };
/** Nothing happens, so nothing is written down. */
const NO_LEDGER: PipelineParts['ledger'] = { intend: () => undefined, record: () => undefined };

export function createRehearsals({ pipeline, parse, newId }: RehearsalParts): Rehearsals {
  async function rehearse(body: Json, caller: Caller, route: string, given: Given): Promise<Rehearsal> {
    const answer = await new Pipeline({
      ...pipeline,
      authenticate: () => caller,
      features: pipeline.features.filter(given.takesPart),
      parse: (source) => parseChatRequest(source, given.settings),
      ledger: NO_LEDGER,
      explain: () => '',
    }).handle({
      id: newId(),
      route,
      pathModel: undefined,
      apiVersion: undefined,
      headers: { [EXPLAIN_HEADER]: 'dry' },
      clientIp: null,
      client: new Presence(),
      readBody: () => Promise.resolve(new TextEncoder().encode(JSON.stringify(body))),
    });
    if ('error' in answer) throw answer.error;
    const outcome: Outcome | undefined = answer.outcome;
    if (outcome?.status === 'failed') throw outcome.error;
    return { call: answer.call, target: outcome?.target };
  }

  return {
    request: (body, caller, route) =>
      rehearse(body, caller, route, { settings: parse(), takesPart: ({ name }) => name !== 'mirror' }),
    model: (model, caller, route) =>
      rehearse({ model, messages: [{ role: 'user', content: 'word' }] }, caller, route, {
        settings: { ...parse(), ...NOBODY_ASKED },
        takesPart: ({ name }) => !BESIDE_THE_POINT.has(name),
      }),
  };
}

interface Given {
  readonly settings: ParseSettings;
  takesPart(feature: Feature): boolean;
}
