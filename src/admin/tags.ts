/** `/tag/*`: tags with a budget, and those that only requests have named. Source: LiteLLM's documentation of tag management. */
import { objectIn, textsIn } from '../auth/json-columns.ts';
import type { BudgetRow } from '../db/budgets.ts';
import { seenNames } from '../db/seen-scopes.ts';
import { EMPTY_TAG, type TagRow, tags } from '../db/tags.ts';
import { isAgentTag } from '../db/usage-scopes.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { refuseUnknownBudget } from './budgets.ts';
import { caughtUp } from './caught-up.ts';
import type { AdminContext } from './context.ts';
import type { LimitFields } from './fields.ts';
import { iso, jsonOf, limitsView } from './limit-columns.ts';
import { countsFrom } from './made-anew.ts';
import { budgetsBehind, budgetTable, sharedOrOwn, spenderOf } from './shared-budget.ts';
import { type Spent, spentBy } from './spent.ts';
import { type Author, audited, authorOf } from './write.ts';

type View = Record<string, unknown>;

export interface TagFields extends Partial<LimitFields> {
  readonly description?: string | null | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly model_info?: Readonly<Record<string, unknown>> | null | undefined;
  readonly budget_id?: string | null | undefined;
}

const MOST_LISTED = 10_000;

export class Tags {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async create(name: string, fields: TagFields, author: Author): Promise<View> {
    refuseModelLimits(name, fields);
    const nowMs = Math.round(this.#context.now());
    const by = authorOf(author.access.caller);
    const wanted: TagRow = {
      ...EMPTY_TAG,
      tag_name: name,
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
      created_by: by,
      updated_by: by,
      ...columnsOf(fields),
    };
    const row = await audited(this.#context, author, async (db, note) => {
      if (wanted.budget_id !== null) await refuseUnknownBudget(db, wanted.budget_id);
      const made = { ...wanted, counts_from_ms: await countsFrom(db, 'tag', name, nowMs) };
      if (await tags.insert(db, made)) {
        throw invalidRequest(`A tag '${name}' exists already. Change it with /tag/update.`, 'name');
      }
      note({ action: 'created', kind: 'tag', id: name, after: storedView(made) });
      return made;
    });
    return await this.#changed(row, 'created');
  }

  async update(name: string, fields: TagFields, author: Author): Promise<View> {
    refuseModelLimits(name, fields);
    const columns = columnsOf(fields);
    const row = await audited(this.#context, author, async (db, note) => {
      if (typeof columns.budget_id === 'string') await refuseUnknownBudget(db, columns.budget_id);
      const changed = await tags.change(db, name, author.access.visibility, () => ({
        ...columns,
        updated_at_ms: Math.round(this.#context.now()),
        updated_by: authorOf(author.access.caller),
      }));
      if (changed === undefined || changed.taken !== undefined) throw unknownTag(name);
      const { before, after } = changed;
      note({ action: 'updated', kind: 'tag', id: name, before: storedView(before), after: storedView(after) });
      return after;
    });
    return await this.#changed(row, 'updated');
  }

  /** What was spent under it stays in the ledger. */
  async remove(name: string, author: Author): Promise<View> {
    await audited(this.#context, author, async (db, note) => {
      const [row] = await tags.remove(db, [name], author.access.visibility);
      if (row === undefined) throw unknownTag(name);
      note({ action: 'deleted', kind: 'tag', id: name, before: storedView(row) });
    });
    this.#context.directory.invalidate('tag', name);
    return { message: `Tag ${name} deleted successfully` };
  }

  /** By name. @throws GatewayError 404 when one of them is not stored */
  async info(names: readonly string[], { access }: Pick<Author, 'access'>): Promise<View> {
    const rows = await tags.findMany(this.#context.db, names, access.visibility);
    const views = await this.#views(rows);
    const found = new Map(rows.map(({ tag_name }, index) => [tag_name, views[index]]));
    const missing = names.find((name) => !found.has(name));
    if (missing !== undefined) throw unknownTag(missing);
    return Object.fromEntries(found);
  }

  /** Those that are stored, the newest first, then those that only requests have named. */
  async list({ access }: Pick<Author, 'access'>): Promise<View[]> {
    const { db, ledger } = this.#context;
    await caughtUp(ledger);
    const { rows } = await tags.list(db, { visibility: access.visibility, limit: MOST_LISTED });
    const stored = new Set(rows.map(({ tag_name }) => tag_name));
    const seen = (await seenNames(db, 'tag', MOST_LISTED)).filter((name) => !stored.has(name));
    return await this.#views([...rows, ...seen.map(seenRow)]);
  }

  async #changed(row: TagRow, how: 'created' | 'updated'): Promise<View> {
    this.#context.directory.invalidate('tag', row.tag_name);
    const [tag] = await this.#views([row]);
    return { message: `Tag ${row.tag_name} ${how} successfully`, tag };
  }

  async #views(rows: readonly TagRow[]): Promise<View[]> {
    const budgetOf = await budgetsBehind(this.#context.db, rows);
    const spenders = rows.map((row) => spenderOf(row.tag_name, row, budgetOf(row)));
    const spent = await spentBy(this.#context, 'tag', spenders);
    return rows.map((row) => tagView(row, budgetOf(row), spent(row.tag_name), this.#context));
  }
}

/** Of which nothing is known but the name. */
const seenRow = (name: string): TagRow => ({ ...EMPTY_TAG, tag_name: name, created_at_ms: 0, updated_at_ms: 0 });

const DYNAMIC =
  'This is just a spend tag that was passed dynamically in a request. It does not control any LLM models.';

/** The tags of a client's program are not counted for each model. */
function refuseModelLimits(name: string, { model_max_budget, tollgate_limits }: TagFields): void {
  if (!isAgentTag(name)) return;
  const field =
    Object.keys(model_max_budget ?? {}).length > 0
      ? 'model_max_budget'
      : tollgate_limits?.some(({ model }) => model != null) && 'tollgate_limits';
  if (!field) return;
  throw invalidRequest(
    `'${field}' cannot limit models under the tag of a client's program: limit the tag as a whole, or have the client send a tag of its own.`,
    field,
  );
}

function columnsOf(fields: TagFields): Partial<TagRow> {
  const { description, models, model_info } = fields;
  return {
    ...sharedOrOwn(fields),
    ...(description !== undefined && { description }),
    ...(models !== undefined && { models: jsonOf(models) }),
    ...(model_info !== undefined && { model_info: jsonOf(model_info) }),
  };
}

function tagView(
  row: TagRow,
  budget: BudgetRow | undefined,
  spent: Spent,
  context: Pick<AdminContext, 'settings' | 'now'>,
): View {
  return { ...storedView(row), ...spent, litellm_budget_table: budgetTable(row, budget, context) };
}

function storedView(row: TagRow): View {
  const isStored = Number(row.created_at_ms) > 0;
  return {
    name: row.tag_name,
    description: isStored ? row.description : DYNAMIC,
    models: textsIn(row.models),
    model_info: objectIn(row.model_info),
    budget_id: row.budget_id,
    ...limitsView(row),
    is_dynamic: !isStored,
    created_at: isStored ? iso(row.created_at_ms) : null,
    created_by: row.created_by,
    updated_at: isStored ? iso(row.updated_at_ms) : null,
    updated_by: row.updated_by,
  };
}

const unknownTag = (name: string): GatewayError =>
  new GatewayError('not_found', `There is no tag '${name}'.`, { param: 'name', type: 'not_found_error' });
