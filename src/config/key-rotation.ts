/**
 * When keys with `auto_rotate` get new secrets by themselves. Variables are LiteLLM's (its documentation of key rotation),
 * and ours for where the new secret goes.
 */
import { endOfDuration } from '../lib/duration.ts';

export interface KeyRotationSettings {
  /** `LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS`; a day unless set. */
  readonly checkMs: number;
  /** `LITELLM_KEY_ROTATION_GRACE_PERIOD`: how long the old secret works beside the new one; `null`: not at all. */
  readonly gracePeriod: string | null;
  /** `TOLLGATE_KEY_ROTATION_URL`: is told each new secret before it counts. */
  readonly url: string | null;
  /** `TOLLGATE_KEY_ROTATION_TOKEN`: sent there as a bearer. */
  readonly token: string | null;
}

const DAY_SECONDS = 86_400;
/** A timer can wait no longer. */
const MOST_SECONDS = 2_000_000;

/**
 * @param lookup a variable by its name
 * @returns `undefined` unless `LITELLM_KEY_ROTATION_ENABLED` is true
 * @throws Error that names the variable at fault
 */
export function readKeyRotation(lookup: (name: string) => string | undefined): KeyRotationSettings | undefined {
  const enabled = lookup('LITELLM_KEY_ROTATION_ENABLED')?.trim().toLowerCase() ?? 'false';
  if (!['true', '1', 'false', '0'].includes(enabled)) {
    throw new Error(`LITELLM_KEY_ROTATION_ENABLED must be true or false, not "${enabled}"`);
  }
  if (enabled === 'false' || enabled === '0') return undefined;
  const seconds = Number(lookup('LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS') ?? DAY_SECONDS);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MOST_SECONDS) {
    throw new Error(`LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS must be a whole number from 1 to ${MOST_SECONDS}`);
  }
  const gracePeriod = lookup('LITELLM_KEY_ROTATION_GRACE_PERIOD') ?? null;
  if (gracePeriod !== null && endOfDuration(gracePeriod, 0) === undefined) {
    throw new Error(`LITELLM_KEY_ROTATION_GRACE_PERIOD must be a time such as 24h or 7d, not "${gracePeriod}"`);
  }
  return {
    checkMs: seconds * 1_000,
    gracePeriod,
    url: urlIn(lookup('TOLLGATE_KEY_ROTATION_URL')),
    token: lookup('TOLLGATE_KEY_ROTATION_TOKEN') ?? null,
  };
}

function urlIn(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new Error('TOLLGATE_KEY_ROTATION_URL must be an address that begins with https:// or http://');
}
