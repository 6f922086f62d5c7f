/** `/customer/*`: end users, whom a caller of ours names as theirs. Source: LiteLLM's documentation of customers. */
import { objectIn, textsIn } from '../auth/json-columns.ts';
import type { BudgetRow } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import { type CustomerRow, customers, EMPTY_CUSTOMER } from '../db/customers.ts';
import { isSeen, seenNames } from '../db/seen-scopes.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { refuseUnknownBudget } from './budgets.ts';
import { caughtUp } from './caught-up.ts';
import type { AdminContext } from './context.ts';
import type { LimitFields } from './fields.ts';
import { iso, jsonOf, limitsView } from './limit-columns.ts';
import { countsFrom } from './made-anew.ts';
import { guarded } from './metadata.ts';
import { budgetsBehind, budgetTable, sharedOrOwn, spenderOf } from './shared-budget.ts';
import { type Spent, spentBy } from './spent.ts';
import { type Author, audited, authorOf, type Note } from './write.ts';

type View = Record<string, unknown>;

export interface CustomerFields extends Partial<LimitFields> {
  readonly alias?: string | null | undefined;
  readonly blocked?: boolean | null | undefined;
  readonly budget_id?: string | null | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly default_model?: string | null | undefined;
  readonly allowed_model_region?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
}

const MOST_BLOCKED_LISTED = 1_000;
const PLAIN = ['alias', 'default_model', 'allowed_model_region'] as const;

export class Customers {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async create(userId: string, fields: CustomerFields, author: Author): Promise<View> {
    const wanted = { ...this.#newRow(userId, author), ...columnsOf(fields) };
    const row = await audited(this.#context, author, async (db, note) => {
      if (wanted.budget_id !== null) await refuseUnknownBudget(db, wanted.budget_id);
      const made = { ...wanted, counts_from_ms: await countsFrom(db, 'customer', userId, wanted.created_at_ms) };
      if (await customers.insert(db, made)) {
        throw invalidRequest(`A customer '${userId}' exists already. Change it with /customer/update.`, 'user_id');
      }
      note({ action: 'created', kind: 'customer', id: userId, after: auditView(made) });
      return made;
    });
    this.#context.directory.invalidate('end_user', userId);
    return await this.#view(row);
  }

  async update(userId: string, fields: CustomerFields, author: Author): Promise<View> {
    const columns = columnsOf(fields);
    await caughtUp(this.#context.ledger);
    const row = await audited(this.#context, author, async (db, note) => {
      if (typeof columns.budget_id === 'string') await refuseUnknownBudget(db, columns.budget_id);
      if (await isSeen(db, 'end_user', userId)) await customers.insert(db, this.#newRow(userId, author));
      return await this.#change(db, { userId, columns, author, action: 'updated' }, note);
    });
    this.#context.directory.invalidate('end_user', userId);
    return await this.#view(row);
  }

  /** Whom nobody has stored is stored now. */
  async block(userIds: readonly string[], author: Author): Promise<View> {
    const rows = await this.#setBlocked(userIds, true, author);
    return { blocked_users: await this.#views(rows) };
  }

  async unblock(userIds: readonly string[], author: Author): Promise<View> {
    const rows = await this.#setBlocked(userIds, false, author);
    const still = await customers.list(this.#context.db, {
      visibility: author.access.visibility,
      where: [{ column: 'blocked', is: 1 }],
      limit: MOST_BLOCKED_LISTED,
    });
    return {
      unblocked_users: await this.#views(rows),
      blocked_users: still.rows.map(({ user_id }) => user_id),
    };
  }

  async #setBlocked(userIds: readonly string[], blocked: boolean, author: Author): Promise<CustomerRow[]> {
    const wanted = [...new Set(userIds)];
    const rows = await audited(this.#context, author, async (db, note) => {
      const changed: CustomerRow[] = [];
      for (const userId of wanted) {
        if (blocked) await customers.insert(db, this.#newRow(userId, author));
        const columns = { blocked: blocked ? 1 : 0 };
        const action = blocked ? 'blocked' : 'unblocked';
        changed.push(await this.#change(db, { userId, columns, author, action }, note));
      }
      return changed;
    });
    for (const userId of wanted) this.#context.directory.invalidate('end_user', userId);
    return rows;
  }

  async #change(
    db: Database,
    change: {
      readonly userId: string;
      readonly columns: Partial<CustomerRow>;
      readonly author: Author;
      readonly action: 'updated' | 'blocked' | 'unblocked';
    },
    note: Note,
  ): Promise<CustomerRow> {
    const { userId, columns, author, action } = change;
    const changed = await customers.change(db, userId, author.access.visibility, () => ({
      ...columns,
      updated_at_ms: Math.round(this.#context.now()),
      updated_by: authorOf(author.access.caller),
    }));
    if (changed === undefined || changed.taken !== undefined) throw unknownCustomer([userId], 'user_id');
    const { before, after } = changed;
    note({ action, kind: 'customer', id: userId, before: auditView(before), after: auditView(after) });
    return after;
  }

  /** All of them or none. What was spent stays in the ledger. */
  async remove(userIds: readonly string[], author: Author): Promise<View> {
    const removed = await audited(this.#context, author, async (db, note) => {
      const rows = await customers.remove(db, userIds, author.access.visibility);
      const there = new Set(rows.map(({ user_id }) => user_id));
      const missing = userIds.filter((userId) => !there.has(userId));
      if (missing.length > 0) throw unknownCustomer(missing, 'user_ids');
      for (const row of rows) {
        note({ action: 'deleted', kind: 'customer', id: row.user_id, before: auditView(row) });
      }
      return rows;
    });
    for (const { user_id } of removed) this.#context.directory.invalidate('end_user', user_id);
    return {
      deleted_customers: removed.length,
      message: `Successfully deleted customers with ids: ${removed.map(({ user_id }) => user_id).join(', ')}`,
    };
  }

