/** Who belongs to an organization, and as what. Source: LiteLLM's documentation of organizations. */
import type { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import {
  EMPTY_ORGANIZATION_MEMBER,
  type NamedOrganizationMember,
  type OrganizationMemberRow,
  organizationMembers,
} from '../db/organization-members.ts';
import { type OrganizationRow, organizations } from '../db/organizations.ts';
import { joined } from '../db/usage-scopes.ts';
import type { UserRow } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { nanoUsd } from './limit-columns.ts';
import { countsFrom } from './made-anew.ts';
import { knownUser, type MemberName, memberId, unknownMember, userFor } from './member-users.ts';
import type {
  AddOrganizationMembers,
  RemoveOrganizationMember,
  UpdateOrganizationMember,
} from './organization-schema.ts';
import { memberLimits, organizationMemberView, organizationMemberViews } from './organization-view.ts';
import { makingOf } from './team-changes.ts';
import { refuseOwnRole } from './team-members.ts';
import { organizationCeiling, unknownOrganization } from './team-rights.ts';
import { userView, userViewsFor } from './user-view.ts';
import { type Author, audited } from './write.ts';

type View = Record<string, unknown>;

/** Memberships are read anew for each management request, so nothing in memory has to be forgotten. */
export class OrganizationMembers {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /** All of them or none. */
  async add(request: AddOrganizationMembers, author: Author): Promise<View> {
    const { organization_id, member, max_budget_in_organization } = request;
    const context = this.#context;
    const making = { ...makingOf(context, author), organizationId: organization_id };
    const { nowMs, by } = making;
    const stamps = { created_at_ms: nowMs, updated_at_ms: nowMs, created_by: by, updated_by: by };
    const added = await audited(context, author, async (db, note) => {
      await refuseBeyond(
        db,
        await found(db, organization_id, author.access),
        max_budget_in_organization,
        author.access,
      );
      const users: View[] = [];
      const members: NamedOrganizationMember[] = [];
      for (const { role, ...named } of Array.isArray(member) ? member : [member]) {
        const { row: user, isNew } = await userFor(db, named, making);
        refuseForeignHome(user, author.access);
        const about = { action: 'created', organizationId: organization_id } as const;
        if (isNew) note({ ...about, kind: 'user', id: user.user_id, after: userView(user) });
        const row: OrganizationMemberRow = {
          ...EMPTY_ORGANIZATION_MEMBER,
          ...stamps,
          organization_id,
          user_id: user.user_id,
          user_role: role,
          ...memberLimits(max_budget_in_organization),
          counts_from_ms: await countsFrom(db, 'organization_member', `${organization_id}/${user.user_id}`, nowMs),
        };
        if ((await organizationMembers.insert(db, row)) !== undefined) throw alreadyIn(user.user_email ?? user.user_id);
        const member = { ...row, user_email: user.user_email };
        const after = organizationMemberView(member);
        note({ ...about, kind: 'organization_member', id: `${organization_id}/${user.user_id}`, after });
        users.push(...(await userViewsFor(db, [user], author.access)));
        members.push(member);
      }
      return { users, members };
    });
    for (const { user_id } of added.members) {
      context.directory.invalidate('user', user_id);
      context.directory.invalidate('organization_member', joined(organization_id, user_id));
    }
    const members = await organizationMemberViews(context, added.members);
    return { organization_id, updated_users: added.users, updated_organization_memberships: members };
  }

  async update(request: UpdateOrganizationMember, author: Author): Promise<View> {
    const { organization_id, role, max_budget_in_organization, ...named } = request;
    const { nowMs, by } = makingOf(this.#context, author);
    const row = await audited(this.#context, author, async (db, note) => {
      await refuseBeyond(
        db,
        await found(db, organization_id, author.access),
        max_budget_in_organization,
        author.access,
      );
      const member = await memberOf(db, organization_id, named);
      if (role != null && role !== member.user_role) refuseOwnRole(author.access, member.user_id);
      const id = joined(organization_id, member.user_id);
      const changed = await organizationMembers.change(db, id, EVERYTHING, () => ({
        ...memberLimits(max_budget_in_organization),
        ...(role != null && { user_role: role }),
        updated_at_ms: nowMs,
        updated_by: by,
      }));
      if (changed === undefined || changed.taken !== undefined) throw unknownMember('organization');
      const after = { ...changed.after, user_email: member.user_email };
      const [before, then] = [member, after].map(organizationMemberView);
      note({ ...aboutMember(member), action: 'updated', before: before ?? null, after: then ?? null });
      return after;
    });
    this.#context.directory.invalidate('organization_member', joined(organization_id, row.user_id));
    const [view] = await organizationMemberViews(this.#context, [row]);
    return view ?? organizationMemberView(row);
  }

  async remove({ organization_id, ...named }: RemoveOrganizationMember, author: Author): Promise<View> {
    const gone = await audited(this.#context, author, async (db, note) => {
      await found(db, organization_id, author.access);
      const member = await memberOf(db, organization_id, named);
      await organizationMembers.remove(db, [joined(organization_id, member.user_id)], EVERYTHING);
      note({ ...aboutMember(member), action: 'deleted', before: organizationMemberView(member) });
      return member;
    });
    this.#context.directory.invalidate('organization_member', joined(organization_id, gone.user_id));
    const [view] = await organizationMemberViews(this.#context, [gone]);
    return view ?? organizationMemberView(gone);
  }
}

/** @throws GatewayError 400 when the organization's own admin gives a member more than the organization has */
async function refuseBeyond(
  db: Database,
  organization: OrganizationRow,
  budget: number | null | undefined,
  { isUnlimited }: Access,
): Promise<void> {
  if (isUnlimited || budget == null) return;
  const { limits } = await organizationCeiling(db, organization);
  const most = limits.max_budget_nano_usd;
  if (most === null || Number(nanoUsd(budget)) <= Number(most)) return;
  const said = `'max_budget_in_organization' is more than the organization has (${Number(most) / 1e9}).`;
  throw invalidRequest(said, 'max_budget_in_organization');
}

/** Members of an organization are seen by its admin whole, so who is of another one is not taken in by its word alone. */
function refuseForeignHome({ organization_id: home }: UserRow, access: Access): void {
  if (home === null || access.isUnlimited || access.covers({ organizationId: home })) return;
  throw new GatewayError(
    'permission_denied',
    'This user belongs to another organization: an admin of the platform can add them here.',
    { param: 'member' },
  );
}

async function found(db: Database, id: string, access: Access): Promise<OrganizationRow> {
  const row = await organizations.find(db, id, access.visibility);
  if (row === undefined) throw unknownOrganization();
  return row;
}

async function memberOf(db: Database, organizationId: string, named: MemberName): Promise<NamedOrganizationMember> {
  const unknown = (): GatewayError => unknownMember('organization');
  const userId = await memberId(db, named, unknown);
  const row = await organizationMembers.find(db, joined(organizationId, userId), EVERYTHING);
  if (row === undefined) throw unknown();
  return { ...row, user_email: (await knownUser(db, { user_id: userId }))?.user_email ?? null };
}

const aboutMember = ({ organization_id, user_id }: NamedOrganizationMember) => ({
  kind: 'organization_member',
  id: `${organization_id}/${user_id}`,
  organizationId: organization_id,
});

const alreadyIn = (who: string): GatewayError =>
  new GatewayError('invalid_request', `The user ${who} is in this organization already.`, { param: 'member' });
