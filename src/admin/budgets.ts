/** `/budget/*`: definitions that keys, members, customers and others share. Source: LiteLLM's documentation of budgets. */
import { textsIn } from '../auth/json-columns.ts';
import { type BudgetRow, budgets, budgetUses, EMPTY_BUDGET } from '../db/budgets.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { parseWindow, windowAt } from '../limits/window.ts';
import type { AdminContext } from './context.ts';
import type { LimitFields } from './fields.ts';
import { iso, jsonOf, limitColumns, limitsView } from './limit-columns.ts';
import { newId } from './new-id.ts';
import { type Author, audited, authorOf } from './write.ts';

type View = Record<string, unknown>;

export interface BudgetFields extends Partial<LimitFields> {
  readonly allowed_models?: readonly string[] | null | undefined;
}

const MOST_LISTED = 10_000;
const LISTED_FIELDS: Readonly<Record<string, readonly [type: string, description: string]>> = {
  max_parallel_requests: ['Integer', 'The most requests that may be under way at the same time.'],
  tpm_limit: ['Integer', 'The most tokens a minute.'],
  rpm_limit: ['Integer', 'The most requests a minute.'],
  budget_duration: ['String', 'After which time spending begins anew, such as 1d or 1mo.'],
  max_budget: ['Float', 'The most that may be spent, in dollars.'],
  soft_budget: ['Float', 'Passing it is told and refuses nothing.'],
};

export class Budgets {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async create(budgetId: string | null, fields: BudgetFields, author: Author): Promise<View> {
    const nowMs = Math.round(this.#context.now());
    const by = authorOf(author.access.caller);
    const row: BudgetRow = {
      ...EMPTY_BUDGET,
      budget_id: budgetId ?? newId(this.#context),
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
      created_by: by,
      updated_by: by,
      ...columnsOf(fields),
    };
    await audited(this.#context, author, async (db, note) => {
      if (await budgets.insert(db, row)) throw budgetTaken(row.budget_id);
      note({ action: 'created', kind: 'budget', id: row.budget_id, after: this.#view(row) });
    });
    // One that was missing may have been referred to.
    this.#forget();
    return this.#view(row);
  }

  async update(budgetId: string, fields: BudgetFields, author: Author): Promise<View> {
    const row = await audited(this.#context, author, async (db, note) => {
      const changed = await budgets.change(db, budgetId, author.access.visibility, () => ({
        ...columnsOf(fields),
        updated_at_ms: Math.round(this.#context.now()),
        updated_by: authorOf(author.access.caller),
      }));
      if (changed === undefined) throw unknownBudget(budgetId);
      if (changed.taken !== undefined) throw budgetTaken(budgetId);
      const { before, after } = changed;
      note({ action: 'updated', kind: 'budget', id: budgetId, before: this.#view(before), after: this.#view(after) });
      return after;
    });
    this.#forget();
    return this.#view(row);
  }

  /** @throws GatewayError 400 while anything refers to it: those would not be limited any more */
  async remove(budgetId: string, author: Author): Promise<View> {
    const row = await audited(this.#context, author, async (db, note) => {
      const [found] = await budgets.remove(db, [budgetId], author.access.visibility);
      if (found === undefined) throw unknownBudget(budgetId);
      const uses = Object.entries(await budgetUses(db, budgetId)).map(([table, count]) => nounOf(table, count));
      if (this.#context.settings().endUserBudgetId === budgetId)
        uses.push('max_end_user_budget_id in the configuration');
      if (uses.length > 0) {
        throw invalidRequest(
          `The budget '${budgetId}' is used by ${uses.join(', ')}. Give them another one first.`,
          'id',
        );
      }
      note({ action: 'deleted', kind: 'budget', id: budgetId, before: this.#view(found) });
      return found;
    });
    this.#forget();
    return this.#view(row);
  }

  /** Those that are not there are left out. */
  async info(budgetIds: readonly string[], { access }: Pick<Author, 'access'>): Promise<View[]> {
    const rows = await budgets.findMany(this.#context.db, budgetIds, access.visibility);
    return rows.map((row) => this.#view(row));
  }

  async list({ access }: Pick<Author, 'access'>): Promise<View[]> {
    const page = await budgets.list(this.#context.db, { visibility: access.visibility, limit: MOST_LISTED });
    return page.rows.map((row) => this.#view(row));
  }

  /** One line a field, for a form. */
  async fieldsOf(budgetId: string, { access }: Pick<Author, 'access'>): Promise<View[]> {
    const row = await budgets.find(this.#context.db, budgetId, access.visibility);
    if (row === undefined) throw unknownBudget(budgetId);
    const view = this.#view(row);
    return Object.entries(LISTED_FIELDS).map(([field, [type, description]]) => ({
      field_name: field,
      field_type: type,
      field_description: description,
      field_value: view[field],
      stored_in_db: true,
      field_default_value: null,
    }));
  }

  #view(row: BudgetRow): View {
    return budgetView(row, this.#context);
  }

  /** Nobody knows who refers to it without asking, so all that stands in memory is read anew. */
  #forget(): void {
    this.#context.directory.invalidateAll();
    this.#context.keys.invalidateAll();
  }
}

function columnsOf(fields: BudgetFields): Partial<BudgetRow> {
  const { allowed_models } = fields;
  return {
    ...limitColumns(fields),
    ...(allowed_models !== undefined && { allowed_models: jsonOf(allowed_models) }),
  };
}

export function budgetView(row: BudgetRow, { settings, now }: Pick<AdminContext, 'settings' | 'now'>): View {
  return {
    budget_id: row.budget_id,
    ...limitsView(row),
    budget_reset_at: resetAt(row.budget_duration, settings().timeZone, now()),
    allowed_models: textsIn(row.allowed_models),
    created_at: iso(row.created_at_ms),
    created_by: row.created_by,
    updated_at: iso(row.updated_at_ms),
    updated_by: row.updated_by,
  };
}

/** When spending begins anew. ISO 8601; `null`: never. */
export function resetAt(budgetDuration: string | null, timeZone: string, nowMs: number): string | null {
  const window = parseWindow(budgetDuration, timeZone) ?? { kind: 'lifetime' };
  return iso(windowAt(window, nowMs).endMs);
}

/** @throws GatewayError 400 when there is none, so that nothing refers to a limit that does not hold */
export async function refuseUnknownBudget(db: AdminContext['db'], budgetId: string): Promise<void> {
  if ((await budgets.find(db, budgetId, EVERYTHING)) !== undefined) return;
  throw invalidRequest(`There is no budget '${budgetId}'. Make it first with /budget/new.`, 'budget_id');
}

const nounOf = (table: string, count: number): string =>
  `${count} ${table.replaceAll('_', ' ').replace(/s$/, count === 1 ? '' : 's')}`;

const unknownBudget = (budgetId: string): GatewayError =>
  new GatewayError('not_found', `There is no budget '${budgetId}'.`, { param: 'budget_id', type: 'not_found_error' });

const budgetTaken = (budgetId: string): GatewayError =>
  invalidRequest(`A budget '${budgetId}' exists already. Change it with /budget/update.`, 'budget_id');
