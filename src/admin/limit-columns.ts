/** Limits as they are sent ⇄ the columns they are stored in. Money is dollars outside, nano-dollars inside. */
import { listIn, objectIn } from '../auth/json-columns.ts';
import type { OwnLimits } from '../db/entity-tables.ts';
import { usdNumber } from '../lib/usd.ts';
import type { LimitFields } from './fields.ts';

const PLAIN = ['budget_duration', 'tpm_limit', 'rpm_limit', 'tpd_limit', 'max_parallel_requests'] as const;
const JSON_COLUMNS = ['budget_limits', 'model_max_budget', 'tollgate_limits'] as const;
const MONEY = ['max_budget', 'soft_budget', 'temp_budget_increase'] as const;

export const nanoUsd = (dollars: number | null): number | null => (dollars === null ? null : Math.round(dollars * 1e9));
export const iso = (ms: number | null): string | null => (ms === null ? null : new Date(Number(ms)).toISOString());
export const whole = (value: number | null): number | null => (value === null ? null : Number(value));
const usd = (nano: number | null): number | null => usdNumber(whole(nano));

/** The columns that a request sets: only fields that were sent, an explicit `null` clears. */
export function limitColumns(fields: Partial<LimitFields>): Partial<OwnLimits> {
  const columns: Partial<OwnLimits> = {};
  for (const field of PLAIN) if (fields[field] !== undefined) Object.assign(columns, { [field]: fields[field] });
  for (const field of JSON_COLUMNS) if (fields[field] !== undefined) columns[field] = jsonOf(fields[field]);
  for (const field of MONEY) {
    const dollars = fields[field];
    if (dollars !== undefined) columns[`${field}_nano_usd`] = nanoUsd(dollars);
  }
  const expiry = fields.temp_budget_expiry;
  if (expiry !== undefined) columns.temp_budget_expiry_ms = expiry === null ? null : Date.parse(expiry);
  return columns;
}

/** A JSON column: `null` for what is cleared. */
export const jsonOf = (value: unknown): string | null => (value == null ? null : JSON.stringify(value));

/** Every field, `null` when it is not set. */
export function limitsView(row: OwnLimits): Record<string, unknown> {
  return {
    max_budget: usd(row.max_budget_nano_usd),
    soft_budget: usd(row.soft_budget_nano_usd),
    budget_duration: row.budget_duration,
    budget_limits: listIn(row.budget_limits),
    model_max_budget: objectIn(row.model_max_budget),
    max_parallel_requests: whole(row.max_parallel_requests),
    tpm_limit: whole(row.tpm_limit),
    rpm_limit: whole(row.rpm_limit),
    tpd_limit: whole(row.tpd_limit),
    tollgate_limits: listIn(row.tollgate_limits),
    temp_budget_increase: usd(row.temp_budget_increase_nano_usd),
    temp_budget_expiry: iso(row.temp_budget_expiry_ms),
  };
}
