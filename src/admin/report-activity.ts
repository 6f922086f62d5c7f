/** `/{noun}/daily/activity`: what was used on each day, and by what. Source: LiteLLM's documentation of daily activity. */
import { keysCountedAs } from '../db/keys.ts';
import { organizations } from '../db/organizations.ts';
import { teams } from '../db/teams.ts';
import type { UsageGroup, UsageRow } from '../db/usage-reports.ts';
import { users } from '../db/users.ts';
import { invalidRequest } from '../errors.ts';
import type { Cell } from '../lib/csv.ts';
import type { Asking, Report } from './report.ts';
import { withinDays } from './report-range.ts';
import { addedUp, dayMetricsOf, groupedBy, type Metrics, metricCells, type Sum } from './report-view.ts';

type View = Record<string, unknown>;

/** What the days are told apart by besides. */
export type Entity = 'user' | 'team' | 'tag' | 'organization' | 'end_user';

export interface ActivityRequest {
  readonly asking: Asking;
  readonly report: Report;
  readonly entity: Entity;
  /** `undefined`: all days at once. */
  readonly page: { readonly number: number; readonly size: number } | undefined;
}

/** Of keys and entities a page tells the largest so many of all its days; its totals are of all. */
const MOST_NAMES = 10_000;
const MOST_LINES = 50_000;
const SERVED = ['day', 'model', 'model_group', 'provider', 'route'] as const;

/** Newest day first. Pages are counted in days; the totals are those of all pages. */
export async function dailyActivity(request: ActivityRequest): Promise<View> {
  const { report, page } = request;
  const served = await servedRows(report);
  const days = Array.from(
    groupedBy(served, dayOf),
    ([date, rows]): Day => ({ date, rows, sum: addedUp(rows) }),
  ).reverse();
  const size = page?.size ?? Math.max(1, days.length);
  const number = page?.number ?? 1;
  const shown = days.slice((number - 1) * size, number * size);
  const pages = Math.ceil(days.length / size);
  return {
    results: await daysOf(request, shown),
    metadata: {
      ...totalsOf(addedUp(served)),
      page: number,
      total_pages: pages,
      has_more: number < pages,
      api_key_limit: null,
      total_api_keys: null,
      entity_total_api_keys: null,
      timezone: report.range.timeZone,
    },
  };
}

function totalsOf(sum: Sum): View {
  const named = (name: string): string => (name.startsWith('total_') ? name : `total_${name}`);
  return Object.fromEntries(Object.entries(dayMetricsOf(sum)).map(([name, count]) => [named(name), count]));
}

interface Day {
  readonly date: string;
  /** What served it. */
  readonly rows: readonly UsageRow[];
  readonly sum: Sum;
}

/** Oldest day first. @throws GatewayError 400 when there are too many */
async function servedRows({ by }: Report): Promise<readonly UsageRow[]> {
  const rows = await by(SERVED, { limit: MOST_LINES + 1 });
  if (rows.length <= MOST_LINES) return rows;
  throw invalidRequest(`The report would have more than ${MOST_LINES} lines. Ask for a shorter time.`, 'start_date');
}

async function daysOf(request: ActivityRequest, shown: readonly Day[]): Promise<View[]> {
  const [newest, oldest] = [shown[0]?.date, shown.at(-1)?.date];
  if (newest === undefined || oldest === undefined) return [];
  const { report, entity, asking } = request;
  const { fromMs, toMs } = withinDays(report.range, oldest, newest);
  const largest = { fromMs, toMs, orderBy: 'cost', limit: MOST_NAMES } as const;
  const keys = await report.by(['day', 'key'], largest);
  const entities = await report.by(['day', entity], largest);
  const keysOf = groupedBy(keys, dayOf);
  const entitiesOf = groupedBy(entities, dayOf);
  const keyFacts = await factsOfKeys(asking, namesIn(keys, 'key'));
  const entityFacts = await factsOfEntities(asking, entity, namesIn(entities, entity));
  return shown.map(({ date, rows, sum }) => ({
    date,
    metrics: dayMetricsOf(sum),
    breakdown: {
      models: parted(rows, 'model'),
      model_groups: parted(rows, 'model_group'),
      mcp_servers: {},
      providers: parted(rows, 'provider'),
      endpoints: parted(rows, 'route'),
      api_keys: parted(keysOf.get(date) ?? [], 'key', keyFacts),
      entities: parted(entitiesOf.get(date) ?? [], entity, entityFacts),
      guardrails: {},
    },
  }));
}

const dayOf = ({ by }: UsageRow): string => by.day ?? '';
const namesIn = (rows: readonly UsageRow[], group: UsageGroup): string[] => [
  ...new Set(rows.flatMap(({ by }) => by[group] ?? [])),
];

interface Part {
  readonly metrics: Metrics;
  readonly metadata: View;
}

type Facts = ReadonlyMap<string, View>;

/** Requests without such a name stand under the empty one, so that the parts add up to the day. */
function parted(rows: readonly UsageRow[], group: UsageGroup, facts: Facts = new Map()): Record<string, Part> {
  const groups = groupedBy(rows, ({ by }) => by[group] ?? '');
  return Object.fromEntries(
    Array.from(groups, ([name, members]) => [
      name,
      { metrics: dayMetricsOf(addedUp(members)), metadata: facts.get(name) ?? {} },
    ]),
  );
}

async function factsOfKeys({ context, access }: Asking, hashes: readonly string[]): Promise<Facts> {
  // Thousands of names: looked up where requests do not wait for it.
  const { lists } = context.reader;
  const rows = await keysCountedAs(lists, hashes, access.visibility);
  const owners = [...new Set([...rows.values()].flatMap(({ user_id }) => user_id ?? []))];
  const found = await users.findMany(lists, owners, access.visibility);
  const emails = new Map(found.map(({ user_id, user_email }) => [user_id, user_email]));
  const facts = (hash: string): View => {
    const row = rows.get(hash);
    const userId = row?.user_id ?? null;
    return {
      key_alias: row?.key_alias ?? null,
      team_id: row?.team_id ?? null,
      user_id: userId,
      user_email: emails.get(userId ?? '') ?? null,
      key_exists: row !== undefined,
    };
  };
  return new Map(hashes.map((hash) => [hash, facts(hash)]));
}

/** Names that people gave them, of those that the caller may see. */
export async function factsOfEntities(
  { context, access }: Asking,
  entity: Entity,
  ids: readonly string[],
): Promise<Facts> {
  const { lists: db } = context.reader;
  const { visibility } = access;
  if (entity === 'team') {
    const rows = await teams.findMany(db, ids, visibility);
    return new Map(rows.map(({ team_id, team_alias }) => [team_id, { team_alias }]));
  }
  if (entity === 'user') {
    const rows = await users.findMany(db, ids, visibility);
    return new Map(rows.map(({ user_id, user_email, user_alias }) => [user_id, { user_email, user_alias }]));
  }
  if (entity === 'organization') {
    const rows = await organizations.findMany(db, ids, visibility);
    return new Map(rows.map(({ organization_id, organization_alias }) => [organization_id, { organization_alias }]));
  }
  return new Map();
}

/** One line for each day and what served it, of all days. */
export async function activityLines(report: Report): Promise<Record<string, Cell>[]> {
  return (await servedRows(report)).map((row) => ({
    date: dayOf(row),
    timezone: report.range.timeZone,
    model: row.by.model ?? '',
    model_group: row.by.model_group ?? '',
    provider: row.by.provider ?? '',
    endpoint: row.by.route ?? '',
    ...metricCells(row),
  }));
}