  /** Whom requests have named is there, stored or not. */
  async info(userId: string, { access }: Pick<Author, 'access'>): Promise<View> {
    const { db } = this.#context;
    const row = await customers.find(db, userId, access.visibility);
    if (row !== undefined) return await this.#view(row);
    await caughtUp(this.#context.ledger);
    if (!(await isSeen(db, 'end_user', userId))) throw unknownCustomer([userId], 'end_user_id');
    return await this.#view(seenRow(userId));
  }

  /** Those that are stored, the newest first, and then, as far as there is room, those whom only requests have named. */
  async list(
    { page, size, search }: { readonly page: number; readonly size: number; readonly search: string },
    { access }: Pick<Author, 'access'>,
  ): Promise<View[]> {
    const { db, ledger } = this.#context;
    await caughtUp(ledger);
    const offset = (page - 1) * size;
    const columns = ['user_id', 'alias'] as const;
    const where = search === '' ? [] : [{ any: columns.map((column) => ({ column, contains: search })) }];
    const { rows, total } = await customers.list(db, { visibility: access.visibility, where, limit: size, offset });
    const room = offset + size - Math.max(total, offset);
    const seen = room > 0 ? await seenNames(db, 'end_user', offset + size, search) : [];
    const stored = new Set((await customers.findMany(db, seen, access.visibility)).map(({ user_id }) => user_id));
    const others = seen.filter((name) => !stored.has(name)).slice(Math.max(0, offset - total));
    return await this.#views([...rows, ...others.slice(0, Math.max(0, room)).map(seenRow)]);
  }

  #newRow(userId: string, author: Author): CustomerRow {
    const nowMs = Math.round(this.#context.now());
    const by = authorOf(author.access.caller);
    return {
      ...seenRow(userId),
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
      created_by: by,
      updated_by: by,
    };
  }

  async #view(row: CustomerRow): Promise<View> {
    const [view] = await this.#views([row]);
    return view ?? {};
  }

  async #views(rows: readonly CustomerRow[]): Promise<View[]> {
    const { db, settings } = this.#context;
    const budgetOf = await budgetsBehind(db, rows, settings().endUserBudgetId);
    const spenders = rows.map((row) => spenderOf(row.user_id, row, budgetOf(row)));
    const spent = await spentBy(this.#context, 'end_user', spenders);
    return rows.map((row) => customerView(row, budgetOf(row), spent(row.user_id), this.#context));
  }
}

/** Of whom nothing is known but the name. */
const seenRow = (userId: string): CustomerRow => ({
  ...EMPTY_CUSTOMER,
  user_id: userId,
  created_at_ms: 0,
  updated_at_ms: 0,
});

function columnsOf(fields: CustomerFields): Partial<CustomerRow> {
  const columns: Partial<CustomerRow> = { ...sharedOrOwn(fields) };
  for (const field of PLAIN) if (fields[field] !== undefined) columns[field] = fields[field];
  if (fields.blocked !== undefined) columns.blocked = fields.blocked ? 1 : 0;
  if (fields.models !== undefined) columns.models = jsonOf(fields.models);
  if (fields.metadata !== undefined)
    columns.metadata = jsonOf(fields.metadata && guarded(fields.metadata, {}, 'platform'));
  return columns;
}

function customerView(
  row: CustomerRow,
  budget: BudgetRow | undefined,
  spent: Spent,
  context: Pick<AdminContext, 'settings' | 'now'>,
): View {
  return {
    ...storedView(row),
    spend: spent.spend,
    total_spend: spent.total_spend,
    litellm_budget_table: budgetTable(row, budget, context),
  };
}

const auditView = (row: CustomerRow): View => ({ ...storedView(row), ...limitsView(row) });

function storedView(row: CustomerRow): View {
  const isStored = Number(row.created_at_ms) > 0;
  return {
    user_id: row.user_id,
    alias: row.alias,
    blocked: Number(row.blocked) === 1,
    allowed_model_region: row.allowed_model_region,
    default_model: row.default_model,
    models: textsIn(row.models),
    metadata: objectIn(row.metadata),
    budget_id: row.budget_id,
    object_permission: null,
    object_permission_id: null,
    created_at: isStored ? iso(row.created_at_ms) : null,
    created_by: row.created_by,
    updated_at: isStored ? iso(row.updated_at_ms) : null,
    updated_by: row.updated_by,
  };
}

const unknownCustomer = (userIds: readonly string[], param: string): GatewayError =>
  new GatewayError('not_found', `There is no customer '${userIds.join("', '").slice(0, 1_000)}'.`, {
    param,
    type: 'not_found_error',
  });
