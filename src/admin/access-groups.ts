/**
 * `/v1/access_group`: named lists of models that teams and keys are given. A group and those it is given to name each other,
 * and both sides are stored together. Source: LiteLLM's documentation of access groups.
 */

import { withoutGroup } from '../auth/access-groups.ts';
import { textsIn } from '../auth/json-columns.ts';
import { type AccessGroupRow, accessGroups, EMPTY_ACCESS_GROUP } from '../db/access-groups.ts';
import type { Database } from '../db/client.ts';
import type { EntityTable } from '../db/entity-table.ts';
import { keys } from '../db/keys.ts';
import { teams } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { tokenOf } from './key-secret.ts';
import { iso, jsonOf } from './limit-columns.ts';
import { newId } from './new-id.ts';
import { type Author, audited, authorOf } from './write.ts';

type View = Record<string, unknown>;

export interface AccessGroupFields {
  readonly access_group_name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly access_model_names?: readonly string[] | null | undefined;
  readonly access_mcp_server_ids?: readonly string[] | null | undefined;
  readonly access_agent_ids?: readonly string[] | null | undefined;
  readonly assigned_team_ids?: readonly string[] | null | undefined;
  readonly assigned_key_ids?: readonly string[] | null | undefined;
}

const LISTS = [
  'access_model_names',
  'access_mcp_server_ids',
  'access_agent_ids',
  'assigned_team_ids',
  'assigned_key_ids',
] as const;
const MOST_LISTED = 10_000;

export class AccessGroups {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async create(name: string, fields: AccessGroupFields, author: Author): Promise<View> {
    const nowMs = Math.round(this.#context.now());
    const by = authorOf(author.access.caller);
    const row: AccessGroupRow = {
      ...EMPTY_ACCESS_GROUP,
      access_group_id: newId(this.#context),
      access_group_name: name,
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
      created_by: by,
      updated_by: by,
      ...columnsOf(fields),
    };
    await audited(this.#context, author, async (db, note) => {
      if (await accessGroups.insert(db, row)) throw nameTaken(name);
      await assign(db, undefined, row);
      note({ action: 'created', kind: 'access_group', id: row.access_group_id, after: viewOf(row) });
    });
    this.#forget();
    return await this.#whole(row);
  }

  async update(groupId: string, fields: AccessGroupFields, author: Author): Promise<View> {
    const row = await audited(this.#context, author, async (db, note) => {
      const changed = await accessGroups.change(db, groupId, author.access.visibility, () => ({
        ...columnsOf(fields),
        updated_at_ms: Math.round(this.#context.now()),
        updated_by: authorOf(author.access.caller),
      }));
      if (changed === undefined) throw unknownGroup(groupId);
      if (changed.taken !== undefined) throw nameTaken(fields.access_group_name ?? '');
      const { before, after } = changed;
      await assign(db, before, after);
      note({ action: 'updated', kind: 'access_group', id: groupId, before: viewOf(before), after: viewOf(after) });
      return after;
    });
    this.#forget();
    return await this.#whole(row);
  }

  /** Those it was given to lose its models; a key or team that had nothing else may call nothing then. */
  async remove(groupId: string, author: Author): Promise<void> {
    await audited(this.#context, author, async (db, note) => {
      const [row] = await accessGroups.remove(db, [groupId], author.access.visibility);
      if (row === undefined) throw unknownGroup(groupId);
      await assign(db, row, undefined);
      note({ action: 'deleted', kind: 'access_group', id: groupId, before: viewOf(row) });
    });
    this.#forget();
  }

  async one(groupId: string, { access }: Pick<Author, 'access'>): Promise<View> {
    const row = await accessGroups.find(this.#context.db, groupId, access.visibility);
    if (row === undefined) throw unknownGroup(groupId);
    return await this.#whole(row);
  }

  async list({ access }: Pick<Author, 'access'>): Promise<View[]> {
    const page = await accessGroups.list(this.#context.db, { visibility: access.visibility, limit: MOST_LISTED });
    return await this.#wholes(page.rows);
  }

  async #whole(row: AccessGroupRow): Promise<View> {
    const [view] = await this.#wholes([row]);
    return view ?? {};
  }

  /** With the names of those that it was given to. */
  async #wholes(rows: readonly AccessGroupRow[]): Promise<View[]> {
    const { db } = this.#context;
    const all = (field: 'assigned_team_ids' | 'assigned_key_ids'): string[] => [
      ...new Set(rows.flatMap((row) => textsIn(row[field]))),
    ];
    const foundTeams = await teams.findMany(db, all('assigned_team_ids'), EVERYTHING);
    const foundKeys = await keys.findMany(db, all('assigned_key_ids'), EVERYTHING);
    const names = new Map<string, string | null>([
      ...foundTeams.map(({ team_id, team_alias }) => [team_id, team_alias] as const),
      ...foundKeys.map(({ token, key_alias }) => [token, key_alias] as const),
    ]);
    const named = (ids: readonly string[]): View[] => ids.map((id) => ({ id, name: names.get(id) ?? null }));
    // No other part here knows them.
    const nameless = (ids: readonly string[]): View[] => ids.map((id) => ({ id, name: null }));
    return rows.map((row) => ({
      ...viewOf(row),
      access_mcp_servers: nameless(textsIn(row.access_mcp_server_ids)),
      access_agents: nameless(textsIn(row.access_agent_ids)),
      assigned_teams: named(textsIn(row.assigned_team_ids)),
      assigned_keys: named(textsIn(row.assigned_key_ids)),
    }));
  }

