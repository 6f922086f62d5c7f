/** Who stands behind the keys of a seeded database: everything follows from a key's number, so nothing has to be kept. */
import { EMPTY_KEY, type KeyRow } from '../src/db/keys.ts';
import { EMPTY_ORGANIZATION, type OrganizationRow } from '../src/db/organizations.ts';
import { EMPTY_TEAM_MEMBER, type TeamMemberRow } from '../src/db/team-members.ts';
import { EMPTY_TEAM, type TeamRow } from '../src/db/teams.ts';
import { EMPTY_USER, type UserRow } from '../src/db/users.ts';

const KEYS_PER_USER = 20;
const KEYS_PER_TEAM = 1_000;
const TEAMS_PER_ORGANIZATION = 20;
const DAY_MS = 86_400_000;
/** So much that nobody reaches it: a budget is there to be checked, not to refuse. */
const BUDGET_NANO_USD = 1_000_000 * 1e9;

export interface Size {
  readonly keys: number;
  readonly rows: number;
}

export const FULL: Size = { keys: 1_000_000, rows: 5_000_000 };

export interface People {
  readonly users: number;
  readonly teams: number;
  readonly organizations: number;
}

export function peopleOf(keys: number): People {
  const teams = Math.max(1, Math.ceil(keys / KEYS_PER_TEAM));
  return {
    teams,
    users: Math.max(1, Math.ceil(keys / KEYS_PER_USER)),
    organizations: Math.max(1, Math.ceil(teams / TEAMS_PER_ORGANIZATION)),
  };
}

/** The secret of a seeded key: it works at the gateway. */
export const secretOf = (key: number): string => `sk-seeded-${key}`;
export const tokenOf = (key: number): string => Bun.CryptoHasher.hash('sha256', secretOf(key), 'hex');
export const userOf = (key: number): string => `user-${Math.floor(key / KEYS_PER_USER)}`;
/** A user's keys are in several teams, and one in ten has none. */
const isInTeam = (key: number): boolean => key % 10 !== 9;
const teamNumber = (key: number, { teams }: People): number => (key * 7) % teams;
const organizationNumber = (team: number, { organizations }: People): number => team % organizations;
/** Key, team, user and organization have a budget then. */
export const hasBudgets = (key: number): boolean => key % 4 === 0 && isInTeam(key);

export function ownersOf(key: number, people: People) {
  const team = isInTeam(key) ? teamNumber(key, people) : undefined;
  return {
    userId: userOf(key),
    teamId: team === undefined ? null : `team-${team}`,
    organizationId: team === undefined ? null : `organization-${organizationNumber(team, people)}`,
  };
}

export const aliasOf = (key: number): string | null => (key % 3 === 0 ? null : `alias-${key}`);

export function keyRow(key: number, people: People, nowMs: number): KeyRow {
  const { userId, teamId, organizationId } = ownersOf(key, people);
  const token = tokenOf(key);
  return {
    ...EMPTY_KEY,
    token,
    key_name: `sk-...${secretOf(key).slice(-4)}`,
    created_at_ms: nowMs - 400 * DAY_MS + key,
    updated_at_ms: nowMs - ((key * 7_919) % (300 * DAY_MS)),
    key_alias: aliasOf(key),
    user_id: userId,
    team_id: teamId,
    organization_id: organizationId,
    created_by: `user-${key % 7}`,
    max_budget_nano_usd: key % 4 === 0 ? BUDGET_NANO_USD + key : null,
    budget_duration: key % 8 === 0 ? '30d' : null,
    expires_at_ms: key % 5 === 1 ? nowMs + ((key % 2_000) - 1_000) * DAY_MS : null,
    blocked: key % 100 === 7 ? 1 : 0,
  };
}

const stamps = (nowMs: number, number: number) => ({
  created_at_ms: nowMs - 500 * DAY_MS + number,
  updated_at_ms: nowMs - 500 * DAY_MS + number,
});

export const organizationRow = (number: number, nowMs: number): OrganizationRow => ({
  ...EMPTY_ORGANIZATION,
  ...stamps(nowMs, number),
  organization_id: `organization-${number}`,
  organization_alias: `Organization ${number}`,
  max_budget_nano_usd: BUDGET_NANO_USD,
  budget_duration: '30d',
});

export const teamRow = (number: number, people: People, nowMs: number): TeamRow => ({
  ...EMPTY_TEAM,
  ...stamps(nowMs, number),
  team_id: `team-${number}`,
  team_alias: `Team ${number}`,
  organization_id: `organization-${organizationNumber(number, people)}`,
  max_budget_nano_usd: BUDGET_NANO_USD,
  budget_duration: '30d',
});

export const userRow = (number: number, nowMs: number): UserRow => ({
  ...EMPTY_USER,
  ...stamps(nowMs, number),
  user_id: `user-${number}`,
  user_email: `user-${number}@example.com`,
  user_role: 'internal_user',
  max_budget_nano_usd: BUDGET_NANO_USD,
  budget_duration: '7d',
});

/** A user belongs to the teams of their first two keys. */
export function memberRows(user: number, people: People, nowMs: number): TeamMemberRow[] {
  const first = user * KEYS_PER_USER;
  const teams = new Set([first, first + 1].map((key) => ownersOf(key, people).teamId ?? ''));
  return [...teams].map((team_id) => ({
    ...EMPTY_TEAM_MEMBER,
    ...stamps(nowMs, user),
    team_id,
    user_id: `user-${user}`,
    role: 'user',
  }));
}
