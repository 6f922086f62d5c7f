/** Those behind a key, as they are stored, and who may put a key there. Source: LiteLLM's documentation of team keys. */
import { objectIn } from '../auth/loaded-key.ts';
import type { Access } from '../auth/principal.ts';
import { type BudgetRow, budgets } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import type { KeyRow } from '../db/keys.ts';
import { organizationMembers } from '../db/organization-members.ts';
import { type OrganizationRow, organizations } from '../db/organizations.ts';
import { type ProjectRow, projects } from '../db/projects.ts';
import { teamMembers } from '../db/team-members.ts';
import { type TeamRow, teams } from '../db/teams.ts';
import { joined } from '../db/usage-scopes.ts';
import { type UserRow, users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { memberMay } from './team-permissions.ts';

const OWNERS = ['user_id', 'team_id', 'organization_id', 'project_id', 'budget_id'] as const;
export type OwnerField = (typeof OWNERS)[number];
export type Owners = Pick<KeyRow, OwnerField>;

/** `undefined`: none is named, or it is not there. */
export interface KeyPlace {
  readonly user: UserRow | undefined;
  readonly team: TeamRow | undefined;
  /** The key's own, or its team's. */
  readonly organization: OrganizationRow | undefined;
  readonly project: ProjectRow | undefined;
  readonly budget: BudgetRow | undefined;
}

export async function placeOf(db: Database, owners: Owners): Promise<KeyPlace> {
  const { user_id, team_id, organization_id, project_id, budget_id } = owners;
  const team = team_id === null ? undefined : await teams.find(db, team_id, EVERYTHING);
  const organizationId = organization_id ?? team?.organization_id ?? null;
  return {
    team,
    user: user_id === null ? undefined : await users.find(db, user_id, EVERYTHING),
    organization: organizationId === null ? undefined : await organizations.find(db, organizationId, EVERYTHING),
    project: project_id === null ? undefined : await projects.find(db, project_id, EVERYTHING),
    budget: budget_id === null ? undefined : await budgets.find(db, budget_id, EVERYTHING),
  };
}

/** A key of a project is its team's. */
export async function withProjectTeam<Row extends Owners>(db: Database, row: Row): Promise<Row> {
  if (row.project_id === null || row.team_id !== null) return row;
  const project = await projects.find(db, row.project_id, EVERYTHING);
  return { ...row, team_id: project?.team_id ?? null };
}

/**
 * A personal key draws on the organization that its user is for, as their first one does: nobody makes themselves one
 * outside of its budget and its models. Admins of the platform say where a key belongs.
 */
export async function withHome<Row extends Owners>(db: Database, row: Row, access: Access): Promise<Row> {
  const { user_id, team_id, organization_id } = row;
  if (access.isUnlimited || user_id === null || team_id !== null || organization_id !== null) return row;
  const user = await users.find(db, user_id, EVERYTHING);
  return { ...row, organization_id: user?.organization_id ?? null };
}

/**
 * For whoever may not see it, it is not there: nobody learns from a refusal that it is somebody else's.
 * @param sent what the caller asked for
 * @throws GatewayError 400 that names the field, 403 for a shared budget
 */
export async function refuseUnseen(
  db: Database,
  { access, place, owners, sent }: Pick<Putting, 'access' | 'place' | 'owners' | 'sent'>,
): Promise<void> {
  if (access.isUnlimited) return;
  const { organization_id, budget_id } = owners;
  if (sent.includes('budget_id') && budget_id !== null) {
    throw new GatewayError('permission_denied', "'budget_id' of a key can only be set by an admin. Leave it out.", {
      param: 'budget_id',
    });
  }
  const { teams: mine } = access.principal.memberships;
  if (sent.includes('organization_id') && !seesOrganization(access, place, organization_id)) {
    throw unknown('organization_id');
  }
  const teamId = sent.includes('project_id') ? place.project?.team_id : null;
  if (teamId == null || mine.has(teamId)) return;
  if ((await teams.find(db, teamId, access.visibility)) === undefined) throw unknown('project_id');
}

function seesOrganization({ principal }: Access, { team }: KeyPlace, id: string | null): boolean {
  const { teams: mine, organizations: ours } = principal.memberships;
  return id === null || ours.has(id) || (team?.organization_id === id && mine.has(team.team_id));
}

/**
 * Users need not be stored; all others must be.
 * @param sent the fields to check
 * @throws GatewayError 400 that names the field
 */
export function refuseUnknown(place: KeyPlace, owners: Owners, sent: readonly OwnerField[] = OWNERS): void {
  const named = (field: OwnerField): boolean => owners[field] !== null && sent.includes(field);
  if (named('team_id') && !place.team) throw unknown('team_id');
  if (named('organization_id') && !place.organization) throw unknown('organization_id');
  if (named('project_id') && !place.project) throw unknown('project_id');
  if (named('budget_id') && !place.budget) throw unknown('budget_id');
  refuseMismatch(place, owners, sent);
}

/**
 * A budget that is not there would leave the key's end users without one.
 * @throws GatewayError 400
 */
export async function refuseUnknownEndUserBudget(db: Database, after: KeyRow, before?: KeyRow): Promise<void> {
  const [wanted, known] = [endUserBudgetIn(after), before && endUserBudgetIn(before)];
  if (wanted === undefined || wanted === known) return;
  const found = typeof wanted === 'string' ? await budgets.find(db, wanted, EVERYTHING) : undefined;
  if (found === undefined) {
    throw invalidRequest(
      "'end_user_budget_id': there is no such budget. Make it first with /budget/new.",
      'end_user_budget_id',
    );
  }
}

const endUserBudgetIn = ({ metadata }: KeyRow): unknown => objectIn(metadata)['end_user_budget_id'];

function refuseMismatch({ team, project }: KeyPlace, owners: Owners, sent: readonly OwnerField[]): void {
  const among = (...fields: OwnerField[]): boolean => fields.some((field) => sent.includes(field));
  const { organization_id, team_id } = owners;
  if (among('organization_id', 'team_id') && organization_id !== null && team && team.organization_id !== null) {
    if (team.organization_id !== organization_id) {
      throw invalidRequest("'organization_id' is another organization than that of the team.", 'organization_id');
    }
  }
  if (among('project_id', 'team_id') && project && project.team_id !== null && project.team_id !== team_id) {
    throw invalidRequest("'project_id' is a project of another team.", 'project_id');
  }
}

const NOUNS = { team_id: 'team', organization_id: 'organization', project_id: 'project', budget_id: 'budget' } as const;

/** The same for what is not there and for what is not the caller's, so that nobody learns which. */
const unknown = (field: keyof typeof NOUNS): GatewayError =>
  invalidRequest(`'${field}': there is no such ${NOUNS[field]}, or this key may not make keys for it.`, field);

/** Whose word it is. `team` and `organization` are their admins, `self` is the user of the key. */
export type KeyStanding = 'platform' | 'organization' | 'team' | 'self';

export function standingOn(access: Access, owners: Owners, { organization }: KeyPlace): KeyStanding {
  if (access.isUnlimited) return 'platform';
  const organizationId = organization?.organization_id ?? owners.organization_id;
  if (organizationId !== null && access.covers({ organizationId })) return 'organization';
  return owners.team_id !== null && access.covers({ teamId: owners.team_id }) ? 'team' : 'self';
}

export interface Putting {
  readonly access: Access;
  readonly owners: Owners;
  readonly place: KeyPlace;
  /** What the caller asked for. Where the configuration puts keys, they may be. */
  readonly sent: readonly OwnerField[];
  /** As team member permissions name it: `/key/generate`. */
  readonly route: string;
}

/** @throws GatewayError 400 or 403 that names the field, when the caller may not have a key there */
export async function refuseForeign(db: Database, putting: Putting): Promise<void> {
  const { access, owners, place } = putting;
  const standing = standingOn(access, owners, place);
  if (standing === 'platform') return;
  if (standing === 'self') refuseAsMember(putting);
  else await refuseStranger(db, putting);
}

function refuseAsMember(putting: Putting): void {
  const { access, owners, route } = putting;
  refusePlaceOfOthers(putting);
  const isService = owners.team_id !== null && owners.user_id === null && route === SERVICE_ROUTE;
  if (owners.user_id === access.principal.userId || isService) return;
  throw new GatewayError('permission_denied', "'user_id': only an admin has keys made for other users.", {
    param: 'user_id',
  });
}

function refusePlaceOfOthers({ access, owners, place, sent, route }: Putting): void {
  const { team_id } = owners;
  const isAsked = (field: OwnerField): boolean => owners[field] !== null && sent.includes(field);
  if (team_id === null) {
    if (isAsked('organization_id')) throw unknown('organization_id');
    if (isAsked('project_id')) throw unknown('project_id');
  } else if (isAsked('team_id') || isAsked('project_id')) {
    if (!place.team || !access.principal.memberships.teams.has(team_id)) throw unknown('team_id');
    refuseUnpermitted(place.team, route);
  }
}

export const SERVICE_ROUTE = '/key/service-account/generate';

/** A route with a key in its path has a permission of its own, and does the same. */
const ALSO: Readonly<Record<string, string>> = { '/key/regenerate': '/key/{key_id}/regenerate' };

/** @throws GatewayError 403 */
export function refuseUnpermitted(team: TeamRow, route: string): void {
  if (memberMay(team, route) || memberMay(team, ALSO[route] ?? route)) return;
  throw new GatewayError(
    'permission_denied',
    `Members of this team may not call ${route} for its keys. Its admin can allow it (team_member_permissions).`,
    { param: 'team_id' },
  );
}

/** An admin of a team or an organization has keys for those who are in it. */
async function refuseStranger(db: Database, { access, owners, place }: Putting): Promise<void> {
  const { user_id, team_id } = owners;
  if (user_id === null || user_id === access.principal.userId) return;
  const organizationId = place.organization?.organization_id;
  const isIn =
    team_id === null
      ? organizationId !== undefined &&
        (await organizationMembers.find(db, joined(organizationId, user_id), EVERYTHING))
      : await teamMembers.find(db, joined(team_id, user_id), EVERYTHING);
  if (isIn) return;
  const where = team_id === null ? 'organization' : 'team';
  throw invalidRequest(`'user_id': there is no such user in the ${where}.`, 'user_id');
}
