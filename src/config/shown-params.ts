/**
 * Which texts of `litellm_params` and of credentials may be stored and shown as they are. Everything that is not listed
 * here counts as a secret, so a parameter that nobody has thought of is one.
 */
import { COMPLETION_DEFAULTS, PROVIDER_SETTINGS } from './known-params.ts';
import { LITELLM_PARAMS } from './schema.ts';
import type { Kind } from './values.ts';

const SHOWN: ReadonlySet<string> = new Set([
  'model',
  'custom_llm_provider',
  'api_base',
  'base_url',
  'api_version',
  'organization',
  'budget_duration',
  'mock_response',
  'additional_drop_params',
  'allowed_openai_params',
  'litellm_credential_name',
  'region_name',
  'vertex_project',
  'vertex_location',
  'vertex_ai_project',
  'vertex_ai_location',
  'aws_region_name',
  'watsonx_region_name',
  'watsonx_project',
  'project_id',
  'space_id',
  'azure_scope',
  'tags',
  ...COMPLETION_DEFAULTS,
]);

const KINDS: Readonly<Record<string, Kind>> = LITELLM_PARAMS.honoured;
const SETTINGS: ReadonlySet<string> = new Set(PROVIDER_SETTINGS);
const REFERENCE = /^os\.environ\/[\w.-]+$/;
/** An address that carries a login or a token of its own. */
const LOADED_ADDRESS = /[@?#]/;

/** Whether this text must be sealed, and never be shown. */
export function isSecretParam(name: string, text: string): boolean {
  if (REFERENCE.test(text)) return false;
  if (!SHOWN.has(name)) return true;
  return (name === 'api_base' || name === 'base_url') && LOADED_ADDRESS.test(text);
}

/** A key or a header that is written in digits only is text, and has to be sealed like any other. */
export function asText(name: string, value: unknown): unknown {
  if (typeof value === 'number' && isText(name)) return String(value);
  if (typeof value !== 'object' || value === null || KINDS[name] !== 'textMap') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, typeof item === 'number' ? String(item) : item]),
  );
}

const isText = (name: string): boolean =>
  SETTINGS.has(name) || (Object.hasOwn(KINDS, name) && (KINDS[name] === 'text' || KINDS[name] === 'texts'));
