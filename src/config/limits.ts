/** Budgets and rates that the configuration sets for all. Names are LiteLLM's (its documentation of budgets), and our own. */
import { endOfDuration } from '../lib/duration.ts';
import type { BudgetConfig, LimitConfig, Position } from './config.ts';
import type { Env } from './env.ts';
import type { Findings } from './findings.ts';
import { BUDGET_CONFIG, MIRROR_BUDGET, QUEUE } from './schema.ts';
import { openSection } from './section.ts';
import type { Sections } from './settings.ts';
import { join } from './yaml-tree.ts';

const SECOND = 1_000;
const DEFAULTS = {
  budgetStatus: 422,
  timeZone: 'UTC',
  budgetWaitMs: 30 * SECOND,
  maxWaiting: 1_000,
  rateWindowMs: 60 * SECOND,
  budgetAlerts: [0.8, 0.95],
} as const;

export function limitSettings(sections: Sections, env: Env, findings: Findings): LimitConfig {
  const { litellm, general, tollgate } = sections;
  const queue = openSection(
    { tree: tollgate.read('queue'), path: join(tollgate.path, 'queue'), rules: QUEUE },
    findings,
  );
  return {
    globalBudget: globalBudget(litellm, findings),
    providerBudgets: providerBudgets(sections, findings),
    mirrorBudget: mirrorBudget(tollgate, findings),
    budgetStatus: statusOf(litellm, findings),
    timeZone: zoneOf(litellm, findings),
    endUserBudgetId: litellm.read('max_end_user_budget_id') ?? null,
    userLimitsInTeams: general.read('apply_user_budget_to_team_keys') ?? true,
    budgetWaitMs: tollgate.read('budget_wait') ?? DEFAULTS.budgetWaitMs,
    queueMs: queue.read('max_wait') ?? 0,
    maxWaiting: queue.read('max_waiting') ?? DEFAULTS.maxWaiting,
    rateWindowMs: env.rateWindowMs ?? DEFAULTS.rateWindowMs,
    budgetAlerts: alertsOf(tollgate, findings),
  };
}

function globalBudget(litellm: Sections['litellm'], findings: Findings): BudgetConfig | null {
  const maxUsd = litellm.read('max_budget');
  const duration = litellm.read('budget_duration') ?? null;
  checkDuration(
    duration,
    { path: join(litellm.path, 'budget_duration'), at: litellm.positionOf('budget_duration') },
    findings,
  );
  return maxUsd === undefined || maxUsd === 0 ? null : { maxUsd, duration };
}

function mirrorBudget(tollgate: Sections['tollgate'], findings: Findings): BudgetConfig | null {
  const path = join(tollgate.path, 'mirror_budget');
  const tree = tollgate.read('mirror_budget');
  if (tree === undefined) return null;
  const section = openSection({ tree, path, rules: MIRROR_BUDGET }, findings);
  const maxUsd = section.read('max_budget');
  const duration = section.read('budget_duration') ?? null;
  checkDuration(duration, { path: join(path, 'budget_duration'), at: section.positionOf('budget_duration') }, findings);
  if (maxUsd === undefined) findings.error(path, 'needs max_budget, a number of dollars', tree.position);
  return maxUsd === undefined ? null : { maxUsd, duration };
}

function providerBudgets({ router }: Sections, findings: Findings): Record<string, BudgetConfig> {
  const path = join(router.path, 'provider_budget_config');
  const tree = router.read('provider_budget_config');
  const budgets: Record<string, BudgetConfig> = {};
  if (tree === undefined) return budgets;
  if (tree.kind !== 'map') {
    findings.error(path, 'must be a mapping of providers to budgets', tree.position);
    return budgets;
  }
  for (const [provider, { value, keyPosition }] of tree.entries) {
    const where = join(path, provider);
    const section = openSection({ tree: value, path: where, rules: BUDGET_CONFIG }, findings);
    const maxUsd = section.read('budget_limit') ?? section.read('max_budget');
    const duration = section.read('time_period') ?? section.read('budget_duration') ?? null;
    checkDuration(duration, { path: join(where, 'time_period'), at: section.positionOf('time_period') }, findings);
    if (maxUsd === undefined) findings.error(where, 'needs budget_limit, a number of dollars', keyPosition);
    else budgets[provider] = { maxUsd, duration };
  }
  return budgets;
}

export const isBudgetDuration = (text: string): boolean => endOfDuration(text, 0) !== undefined;

export function checkDuration(
  text: string | null | undefined,
  where: { readonly path: string; readonly at: Position | undefined },
  findings: Findings,
): void {
  if (text == null || isBudgetDuration(text)) return;
  findings.error(where.path, 'must be a time such as 30s, 1h, 1d, 7d, 30d or 1mo', where.at);
}

function statusOf(litellm: Sections['litellm'], findings: Findings): number {
  const status = litellm.read('budget_exceeded_status_code');
  if (status === undefined) return DEFAULTS.budgetStatus;
  if (status >= 400 && status <= 599) return status;
  findings.error(
    join(litellm.path, 'budget_exceeded_status_code'),
    'must be an HTTP status from 400 to 599',
    litellm.positionOf('budget_exceeded_status_code'),
  );
  return DEFAULTS.budgetStatus;
}

function zoneOf(litellm: Sections['litellm'], findings: Findings): string {
  const zone = litellm.read('timezone');
  if (zone === undefined) return DEFAULTS.timeZone;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    findings.error(
      join(litellm.path, 'timezone'),
      'must be a time zone such as UTC, Europe/Berlin or America/New_York',
      litellm.positionOf('timezone'),
    );
    return DEFAULTS.timeZone;
  }
}

function alertsOf(tollgate: Sections['tollgate'], findings: Findings): readonly number[] {
  const texts = tollgate.read('budget_alerts');
  if (texts === undefined) return DEFAULTS.budgetAlerts;
  const shares = texts.map(Number);
  if (shares.every((share) => share > 0 && share < 1)) return shares.toSorted((a, b) => a - b);
  findings.error(
    join(tollgate.path, 'budget_alerts'),
    'must be a list of shares between 0 and 1, such as [0.8, 0.95]',
    tollgate.positionOf('budget_alerts'),
  );
  return DEFAULTS.budgetAlerts;
}
