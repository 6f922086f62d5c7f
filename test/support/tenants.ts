/** Two organizations with the same people in each, and a key for everybody: what one may see, the other must not. */
import { digest } from '../../src/auth/digest.ts';
import type { Database } from '../../src/db/client.ts';
import { keys } from '../../src/db/keys.ts';
import { organizationMembers } from '../../src/db/organization-members.ts';
import { organizations } from '../../src/db/organizations.ts';
import { projects } from '../../src/db/projects.ts';
import { teamMembers } from '../../src/db/team-members.ts';
import { teams } from '../../src/db/teams.ts';
import { users } from '../../src/db/users.ts';
import {
  keyRow,
  memberRow,
  organizationMemberRow,
  organizationRow,
  projectRow,
  teamRow,
  userRow,
} from './entity-rows.ts';

/** The secret of somebody's own key. */
export const keyOf = (userId: string): string => `sk-of-${userId}-0123456789`;

export const ORGANIZATIONS = ['a', 'b'] as const;
/** In each organization, with its name in front: `a-owner` is the organization's admin, `a-lead` its team's. */
export const PEOPLE = ['owner', 'lead', 'mate', 'reader'] as const;
export const PLATFORM = { boss: 'proxy_admin', auditor: 'proxy_admin_viewer' } as const;

/** Organizations `a` and `b`, each with the team `a-team`, the project `a-project` and its people. */
export async function settleTenants(db: Database): Promise<void> {
  for (const name of ORGANIZATIONS) await settleOrganization(db, name);
  for (const [userId, role] of Object.entries(PLATFORM)) await settleUser(db, userId, { user_role: role });
}

export async function settleUser(
  db: Database,
  userId: string,
  over: Parameters<typeof userRow>[1] = {},
): Promise<void> {
  await users.insert(db, userRow(userId, { user_email: `${userId}@example.com`, ...over }));
  await keys.insert(db, keyRow(digest(keyOf(userId)), { user_id: userId, key_alias: `key of ${userId}` }));
}

async function settleOrganization(db: Database, name: string): Promise<void> {
  await organizations.insert(db, organizationRow(name, { organization_alias: `Organization ${name}` }));
  await teams.insert(db, teamRow(`${name}-team`, { organization_id: name, team_alias: `Team of ${name}` }));
  await projects.insert(db, projectRow(`${name}-project`, { team_id: `${name}-team` }));
  for (const person of PEOPLE) {
    const userId = `${name}-${person}`;
    const user_role = person === 'reader' ? 'internal_user_viewer' : 'internal_user';
    await settleUser(db, userId, { organization_id: name, user_role });
    const as = person === 'owner' ? 'org_admin' : 'internal_user';
    await organizationMembers.insert(db, organizationMemberRow(name, userId, { user_role: as }));
    if (person === 'owner') continue;
    await teamMembers.insert(db, memberRow(`${name}-team`, userId, { role: person === 'lead' ? 'admin' : 'user' }));
  }
}
