/**
 * Parameters that a request must have (`enforced_params` of a key, a team or the gateway), so that every call says what
 * the operator needs to know of it. Source: LiteLLM's documentation of required parameters.
 */
import { invalidRequest } from '../errors.ts';
import type { Call } from '../gateway/call.ts';
import type { Feature } from '../gateway/feature.ts';
import { isObject } from '../lib/json.ts';

export interface EnforcedParams {
  /** Of every request: `user`, or `metadata.generation_name` for what lies within. */
  readonly ofAll: readonly string[];
  /** Of requests with keys of service accounts besides. */
  readonly ofServiceAccounts: readonly string[];
}

export interface EnforcedParts {
  enforcedParams(): EnforcedParams;
}

export function enforcedParams({ enforcedParams: configured }: EnforcedParts): Feature {
  return {
    name: 'enforced-params',
    admit(call) {
      const { ofAll, ofServiceAccounts } = configured();
      requireAll(ofAll, call);
      const metadata = call.caller?.metadata;
      if (metadata === undefined) return undefined;
      if (metadata['service_account_id'] !== undefined) requireAll(ofServiceAccounts, call);
      requireAll(metadata['enforced_params'], call);
      requireAll(call.caller?.team?.metadata['enforced_params'], call);
      return undefined;
    },
  };
}

function requireAll(params: unknown, call: Call): void {
  if (!Array.isArray(params)) return;
  for (const param of params) {
    if (typeof param !== 'string' || isThere(param.split('.'), call)) continue;
    const path = param.includes('.') ? `[${param.split('.').join('][')}]` : param;
    throw invalidRequest(`BadRequest please pass param=${path} in request body. This is a required param`, param);
  }
}

/** What the gateway takes out for itself was there too. */
function isThere([first = '', ...within]: readonly string[], call: Call): boolean {
  const { request, gatewayKeys, controls } = call;
  if (within.length === 0) return Object.hasOwn(request, first) || gatewayKeys.includes(first);
  const isMetadata = first === 'metadata' || first === 'litellm_metadata';
  const start: unknown = isMetadata ? controls.metadata : Object.hasOwn(request, first) && Reflect.get(request, first);
  return reaches(start, within);
}

const reaches = (value: unknown, path: readonly string[]): boolean =>
  path.reduce<unknown>((at, name) => (isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined), value) !==
  undefined;
