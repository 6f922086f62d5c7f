/** Nobody grants what they lack: what is given in somebody's name stays below what they have. */
import { isDeepStrictEqual } from 'node:util';
import type { OwnLimits } from '../db/entity-tables.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { LimitFields } from './fields.ts';
import { limitsView } from './limit-columns.ts';

export interface Grant extends Partial<LimitFields> {
  readonly models?: readonly string[] | null | undefined;
}

export interface Ceiling {
  /** For the message: `the organization`. */
  readonly whose: string;
  readonly limits: OwnLimits;
  /** Empty: every model. */
  readonly models: readonly string[];
}

const AMOUNTS = ['max_budget', 'max_parallel_requests', 'rpm_limit', 'tpm_limit', 'tpd_limit'] as const;
const OTHERS = [
  'soft_budget',
  'budget_duration',
  'budget_limits',
  'model_max_budget',
  'tollgate_limits',
  'temp_budget_increase',
  'temp_budget_expiry',
] as const;

const EVERY_MODEL: ReadonlySet<string> = new Set(['*', 'all-proxy-models']);
/** They name no model: one gives nothing, the other what the level above has. */
const NO_MODEL_NAMES: ReadonlySet<string> = new Set(['no-default-models', 'all-team-models']);

/**
 * What is left out is not limited here, and stays limited by the level above.
 * @throws GatewayError 400 that names the field
 */
export function refuseAbove(grant: Grant, { whose, limits, models }: Ceiling): void {
  const most = limitsView(limits);
  for (const field of AMOUNTS) {
    const [given, max] = [grant[field], most[field]];
    if (given == null || typeof max !== 'number' || given <= max) continue;
    throw invalidRequest(`'${field}' is more than ${whose} has (${max}).`, field);
  }
  refuseOtherModels(grant.models ?? [], models, whose);
}

/**
 * @param field as the request names the list
 * @throws GatewayError 400 that names the model
 */
export function refuseOtherModels(
  given: readonly string[],
  models: readonly string[],
  whose: string,
  field = 'models',
): void {
  const beyond = given.find((model) => !isWithin(model, models));
  if (beyond === undefined) return;
  throw invalidRequest(`'${field}': ${whose} may not use "${beyond.slice(0, 200)}".`, field);
}

/**
 * For whoever may lower a limit and never raise it.
 * @throws GatewayError 403 that names the field
 */
export function refuseRaise(grant: Grant, now: OwnLimits, models: readonly string[]): void {
  const before = limitsView(now);
  const isLower = (given: number | null | undefined, max: unknown): boolean =>
    given === undefined || given === max || max === null || (given !== null && given <= Number(max));
  const field =
    AMOUNTS.find((name) => !isLower(grant[name], before[name])) ??
    OTHERS.find((name) => grant[name] !== undefined && !isDeepStrictEqual(grant[name], before[name])) ??
    (isNarrower(grant.models, models) ? undefined : 'models');
  if (field !== undefined) throw raised(field);
}

function isNarrower(given: Grant['models'], models: readonly string[]): boolean {
  if (given === undefined || models.length === 0) return true;
  return given !== null && given.length > 0 && given.every((model) => isWithin(model, models));
}

/**
 * What the configuration, not the request, gives is as much of it as the level above has.
 * @param asked what the request itself says: it is not lowered, but refused where it is too much
 * @param given that, and what the configuration adds
 */
export function loweredBelow<Given extends Grant>(given: Given, asked: Grant, { limits, models }: Ceiling): Given {
  const most = limitsView(limits);
  const lower: { -readonly [Field in keyof Grant]: Grant[Field] } = {};
  for (const field of AMOUNTS) {
    const [amount, max] = [given[field], most[field]];
    if (asked[field] == null && amount != null && typeof max === 'number' && amount > max) lower[field] = max;
  }
  if (isSilent(asked.models) && !isSilent(given.models)) lower.models = common(given.models ?? [], models);
  return { ...given, ...lower };
}

const isSilent = (models: Grant['models']): boolean => models == null || models.length === 0;

/** No model in common is no model: an empty list would be all of them. */
function common(given: readonly string[], models: readonly string[]): readonly string[] {
  if (models.length === 0) return given;
  const both = given.flatMap((entry) =>
    isWithin(entry, models) ? [entry] : models.filter((model) => isWithin(model, [entry])),
  );
  return both.length === 0 ? ['no-default-models'] : [...new Set(both)];
}

const raised = (field: string): GatewayError =>
  new GatewayError(
    'permission_denied',
    `'${field}' can be lowered by this key, and raised or lifted only by an admin of the level above.`,
    { param: field },
  );

function isWithin(model: string, models: readonly string[]): boolean {
  if (models.length === 0 || NO_MODEL_NAMES.has(model)) return true;
  return models.some(
    (entry) =>
      EVERY_MODEL.has(entry) || entry === model || (entry.endsWith('*') && model.startsWith(entry.slice(0, -1))),
  );
}
