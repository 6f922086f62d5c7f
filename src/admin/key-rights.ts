/**
 * What somebody may give a key: never more than they and those behind the key have. Source: the roles of LiteLLM's
 * documentation; the oracle of the tests is the project's authorization matrix.
 */
import { objectIn, textsIn } from '../auth/json-columns.ts';
import type { Access } from '../auth/principal.ts';
import { isRouteGroup, mayCall } from '../auth/routes.ts';
import { budgets } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import type { OwnLimits } from '../db/entity-tables.ts';
import { EMPTY_KEY, type KeyRow, keysCountedAs } from '../db/keys.ts';
import { NO_LIMITS } from '../db/no-limits.ts';
import { teamMembers } from '../db/team-members.ts';
import { joined } from '../db/usage-scopes.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError } from '../errors.ts';
import { type Ceiling, type Grant, refuseAbove, refuseRaise } from './ceiling.ts';
import type { KeyPlace, KeyStanding } from './key-place.ts';
import type { KeyFields } from './key-schema.ts';
import { keyView } from './key-view.ts';
import { limitsView } from './limit-columns.ts';
import { type Bag, guarded } from './metadata.ts';
import { isSame } from './same-value.ts';
import { effectiveLimits } from './team-rights.ts';
import { memberBudgetOf } from './team-view.ts';

/** Only the platform's admins say these: they refer to what is theirs, or give access by other ways. */
const PLATFORM_FIELDS = [
  'spend',
  'budget_id',
  'object_permission',
  'access_group_ids',
] as const satisfies (keyof KeyFields)[];
/** What a key may call and whose it is. */
const ADMIN_FIELDS = [
  'allowed_routes',
  'permissions',
  'user_id',
  'team_id',
  'organization_id',
  'project_id',
] as const satisfies (keyof KeyFields)[];

export interface Change {
  /** What was asked for; the configuration may have added to it. */
  readonly fields: KeyFields;
  /** The metadata that the configuration gives a new key. */
  readonly configured?: Bag;
  /** As it is; an empty one for a new key. */
  readonly before: KeyRow;
  readonly after: KeyRow;
  /** Of the key as it will be. */
  readonly place: KeyPlace;
  readonly standing: KeyStanding;
  readonly access: Access;
  /** As whom the caller stands in `created_by`. */
  readonly author: string;
  readonly isNew: boolean;
}

/**
 * Holds a change to what the caller may give.
 * @returns the row to store: metadata that may not be touched stays, and what a new key leaves out is the caller's own
 * @throws GatewayError 400 or 403 that names the field
 */
export async function withinRights(db: Database, change: Change): Promise<KeyRow> {
  const { standing, before, access, isNew } = change;
  if (standing === 'platform') return withMetadata(change);
  refuseClosed(change);
  const own = (await keysCountedAs(db, [access.caller.keyHash], EVERYTHING)).get(access.caller.keyHash);
  if (standing === 'self' && !isNew && !isOwnWork(change)) await refuseLoosening(db, change);
  const ceilings = await ceilingsOf(db, change, own);
  const wished = withOwnLimits(withMetadata(change), own, change);
  const granted = isNew ? ceilings.reduce((row, ceiling) => lowered(row, ceiling, change.fields), wished) : wished;
  refuseRoutes(granted, before, own);
  const isMove = before.team_id !== granted.team_id || before.organization_id !== granted.organization_id;
  const all: Grant = { ...limitsView(granted), models: textsIn(granted.models) };
  const grant = withIncrease(isNew || isMove ? all : change.fields, granted);
  for (const ceiling of ceilings) refuseAbove(grant, ceiling);
  return narrowed(change, granted);
}

const AMOUNTS = {
  max_budget: 'max_budget_nano_usd',
  max_parallel_requests: 'max_parallel_requests',
  rpm_limit: 'rpm_limit',
  tpm_limit: 'tpm_limit',
  tpd_limit: 'tpd_limit',
} as const satisfies Partial<Record<keyof KeyFields, keyof OwnLimits>>;

