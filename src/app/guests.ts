/** End users and tags that a request names, from memory while they are there. */
import { Finder } from '../auth/finder.ts';
import { GatewayError } from '../errors.ts';
import type { GuestsOf } from '../features/model-access.ts';
import type { Call } from '../gateway/call.ts';
import { type Directory, type EndUser, type Guests, NO_GUESTS } from '../gateway/entities.ts';
import { tagsOf } from '../gateway/owners.ts';
import type { Runtime } from './runtime.ts';

export function createGuestsOf(directory: Directory, runtime: () => Pick<Runtime, 'log'>): GuestsOf {
  function find(call: Call, finder = new Finder(directory)): Guests | Promise<Guests> {
    const { log } = runtime();
    const version = directory.version();
    const names = tagsOf(call, log);
    const named = log.endUserTracking ? call.controls.endUser : null;
    if (named === null && names.length === 0) return NO_GUESTS;
    const endUser = finder.get('end_user', named);
    const tags = names.map((name) => finder.get('tag', name)).filter((tag) => tag !== null);
    const missing = finder.missing();
    if (missing !== undefined) return missing.then(() => find(call, finder));
    refuseBlocked(endUser);
    return { endUser, tags, version };
  }
  return (call) => find(call);
}

function refuseBlocked(endUser: EndUser | null): void {
  if (!endUser?.blocked) return;
  throw new GatewayError(
    'permission_denied',
    'This end user is blocked. An admin can unblock it with /customer/unblock.',
    { param: 'user' },
  );
}
