/**
 * A dry run (`x-tollgate-explain: dry`): the call is checked and decided like any other, and nobody is asked. What was held
 * for it is given back, and no row is written.
 */
import { GatewayError, invalidRequest, toGatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Step } from '../routing/plan.ts';
import type { Call, FullReply, HeaderBag, Outcome, Reply } from './call.ts';
import type { Admission } from './feature.ts';

export const EXPLAIN_HEADER = 'x-tollgate-explain';

/** @throws GatewayError 400 for a value that means nothing */
export function isRehearsal(headers: HeaderBag): boolean {
  const asked = headers[EXPLAIN_HEADER];
  if (asked === undefined) return false;
  if (asked === 'dry') return true;
  throw invalidRequest(
    `The header ${EXPLAIN_HEADER} can only be "dry": it decides without calling anybody, and tells how.`,
    EXPLAIN_HEADER,
  );
}

export interface RehearsalParts {
  answerLocally(call: Call): Promise<Reply | undefined>;
  plan(call: Call): Generator<Step, GatewayError | undefined, GatewayError>;
  now(): number;
}

/** As far as the first target that would be asked. Nothing is waited for. */
export async function rehearse(call: Call, admissions: readonly Admission[], parts: RehearsalParts): Promise<Outcome> {
  const local = await parts.answerLocally(call);
  if (local?.kind === 'stream') local.body.cancel();
  if (local) return ending(local.target, parts.now());
  const plan = parts.plan(call);
  try {
    let refusal: GatewayError | undefined;
    let step = plan.next();
    while (!step.done) {
      const { target } = step.value;
      refusal = await refusalOf(target, admissions);
      if (!refusal) return ending(target, parts.now());
      call.notAsked.push({ deploymentId: target.deploymentId, reason: refusal.kind });
      step = plan.next(refusal);
    }
    throw step.value ?? refusal ?? noDeployment(call);
  } finally {
    plan.return(undefined);
  }
}

export const noDeployment = ({ requestedModel }: Call): GatewayError =>
  new GatewayError('unavailable', `No deployment can serve the model ${requestedModel}.`);

async function refusalOf(target: Target, admissions: readonly Admission[]): Promise<GatewayError | undefined> {
  try {
    for (const admission of admissions) await admission.attempt?.(target);
    return undefined;
  } catch (thrown) {
    return toGatewayError(thrown);
  }
}

const ending = (target: Target | undefined, endedAtMs: number): Outcome => ({
  status: 'ok',
  endedAtMs,
  target,
  responseId: null,
  buckets: undefined,
  cost: undefined,
  firstTokenAtMs: undefined,
  responseText: undefined,
});

/** The explanation takes the place of an answer. */
export const explained = (text: string): FullReply => ({
  kind: 'full',
  target: undefined,
  text,
  usage: undefined,
  responseId: null,
  upstreamHeaders: undefined,
  body: () => {
    throw new TypeError('An explanation is no completion.');
  },
  reading: () => ({ usage: undefined, outputChars: 0 }),
});
