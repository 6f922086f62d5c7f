/** Who is in a team, and what each may use. Source: LiteLLM's documentation of team management. */
import type { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import { keys as keyTable, removeKeys } from '../db/keys.ts';
import { NO_LIMITS } from '../db/no-limits.ts';
import { type NamedMember, type TeamMemberRow, teamMembers } from '../db/team-members.ts';
import { type TeamRow, teams } from '../db/teams.ts';
import { joined } from '../db/usage-scopes.ts';
import { users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest, toGatewayError } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { type Joined, join, type MemberGrant, memberColumns, type NewMember } from './joining.ts';
import { nanoUsd } from './limit-columns.ts';
import { knownUser, memberId, unknownMember } from './member-users.ts';
import { about, forget, makingOf, unknownTeam } from './team-changes.ts';
import type { AddMembers, BulkMembers, RemoveMember, UpdateMember } from './team-member-schema.ts';
import { membershipViews, memberView, teamViews, type View } from './team-view.ts';
import { userViewsFor } from './user-view.ts';
import { type Author, audited } from './write.ts';

const MOST_USERS_AT_ONCE = 10_000;
const MOST_KEYS_OF_MEMBER = 100_000;

type Sent = Pick<
  UpdateMember,
  'max_budget_in_team' | 'budget_duration' | 'allowed_models' | 'rpm_limit' | 'tpm_limit'
> &
  Partial<Pick<UpdateMember, 'temp_budget_increase' | 'temp_budget_expiry'>>;

export class TeamMembers {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /** All of them or none. */
  async add({ team_id, member, ...sent }: AddMembers, author: Author): Promise<View> {
    const wanted = Array.isArray(member) ? member : [member];
    const { team, added } = await this.#join(team_id, wanted, sent, author);
    const [view] = await teamViews(this.#context, [team]);
    return {
      ...view,
      updated_users: await userViewsFor(
        this.#context.db,
        added.map(({ user }) => user),
        author.access,
      ),
      updated_team_memberships: await this.#memberships(team, added),
    };
  }

  /** Each by itself: who cannot be added is told. */
  async addMany({ team_id, members, all_users, ...sent }: BulkMembers, author: Author): Promise<View> {
    const team = await found(this.#context.db, team_id, author.access);
    const wanted = all_users === true ? await this.#everybody(author.access) : (members ?? []);
    if (wanted.length === 0) throw invalidRequest("Name the members to add in 'members'.", 'members');
    const results: View[] = [];
    for (const member of wanted) results.push(await this.#tried(team, member, sent, author));
    const [view] = await teamViews(this.#context, [team]);
    const succeeded = results.filter(({ success }) => success === true).length;
    return {
      team_id,
      results,
      total_requested: results.length,
      successful_additions: succeeded,
      failed_additions: results.length - succeeded,
      updated_team: view,
    };
  }

  /** With the keys that the member has in the team. */
  async remove(named: RemoveMember, author: Author): Promise<View> {
    const context = this.#context;
    const { nowMs } = makingOf(context, author);
    const gone = await audited(context, author, async (db, note) => {
      const team = await found(db, named.team_id, author.access);
      const member = await memberOf(db, team, named);
      await teamMembers.remove(db, [joined(team.team_id, member.user_id)], EVERYTHING);
      const owned = await keyTable.list(db, {
        visibility: EVERYTHING,
        where: [
          { column: 'team_id', is: team.team_id },
          { column: 'user_id', is: member.user_id },
        ],
        limit: MOST_KEYS_OF_MEMBER,
      });
      const tokens = owned.rows.map(({ token }) => token);
      const keys = await removeKeys(db, tokens, { visibility: EVERYTHING, nowMs });
      note({ ...aboutMember(team, member.user_id), action: 'deleted', before: memberView(member) });
      for (const { token } of keys) note({ ...about(team), action: 'deleted', kind: 'key', id: token });
      return { team, userId: member.user_id, keys };
    });
    forget(context, gone.team.team_id, [gone.userId]);
    for (const { token } of gone.keys) context.keys.invalidate(token);
    const [view] = await teamViews(context, [gone.team]);
    return view ?? {};
  }

  async update({ team_id, user_id, user_email, role, ...sent }: UpdateMember, author: Author): Promise<View> {
    const context = this.#context;
    const { nowMs, by } = makingOf(context, author);
    const changed = await audited(context, author, async (db, note) => {
      const team = await found(db, team_id, author.access);
      const member = await memberOf(db, team, { user_id, user_email });
      if (role != null && role !== member.role) refuseOwnRole(author.access, member.user_id);
      const columns = memberColumns(team, grantOf(sent));
      const after = await changeMember(db, member, {
        ...columns,
        ...(role != null && { role }),
        updated_at_ms: nowMs,
        updated_by: by,
      });
      note({
        ...aboutMember(team, member.user_id),
        action: 'updated',
        before: memberView(member),
        after: memberView(after),
      });
      return { team, after };
    });
    forget(context, team_id, [changed.after.user_id]);
    return await this.#answer(changed.team, changed.after);
  }

  /** The spend counts as `reset_to` dollars from now on. */
  async resetSpend(teamId: string, userId: string, resetTo: number, author: Author): Promise<View> {
    const context = this.#context;
    const { nowMs, by } = makingOf(context, author);
    const team = await found(context.db, teamId, author.access);
    const before = await this.#answer(team, await memberOf(context.db, team, { user_id: userId }));
    const after = await audited(context, author, async (db, note) => {
      const member = await memberOf(db, team, { user_id: userId });
      const row = await changeMember(db, member, {
        spend_set_nano_usd: nanoUsd(resetTo),
        spend_set_at_ms: nowMs,
        updated_at_ms: nowMs,
        updated_by: by,
      });
      const spend = { before: { spend: before['spend'] }, after: { spend: resetTo } };
      note({ ...aboutMember(team, userId), action: 'reset', ...spend });
      return row;
    });
    forget(context, teamId, [userId]);
    return { ...(await this.#answer(team, after)), previous_spend: before['spend'] };
  }

  /** Back to what the team gives its members: the limits of the member's own are gone, models and spend stay. */
  async resetBudget(teamId: string, userId: string, author: Author): Promise<View> {
    const context = this.#context;
    const { nowMs, by } = makingOf(context, author);
    const { team, before, after } = await audited(context, author, async (db, note) => {
      const owner = await found(db, teamId, author.access);
      const member = await memberOf(db, owner, { user_id: userId });
      const { spend_set_nano_usd, spend_set_at_ms } = member;
      const kept = { spend_set_nano_usd, spend_set_at_ms };
      const columns = { ...NO_LIMITS, ...kept, budget_id: null, updated_at_ms: nowMs, updated_by: by };
      const changed = await changeMember(db, member, columns);
      const views = { before: memberView(member), after: memberView(changed) };
      note({ ...aboutMember(owner, userId), action: 'updated', ...views });
      return { team: owner, before: member, after: changed };
    });
    forget(context, teamId, [userId]);
    const [view] = await membershipViews(context, team, [after]);
    const { budget_id, budget_source } = view ?? {};
    return { team_id: teamId, user_id: userId, budget_id, previous_budget_id: before.budget_id, budget_source };
  }

  async #join(
    teamId: string,
    wanted: readonly NewMember[],
    sent: Sent,
    author: Author,
  ): Promise<{ team: TeamRow; added: Joined[] }> {
    const context = this.#context;
    const result = await audited(context, author, async (db, note) => {
      const team = await found(db, teamId, author.access);
      const making = { ...makingOf(context, author), organizationId: team.organization_id };
      const added: Joined[] = [];
      for (const member of wanted) added.push(await join(db, member, { team, grant: grantOf(sent), making, note }));
      return { team, added };
    });
    const ids = result.added.map(({ user }) => user.user_id);
    forget(context, teamId, ids);
    return result;
  }

  async #tried(team: TeamRow, member: NewMember, sent: Sent, author: Author): Promise<View> {
    const { user_id = null, user_email = null } = member;
    try {
      const { added } = await this.#join(team.team_id, [member], sent, author);
      const [membership = null] = await this.#memberships(team, added);
      const joinedUsers = added.map(({ user }) => user);
      const [user = null] = await userViewsFor(this.#context.db, joinedUsers, author.access);
      const names = { user_id: user?.['user_id'] ?? user_id, user_email: user?.['user_email'] ?? user_email };
      return { ...names, success: true, error: null, updated_user: user, updated_team_membership: membership };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.status >= 500) throw thrown;
      const nothing = { updated_user: null, updated_team_membership: null };
      return { user_id, user_email, success: false, error: error.message, ...nothing };
    }
  }

  async #memberships(team: TeamRow, added: readonly Joined[]): Promise<View[]> {
    const members = added.map(({ user, member }) => ({ ...member, user_email: user.user_email }));
    return await membershipViews(this.#context, team, members);
  }

  async #answer(team: TeamRow, member: NamedMember): Promise<View> {
    const [view] = await membershipViews(this.#context, team, [member]);
    const table = (view?.['litellm_budget_table'] ?? {}) as View; // The view has just made it.
    return {
      ...view,
      max_budget_in_team: table['max_budget'],
      max_budget: table['max_budget'],
      budget_duration: table['budget_duration'],
      budget_reset_at: table['budget_reset_at'],
      rpm_limit: table['rpm_limit'],
      tpm_limit: table['tpm_limit'],
      allowed_models: table['allowed_models'],
      model_max_budget: table['model_max_budget'],
      temp_budget_increase: table['temp_budget_increase'],
      temp_budget_expiry: table['temp_budget_expiry'],
    };
  }

  async #everybody(access: Access): Promise<NewMember[]> {
    if (!access.isUnlimited) {
      throw new GatewayError('permission_denied', 'Only an admin of the platform adds all users.', {
        param: 'all_users',
      });
    }
    const { rows } = await users.list(this.#context.db, { visibility: EVERYTHING, limit: MOST_USERS_AT_ONCE });
    return rows.map(({ user_id }) => ({ user_id, role: 'user' as const }));
  }
}

/** Only what was sent. */
function grantOf({ max_budget_in_team, ...rest }: Sent): MemberGrant {
  const grant = { ...rest, max_budget: max_budget_in_team };
  return Object.fromEntries(Object.entries(grant).filter(([, value]) => value !== undefined));
}

async function found(db: Database, teamId: string, access: Access): Promise<TeamRow> {
  const row = await teams.find(db, teamId, access.visibility);
  if (row === undefined) throw unknownTeam();
  return row;
}

async function memberOf(
  db: Database,
  team: TeamRow,
  named: { readonly user_id?: string | null | undefined; readonly user_email?: string | null | undefined },
): Promise<NamedMember> {
  const unknown = (): GatewayError => unknownMember('team');
  const userId = await memberId(db, named, unknown);
  const row = await teamMembers.find(db, joined(team.team_id, userId), EVERYTHING);
  if (row === undefined) throw unknown();
  return { ...row, user_email: (await knownUser(db, { user_id: userId }))?.user_email ?? null };
}

async function changeMember(db: Database, member: NamedMember, columns: Partial<TeamMemberRow>): Promise<NamedMember> {
  const id = joined(member.team_id, member.user_id);
  const changed = await teamMembers.change(db, id, EVERYTHING, () => columns);
  if (changed === undefined || changed.taken !== undefined) throw unknownMember('team');
  return { ...changed.after, user_email: member.user_email };
}

const aboutMember = (team: TeamRow, userId: string) => ({
  ...about(team),
  kind: 'team_member',
  id: `${team.team_id}/${userId}`,
});

/** Nobody makes themselves more, or the last one less. */
export function refuseOwnRole({ principal }: Access, userId: string): void {
  if (principal.userId !== userId) return;
  throw new GatewayError('permission_denied', 'Nobody changes their own role. Ask another admin.', { param: 'role' });
}
