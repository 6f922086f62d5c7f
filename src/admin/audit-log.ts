/** `/audit`: what admins did. Source: LiteLLM's documentation of audit logs. */
import { type AuditRow, auditLog, verifyAudit } from '../db/audit-log.ts';
import type { Condition } from '../db/conditions.ts';
import { GatewayError } from '../errors.ts';
import type { Cell } from '../lib/csv.ts';
import type { AdminContext } from './context.ts';
import { iso } from './limit-columns.ts';
import { moment } from './query.ts';
import { readTable } from './report-view.ts';
import type { Author } from './write.ts';

type View = Record<string, unknown>;
type Reader = Pick<Author, 'access'>;

export interface AuditQuery {
  readonly page: number;
  readonly size: number;
  readonly sortOrder: 'asc' | 'desc';
  readonly action?: string | undefined;
  /** Our word (`key`) or LiteLLM's table. */
  readonly objectKind?: string | undefined;
  readonly objectId?: string | undefined;
  /** User or the name in `litellm-changed-by`. */
  readonly changedBy?: string | undefined;
  readonly changedByKey?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly teamId?: string | undefined;
  readonly startDate?: string | undefined;
  readonly endDate?: string | undefined;
}

const DAY_MS = 86_400_000;
const ROWS_PER_READ = 500;

/** LiteLLM's names of the tables that things are in. */
const TABLES: Readonly<Record<string, string>> = {
  key: 'LiteLLM_VerificationToken',
  team: 'LiteLLM_TeamTable',
  team_member: 'LiteLLM_TeamMembership',
  user: 'LiteLLM_UserTable',
  organization: 'LiteLLM_OrganizationTable',
  organization_member: 'LiteLLM_OrganizationMembership',
  project: 'LiteLLM_ProjectTable',
  customer: 'LiteLLM_EndUserTable',
  budget: 'LiteLLM_BudgetTable',
  tag: 'LiteLLM_TagTable',
  access_group: 'LiteLLM_AccessGroupTable',
  model: 'LiteLLM_ProxyModelTable',
  credential: 'LiteLLM_CredentialsTable',
};

/** Of the CSV: the fields of a row in the JSON. */
const COLUMNS = [
  ...(['id', 'updated_at', 'changed_by', 'changed_by_api_key', 'action', 'table_name', 'object_id'] as const),
  ...(['before_value', 'updated_values', 'object_kind', 'actor_user', 'actor_role', 'organization_id'] as const),
  ...(['team_id', 'request_id', 'hash', 'previous_hash'] as const),
];
type Column = (typeof COLUMNS)[number];

export class AuditLog {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async page(query: AuditQuery, { access }: Reader): Promise<View> {
    const { page, size, sortOrder } = query;
    const { rows, total } = await auditLog.list(this.#context.db, {
      visibility: access.visibility,
      where: conditionsOf(query),
      sort: { by: 'id', order: sortOrder },
      limit: size,
      offset: (page - 1) * size,
    });
    return {
      audit_logs: rows.map(auditView),
      total,
      page,
      page_size: size,
      total_pages: Math.ceil(total / size),
    };
  }

  /** All rows that the filters leave, in the order that was asked for; what was before and after is JSON text. */
  table(query: AuditQuery, { access }: Reader): Response {
    const where = conditionsOf(query);
    const order = query.sortOrder;
    let last: Condition<AuditRow>[] = [];
    return readTable('audit-log', COLUMNS, async () => {
      const rows = await auditLog.rows(this.#context.db, {
        visibility: access.visibility,
        where: [...where, ...last],
        sort: { by: 'id', order },
        limit: ROWS_PER_READ,
      });
      const end = rows.at(-1);
      if (end) last = [order === 'asc' ? { column: 'id', from: end.id + 1 } : { column: 'id', before: end.id }];
      return rows.map(auditCells);
    });
  }

  async one(id: string, { access }: Reader): Promise<View> {
    const row = /^\d{1,15}$/.test(id) ? await auditLog.find(this.#context.db, id, access.visibility) : undefined;
    if (row !== undefined) return auditView(row);
    throw new GatewayError('not_found', `There is no audit log with the id '${id.slice(0, 100)}'.`, {
      param: 'id',
      type: 'not_found_error',
    });
  }

  /** Whether any row was changed, put in or taken out since it was written. */
  async verify(): Promise<View> {
    const check = await verifyAudit(this.#context.db);
    if (check.intact) return { intact: true, rows: check.rows, last_hash: check.lastHash };
    return { intact: false, broken_at_id: check.brokenAtId, reason: check.reason };
  }
}

function conditionsOf(query: AuditQuery): Condition<AuditRow>[] {
  const { objectKind } = query;
  const kind = Object.keys(TABLES).find((each) => TABLES[each] === objectKind) ?? objectKind;
  const equal: Partial<Record<keyof AuditRow, string | undefined>> = {
    action: query.action,
    object_kind: kind,
    object_id: query.objectId,
    actor_key: query.changedByKey,
    organization_id: query.organizationId,
    team_id: query.teamId,
  };
  const conditions: Condition<AuditRow>[] = [];
  for (const column of ['action', 'object_kind', 'object_id', 'actor_key', 'organization_id', 'team_id'] as const) {
    const value = equal[column];
    if (value !== undefined) conditions.push({ column, is: value });
  }
  if (query.changedBy !== undefined) {
    const by = query.changedBy;
    conditions.push({
      any: [
        { column: 'changed_by', is: by },
        { column: 'actor_user', is: by },
      ],
    });
  }
  return [...conditions, ...between(query.startDate, query.endDate)];
}

/** Both ends belong to it; a day without a time is all of the day (UTC). */
function between(startDate: string | undefined, endDate: string | undefined): Condition<AuditRow>[] {
  const given = { ...(startDate && { start_date: startDate }), ...(endDate && { end_date: endDate }) };
  const [start, end] = [moment(given, 'start_date'), moment(given, 'end_date')];
  return [
    ...(start === undefined ? [] : [{ column: 'at_ms', from: start.atMs } as const]),
    ...(end === undefined ? [] : [{ column: 'at_ms', before: end.atMs + (end.isDay ? DAY_MS : 1) } as const]),
  ];
}

const auditView = (row: AuditRow): View => ({
  ...auditCells(row),
  before_value: jsonIn(row.before_values),
  updated_values: jsonIn(row.after_values),
});

function auditCells(row: AuditRow): Readonly<Record<Column, Cell>> {
  return {
    id: String(row.id),
    updated_at: iso(row.at_ms),
    changed_by: row.changed_by ?? row.actor_user ?? '',
    changed_by_api_key: row.actor_key ?? '',
    action: row.action,
    table_name: TABLES[row.object_kind] ?? row.object_kind,
    object_id: row.object_id,
    before_value: row.before_values,
    updated_values: row.after_values,
    object_kind: row.object_kind,
    actor_user: row.actor_user,
    actor_role: row.actor_role,
    organization_id: row.organization_id,
    team_id: row.team_id,
    request_id: row.call_id,
    hash: row.hash,
    previous_hash: row.previous_hash,
  };
}

const jsonIn = (json: string | null): unknown => (json === null ? null : JSON.parse(json));
