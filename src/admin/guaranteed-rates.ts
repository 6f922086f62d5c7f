/**
 * `rpm_limit_type` and `tpm_limit_type`: what is `guaranteed_throughput` is only given where all that is given fits.
 * Source: LiteLLM's documentation of dynamic rate limits.
 */
import { objectIn } from '../auth/json-columns.ts';
import { type AllocatedRates, ratesOfKeys, ratesOfTeams } from '../db/allocated-rates.ts';
import type { Database } from '../db/client.ts';
import type { KeyRow } from '../db/keys.ts';
import { type OrganizationRow, organizations } from '../db/organizations.ts';
import type { TeamRow } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { invalidRequest } from '../errors.ts';
import { isObject } from '../lib/json.ts';
import type { KeyPlace } from './key-place.ts';
import { budgetOf } from './organization-view.ts';
import { effectiveLimits } from './team-rights.ts';

type Rate = 'rpm' | 'tpm';
const RATES: readonly Rate[] = ['rpm', 'tpm'];

const isGuaranteed = (row: AllocatedRates, rate: Rate): boolean =>
  objectIn(row.metadata)[`${rate}_limit_type`] === 'guaranteed_throughput';

interface Allocation {
  readonly row: AllocatedRates;
  readonly others: readonly AllocatedRates[];
  readonly from: AllocatedRates;
  readonly whose: 'team' | 'organization';
}

/** @throws GatewayError 400 when its team or organization has not got as much left to guarantee */
export async function refuseOverallocatedKey(db: Database, row: KeyRow, place: KeyPlace, before = row): Promise<void> {
  if (!RATES.some((rate) => isGuaranteed(row, rate))) return;
  const { team, organization } = place;
  if (team) {
    const others = await ratesOfKeys(db, { column: 'team_id', id: team.team_id }, before.token);
    refuseOverallocated({ row, others, from: team, whose: 'team' });
  }
  if (organization && row.organization_id !== null) {
    const others = await ratesOfKeys(db, { column: 'organization_id', id: row.organization_id }, before.token);
    refuseOverallocated({ row, others, from: await effective(db, organization), whose: 'organization' });
  }
}

/** @throws GatewayError 400 when its organization has not got as much left to guarantee */
export async function refuseOverallocatedTeam(db: Database, row: TeamRow): Promise<void> {
  if (row.organization_id === null || !RATES.some((rate) => isGuaranteed(row, rate))) return;
  const organization = await organizations.find(db, row.organization_id, EVERYTHING);
  if (organization === undefined) return;
  const others = await ratesOfTeams(db, organization.organization_id, row.team_id);
  refuseOverallocated({ row, others, from: await effective(db, organization), whose: 'organization' });
}

const effective = async (db: Database, row: OrganizationRow): Promise<AllocatedRates> => ({
  ...effectiveLimits(row, await budgetOf(db, row)),
  metadata: row.metadata,
});

function refuseOverallocated(allocation: Allocation): void {
  const { row, others, from } = allocation;
  for (const rate of RATES.filter((each) => isGuaranteed(row, each))) {
    const total = from[`${rate}_limit`];
    hold(allocation, { rate, asked: row[`${rate}_limit`], given: others.map((one) => one[`${rate}_limit`]), total });
    const [mine, theirs] = [ratesByModel(row, rate), ratesByModel(from, rate)];
    for (const [model, asked] of Object.entries(mine)) {
      const given = others.map((one) => ratesByModel(one, rate)[model] ?? null);
      hold(allocation, { rate, asked, given, total: theirs[model] ?? total, model });
    }
  }
}

interface Claim {
  readonly rate: Rate;
  readonly asked: number | null;
  readonly given: readonly (number | null)[];
  readonly total: number | null;
  readonly model?: string;
}

function hold({ whose }: Allocation, { rate, asked, given, total, model }: Claim): void {
  if (asked === null || total === null) return;
  const allocated = given.reduce((sum: number, one) => sum + Number(one ?? 0), 0);
  if (allocated + Number(asked) <= Number(total)) return;
  const field = model === undefined ? `${rate}_limit` : `model_${rate}_limit`;
  const what = `${rate.toUpperCase()} limit${model === undefined ? '' : ` of ${model}`}`;
  throw invalidRequest(
    `'${field}' cannot be guaranteed: ${allocated} of the ${whose}'s ${what} of ${total} are given away, and ${asked} more do not fit.`,
    field,
  );
}

function ratesByModel({ metadata }: AllocatedRates, rate: Rate): Readonly<Record<string, number>> {
  const given = objectIn(metadata)[`model_${rate}_limit`];
  if (!isObject(given)) return {};
  return Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
