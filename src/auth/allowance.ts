/**
 * Stored limits → Allowance. Reads every shape that LiteLLM documents: `model_max_budget` as a number or an object with
 * `budget_limit`/`max_budget` and `time_period`/`budget_duration`, `model_rpm_limit` and `model_tpm_limit` in metadata,
 * `budget_limits` as several windows, temporary increases in columns or metadata.
 */
import type { Counted, OwnLimits } from '../db/entity-tables.ts';
import type { KeyRow } from '../db/keys.ts';
import { NO_LIMITS } from '../db/no-limits.ts';
import type { Allowance, CustomLimit, ModelAllowance } from '../gateway/entities.ts';
import { isObject } from '../lib/json.ts';
import { listIn, numberOr, objectIn, textsIn } from './json-columns.ts';

type Json = Readonly<Record<string, unknown>>;
type Own = OwnLimits & Partial<Counted>;
/** A budget that several may refer to. */
export type Budget = OwnLimits & { readonly allowed_models?: string | null };

/** A key's own limits over those of the budget it refers to. */
export function allowanceOfKey(row: KeyRow, budget: Budget | undefined): Allowance {
  const metadata = objectIn(row.metadata);
  const tagRates = tagRatesIn(metadata);
  return { ...allowanceOf(row, budget, metadata), ...(tagRates && { tagRates }) };
}

function tagRatesIn(metadata: Json): Readonly<Record<string, number>> | undefined {
  const given = metadata['tag_rpm_limit'];
  if (!isObject(given)) return undefined;
  const rates = Object.entries(given).flatMap(([tag, rate]) => {
    const most = amount(rate);
    return most === null ? [] : [[tag, most] as const];
  });
  return rates.length === 0 ? undefined : Object.fromEntries(rates);
}

/**
 * Every value that is set on the entity itself wins; the rest come from the budget.
 * @param metadata may hold `model_rpm_limit`, `model_tpm_limit` and a temporary increase
 */
export function allowanceOf(own: Own, budget: Budget | undefined, metadata: Json): Allowance {
  const number = (name: keyof OwnLimits & NumberColumn): number | null =>
    numberOr(own[name]) ?? numberOr(budget?.[name]);
  const windows = windowsIn(own.budget_limits);
  const custom = customIn(own.tollgate_limits);
  const models = textsIn(budget?.allowed_models ?? null);
  const countsFromMs = numberOr(own.counts_from_ms);
  return {
    maxBudgetNanoUsd: number('max_budget_nano_usd'),
    softBudgetNanoUsd: number('soft_budget_nano_usd'),
    budgetDuration: own.budget_duration ?? budget?.budget_duration ?? null,
    rpmLimit: number('rpm_limit'),
    tpmLimit: number('tpm_limit'),
    tpdLimit: number('tpd_limit'),
    maxParallelRequests: number('max_parallel_requests'),
    budgetWindows: windows.length > 0 ? windows : windowsIn(budget?.budget_limits ?? null),
    perModel: mergedModels([
      modelsIn(objectIn(budget?.model_max_budget ?? null)),
      ratesIn(metadata),
      modelsIn(objectIn(own.model_max_budget)),
    ]),
    custom: custom.length > 0 ? custom : customIn(budget?.tollgate_limits ?? null),
    temporaryIncrease: increaseOf(own) ?? increaseIn(metadata) ?? (budget ? increaseOf(budget) : null),
    spendSet: spendSetOf(own),
    ...(models.length > 0 && { models }),
    ...(countsFromMs !== null && { countsFromMs }),
  };
}

type NumberColumn =
  | 'max_budget_nano_usd'
  | 'soft_budget_nano_usd'
  | 'rpm_limit'
  | 'tpm_limit'
  | 'tpd_limit'
  | 'max_parallel_requests';

/** `null`: the team's metadata says nothing about its members. @param budget that of `team_member_budget_id` */
export function memberAllowanceOf(metadata: Json, budget: Budget | undefined): Allowance | null {
  const own: OwnLimits = {
    ...NO_LIMITS,
    max_budget_nano_usd: nanoUsd(metadata['team_member_budget']),
    budget_duration: text(metadata['team_member_budget_duration']),
    rpm_limit: amount(metadata['team_member_rpm_limit']),
    tpm_limit: amount(metadata['team_member_tpm_limit']),
  };
  const says = own.max_budget_nano_usd !== null || own.rpm_limit !== null || own.tpm_limit !== null;
  return says || budget !== undefined ? allowanceOf(own, budget, {}) : null;
}

