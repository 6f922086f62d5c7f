/**
 * One report: its time, its zone, its filters, what the caller may see, and which prices it is told in. Every total of
 * the management API that is about a time is asked for here, so no two of them can differ.
 */
import { z } from '@hono/zod-openapi';
import type { Access } from '../auth/principal.ts';
import { keys, keysCountedAs } from '../db/keys.ts';
import { usageHashFor } from '../db/regenerated-keys.ts';
import { type UsageFilters, type UsageGroup, type UsageQuery, type UsageRow, usageBy } from '../db/usage-reports.ts';
import type { Visibility } from '../db/visibility.ts';
import { GatewayError } from '../errors.ts';
import { caughtUp } from './caught-up.ts';
import type { AdminContext } from './context.ts';
import { tokenOf } from './key-secret.ts';
import { type PricedRow, pricedNow } from './report-pricing.ts';
import { type ReportRange, rangeOf } from './report-range.ts';

/** Which prices: those of the time of the request, or those of today. */
export const AS = z.enum(['billed', 'priced-now']);
export const FORMAT = z.enum(['json', 'csv']);

/** What every report may be asked for. */
export const REPORT_FIELDS = {
  start_date: z.string().max(40).optional(),
  end_date: z.string().max(40).optional(),
  /** IANA name, or minutes behind UTC. */
  timezone: z.string().max(64).optional(),
  as: AS.optional(),
  format: FORMAT.optional(),
} as const;

export interface ReportQuery {
  readonly start_date?: string | undefined;
  readonly end_date?: string | undefined;
  readonly timezone?: string | undefined;
  readonly as?: z.output<typeof AS> | undefined;
  readonly format?: z.output<typeof FORMAT> | undefined;
}

export interface Asking {
  readonly context: AdminContext;
  readonly access: Access;
  readonly query: ReportQuery;
}

export type Sums = Partial<Pick<UsageQuery, 'orderBy' | 'limit' | 'offset' | 'filters' | 'fromMs' | 'toMs'>>;

export interface Report {
  readonly range: ReportRange;
  /** What is left out or only nearly known; for the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Filters beside the report's own replace those of the same name. */
  by(groupBy: readonly UsageGroup[], over?: Sums): Promise<readonly (UsageRow | PricedRow)[]>;
}

/**
 * Waits for what has been answered so far.
 * @param either requests must also match one of these
 */
export async function openReport(asking: Asking, filters: UsageFilters, either?: Alternatives): Promise<Report> {
  const { context, access, query } = asking;
  const range = rangeOf(context, textsIn(query));
  const headers = await warningAbout(context);
  const anyOf = bothOf(visibleUsage(access.visibility), either);
  const isPricedNow = query.as === 'priced-now';
  if (isPricedNow) headers['x-tollgate-priced'] = 'now';
  return {
    range,
    headers,
    async by(groupBy, over = {}) {
      const full: UsageQuery = { ...range, anyOf, groupBy, ...over, filters: { ...filters, ...over.filters } };
      if (!isPricedNow) return await usageBy(context.reader, full);
      const { rows, unpricedModels } = await pricedNow(context, full);
      if (unpricedModels.length > 0) headers['x-tollgate-unpriced-models'] = unpricedModels.map(inHeader).join(', ');
      return rows;
    },
  };
}

/** Clients choose some names, and a header takes only a part of all characters. */
const inHeader = (name: string): string => name.slice(0, 100).replace(/[^\x20-\x7e]/g, '?');

/** Only the texts: what is left is as it came. */
const textsIn = ({ start_date, end_date, timezone }: ReportQuery): Record<string, string> => ({
  ...(start_date !== undefined && { start_date }),
  ...(end_date !== undefined && { end_date }),
  ...(timezone !== undefined && { timezone }),
});

/** Says so when the database does not have all that has been answered. */
export async function warningAbout({ ledger }: Pick<AdminContext, 'ledger'>): Promise<Record<string, string>> {
  const missing = await caughtUp(ledger);
  return missing === 0 ? {} : { 'x-tollgate-warning': `${missing} requests are not in the database yet` };
}

type Alternatives = readonly UsageFilters[] | undefined;

/** `undefined`: everything is visible; an empty list: nothing. */
export function visibleUsage(visibility: Visibility): Alternatives {
  if (visibility.all) return undefined;
  const { keyHash, userId, teams, organizations } = visibility;
  return [
    ...(keyHash === null ? [] : [{ keys: [keyHash] }]),
    ...(userId === null ? [] : [{ users: [userId] }]),
    ...(teams.length === 0 ? [] : [{ teams }]),
    ...(organizations.length === 0 ? [] : [{ organizations }]),
  ];
}

/** One of the first and one of the second. The second's names are of kinds that the first has none of. */
function bothOf(first: Alternatives, second: Alternatives): Alternatives {
  if (first === undefined || second === undefined) return first ?? second;
  return first.flatMap((one) => second.map((other) => ({ ...one, ...other })));
}

/** A model as it was asked for, or as it was served. */
export const modelFilters = (model: string | undefined): Alternatives =>
  model === undefined ? undefined : [{ models: [model] }, { modelGroups: [model] }];

/**
 * The name under which a key is counted, by any of its secrets or their digests.
 * @throws GatewayError 404 for a key that is not the caller's: for it, other keys do not exist
 */
export async function keyFilter(
  { db }: Pick<AdminContext, 'db'>,
  access: Access,
  key: string | undefined,
  param = 'api_key',
): Promise<readonly string[] | undefined> {
  if (key === undefined) return undefined;
  const hash = await usageHashFor(db, tokenOf(key));
  if (access.isUnlimited || access.covers({ keyHash: hash })) return [hash];
  const [visible] = await keys.findMany(db, [tokenOf(key)], access.visibility);
  if (visible !== undefined || (await keysCountedAs(db, [hash], access.visibility)).size > 0) return [hash];
  throw new GatewayError('not_found', 'There is no such key.', { param, type: 'not_found_error' });
}
