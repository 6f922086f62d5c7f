/** Secrets of keys: made here, or chosen by who asks for a key. They are shown once and stored as digests. */
import type { Caller } from '../auth/authenticate.ts';
import { digest } from '../auth/digest.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';

const SHORTEST_KEY = 16;
const DIGEST = /^[0-9a-f]{64}$/;

/** Routes accept the key itself or its digest. */
export const tokenOf = (key: string): string => (DIGEST.test(key) ? key : digest(key));

export const newSecret = ({ randomBytes }: Pick<AdminContext, 'randomBytes'>): string =>
  `sk-${Buffer.from(randomBytes()).toString('base64url')}`;

export const nameOfSecret = (secret: string): string => `sk-...${secret.slice(-4)}`;

/** @throws GatewayError 400 or 403 */
export function chosenSecret(
  { settings }: Pick<AdminContext, 'settings'>,
  secret: string,
  caller: Caller,
  field = 'key',
): string {
  if (!settings().keys.customSecrets) {
    throw new GatewayError(
      'permission_denied',
      `'${field}' cannot be chosen here (disable_custom_api_keys). Leave it out, and one is made.`,
      { param: field },
    );
  }
  const isGood = secret.startsWith('sk-') && secret.length >= SHORTEST_KEY && /^[\x21-\x2b\x2d-\x7e]+$/.test(secret);
  if (!isGood) {
    throw invalidRequest(
      `'${field}' must start with "sk-", be at least ${SHORTEST_KEY} characters long and hold no spaces or commas.`,
      field,
    );
  }
  if (digest(secret) === caller.keyHash) throw keyTaken(field);
  return secret;
}

export const keyTaken = (field: string): GatewayError =>
  invalidRequest('This key exists already; choose another, or leave it out to have one made.', field);
