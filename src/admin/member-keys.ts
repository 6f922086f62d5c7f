/** How long keys live that members make for their team. Source: LiteLLM's documentation of `team_member_key_duration`. */
import { objectIn } from '../auth/json-columns.ts';
import type { KeyRow } from '../db/keys.ts';
import { invalidRequest } from '../errors.ts';
import { endOfDuration } from '../lib/duration.ts';
import type { KeyPlace, KeyStanding } from './key-place.ts';

interface Making {
  readonly place: KeyPlace;
  readonly standing: KeyStanding;
  /** Absent for a new key. */
  readonly before?: KeyRow;
  /** The request says itself how long it lives. */
  readonly isSaid: boolean;
  readonly nowMs: number;
}

/**
 * A member's key lives as long as the team says. Only those above a member may have it live longer.
 * @throws GatewayError 400
 */
export function withMemberLife(row: KeyRow, { place, standing, before, isSaid, nowMs }: Making): KeyRow {
  const life = place.team && objectIn(place.team.metadata)['team_member_key_duration'];
  const endMs = typeof life === 'string' && row.user_id !== null ? endOfDuration(life, nowMs) : undefined;
  const isNew = before === undefined || before.team_id !== row.team_id;
  if (endMs === undefined || !(isNew || isSaid)) return row;
  const isLonger = row.expires_at_ms === null || Number(row.expires_at_ms) > endMs;
  if (!isLonger) return row;
  if (!isSaid) return { ...row, expires_at_ms: Math.round(endMs) };
  if (standing !== 'self') return row;
  throw invalidRequest(
    `'duration': keys that members make for this team live for ${life} at most (team_member_key_duration). Ask for less, or leave it out.`,
    'duration',
  );
}
