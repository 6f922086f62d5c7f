/** Looks from time to time which keys are due for a new secret, and tells it where the operator wants it. */
import type { AdminContext } from '../admin/context.ts';
import type { NewSecret, RotationReport } from '../admin/key-rotation.ts';
import { Access, NO_MEMBERSHIPS, principalOf } from '../auth/principal.ts';
import type { KeyRotationSettings } from '../config/key-rotation.ts';
import type { Caller } from '../gateway/call.ts';
import { errorFields, type Log } from './log.ts';

export interface KeyRotationParts {
  readonly settings: KeyRotationSettings | undefined;
  readonly context: AdminContext;
  /** As whom it writes. */
  readonly master: Caller;
  readonly log: Log;
}

const DELIVERY_TIMEOUT_MS = 10_000;
const CHANGED_BY = 'key_rotation';

/** @returns stops it, once a round that is under way has ended */
export function startKeyRotation({ settings, context, master, log }: KeyRotationParts): () => Promise<void> {
  if (settings === undefined) return async () => {};
  const author = {
    access: new Access(principalOf(master, null, NO_MEMBERSHIPS), 'keys.revoke'),
    changedBy: CHANGED_BY,
  };
  const { url, gracePeriod, checkMs } = settings;
  const deliver = url === null ? undefined : deliverTo(url, settings.token);
  const told = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let round = Promise.resolve();
  let isStopped = false;

  const run = async (): Promise<void> => {
    try {
      const { rotateDueKeys } = await import('../admin/key-rotation.ts');
      tell(await rotateDueKeys(context, author, { gracePeriod, deliver }), { log, told, gracePeriod, deliver });
    } catch (error) {
      log.error('keys could not be rotated', errorFields(error));
    }
  };
  const next = (): void => {
    round = run().finally(() => {
      if (isStopped) return;
      timer = setTimeout(next, checkMs);
      timer.unref();
    });
  };
  if (deliver === undefined && gracePeriod === null) {
    log.warn(
      'keys will be reported and not rotated: nobody would learn their new secrets. Set TOLLGATE_KEY_ROTATION_URL, or LITELLM_KEY_ROTATION_GRACE_PERIOD so that owners can fetch theirs with POST /key/regenerate',
    );
  }
  next();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await round;
  };
}

interface Telling {
  readonly log: Log;
  /** Keys that have been reported as due. */
  readonly told: Set<string>;
  readonly gracePeriod: string | null;
  readonly deliver: unknown;
}

function tell({ rotated, due, failed }: RotationReport, { log, told, gracePeriod, deliver }: Telling): void {
  for (const key of rotated) {
    const unclaimed = deliver === undefined && {
      advice: `the old secret works for ${gracePeriod}; its owner gets a new one with POST /key/regenerate`,
    };
    log.info('key rotated', { event: 'key_rotated', key, ...unclaimed });
  }
  for (const { key, error } of failed)
    log.error('key not rotated', { event: 'key_rotation_failed', key, ...errorFields(error) });
  for (const key of due) {
    if (!told.has(key)) log.warn('key is due for rotation', { event: 'key_rotation_due', key });
    told.add(key);
  }
}

/** The secret goes nowhere but there: no redirect is followed. */
function deliverTo(url: string, token: string | null): (secret: NewSecret) => Promise<void> {
  return async (secret) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== null && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(secret),
      redirect: 'manual',
      signal: AbortSignal.timeout(DELIVERY_TIMEOUT_MS),
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`The address in TOLLGATE_KEY_ROTATION_URL answered ${answer.status}`);
  };
}