/** What the configuration, not the request, gives a new key is as much of it as those behind the key have. */
function lowered(row: KeyRow, { limits }: Ceiling, asked: KeyFields): KeyRow {
  const lower: Partial<KeyRow> = {};
  for (const [field, column] of Object.entries(AMOUNTS)) {
    const [given, most] = [row[column], limits[column]];
    const isAsked = Reflect.get(asked, field) != null;
    if (!isAsked && given !== null && most !== null && Number(given) > Number(most)) lower[column] = most;
  }
  return { ...row, ...lower };
}

/** A budget that is raised for a while must fit as a whole. */
function withIncrease(grant: Grant, row: KeyRow): Grant {
  const { max_budget_nano_usd: max, temp_budget_increase_nano_usd: increase } = row;
  if (max === null || increase === null) return grant;
  return { ...grant, max_budget: (Number(max) + Number(increase)) / 1e9 };
}

function refuseClosed({ fields, before, standing, isNew }: Change): void {
  const now = { spend: null, ...keyView(before) };
  const closed =
    standing === 'self'
      ? [...PLATFORM_FIELDS, ...(isNew ? NEW_KEY_FIELDS : [...ADMIN_FIELDS, 'key_type'])]
      : PLATFORM_FIELDS;
  for (const field of closed) {
    const given: unknown = Reflect.get(fields, field);
    if (given === undefined || isSame(given, field === 'spend' ? null : Reflect.get(now, field))) continue;
    throw new GatewayError('permission_denied', `'${field}' of a key can only be set by an admin. Leave it out.`, {
      param: field,
    });
  }
}

/** Where a new key belongs has been checked before. */
const NEW_KEY_FIELDS = ['allowed_routes', 'permissions'] as const;

/** Nobody else has had a hand in the key: its user may change what its user has set. */
const isOwnWork = ({ before, author }: Change): boolean => before.created_by === author && before.updated_by === author;

async function refuseLoosening(db: Database, { fields, before, after }: Change): Promise<void> {
  const budget = before.budget_id === null ? undefined : await budgets.find(db, before.budget_id, EVERYTHING);
  refuseRaise(fields, effectiveLimits(before, budget), textsIn(before.models));
  if (Number(before.blocked) === 1 && Number(after.blocked) !== 1) throw onlyAdmin('blocked', 'unblocked');
  if (isLater(after.expires_at_ms, before.expires_at_ms)) throw onlyAdmin('duration', 'made to live longer');
}

const isLater = (after: number | null, before: number | null): boolean =>
  before !== null && (after === null || Number(after) > Number(before));

const onlyAdmin = (field: string, what: string): GatewayError =>
  new GatewayError('permission_denied', `'${field}': this key can only be ${what} by an admin.`, { param: field });

/** On a key of their own making people write what limits it; elsewhere only those above may. */
function withMetadata(change: Change): KeyRow {
  const { after, before, standing, isNew, configured = {} } = change;
  const free = isNew || standing !== 'self' || isOwnWork(change);
  const bag = guarded(
    objectIn(after.metadata),
    isNew ? configured : objectIn(before.metadata),
    standing === 'platform' ? 'platform' : free ? 'organization' : 'self',
  );
  return { ...after, metadata: Object.keys(bag).length === 0 ? after.metadata : JSON.stringify(bag) };
}

const INHERITED = [
  ...(['rpm_limit', 'tpm_limit', 'tpd_limit', 'max_parallel_requests'] as const),
  ...(['budget_limits', 'model_max_budget', 'tollgate_limits'] as const),
  ...(['models', 'allowed_routes', 'expires_at_ms', 'budget_id'] as const),
] as const satisfies (keyof KeyRow)[];

/** A key that is limited makes no key that is not. */
function withOwnLimits(row: KeyRow, own: KeyRow | undefined, { fields, isNew }: Change): KeyRow {
  if (own === undefined) return row;
  const isLonger = isLater(row.expires_at_ms, own.expires_at_ms) && row.expires_at_ms !== null;
  // How long keys live by the configuration is counted from now, which is always later than for the key that asks.
  const isAsked = !isNew || fields.duration != null;
  if (isLonger && isAsked) throw onlyAdmin('duration', 'made to live longer than the one that asks');
  if (!isNew) return row;
  const kept: Partial<KeyRow> = isLonger ? { expires_at_ms: own.expires_at_ms } : {};
  for (const column of INHERITED) {
    if (isUnset(row[column])) Object.assign(kept, { [column]: own[column] });
  }
  const budget = isUnset(row.max_budget_nano_usd) && !isUnset(own.max_budget_nano_usd);
  return {
    ...row,
    ...kept,
    ...(budget && { max_budget_nano_usd: own.max_budget_nano_usd, budget_duration: own.budget_duration }),
  };
}

