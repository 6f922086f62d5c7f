/** What an entity may use (in LiteLLM's terms) → limits of the one tree. */
import { joined } from '../db/usage-scopes.ts';
import type { Allowance, CustomLimit, ModelAllowance } from '../gateway/entities.ts';
import type { Limit, Scope, ScopeKind, Unit, Window } from './types.ts';
import { parseWindow } from './window.ts';

export interface CompileSettings {
  /** Zone of calendar windows, IANA name. */
  readonly timeZone: string;
  /** Over which time RPM and TPM add up: a minute unless set otherwise. */
  readonly rateWindowMs: number;
}

const LIFETIME: Window = { kind: 'lifetime' };

/** Limits on the scope itself, whatever model serves. */
export function limitsOf(scope: Scope, allowance: Allowance, settings: CompileSettings, nowMs: number): Limit[] {
  const since = sinceOf(allowance);
  const anew = anewOf(allowance);
  const window = windowOf(allowance.budgetDuration, settings);
  const limits: Limit[] = [];
  const add = (unit: Unit, max: number | null, over: Window, more: Partial<Limit> = {}): void => {
    if (max !== null) limits.push({ scope, unit, window: over, max, strength: 'hard', ...more });
  };
  const budget = allowance.maxBudgetNanoUsd;
  add('usd', budget === null ? null : budget + increaseNow(allowance, nowMs), window, since);
  add('usd', allowance.softBudgetNanoUsd, window, { ...since, strength: 'soft' });
  for (const { duration, maxNanoUsd } of allowance.budgetWindows) {
    add('usd', maxNanoUsd, windowOf(duration, settings), since);
  }
  add('requests', allowance.rpmLimit, rateWindow(settings));
  add('tokens', allowance.tpmLimit, rateWindow(settings));
  add('tokens', allowance.tpdLimit, windowOf('1d', settings), anew);
  add('parallel', allowance.maxParallelRequests, LIFETIME);
  for (const custom of allowance.custom)
    if (custom.model === null) limits.push({ ...customLimit(scope, custom, settings), ...anew });
  return limits;
}

/** Always there, so that what a scope has spent can be told: counted, never refused. */
export const tracking = (scope: Scope, allowance: Allowance | null, settings: CompileSettings): Limit => ({
  scope,
  unit: 'usd',
  window: windowOf(allowance?.budgetDuration ?? null, settings),
  max: Number.POSITIVE_INFINITY,
  strength: 'hard',
  ...(allowance && sinceOf(allowance)),
});

type Since = Pick<Limit, 'since'>;

/** From when on what is spent counts: since an admin set it, or since it was made anew. */
function sinceOf(allowance: Allowance): Since {
  const { spendSet, countsFromMs } = allowance;
  if (!spendSet || spendSet.atMs < (countsFromMs ?? 0)) return anewOf(allowance);
  return { since: { atMs: spendSet.atMs, amount: spendSet.nanoUsd } };
}

const anewOf = ({ countsFromMs }: Allowance): Since =>
  countsFromMs == null ? {} : { since: { atMs: countsFromMs, amount: 0 } };

export interface NamedModel {
  readonly modelGroup: string;
  /** The name that the client asked for it by, which may be the same. */
  readonly alias: string;
}

/** Limits on one owner's use of one model group, those under the name that the client knows it by among them. */
export function modelLimitsOf(
  owner: { readonly kind: ScopeKind; readonly id: string },
  allowance: Allowance,
  { modelGroup, alias }: NamedModel,
  settings: CompileSettings,
): Limit[] {
  const scope: Scope = { kind: owner.kind, id: joined(owner.id, modelGroup) };
  const custom = allowance.custom.filter(
    ({ model }) => model !== null && (isNamed(model, modelGroup) || isNamed(model, alias)),
  );
  const anew = anewOf(allowance);
  const limits = custom.map((each) => ({ ...customLimit(scope, each, settings), ...anew }));
  const own = new Set([modelAllowanceFor(allowance, modelGroup), modelAllowanceFor(allowance, alias)]);
  for (const each of own)
    if (each !== undefined)
      limits.push(...allowedLimits(scope, each, settings).map((limit) => ({ ...limit, ...anew })));
  return limits;
}

function allowedLimits(scope: Scope, own: ModelAllowance, settings: CompileSettings): Limit[] {
  const limits: Limit[] = [];
  const add = (unit: Unit, max: number | null, window: Window): void => {
    if (max !== null) limits.push({ scope, unit, window, max, strength: 'hard' });
  };
  add('usd', own.maxBudgetNanoUsd, windowOf(own.budgetDuration, settings));
  add('requests', own.rpmLimit, rateWindow(settings));
  add('tokens', own.tpmLimit, rateWindow(settings));
  return limits;
}

/** By the group's name, or by the name without its provider. */
function modelAllowanceFor({ perModel }: Allowance, modelGroup: string): ModelAllowance | undefined {
  if (Object.hasOwn(perModel, modelGroup)) return perModel[modelGroup];
  const name = Object.keys(perModel).find((each) => isNamed(each, modelGroup));
  return name === undefined ? undefined : perModel[name];
}

const withoutProvider = (model: string): string => model.slice(model.indexOf('/') + 1);

const isNamed = (name: string, modelGroup: string): boolean =>
  name === modelGroup || withoutProvider(name) === withoutProvider(modelGroup);

function customLimit(scope: Scope, custom: CustomLimit, settings: CompileSettings): Limit {
  const { unit, window, max, mode } = custom;
  return {
    scope,
    unit,
    window: slidesBelowAnHour(window) ?? windowOf(window, settings),
    max: unit === 'usd' ? Math.round(max * 1e9) : max,
    strength: mode === 'enforce' ? 'hard' : mode,
  };
}

const SHORT = /^(\d{1,4})(s|m)$/;

/** A rate over seconds or minutes must hold at every instant, not from one boundary to the next. */
function slidesBelowAnHour(text: string | null): Window | undefined {
  const match = SHORT.exec(text ?? '');
  if (!match) return undefined;
  return { kind: 'sliding', ms: Number(match[1]) * (match[2] === 's' ? 1_000 : 60_000) };
}

const rateWindow = ({ rateWindowMs }: CompileSettings): Window => ({ kind: 'sliding', ms: rateWindowMs });

/** What was stored has been checked; a text that cannot be read any more must not lift the limit. */
const windowOf = (text: string | null, { timeZone }: CompileSettings): Window =>
  parseWindow(text, timeZone) ?? LIFETIME;

function increaseNow({ temporaryIncrease }: Allowance, nowMs: number): number {
  return temporaryIncrease && nowMs < temporaryIncrease.untilMs ? temporaryIncrease.nanoUsd : 0;
}
