/** `/{noun}/daily/activity/export`: a line for each day and whom or what it is about. Source: LiteLLM's usage export. */
import { keysCountedAs } from '../db/keys.ts';
import type { UsageGroup, UsageRow } from '../db/usage-reports.ts';
import { users } from '../db/users.ts';
import { invalidRequest } from '../errors.ts';
import type { Cell } from '../lib/csv.ts';
import type { Asking, Report } from './report.ts';
import { type Entity, factsOfEntities } from './report-activity.ts';
import { metricCells, metricsOf } from './report-view.ts';

export const EXPORT_TYPES = ['daily', 'daily_with_keys', 'daily_with_models', 'daily_with_users'] as const;
export type ExportType = (typeof EXPORT_TYPES)[number];

const PARTS: Readonly<Record<ExportType, readonly UsageGroup[]>> = {
  daily: [],
  daily_with_keys: ['key'],
  daily_with_models: ['model'],
  daily_with_users: ['user'],
};
const MOST_LINES = 200_000;

export interface ExportLine {
  readonly names: Readonly<Record<(typeof NAMES)[number], string | null>>;
  readonly row: UsageRow;
}

const NAMES = [
  ...(['date', 'entity_id', 'entity_alias', 'api_key', 'key_alias', 'user_id', 'user_email', 'model'] as const),
] as const;

export interface Export {
  readonly asking: Asking;
  readonly report: Report;
  readonly entity: Entity;
  readonly type: ExportType;
}

/** Oldest day first. @throws GatewayError 400 when there are too many lines */
export async function exportLines({ asking, report, entity, type }: Export): Promise<ExportLine[]> {
  const groups = new Set<UsageGroup>(['day', entity, ...PARTS[type]]);
  const rows = await report.by([...groups], { limit: MOST_LINES + 1 });
  if (rows.length > MOST_LINES) {
    throw invalidRequest(`The export would have more than ${MOST_LINES} lines. Ask for a shorter time.`, 'start_date');
  }
  const namesOf = (group: UsageGroup): string[] => [...new Set(rows.flatMap(({ by }) => by[group] ?? []))];
  const aliases = await factsOfEntities(asking, entity, namesOf(entity));
  const keys = await keysCountedAs(asking.context.reader.lists, namesOf('key'), asking.access.visibility);
  const people = await emailsOf(asking, namesOf('user'));
  return rows.map((row) => {
    const { day = null, key = null, user = null, model = null, [entity]: id = null } = row.by;
    const names = {
      ...{ date: day, entity_id: id, entity_alias: aliasIn(aliases.get(id ?? '')), api_key: key, user_id: user, model },
      key_alias: keys.get(key ?? '')?.key_alias ?? null,
      user_email: people.get(user ?? '') ?? null,
    };
    return { names, row };
  });
}

function aliasIn(facts: Readonly<Record<string, unknown>> = {}): string | null {
  const alias = facts['team_alias'] ?? facts['user_alias'] ?? facts['organization_alias'] ?? facts['user_email'];
  return typeof alias === 'string' ? alias : null;
}

async function emailsOf({ context, access }: Asking, ids: readonly string[]): Promise<Map<string, string | null>> {
  const found = await users.findMany(context.reader.lists, ids, access.visibility);
  return new Map(found.map(({ user_id, user_email }) => [user_id, user_email]));
}

export const exportView = ({ names, row }: ExportLine): Record<string, unknown> => ({
  ...names,
  ...metricsOf(row),
  flat_cost: 0,
});

export const exportCells = ({ names, row }: ExportLine): Record<string, Cell> => ({
  ...Object.fromEntries(NAMES.map((name) => [name, names[name]])),
  ...metricCells(row),
});

export const EXPORT_COLUMNS: readonly string[] = NAMES;
