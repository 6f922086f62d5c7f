/** `/organization/*` but its members. Source: LiteLLM's documentation of organizations. */
import { objectIn } from '../auth/json-columns.ts';
import type { Access } from '../auth/principal.ts';
import type { Condition } from '../db/conditions.ts';
import { EMPTY_ORGANIZATION, type OrganizationRow, organizations } from '../db/organizations.ts';
import { removeOrganizations } from '../db/removals.ts';
import { invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { asTeam, tellGroups } from './group-members.ts';
import { limitFieldsIn } from './limit-fields-in.ts';
import { countsFrom } from './made-anew.ts';
import { guarded } from './metadata.ts';
import { newId } from './new-id.ts';
import type { NewOrganization, OrganizationFields, OrganizationListQuery } from './organization-schema.ts';
import {
  budgetOf,
  organizationColumns,
  organizationView,
  organizationViews,
  wholeOrganizations,
} from './organization-view.ts';
import { storeBudget } from './owned-budget.ts';
import { makingOf } from './team-changes.ts';
import { unknownOrganization } from './team-rights.ts';
import { type Author, audited } from './write.ts';

type View = Record<string, unknown>;

const MOST_ORGANIZATIONS = 1_000;

export class Organizations {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async create({ organization_id, ...fields }: NewOrganization, author: Author): Promise<View> {
    const context = this.#context;
    const making = makingOf(context, author);
    const blank: OrganizationRow = {
      ...EMPTY_ORGANIZATION,
      organization_id: organization_id ?? newId(context),
      created_at_ms: making.nowMs,
      updated_at_ms: making.nowMs,
      created_by: making.by,
      updated_by: making.by,
    };
    const row = await audited(context, author, async (db, note) => {
      // As in LiteLLM every organization has a budget, if one that limits nothing.
      const wish = { max_budget: null, ...budgetWishOf(fields) };
      const budget_id =
        (await storeBudget(db, null, wish.budget_id == null ? wish : budgetWishOf(fields), making)) ?? null;
      const counts_from_ms = await countsFrom(db, 'organization', blank.organization_id, making.nowMs);
      const made = { ...blank, ...organizationColumns(guardedFields(fields, {}), {}), budget_id, counts_from_ms };
      if ((await organizations.insert(db, made)) !== undefined) throw organizationTaken();
      note({ ...about(made), action: 'created', after: organizationView(made, await budgetOf(db, made)) });
      return made;
    });
    context.directory.invalidate('organization', row.organization_id);
    return await this.#view(row);
  }

  /** Only the fields sent change; an explicit `null` clears one. */
  async update(organizationId: string, fields: OrganizationFields, author: Author): Promise<View> {
    const context = this.#context;
    const { visibility } = author.access;
    const making = makingOf(context, author);
    const after = await audited(context, author, async (db, note) => {
      const row = await organizations.find(db, organizationId, visibility);
      if (row === undefined) throw unknownOrganization();
      const before = organizationView(row, await budgetOf(db, row));
      const metadata = objectIn(row.metadata);
      const budgetId = await storeBudget(db, row.budget_id, budgetWishOf(fields), making);
      const changed = await organizations.change(db, organizationId, visibility, () => ({
        ...organizationColumns(guardedFields(fields, metadata), metadata),
        ...(budgetId !== undefined && { budget_id: budgetId }),
        updated_at_ms: making.nowMs,
        updated_by: making.by,
      }));
      if (changed === undefined || changed.taken !== undefined) throw unknownOrganization();
      const view = organizationView(changed.after, await budgetOf(db, changed.after));
      note({ ...about(row), action: 'updated', before, after: view });
      return changed.after;
    });
    context.directory.invalidate('organization', organizationId);
    const [view] = await wholeOrganizations(context, [after]);
    return view ?? {};
  }

  /** With their members, teams and keys. */
  async remove(ids: readonly string[], author: Author): Promise<View[]> {
    const context = this.#context;
    const { nowMs, by } = makingOf(context, author);
    const removed = await audited(context, author, async (db, note) => {
      const { visibility } = author.access;
      const result = await removeOrganizations(db, ids, { visibility, nowMs, by });
      const gone = new Set(result.rows.map(({ organization_id }) => organization_id));
      if (ids.some((id) => !gone.has(id))) throw unknownOrganization();
      for (const row of result.rows) {
        note({ ...about(row), action: 'deleted', before: organizationView(row, await budgetOf(db, row)) });
      }
      for (const team of result.teams) {
        const { team_id, organization_id } = team;
        await tellGroups(db, 'assigned_team_ids', asTeam(team), undefined);
        note({ action: 'deleted', kind: 'team', id: team_id, teamId: team_id, organizationId: organization_id });
      }
      for (const { token, team_id } of result.keys) {
        note({ action: 'deleted', kind: 'key', id: token, teamId: team_id });
      }
      return result;
    });
    context.directory.invalidateAll();
    for (const { token } of removed.keys) context.keys.invalidate(token);
    return removed.rows.map((row) => ({ ...organizationView(row, undefined), members: [], teams: [] }));
  }

  /** @throws GatewayError 404 when one of them is not there or foreign */
  async info(ids: readonly string[], access: Access): Promise<View[]> {
    const found = await organizations.findMany(this.#context.db, ids, access.visibility);
    const byId = new Map(found.map((row) => [row.organization_id, row]));
    const rows = ids.map((id) => {
      const row = byId.get(id);
      if (row === undefined) throw unknownOrganization();
      return row;
    });
    return await wholeOrganizations(this.#context, rows);
  }

  async list({ org_id, org_alias }: OrganizationListQuery, access: Access): Promise<View[]> {
    const where: Condition<OrganizationRow>[] = [];
    if (org_id !== undefined) where.push({ column: 'organization_id', is: org_id });
    if (org_alias !== undefined) where.push({ column: 'organization_alias', contains: org_alias });
    const { visibility } = access;
    const { rows } = await organizations.list(this.#context.db, { visibility, where, limit: MOST_ORGANIZATIONS });
    return await wholeOrganizations(this.#context, rows);
  }

  async #view(row: OrganizationRow): Promise<View> {
    const [view] = await organizationViews(this.#context, [row]);
    return view ?? {};
  }
}

const budgetWishOf = (fields: OrganizationFields) => ({
  ...limitFieldsIn(fields),
  ...(fields.budget_id !== undefined && { budget_id: fields.budget_id }),
});

/** Only the platform's admins come here; the names that the gateway keeps for itself are not even theirs. */
function guardedFields<Fields extends OrganizationFields>(fields: Fields, before: Record<string, unknown>): Fields {
  if (fields.metadata == null) return fields;
  return { ...fields, metadata: guarded(fields.metadata, before, 'platform') };
}

const about = (row: OrganizationRow) =>
  ({ kind: 'organization', id: row.organization_id, organizationId: row.organization_id }) as const;

const organizationTaken = () =>
  invalidRequest('An organization with this id exists already; choose another, or leave it out.', 'organization_id');