/** Numbers that are no limit, such as texts or negative ones, are none. */
function amount(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : null;
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

function nanoUsd(dollars: unknown): number | null {
  const number = amount(dollars);
  return number === null ? null : Math.round(number * 1e9);
}

const maxOf = (entry: Json): number | null => nanoUsd(entry['budget_limit'] ?? entry['max_budget']);
const durationOf = (entry: Json): string | null => text(entry['time_period'] ?? entry['budget_duration']);

type Models = Readonly<Record<string, ModelAllowance>>;

function modelsIn(json: Json): Models {
  const models: Record<string, ModelAllowance> = Object.create(null);
  for (const [model, given] of Object.entries(json)) {
    const entry: Json = isObject(given) ? given : { max_budget: given };
    models[model] = {
      maxBudgetNanoUsd: maxOf(entry),
      budgetDuration: durationOf(entry),
      rpmLimit: amount(entry['rpm_limit']),
      tpmLimit: amount(entry['tpm_limit']),
    };
  }
  return models;
}

function ratesIn(metadata: Json): Models {
  const models: Record<string, ModelAllowance> = Object.create(null);
  const named = (name: string): Json => (isObject(metadata[name]) ? metadata[name] : {});
  const [rpm, tpm] = [named('model_rpm_limit'), named('model_tpm_limit')];
  for (const model of new Set([...Object.keys(rpm), ...Object.keys(tpm)])) {
    const limits = { rpmLimit: amount(rpm[model]), tpmLimit: amount(tpm[model]) };
    models[model] = { maxBudgetNanoUsd: null, budgetDuration: null, ...limits };
  }
  return models;
}

/** Later ones win, value by value. */
function mergedModels(all: readonly Models[]): Models {
  const merged: Record<string, ModelAllowance> = Object.create(null);
  for (const models of all) {
    for (const [model, { maxBudgetNanoUsd, budgetDuration, rpmLimit, tpmLimit }] of Object.entries(models)) {
      const before = merged[model];
      merged[model] = {
        maxBudgetNanoUsd: maxBudgetNanoUsd ?? before?.maxBudgetNanoUsd ?? null,
        budgetDuration: budgetDuration ?? before?.budgetDuration ?? null,
        rpmLimit: rpmLimit ?? before?.rpmLimit ?? null,
        tpmLimit: tpmLimit ?? before?.tpmLimit ?? null,
      };
    }
  }
  return merged;
}

function windowsIn(json: string | null): Allowance['budgetWindows'] {
  return listIn(json)
    .filter(isObject)
    .flatMap((entry) => {
      const [duration, maxNanoUsd] = [durationOf(entry), maxOf(entry)];
      return duration === null || maxNanoUsd === null ? [] : [{ duration, maxNanoUsd }];
    });
}

const UNITS: readonly string[] = ['usd', 'requests', 'tokens', 'parallel'] satisfies CustomLimit['unit'][];
const MODES: readonly string[] = ['enforce', 'shadow', 'soft'] satisfies CustomLimit['mode'][];
const isUnit = (value: unknown): value is CustomLimit['unit'] => typeof value === 'string' && UNITS.includes(value);
const isMode = (value: unknown): value is CustomLimit['mode'] => typeof value === 'string' && MODES.includes(value);

function customIn(json: string | null): CustomLimit[] {
  return listIn(json)
    .filter(isObject)
    .flatMap(({ unit, window, max, mode, model }) => {
      const most = amount(max);
      if (!isUnit(unit) || most === null) return [];
      // What is not understood is enforced: a limit must not vanish by a slip.
      return [{ unit, window: text(window), max: most, mode: isMode(mode) ? mode : 'enforce', model: text(model) }];
    });
}

function increaseOf(row: OwnLimits): Allowance['temporaryIncrease'] {
  const [increase, untilMs] = [numberOr(row.temp_budget_increase_nano_usd), numberOr(row.temp_budget_expiry_ms)];
  return increase === null || untilMs === null ? null : { nanoUsd: increase, untilMs };
}

function increaseIn(metadata: Json): Allowance['temporaryIncrease'] {
  const increase = nanoUsd(metadata['temp_budget_increase']);
  const until = metadata['temp_budget_expiry'];
  const untilMs = typeof until === 'string' ? Date.parse(until) : Number.NaN;
  return increase === null || Number.isNaN(untilMs) ? null : { nanoUsd: increase, untilMs };
}

function spendSetOf(row: OwnLimits): Allowance['spendSet'] {
  const [spend, atMs] = [numberOr(row.spend_set_nano_usd), numberOr(row.spend_set_at_ms)];
  return spend === null || atMs === null ? null : { nanoUsd: spend, atMs };
}
