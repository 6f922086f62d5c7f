/** Mirroring put together: which deployments have a `silent_model`, what a copy passes through, and what is told of it. */
import { MIRROR_ROUTE } from '../db/usage-scopes.ts';
import { limits } from '../features/limits.ts';
import type { Call } from '../gateway/call.ts';
import type { Feature } from '../gateway/feature.ts';
import { type DropReason, Mirrors } from '../gateway/mirrors.ts';
import type { PipelineParts } from '../gateway/pipeline.ts';
import type { Limits } from './limits.ts';
import type { Log } from './log.ts';
import type { Runtime } from './runtime.ts';

export interface MirrorsOptions {
  /** Those of clients' calls; features of its own take the place of theirs. */
  readonly pipeline: Omit<PipelineParts, 'hedging'>;
  readonly limits: Limits;
  readonly log: Log;
  runtime(): Runtime;
  newId(): string;
  now(): number;
}

export function createMirrors(options: MirrorsOptions): Mirrors {
  const { pipeline, runtime, newId, log, now } = options;
  return new Mirrors({
    pipeline: {
      ...pipeline,
      features: [toItsGroup(runtime), limits(options.limits.mirrorParts)],
      ledger: onlyIntended(pipeline.ledger),
    },
    route: MIRROR_ROUTE,
    groupsFor({ deploymentId }) {
      const { silentModels, groups, models } = runtime();
      const named = silentModels.get(deploymentId) ?? [];
      return named.filter((name) => groups.find(models.resolveAlias(name)) !== undefined);
    },
    isSpent: options.limits.isMirrorSpent,
    newId,
    dropped: createDropLog(log, now),
  });
}

/** The operator names the group, so no key has to be allowed to use it. */
const toItsGroup = (runtime: () => Runtime): Feature => ({
  name: 'mirror-group',
  admit(call) {
    call.modelGroup = runtime().models.resolveAlias(call.requestedModel);
    return undefined;
  },
});

/** A copy that a limit refused was never sent: there is nothing to write down. */
function onlyIntended(ledger: PipelineParts['ledger']): PipelineParts['ledger'] {
  const intended = new WeakSet<Call>();
  return {
    intend(call) {
      intended.add(call);
      ledger.intend(call);
    },
    record(call, outcome) {
      if (intended.has(call)) ledger.record(call, outcome);
    },
  };
}

const TELL_EVERY_MS = 10_000;

/** How many were dropped since the last time it was told. */
function createDropLog(log: Log, now: () => number): (reason: DropReason) => void {
  const counts = { budget: 0, too_many: 0, refused: 0 };
  let toldAtMs = Number.NEGATIVE_INFINITY;
  return (reason) => {
    counts[reason] += 1;
    if (now() - toldAtMs < TELL_EVERY_MS) return;
    log.warn('mirrored requests were dropped', { event: 'mirrors_dropped', ...counts });
    Object.assign(counts, { budget: 0, too_many: 0, refused: 0 });
    toldAtMs = now();
  };
}
