/**
 * Totals over the request log, kept in the transactions that insert its rows. Imports nothing, so that `schema.ts` can
 * join the tables without an import cycle. Columns ending in `_ref` are ids in `names`.
 */
import type { Generated } from 'kysely';

/** Times are counted in quarter hours since the epoch: every time zone in use is a whole number of them away from UTC. */
export const QUARTER_MS = 900_000;

/** Stands in `quarter` for the total since the first request. */
export const LIFETIME = -1;

/** What each scope (`usage-scopes.ts`) has used, by quarter hour of the request's start. */
export interface ScopeUsageTable {
  /** Index in `SCOPE_KINDS`. */
  kind: number;
  ref: number;
  /** The second name of a pair; 0 where the scope is no pair. */
  second_ref: number;
  /** `LIFETIME`, or which quarter hour. */
  quarter: number;
  request_count: number;
  cost_nano_usd: number;
  tokens: number;
}

/** Names of columns here and in `requests`; 0 stands for what is `null` there. */
export const DIMENSIONS = [
  'key_ref',
  'team_ref',
  'user_ref',
  'organization_ref',
  'project_ref',
  'end_user_ref',
  'model_group_ref',
  'model_ref',
  'deployment_ref',
  'provider_ref',
  'route_ref',
  'tags_ref',
] as const;

export type Dimension = (typeof DIMENSIONS)[number];

/** Each combination of names that requests had, once: it is written with its first request and then referred to. */
export interface UsageDimensionsTable extends Record<Dimension, number> {
  id: Generated<number>;
}

/** `requests` is all of them, refused ones too; `consuming` those that were served or tried; `unpriced` of unknown cost. */
export const COUNTS = ['requests', 'successes', 'consuming', 'unpriced'] as const;

/** Sums of the columns of `requests` with the same names, in which `null` adds nothing. */
export const SUMS = [
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'cache_write_1h_tokens',
  'input_audio_tokens',
  'output_tokens',
  'reasoning_tokens',
  'output_audio_tokens',
  'cost_nano_usd',
  'cost_input_nano_usd',
  'cost_output_nano_usd',
  'cost_cache_read_nano_usd',
  'cost_cache_write_nano_usd',
  'cost_reasoning_nano_usd',
  'duration_us',
] as const;

export const MEASURES = [...COUNTS, ...SUMS] as const;

export type Measure = (typeof MEASURES)[number];

/** Those of `SUMS` that share no token: together they are all tokens. */
export const TOKEN_SUMS = [
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'input_audio_tokens',
  'output_tokens',
  'reasoning_tokens',
  'output_audio_tokens',
] as const;

/** Tokens that rate limits count: as LiteLLM does, without those read from the provider's cache. */
export const RATE_TOKEN_SUMS = TOKEN_SUMS.filter((name) => name !== 'cache_read_tokens');

/** The report cube: one row for each quarter hour and combination of names. */
export interface UsageCubeTable extends Record<Measure, number> {
  quarter: number;
  dimensions_ref: number;
}

/** Members of the tag lists that `tags_ref` names. */
export interface TagSetsTable {
  tags_ref: number;
  tag_ref: number;
}
