/** Headers → Caller, or a 401 that says in plain words why not. Nothing is waited for while the key is in memory. */
import { GatewayError, invalidApiKey } from '../errors.ts';
import type { Caller, HeaderBag } from '../gateway/call.ts';
import type { Acting } from './acting.ts';
import { type CredentialOptions, credentialFrom } from './credentials.ts';
import { digest, sameDigest } from './digest.ts';
import type { KeyCache, LoadedKey } from './key-cache.ts';
import { mayCall } from './routes.ts';

export type { Caller };

export type Authenticate = (headers: HeaderBag, route?: string) => Caller | Promise<Caller>;

export interface AuthenticatorParts {
  readonly keys: KeyCache;
  readonly master: Caller;
  /** Adds those the caller acts for. */
  readonly acting: Acting;
  now(): number;
  options(): CredentialOptions;
}

/** @returns a function that throws GatewayError 401, 403 (team, route) or 503 (database) */
export function createAuthenticator({ keys, master, acting, now, options }: AuthenticatorParts): Authenticate {
  function admit(key: LoadedKey | null, headers: HeaderBag, route: string | undefined): Caller | Promise<Caller> {
    if (key === null) throw invalidApiKey('This API key is not known here: it was never made. Ask for a new one.');
    const { caller } = key;
    if (key.deleted) throw invalidApiKey('This API key was deleted. Ask for a new one.', caller);
    if (key.blocked) throw invalidApiKey('This API key is blocked. An admin can unblock it with /key/unblock.', caller);
    if (key.expiresAtMs !== null && key.expiresAtMs <= now()) throw expired(key, key.expiresAtMs);
    if (route !== undefined && !mayCall(key.allowedRoutes, route)) {
      throw new GatewayError(
        'permission_denied',
        `Virtual key is not allowed to call this route. Only allowed to call routes: ${key.allowedRoutes.join(', ')}. Tried to call route: ${route.slice(0, 200)}`,
        { refusedKey: caller },
      );
    }
    return acting(forTeam(caller, headers));
  }

  return function authenticate(headers, route) {
    const secret = credentialFrom(headers, options());
    const hash = digest(secret);
    const known = keys.peek(hash);
    if (known) return admit(known, headers, route);
    if (sameDigest(hash, master.keyHash)) return acting(forTeam(master, headers));
    if (known === null) return admit(null, headers, route);
    if (!secret.startsWith('sk-'))
      throw invalidApiKey('The API key is malformed: keys of this gateway start with "sk-".');
    return keys.fetch(hash).then((key) => admit(key, headers, route));
  };
}

function expired({ caller, replaced }: LoadedKey, atMs: number): GatewayError {
  const remedy = replaced
    ? 'Its secret was replaced by a new one: use that.'
    : 'Ask for a new one, or have its duration extended with /key/update.';
  return invalidApiKey(`This API key expired at ${new Date(atMs).toISOString()}. ${remedy}`, caller);
}

/** `x-litellm-team-id` chooses a team, among those the key belongs to or is allowed for; the admin's key may name any. */
function forTeam(caller: Caller, headers: HeaderBag): Caller {
  const teamId = headers['x-litellm-team-id'];
  if (teamId === undefined || teamId === '' || teamId === caller.teamId) return caller;
  const allowed = caller.metadata['allowed_teams'];
  if (caller.kind === 'master' || (Array.isArray(allowed) && allowed.includes(teamId))) return { ...caller, teamId };
  throw new GatewayError('permission_denied', 'This API key does not belong to the team named in x-litellm-team-id.', {
    param: 'x-litellm-team-id',
    refusedKey: caller,
  });
}
