/** What the keys of a team or an organization, and the teams of an organization, are promised together. */
import type { Database } from './client.ts';

export interface AllocatedRates {
  readonly rpm_limit: number | null;
  readonly tpm_limit: number | null;
  /** JSON; holds the limits by model. */
  readonly metadata: string | null;
}

/** @param except token of a key that is left out */
export const ratesOfKeys = (
  db: Database,
  owner: { readonly column: 'team_id' | 'organization_id'; readonly id: string },
  except: string,
): Promise<AllocatedRates[]> =>
  db
    .selectFrom('keys')
    .select(['rpm_limit', 'tpm_limit', 'metadata'])
    .where(owner.column, '=', owner.id)
    .where('token', '<>', except)
    .execute();

/** @param except id of a team that is left out */
export const ratesOfTeams = (db: Database, organizationId: string, except: string): Promise<AllocatedRates[]> =>
  db
    .selectFrom('teams')
    .select(['rpm_limit', 'tpm_limit', 'metadata'])
    .where('organization_id', '=', organizationId)
    .where('team_id', '<>', except)
    .execute();
