/** A refusal by a limit → what the client is told: which limit, how much is gone, when it clears, what to do. */
import { GatewayError, type LimitReport } from '../errors.ts';
import { usdNumber, usdText } from '../lib/usd.ts';
import type { Refusal, ScopeKind, Unit } from './types.ts';

export interface RefusalSettings {
  /** `litellm_settings.budget_exceeded_status_code`. */
  readonly budgetStatus: number;
  nowMs: number;
}

/** How people call a scope. */
const NAMES: Readonly<Record<ScopeKind, string>> = {
  global: 'this gateway',
  api_key: 'this key',
  team: 'its team',
  team_member: 'this member of the team',
  user: 'its user',
  organization: 'its organization',
  project: 'its project',
  end_user: 'this end user',
  tag: 'a tag of the request',
  model_per_key: 'this model with this key',
  model_per_team: 'this model in its team',
  model_per_user: 'this model for its user',
  model_per_organization: 'this model in its organization',
  model_per_project: 'this model in its project',
  model_per_end_user: 'this model for this end user',
  deployment: 'the deployment',
  provider: 'the provider',
  mirror: 'mirrored requests',
  model_per_tag: 'this model under a tag of the request',
  organization_member: 'this member of the organization',
  tag_per_key: 'a tag of the request with this key',
};

const UNITS: Readonly<Record<Unit, string>> = {
  usd: 'usd',
  requests: 'requests',
  tokens: 'tokens',
  parallel: 'max_parallel_requests',
};

/** LiteLLM's words in its messages. */
const BUDGET_TITLES: Partial<Record<ScopeKind, string>> = {
  api_key: 'Key',
  team: 'Team',
  team_member: 'TeamMember',
  user: 'User',
  organization: 'Organization',
  organization_member: 'OrganizationMember',
  project: 'Project',
  end_user: 'EndUser',
  tag: 'Tag',
};

export function refusalError(refusal: Refusal, settings: RefusalSettings): GatewayError {
  const { limit } = refusal.standing;
  if (refusal.reason === 'unpriced') return unpriced(refusal);
  return limit.unit === 'usd' ? overBudget(refusal, settings) : overRate(refusal, settings);
}

/** A limit of a deployment's own, or of its provider: another deployment may still serve. */
export const busyError = (error: GatewayError): GatewayError =>
  new GatewayError('deployment_busy', error.message, { ...error.details, cause: error });

function unpriced({ standing: { limit } }: Refusal): GatewayError {
  return new GatewayError(
    'model_unpriced',
    `The price of this model is unknown, and ${NAMES[limit.scope.kind]} has a budget, which an unknown price could break.`,
    {
      param: 'model',
      code: 'model_unpriced',
      reason:
        'An admin can set input_cost_per_token and output_cost_per_token in the deployment\'s model_info, or "free: true" if it costs nothing.',
    },
  );
}

function overBudget(refusal: Refusal, { budgetStatus, nowMs }: RefusalSettings): GatewayError {
  const { limit, posted, held } = refusal.standing;
  const { kind } = limit.scope;
  const title = BUDGET_TITLES[kind] ?? kind;
  const now = `Current cost: ${usdText(posted) ?? '0'}, Max budget: ${usdText(limit.max) ?? '0'}`;
  const isSpent = posted >= limit.max;
  const more = held > 0 && !isSpent ? `, held by requests under way: ${usdText(held) ?? '0'}` : '';
  const need = isSpent ? '' : ` This request may cost up to ${usdText(refusal.asked) ?? '?'}.`;
  return new GatewayError('budget_exceeded', `Budget has been exceeded! ${title}: ${now}${more}.${need}`, {
    status: budgetStatus,
    limit: reportOf(refusal),
    reason: `The budget of ${NAMES[kind]} does not cover this request. ${remedy(refusal)}`,
    ...retryAfter(refusal, nowMs),
  });
}

function remedy({ clearsAtMs, standing, reason, onlyHeld }: Refusal): string {
  if (reason === 'too_large') return 'Ask for less output (max_tokens), or have an admin raise the budget.';
  if (onlyHeld) return 'Requests under way hold what it needs: try again when one of them has ended.';
  if (clearsAtMs !== null) return `It starts anew at ${new Date(clearsAtMs).toISOString()}; an admin can raise it.`;
  return standing.posted >= standing.limit.max
    ? 'It does not start anew by itself: an admin can raise it.'
    : 'Ask for less output (max_tokens), or have an admin raise the budget.';
}

function overRate(refusal: Refusal, { nowMs }: RefusalSettings): GatewayError {
  const { standing, reason, asked } = refusal;
  const { limit } = standing;
  const unit = UNITS[limit.unit];
  const said =
    limit.max === 0
      ? `${capitalized(NAMES[limit.scope.kind])} may use no ${unit} at all (its limit is 0). An admin can raise it.`
      : reason === 'too_large'
        ? `This request alone asks for ${asked} ${unit}, and ${NAMES[limit.scope.kind]} may use ${limit.max}. Lower max_tokens or shorten the prompt.`
        : `Rate limit exceeded for ${NAMES[limit.scope.kind]}. Limit type: ${unit}. Current limit: ${limit.max}, Remaining: ${Math.max(0, limit.max - standing.posted - standing.held)}.`;
  return new GatewayError('rate_limited', 'Rate limit exceeded', {
    limit: reportOf(refusal),
    reason: said,
    headers: { rate_limit_type: unit, ...resetHeader(refusal) },
    ...retryAfter(refusal, nowMs),
  });
}

const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

const resetHeader = ({ clearsAtMs }: Refusal): Record<string, string> =>
  clearsAtMs === null ? {} : { reset_at: new Date(clearsAtMs).toISOString() };

/** A slot or money that is held comes free when any call ends, which nobody can foretell: soon is worth a try. */
const SOON_MS = 1_000;

function retryAfter({ standing, clearsAtMs, reason, onlyHeld }: Refusal, nowMs: number): { retryAfterMs?: number } {
  if (reason === 'too_large') return {};
  const clearsAfterMs = clearsAtMs === null ? Number.POSITIVE_INFINITY : Math.max(1, clearsAtMs - nowMs);
  // Of a rate the moment is known, and near. A month's budget is not what a call has to wait for.
  const isSoon = onlyHeld && (clearsAtMs === null || standing.limit.unit === 'usd');
  const retryAfterMs = isSoon ? Math.min(SOON_MS, clearsAfterMs) : clearsAfterMs;
  return Number.isFinite(retryAfterMs) ? { retryAfterMs } : {};
}

function reportOf({ standing, asked, clearsAtMs }: Refusal): LimitReport {
  const { limit, posted, held, resetsAtMs } = standing;
  const resets = clearsAtMs ?? resetsAtMs;
  const isMoney = limit.unit === 'usd';
  const amount = (value: number): number => (isMoney ? (usdNumber(value) ?? 0) : value);
  return {
    scope: limit.scope.kind,
    unit: UNITS[limit.unit],
    used: amount(isMoney ? posted : posted + held),
    ...(isMoney && { spent: amount(posted), held: amount(held), needed: amount(asked) }),
    max: amount(limit.max),
    resets_at: resets === null ? null : new Date(resets).toISOString(),
  };
}
