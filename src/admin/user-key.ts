/** The first key of a new user. */
import { digest } from '../auth/digest.ts';
import type { Database } from '../db/client.ts';
import { EMPTY_KEY, insertKey, type KeyRow } from '../db/keys.ts';
import type { UserRow } from '../db/users.ts';
import { invalidRequest } from '../errors.ts';
import { endOfDuration } from '../lib/duration.ts';
import type { Making } from './member-users.ts';
import type { NewUser } from './user-schema.ts';

export type KeyWishes = Pick<NewUser, 'key_alias' | 'duration' | 'aliases' | 'tags' | 'team_id'>;

export interface FirstKey {
  readonly secret: string;
  readonly row: KeyRow;
}

/** What limits the user limits the key, so the key has no limits of its own. @throws GatewayError 400 for a taken alias */
export async function makeFirstKey(
  db: Database,
  user: UserRow,
  wishes: KeyWishes,
  making: Pick<Making, 'nowMs' | 'by'> & { readonly randomBytes: () => Uint8Array },
): Promise<FirstKey> {
  const secret = `sk-${Buffer.from(making.randomBytes()).toString('base64url')}`;
  const { key_alias = null, duration = null, aliases, tags, team_id = null } = wishes;
  const row: KeyRow = {
    ...EMPTY_KEY,
    token: digest(secret),
    key_name: `sk-...${secret.slice(-4)}`,
    key_alias,
    user_id: user.user_id,
    team_id,
    // A personal key draws on the organization that the user is for; one in a team on the team's.
    organization_id: team_id === null ? user.organization_id : null,
    aliases: aliases == null ? null : JSON.stringify(aliases),
    metadata: tags == null ? null : JSON.stringify({ tags }),
    expires_at_ms: duration === null || duration === '-1' ? null : (endOfDuration(duration, making.nowMs) ?? null),
    created_at_ms: making.nowMs,
    updated_at_ms: making.nowMs,
    created_by: making.by,
    updated_by: making.by,
  };
  const outcome = await insertKey(db, row);
  if (outcome === 'inserted') return { secret, row };
  throw invalidRequest('A key with this alias exists already. Aliases are unique; choose another.', 'key_alias');
}
