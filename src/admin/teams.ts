/** `/team/*` but its members. Source: LiteLLM's documentation of team management. */
import { textsIn } from '../auth/json-columns.ts';
import type { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import type { Page } from '../db/entity-table.ts';
import { removeTeams } from '../db/removals.ts';
import { membersOfTeam, membersOfTeams } from '../db/team-members.ts';
import { EMPTY_TEAM, type TeamRow, teams } from '../db/teams.ts';
import { invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { filledTeam, homeOfTeam } from './entity-defaults.ts';
import { asTeam, tellGroups } from './group-members.ts';
import { join } from './joining.ts';
import { limitsView } from './limit-columns.ts';
import { countsFrom } from './made-anew.ts';
import { newId } from './new-id.ts';
import { keysOf } from './owned-keys.ts';
import {
  about,
  conditionsOf,
  firstMembers,
  forget,
  makingOf,
  maySeeSpend,
  settled,
  teamTaken,
  unknownTeam,
  withoutSpend,
} from './team-changes.ts';
import { memberPermissions, TEAM_MEMBER_PERMISSIONS } from './team-permissions.ts';
import { refuseMove, refuseOutside, refuseUnduly, standingOver, withGuardedMetadata } from './team-rights.ts';
import { type NewTeam, TEAM_ORDERS, type TeamFields, type TeamQuery } from './team-schema.ts';
import { memberBudgetOf, membershipViews, teamView, teamViews, type View } from './team-view.ts';
import { type AuditNote, type Author, audited } from './write.ts';

const MOST_TEAMS = 10_000;
/** LiteLLM's word for a list that allows nothing; an empty one would allow everything. */
const NO_MODELS = 'no-default-models';

export class Teams {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async create(fields: NewTeam, author: Author): Promise<View> {
    const context = this.#context;
    const { team_id, members_with_roles, admins, members, ...rest } = fields;
    const making = makingOf(context, author);
    const blank: TeamRow = {
      ...EMPTY_TEAM,
      team_id: team_id ?? newId(context),
      created_at_ms: making.nowMs,
      updated_at_ms: making.nowMs,
      created_by: making.by,
      updated_by: making.by,
    };
    const joinedIds: string[] = [];
    const row = await audited(context, author, async (db, note) => {
      const organizationId = rest.organization_id ?? homeOfTeam(making.defaults, author.access);
      refuseOutside(author.access, organizationId);
      const standing = standingOver(author.access, organizationId);
      refuseUnduly(rest, blank, standing);
      const counts_from_ms = await countsFrom(db, 'team', blank.team_id, making.nowMs);
      const made = await settled(db, {
        row: { ...blank, counts_from_ms },
        fields: await filledTeam(db, withGuardedMetadata(rest, blank, standing), { ...making, organizationId }),
        author,
        making,
      });
      if ((await teams.insert(db, made)) !== undefined) throw teamTaken();
      await tellGroups(db, 'assigned_team_ids', undefined, asTeam(made));
      const joining = { team: made, grant: {}, making: { ...making, organizationId }, note };
      for (const each of firstMembers({ members_with_roles, admins, members }, author)) {
        const { user } = await join(db, each, joining);
        joinedIds.push(user.user_id);
      }
      note({ ...about(made), action: 'created', after: teamView(made, []) });
      return made;
    });
    forget(context, row.team_id, joinedIds);
    return await this.view(row);
  }

  /** Only the fields sent change; an explicit `null` clears one. */
  async update(
    teamId: string,
    fields: TeamFields,
    author: Author,
    action: AuditNote['action'] = 'updated',
  ): Promise<View> {
    const context = this.#context;
    const { access } = author;
    const making = makingOf(context, author);
    const after = await audited(context, author, async (db, note) => {
      const row = await this.#found(db, teamId, access);
      const standing = standingOver(access, row.organization_id);
      refuseMove(fields, row, standing);
      refuseUnduly(fields, row, standing);
      const next = await settled(db, { row, fields: withGuardedMetadata(fields, row, standing), author, making });
      const changed = await teams.change(db, teamId, access.visibility, () => ({
        ...next,
        updated_at_ms: making.nowMs,
        updated_by: making.by,
      }));
      if (changed === undefined || changed.taken !== undefined) throw unknownTeam();
      await tellGroups(db, 'assigned_team_ids', asTeam(row), asTeam(changed.after));
      note({ ...about(changed.after), action, before: teamView(row, []), after: teamView(changed.after, []) });
      return changed.after;
    });
    forget(context, teamId, []);
    return await this.view(after);
  }

  async remove(ids: readonly string[], author: Author): Promise<View> {
    const context = this.#context;
    const { nowMs, by } = makingOf(context, author);
    const removed = await audited(context, author, async (db, note) => {
      const { visibility } = author.access;
      const members = await membersOfTeams(db, ids);
      const { rows, keys } = await removeTeams(db, ids, { visibility, nowMs, by });
      const missing = ids.find((id) => !rows.some(({ team_id }) => team_id === id));
      if (missing !== undefined) throw unknownTeam();
      for (const row of rows) {
        const own = members.filter(({ team_id }) => team_id === row.team_id);
        await tellGroups(db, 'assigned_team_ids', asTeam(row), undefined);
        note({ ...about(row), action: 'deleted', before: teamView(row, own) });
      }
      for (const { token, team_id } of keys) note({ action: 'deleted', kind: 'key', id: token, teamId: team_id });
      return { keys, rows };
    });
    // Members and projects of the teams are in memory too.
    context.directory.invalidateAll();
    for (const { token } of removed.keys) context.keys.invalidate(token);
    return { deleted_teams: removed.rows.map(({ team_id }) => team_id) };
  }

  async info(teamId: string, access: Access): Promise<View> {
    const context = this.#context;
    const row = await this.#found(context.db, teamId, access);
    const members = await membersOfTeam(context.db, teamId);
    const shared = await memberBudgetOf(context.db, row);
    const keys = await keysOf(context, access, { teamId });
    const memberships = await membershipViews(context, row, members);
    return {
      team_id: teamId,
      team_info: {
        ...(await this.view(row)),
        team_member_budget_table: shared ? { budget_id: shared.budget_id, ...limitsView(shared) } : null,
      },
      keys,
      team_memberships: memberships.map((view) => (maySeeSpend(access, row, view) ? view : withoutSpend(view))),
    };
  }

  async list(query: TeamQuery, access: Access): Promise<View[]> {
    const { rows } = await this.#page(query, access, MOST_TEAMS);
    return await teamViews(this.#context, rows);
  }

  async page(query: TeamQuery, access: Access): Promise<View> {
    const { page = 1, page_size = 10 } = query;
    const { rows, total } = await this.#page(query, access, page_size);
    return {
      teams: await teamViews(this.#context, rows),
      total,
      page,
      page_size,
      total_pages: Math.ceil(total / page_size),
    };
  }

  async addModels(teamId: string, models: readonly string[], author: Author): Promise<View> {
    const now = await this.#models(teamId, author.access);
    const kept = now.filter((model) => model !== NO_MODELS);
    return await this.update(teamId, { models: [...new Set([...kept, ...models])] }, author);
  }

  async removeModels(teamId: string, models: readonly string[], author: Author): Promise<View> {
    const now = await this.#models(teamId, author.access);
    const left = now.filter((model) => !models.includes(model));
    if (now.length === 0) throw invalidRequest('This team may use every model, so none can be taken out.', 'models');
    return await this.update(teamId, { models: left.length === 0 ? [NO_MODELS] : left }, author);
  }

  async permissions(teamId: string, access: Access): Promise<View> {
    const row = await this.#found(this.#context.db, teamId, access);
    return {
      team_id: teamId,
      team_member_permissions: memberPermissions(row),
      all_available_permissions: TEAM_MEMBER_PERMISSIONS,
    };
  }

  async view(row: TeamRow): Promise<View> {
    const [view] = await teamViews(this.#context, [row]);
    const shared = await memberBudgetOf(this.#context.db, row);
    const limits = shared && limitsView(shared);
    return {
      ...view,
      team_member_budget: limits?.['max_budget'] ?? null,
      team_member_budget_duration: limits?.['budget_duration'] ?? null,
      team_member_rpm_limit: limits?.['rpm_limit'] ?? null,
      team_member_tpm_limit: limits?.['tpm_limit'] ?? null,
    };
  }

  async #models(teamId: string, access: Access): Promise<string[]> {
    return textsIn((await this.#found(this.#context.db, teamId, access)).models);
  }

  async #found(db: Database, teamId: string, access: Access): Promise<TeamRow> {
    const row = await teams.find(db, teamId, access.visibility);
    if (row === undefined) throw unknownTeam();
    return row;
  }

  async #page(query: TeamQuery, access: Access, limit: number): Promise<Page<TeamRow>> {
    const { page = 1, page_size = limit, sort_by, sort_order = 'desc' } = query;
    return await teams.list(this.#context.db, {
      visibility: access.visibility,
      where: await conditionsOf(this.#context.db, query),
      sort: sort_by && { by: TEAM_ORDERS[sort_by], order: sort_order },
      limit: page_size,
      offset: (page - 1) * page_size,
    });
  }
}