const isUnset = (value: unknown): boolean => value === null || value === '[]' || value === '{}';

/** @throws GatewayError 403: a key may call what the one that asks may call, and no more */
function refuseRoutes(after: KeyRow, before: KeyRow, own: KeyRow | undefined): void {
  const mine = textsIn(own?.allowed_routes ?? null);
  if (mine.length === 0 || after.allowed_routes === before.allowed_routes) return;
  const routes = textsIn(after.allowed_routes);
  const beyond = routes.find((route) => !mine.includes(route) && (isPattern(route) || !mayCall(mine, route)));
  if (routes.length > 0 && beyond === undefined) return;
  throw new GatewayError('permission_denied', "'allowed_routes': this key may call less than that itself.", {
    param: 'allowed_routes',
  });
}

const isPattern = (route: string): boolean => route.includes('*') || isRouteGroup(route);

const INFERENCE = ['llm_api_routes'];

/**
 * A key acts with the rights of its user. Whoever learns the secret of another user's key, or makes a key another user's,
 * would have these rights on the management API; so such a key is for models alone.
 */
function narrowed({ before, access, isNew, standing }: Change, after: KeyRow): KeyRow {
  const isOthers = after.user_id !== null && after.user_id !== access.principal.userId;
  if (standing === 'platform' || !isOthers) return after;
  const isSecretKnown = isNew || after.token !== before.token || after.user_id !== before.user_id;
  if (!isSecretKnown && after.allowed_routes === before.allowed_routes) return after;
  const routes = textsIn(after.allowed_routes);
  const isInference = routes.length > 0 && routes.every((route) => route === INFERENCE[0] || isInferencePath(route));
  return isInference ? after : { ...after, allowed_routes: JSON.stringify(INFERENCE) };
}

const isInferencePath = (route: string): boolean => !isPattern(route) && mayCall(INFERENCE, route);

async function ceilingsOf(db: Database, change: Change, own: KeyRow | undefined): Promise<Ceiling[]> {
  const { place, after } = change;
  const budgetOf = async (id: string | null) => (id === null ? undefined : await budgets.find(db, id, EVERYTHING));
  const ceiling = async (whose: string, row: Limited | undefined): Promise<Ceiling[]> =>
    row === undefined
      ? []
      : [
          {
            whose,
            limits: effectiveLimits<OwnLimits>(row, await budgetOf(row.budget_id)),
            models: textsIn(row.models),
          },
        ];
  return [
    ...(await ceiling('the team', place.team)),
    ...(await memberCeiling(db, change)),
    ...(await ceiling('the user', after.team_id === null ? place.user : undefined)),
    ...(await ceiling('the project', place.project && { ...NO_LIMITS, ...place.project })),
    ...(await ceiling('the organization', place.organization)),
    ...(await ceiling('this key', own)),
  ];
}

/** Of somebody's key in a team: what the team gives this member, or all of its members. */
async function memberCeiling(db: Database, { place: { team }, after }: Change): Promise<Ceiling[]> {
  if (team === undefined || after.user_id === null) return [];
  const member = await teamMembers.find(db, joined(team.team_id, after.user_id), EVERYTHING);
  if (member === undefined) return [];
  const limits = effectiveLimits<OwnLimits>(member, await memberBudgetOf(db, team));
  return [{ whose: 'this member of the team', limits, models: textsIn(member.allowed_models) }];
}

interface Limited extends OwnLimits {
  readonly budget_id: string | null;
  readonly models: string | null;
}

/** As which a new key stands before it has anything. */
export const nothingYet = (row: Pick<KeyRow, 'token' | 'created_at_ms' | 'updated_at_ms'>): KeyRow => ({
  ...EMPTY_KEY,
  key_name: null,
  token: row.token,
  created_at_ms: row.created_at_ms,
  updated_at_ms: row.updated_at_ms,
});
