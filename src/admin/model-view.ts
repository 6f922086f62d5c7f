/** Deployments in LiteLLM's shapes. Source: LiteLLM's documentation of `/model/info` and `/model_group/info`. */
import type { ModelRow } from '../db/models.ts';
import type { ModelListing, ModelRegistry } from './model-registry.ts';
import { objectIn, shown } from './sealed-params.ts';

type View = Record<string, unknown>;

const iso = (ms: number): string => new Date(ms).toISOString();

/** A row as it is answered to a write, and kept in the audit: without secrets, but with the names of those that are there. */
export function storedView(row: ModelRow, registry: ModelRegistry): View {
  const params = shown(registry, row.litellm_params);
  return {
    model_id: row.model_id,
    model_name: row.model_name,
    litellm_params: params,
    secret_params: Object.keys(objectIn(row.litellm_params)).filter((name) => !Object.hasOwn(params, name)),
    model_info: { ...objectIn(row.model_info), id: row.model_id, db_model: true },
    blocked: Number(row.blocked) === 1,
    created_at: iso(Number(row.created_at_ms)),
    created_by: row.created_by,
    updated_at: iso(Number(row.updated_at_ms)),
    updated_by: row.updated_by,
  };
}

/** @param inFull for those who run the platform; others see what they ask for, and not how it is reached */
export function infoView(listing: ModelListing, inFull: boolean): View {
  const { id, modelName, params, info, facts, isStored, isBlocked, fault, stamps } = listing;
  return {
    model_name: modelName,
    litellm_params: inFull ? params : { model: params['model'] },
    model_info: {
      ...facts,
      ...(inFull ? info : withoutTeams(info)),
      id,
      db_model: isStored,
      team_id: info['team_id'] ?? null,
      blocked: isBlocked,
      ...(inFull && {
        tollgate_fault: fault,
        created_at: stamps && iso(stamps.createdAtMs),
        created_by: stamps?.createdBy ?? null,
        updated_at: stamps && iso(stamps.updatedAtMs),
        updated_by: stamps?.updatedBy ?? null,
      }),
    },
  };
}

/** Which teams have which hours is not for the others to know. */
function withoutTeams({ access_windows: _, ...rest }: ModelListing['info']): ModelListing['info'] {
  return rest;
}

const FLAGS = [
  'supports_vision',
  'supports_function_calling',
  'supports_parallel_function_calling',
  'supports_tool_choice',
  'supports_response_schema',
  'supports_prompt_caching',
  'supports_reasoning',
  'supports_web_search',
  'supports_url_context',
  'supports_audio_input',
  'supports_audio_output',
  'supports_pdf_input',
] as const;

/** All deployments of one name as one. An ability is there when one of them has it. */
export function groupView(name: string, listings: readonly ModelListing[]): View {
  const facts = listings.map(({ facts, info }) => ({ ...facts, ...info }));
  const most = (field: string): number | null => largest(facts.map((one) => Reflect.get(one, field)));
  const total = (field: string): number | null => sum(listings.map(({ params }) => params[field]));
  const first = (field: string): unknown =>
    facts.map((one) => Reflect.get(one, field)).find((one) => one != null) ?? null;
  return {
    model_group: name,
    providers: [...new Set(facts.map((one) => Reflect.get(one, 'litellm_provider')))].filter((one) => one != null),
    max_input_tokens: most('max_input_tokens'),
    max_output_tokens: most('max_output_tokens'),
    input_cost_per_token: most('input_cost_per_token'),
    output_cost_per_token: most('output_cost_per_token'),
    input_cost_per_pixel: most('input_cost_per_pixel'),
    mode: first('mode') ?? 'chat',
    tpm: total('tpm'),
    rpm: total('rpm'),
    ...Object.fromEntries(FLAGS.map((flag) => [flag, facts.some((one) => Reflect.get(one, flag) === true)])),
    supported_openai_params: first('supported_openai_params'),
    configurable_clientside_auth_params: null,
    is_public_model_group: false,
    health_status: null,
    health_response_time: null,
    health_checked_at: null,
  };
}

const numbersIn = (values: readonly unknown[]): number[] => values.filter((value) => typeof value === 'number');

function largest(values: readonly unknown[]): number | null {
  const numbers = numbersIn(values);
  return numbers.length === 0 ? null : Math.max(...numbers);
}

function sum(values: readonly unknown[]): number | null {
  const numbers = numbersIn(values);
  return numbers.length === 0 ? null : numbers.reduce((total, number) => total + number, 0);
}
