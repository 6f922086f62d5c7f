/**
 * `/access_group/*`: names that stand in `model_info.access_groups` of deployments, which a list of models may name in their
 * place. Only deployments that were added at run time can be changed. Source: LiteLLM's documentation of model access groups.
 */
import { objectIn } from '../auth/json-columns.ts';
import type { Database } from '../db/client.ts';
import type { Condition } from '../db/conditions.ts';
import { type ModelRow, models } from '../db/models.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import type { ModelListing } from './model-registry.ts';
import { refuseWhenClosed } from './models.ts';
import { type Author, audited, authorOf, type Note } from './write.ts';

type View = Record<string, unknown>;

/** Ids win over names. */
export interface GroupModels {
  readonly model_names?: readonly string[] | null | undefined;
  readonly model_ids?: readonly string[] | null | undefined;
}

export class ModelAccessGroups {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async create(group: string, wanted: GroupModels, author: Author): Promise<View> {
    if (this.#members(group).length > 0) throw groupTaken(group);
    return await this.#set(group, wanted, author);
  }

  /** The models given are the group's from now on, and no others. */
  async update(group: string, wanted: GroupModels, author: Author): Promise<View> {
    if (this.#members(group).length === 0) throw unknownGroup(group);
    return await this.#set(group, wanted, author);
  }

  async remove(group: string, author: Author): Promise<View> {
    const members = this.#members(group);
    if (members.length === 0) throw unknownGroup(group);
    const configured = members.find(({ isStored }) => !isStored);
    if (configured !== undefined) throw isConfigured(group, configured.modelName);
    const updated = await this.#write(group, [], author);
    return { access_group: group, models_updated: updated, message: `Access group '${group}' deleted successfully` };
  }

  one(group: string): View {
    const members = this.#members(group);
    if (members.length === 0) throw unknownGroup(group);
    return groupView(group, members);
  }

  list(): View {
    const names = new Set(this.#context.models.listings().flatMap(({ info }) => groupsIn(info)));
    return { access_groups: [...names].sort().map((group) => groupView(group, this.#members(group))) };
  }

  #members(group: string): ModelListing[] {
    return this.#context.models.listings().filter(({ info }) => groupsIn(info).includes(group));
  }

  async #set(group: string, { model_names, model_ids }: GroupModels, author: Author): Promise<View> {
    const names = model_ids?.length ? null : (model_names ?? []);
    if (names?.length === 0) throw invalidRequest("Name the models in 'model_names' or 'model_ids'.", 'model_names');
    const field = names === null ? 'model_ids' : 'model_names';
    const asked = names ?? model_ids ?? [];
    const rows = await storedModels(this.#context.db, names === null ? 'model_id' : 'model_name', asked);
    const found = new Set<string>(rows.map((row) => (names === null ? row.model_id : row.model_name)));
    const missing = asked.find((name) => !found.has(name));
    if (missing !== undefined) {
      throw invalidRequest(
        `'${missing.slice(0, 200)}' is no model that was added at run time; those of the configuration file have their groups there.`,
        field,
      );
    }
    const updated = await this.#write(group, rows, author);
    return {
      access_group: group,
      model_names: model_names ?? null,
      model_ids: model_ids ?? null,
      models_updated: updated,
    };
  }

  /** @returns how many deployments have changed */
  async #write(group: string, members: readonly ModelRow[], author: Author): Promise<number> {
    refuseWhenClosed(this.#context);
    const wanted = new Set(members.map(({ model_id }) => model_id));
    const before = this.#members(group).filter(({ isStored }) => isStored);
    const updated = await audited(this.#context, author, async (db, note) => {
      let count = 0;
      for (const id of new Set([...before.map((listing) => listing.id), ...wanted])) {
        if (await this.#mark(db, { id, group, isMember: wanted.has(id), author }, note)) count += 1;
      }
      return count;
    });
    await this.#context.models.refresh();
    return updated;
  }

  async #mark(
    db: Database,
    { id, group, isMember, author }: { id: string; group: string; isMember: boolean; author: Author },
    note: Note,
  ): Promise<boolean> {
    const changed = await models.change(db, id, EVERYTHING, (row) => {
      const info = objectIn(row.model_info);
      const others = groupsIn(info).filter((name) => name !== group);
      return {
        model_info: JSON.stringify({ ...info, access_groups: isMember ? [...others, group] : others }),
        updated_at_ms: Math.round(this.#context.now()),
        updated_by: authorOf(author.access.caller),
      };
    });
    if (changed === undefined || changed.taken !== undefined) return false;
    const views = [changed.before, changed.after].map((row) => ({ access_groups: groupsIn(objectIn(row.model_info)) }));
    const [before, after] = views;
    if (JSON.stringify(before) === JSON.stringify(after)) return false;
    note({ action: 'updated', kind: 'model', id, before: before ?? null, after: after ?? null });
    return true;
  }
}

const MOST_MODELS = 10_000;

async function storedModels(
  db: Database,
  column: 'model_id' | 'model_name',
  names: readonly string[],
): Promise<readonly ModelRow[]> {
  const where: Condition<ModelRow>[] = [{ column, in: names }];
  return (await models.list(db, { visibility: EVERYTHING, where, limit: MOST_MODELS })).rows;
}

function groupsIn(info: Readonly<Record<string, unknown>>): string[] {
  const groups = info['access_groups'];
  return Array.isArray(groups) ? groups.filter((name) => typeof name === 'string') : [];
}

const groupView = (group: string, members: readonly ModelListing[]): View => ({
  access_group: group,
  model_names: [...new Set(members.map(({ modelName }) => modelName))],
  deployment_count: members.length,
  spend: null,
  budget: null,
});

const unknownGroup = (group: string): GatewayError =>
  new GatewayError('not_found', `There is no access group '${group.slice(0, 100)}'.`, {
    param: 'access_group',
    type: 'not_found_error',
  });

const groupTaken = (group: string): GatewayError =>
  new GatewayError(
    'conflict',
    `The access group '${group}' exists already. Change it with /access_group/${group}/update.`,
    {
      param: 'access_group',
    },
  );

const isConfigured = (group: string, model: string): GatewayError =>
  invalidRequest(
    `The access group '${group}' stands at the model '${model}' in the configuration file. Take it out there.`,
    'access_group',
  );
