/** Teams, people and organizations as they stand in the database, for tests of what their keys may do. */
import type { Database } from '../../src/db/client.ts';
import { organizationMembers } from '../../src/db/organization-members.ts';
import type { OrganizationRow } from '../../src/db/organizations.ts';
import { organizations } from '../../src/db/organizations.ts';
import { type ProjectRow, projects } from '../../src/db/projects.ts';
import { teamMembers } from '../../src/db/team-members.ts';
import { type TeamRow, teams } from '../../src/db/teams.ts';
import { type UserRow, users } from '../../src/db/users.ts';
import { memberRow, organizationMemberRow, organizationRow, projectRow, teamRow, userRow } from './entity-rows.ts';

export async function addTeams(db: Database, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) await teams.insert(db, teamRow(id));
}

export async function addTeam(db: Database, id: string, over: Partial<TeamRow> = {}): Promise<void> {
  await teams.insert(db, teamRow(id, over));
}

export async function addProject(db: Database, id: string, over: Partial<ProjectRow> = {}): Promise<void> {
  await projects.insert(db, projectRow(id, over));
}

export async function addOrganization(db: Database, id: string, over: Partial<OrganizationRow> = {}): Promise<void> {
  await organizations.insert(db, organizationRow(id, over));
}

export interface Belongings {
  /** Team → role in it. */
  readonly teams?: Readonly<Record<string, 'admin' | 'user'>>;
  /** Organization → role in it. */
  readonly organizations?: Readonly<Record<string, string>>;
}

export async function addUser(
  db: Database,
  id: string,
  over: Partial<UserRow> = {},
  belongings: Belongings = {},
): Promise<void> {
  await users.insert(db, userRow(id, over));
  for (const [team, role] of Object.entries(belongings.teams ?? {})) {
    await teamMembers.insert(db, memberRow(team, id, { role }));
  }
  for (const [organization, user_role] of Object.entries(belongings.organizations ?? {})) {
    await organizationMembers.insert(db, organizationMemberRow(organization, id, { user_role }));
  }
}
