/**
 * How a request's row is stored: numbers in a narrow table, names as references into `names`, what varies beside it.
 * Table interfaces import nothing, so that `schema.ts` can join them without an import cycle.
 */
import type { Generated } from 'kysely';

/** Columns ending in `_ref` are ids in `names`; in `_us`, microseconds; `null` means unknown or not applicable. */
export interface RequestsTable {
  /** UUIDv7: ordered by time, so ranges of time are ranges of ids. */
  id: string;
  /** `null` when it equals `id`, which is the usual case. */
  call_id: string | null;
  response_id: string | null;
  /** Epoch milliseconds. */
  started_at_ms: number;
  duration_us: number;
  /** From the start to the first content. */
  first_token_us: number | null;
  upstream_us: number;
  overhead_us: number;
  /** Index in `ROW_STATUSES`. */
  status: number;
  http_status: number;
  /** 0 or 1. */
  stream: number;
  attempt_count: number;
  route_ref: number | null;
  key_ref: number | null;
  key_alias_ref: number | null;
  team_ref: number | null;
  user_ref: number | null;
  organization_ref: number | null;
  project_ref: number | null;
  end_user_ref: number | null;
  requested_model_ref: number | null;
  model_group_ref: number | null;
  deployment_ref: number | null;
  model_ref: number | null;
  provider_ref: number | null;
  api_base_ref: number | null;
  price_version_ref: number | null;
  error_kind_ref: number | null;
  user_agent_ref: number | null;
  client_ip_ref: number | null;
  /** Names the tag list, whose members are in `tag_sets`; long lists themselves stand in `request_details.tags`. */
  tags_ref: number | null;
  /** All token columns are `null` when nothing is known of the usage. */
  input_tokens: number | null;
  cache_read_tokens: number | null;
  cache_write_tokens: number | null;
  /** Those of `cache_write_tokens` kept for an hour: a part of it. */
  cache_write_1h_tokens: number | null;
  input_audio_tokens: number | null;
  output_tokens: number | null;
  reasoning_tokens: number | null;
  output_audio_tokens: number | null;
  /** Index in `USAGE_SOURCES`. */
  usage_source: number | null;
  /** `null`: unknown price. */
  cost_nano_usd: number | null;
  cost_input_nano_usd: number | null;
  cost_output_nano_usd: number | null;
  cost_cache_read_nano_usd: number | null;
  cost_cache_write_nano_usd: number | null;
  cost_reasoning_nano_usd: number | null;
}

/** Exists only when something in it is not empty. JSON columns are text. */
export interface RequestDetailsTable {
  request_id: string;
  session_id: string | null;
  tags: string | null;
  metadata: string | null;
  /** `null` with `attempt_count` 1: one attempt that answered, told by the row itself. */
  attempts: string | null;
  changes: string | null;
  error_type: string | null;
  error_message: string | null;
  error_code: string | null;
  /** What besides tokens decided the price. */
  price_factors: string | null;
  /** Why it went where it went. */
  routing: string | null;
}

/** Exists only when prompts are stored. JSON text. */
export interface RequestPayloadsTable {
  request_id: string;
  request_body: string | null;
  response_body: string | null;
}

/** Dictionary: every name that rows repeat, once. */
export interface NamesTable {
  id: Generated<number>;
  name: string;
}