  /** Whoever has the group may call something else with the next request. */
  #forget(): void {
    this.#context.directory.invalidateAll();
    this.#context.keys.invalidateAll();
  }
}

function columnsOf(fields: AccessGroupFields): Partial<AccessGroupRow> {
  const columns: Partial<AccessGroupRow> = {};
  if (fields.access_group_name !== undefined) columns.access_group_name = fields.access_group_name;
  if (fields.description !== undefined) columns.description = fields.description;
  for (const field of LISTS) if (fields[field] !== undefined) columns[field] = jsonOf(listOf(field, fields[field]));
  return columns;
}

/** Keys may be named by themselves; what is stored is their digest. */
function listOf(field: (typeof LISTS)[number], names: readonly string[] | null | undefined): string[] {
  const given = names ?? [];
  return [...new Set(field === 'assigned_key_ids' ? given.map(tokenOf) : given)];
}

interface Given {
  readonly models: string | null;
  readonly access_group_ids: string | null;
}

async function assign(
  db: Database,
  before: AccessGroupRow | undefined,
  after: AccessGroupRow | undefined,
): Promise<void> {
  const groupId = after?.access_group_id ?? before?.access_group_id ?? '';
  for (const field of ['assigned_team_ids', 'assigned_key_ids'] as const) {
    const [had, has] = [textsIn(before?.[field] ?? null), textsIn(after?.[field] ?? null)];
    const added = has.filter((id) => !had.includes(id));
    const removed = had.filter((id) => !has.includes(id));
    if (field === 'assigned_team_ids') await give(db, teams, { groupId, added, removed, field });
    else await give(db, keys, { groupId, added, removed, field });
  }
}

interface Giving {
  readonly groupId: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly field: string;
}

/** @throws GatewayError 400 for one to give it to that is not there; one that is gone has lost the group already */
async function give<Row extends Given>(
  db: Database,
  table: EntityTable<Row>,
  { groupId, added, removed, field }: Giving,
): Promise<void> {
  // Rows of both tables have these columns.
  const columns = (given: Partial<Given>): Partial<Row> => given as Partial<Row>;
  for (const id of removed) await table.change(db, id, EVERYTHING, (row) => columns(withoutGroup(row, groupId)));
  for (const id of added) {
    const changed = await table.change(db, id, EVERYTHING, (row) =>
      columns({ access_group_ids: JSON.stringify([...new Set([...textsIn(row.access_group_ids), groupId])]) }),
    );
    if (changed === undefined) throw invalidRequest(`'${field}': there is no '${id}'.`, field);
  }
}

function viewOf(row: AccessGroupRow): View {
  return {
    access_group_id: row.access_group_id,
    access_group_name: row.access_group_name,
    description: row.description,
    access_model_names: textsIn(row.access_model_names),
    access_mcp_server_ids: textsIn(row.access_mcp_server_ids),
    access_agent_ids: textsIn(row.access_agent_ids),
    access_skill_names: [],
    mcp_tool_permissions: null,
    assigned_team_ids: textsIn(row.assigned_team_ids),
    assigned_key_ids: textsIn(row.assigned_key_ids),
    created_at: iso(row.created_at_ms),
    created_by: row.created_by,
    updated_at: iso(row.updated_at_ms),
    updated_by: row.updated_by,
  };
}

const unknownGroup = (groupId: string): GatewayError =>
  new GatewayError('not_found', `There is no access group '${groupId.slice(0, 100)}'.`, {
    param: 'access_group_id',
    type: 'not_found_error',
  });

const nameTaken = (name: string): GatewayError =>
  new GatewayError('conflict', `An access group with the name '${name}' exists already. Choose another.`, {
    param: 'access_group_name',
  });
