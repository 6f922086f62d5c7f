/** `/project/*`. Source: LiteLLM's documentation of projects. */
import { objectIn, textsIn } from '../auth/json-columns.ts';
import type { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import { keys } from '../db/keys.ts';
import { organizations } from '../db/organizations.ts';
import { EMPTY_PROJECT, type ProjectRow, projects } from '../db/projects.ts';
import { type TeamRow, teams } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { refuseUnknownBudget } from './budgets.ts';
import { type Grant, refuseAbove } from './ceiling.ts';
import type { AdminContext } from './context.ts';
import { limitsView } from './limit-columns.ts';
import { countsFrom } from './made-anew.ts';
import { guarded } from './metadata.ts';
import { newId } from './new-id.ts';
import type { NewProject, ProjectFields } from './project-schema.ts';
import { projectColumns, projectView, projectViews } from './project-view.ts';
import { makingOf, unknownTeam } from './team-changes.ts';
import { organizationCeiling, standingOver, teamCeiling } from './team-rights.ts';
import { type Author, audited } from './write.ts';

type View = Record<string, unknown>;

const MOST_PROJECTS = 1_000;
/** Whoever is no admin of the platform sends limits inline: a shared budget and its like are not theirs to refer to. */
const PLATFORM_FIELDS = ['budget_id', 'object_permission', 'tags'] as const satisfies (keyof ProjectFields)[];

export class Projects {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async create({ project_id, ...fields }: NewProject, author: Author): Promise<View> {
    const context = this.#context;
    const { nowMs, by } = makingOf(context, author);
    const blank: ProjectRow = {
      ...EMPTY_PROJECT,
      project_id: project_id ?? newId(context),
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
      created_by: by,
      updated_by: by,
    };
    const row = await audited(context, author, async (db, note) => {
      const { team, columns } = await accepted(db, blank, fields, author.access);
      const counts_from_ms = await countsFrom(db, 'project', blank.project_id, nowMs);
      const made = { ...blank, ...columns, counts_from_ms };
      if ((await projects.insert(db, made)) !== undefined) throw projectTaken();
      note({ ...about(made, team), action: 'created', after: projectView(made) });
      return made;
    });
    context.directory.invalidate('project', row.project_id);
    return await this.#view(row);
  }

  /** Only the fields sent change; an explicit `null` clears one. */
  async update(projectId: string, fields: ProjectFields, author: Author): Promise<View> {
    const context = this.#context;
    const { access } = author;
    const { nowMs, by } = makingOf(context, author);
    const after = await audited(context, author, async (db, note) => {
      const row = await projects.find(db, projectId, access.visibility);
      if (row === undefined) throw unknownProject();
      const { team, columns } = await accepted(db, row, fields, access);
      const changed = await projects.change(db, projectId, access.visibility, () => ({
        ...columns,
        updated_at_ms: nowMs,
        updated_by: by,
      }));
      if (changed === undefined || changed.taken !== undefined) throw unknownProject();
      const views = { before: projectView(row), after: projectView(changed.after) };
      note({ ...about(row, team), action: 'updated', ...views });
      return changed.after;
    });
    context.directory.invalidate('project', projectId);
    return await this.#view(after);
  }

  /** Not while keys are in them: those would lose the limits of the project. */
  async remove(ids: readonly string[], author: Author): Promise<View[]> {
    const context = this.#context;
    const rows = await audited(context, author, async (db, note) => {
      const removed = await projects.remove(db, ids, author.access.visibility);
      const gone = removed.map(({ project_id }) => project_id);
      if (ids.some((id) => !gone.includes(id))) throw unknownProject();
      const where = [{ column: 'project_id', in: gone } as const];
      const left = await keys.count(db, { visibility: EVERYTHING, where });
      if (left > 0) {
        throw invalidRequest(`There are ${left} keys in it. Delete them or move them elsewhere first.`, 'project_ids');
      }
      for (const row of removed) note({ ...about(row, undefined), action: 'deleted', before: projectView(row) });
      return removed;
    });
    for (const { project_id } of rows) context.directory.invalidate('project', project_id);
    return rows.map((row) => projectView(row));
  }

  async info(projectId: string, access: Access): Promise<View> {
    const row = await projects.find(this.#context.db, projectId, access.visibility);
    if (row === undefined) throw unknownProject();
    return await this.#view(row);
  }

  async list(teamId: string | undefined, { visibility }: Access): Promise<View[]> {
    const where = teamId === undefined ? [] : [{ column: 'team_id', is: teamId } as const];
    const { rows } = await projects.list(this.#context.db, { visibility, where, limit: MOST_PROJECTS });
    return await projectViews(this.#context, rows);
  }

  async #view(row: ProjectRow): Promise<View> {
    const [view] = await projectViews(this.#context, [row]);
    return view ?? {};
  }
}

interface Accepted {
  readonly team: TeamRow | undefined;
  readonly columns: Partial<ProjectRow>;
}

/**
 * What a request changes, held below the project's team.
 * @throws GatewayError 404 for a team that is foreign or not there, 400 or 403 that names the field
 */
async function accepted(db: Database, row: ProjectRow, fields: ProjectFields, access: Access): Promise<Accepted> {
  const teamId = fields.team_id ?? row.team_id;
  const team = teamId === null ? undefined : await teams.find(db, teamId, access.visibility);
  if (fields.team_id !== undefined && team === undefined) throw unknownTeam();
  if (!access.isUnlimited) refusePlatformFields(fields);
  if (fields.budget_id != null) await refuseUnknownBudget(db, fields.budget_id);
  const grant = { ...(isMove(row, fields) && grantOf(row)), ...fields };
  if (team !== undefined) refuseAbove(grant, teamCeiling(team));
  if (!access.isUnlimited) await refuseBeyondOrganizationOf(db, team, grant);
  const before = objectIn(row.metadata);
  const standing = standingOver(access, team?.organization_id ?? null);
  const bag = fields.metadata === undefined ? {} : { metadata: guarded(fields.metadata ?? {}, before, standing) };
  return { team, columns: projectColumns({ ...fields, ...bag }, before) };
}

/** A team that says nothing itself has no more than its organization. */
async function refuseBeyondOrganizationOf(db: Database, team: TeamRow | undefined, grant: Grant): Promise<void> {
  const id = team?.organization_id ?? null;
  const organization = id === null ? undefined : await organizations.find(db, id, EVERYTHING);
  if (organization !== undefined) refuseAbove(grant, await organizationCeiling(db, organization));
}

/** What a project has already, it must be allowed in the team that it comes to. */
const isMove = (row: ProjectRow, { team_id }: ProjectFields): boolean =>
  team_id !== undefined && team_id !== row.team_id;

const grantOf = (row: ProjectRow): Grant => ({ ...limitsView(row), models: textsIn(row.models) });

function refusePlatformFields(fields: ProjectFields): void {
  const closed = PLATFORM_FIELDS.find((field) => fields[field] !== undefined);
  if (closed === undefined) return;
  throw new GatewayError('permission_denied', `'${closed}' of a project can only be set by an admin of the platform.`, {
    param: closed,
  });
}

const about = (row: ProjectRow, team: TeamRow | undefined) => ({
  kind: 'project',
  id: row.project_id,
  teamId: row.team_id,
  organizationId: team?.organization_id ?? null,
});

const unknownProject = (): GatewayError =>
  new GatewayError('not_found', 'There is no such project.', { param: 'project_id', type: 'not_found_error' });

const projectTaken = (): GatewayError =>
  invalidRequest('A project with this id exists already; choose another, or leave it out.', 'project_id');
