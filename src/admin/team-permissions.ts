/** Which key routes the plain members of a team may call for its keys. Source: LiteLLM's documentation of team member permissions. */
import { textsIn } from '../auth/json-columns.ts';
import type { TeamRow } from '../db/teams.ts';
import { invalidRequest } from '../errors.ts';

/** LiteLLM's names: those of routes, with its own words for parts of a path. */
export const TEAM_MEMBER_PERMISSIONS: readonly string[] = [
  '/key/generate',
  '/key/service-account/generate',
  '/key/update',
  '/key/delete',
  '/key/regenerate',
  '/key/{key_id}/regenerate',
  '/key/{key}/reset_spend',
  '/key/block',
  '/key/unblock',
  '/key/bulk_update',
  '/key/info',
  '/key/health',
  '/key/list',
  '/key/aliases',
  '/team/daily/activity',
];

/** What members may do in a team that says nothing. */
const DEFAULT: readonly string[] = ['/key/info', '/key/health'];

export function memberPermissions(team: Pick<TeamRow, 'team_member_permissions'>): readonly string[] {
  return team.team_member_permissions === null ? DEFAULT : textsIn(team.team_member_permissions);
}

/** @param route such as `/key/generate` */
export const memberMay = (team: Pick<TeamRow, 'team_member_permissions'>, route: string): boolean =>
  memberPermissions(team).includes(route);

/** @throws GatewayError 400 that names what is no such permission */
export function refuseUnknownPermissions(permissions: readonly string[], param = 'team_member_permissions'): void {
  const unknown = permissions.find((permission) => !TEAM_MEMBER_PERMISSIONS.includes(permission));
  if (unknown === undefined) return;
  throw invalidRequest(
    `'${param}': "${unknown.slice(0, 200)}" is none. There are: ${TEAM_MEMBER_PERMISSIONS.join(', ')}.`,
    param,
  );
}
