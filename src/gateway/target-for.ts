/** What a caller may change of a deployment for its own call: the provider key, and an API version that nobody has set. */
import type { ChatInput, Target } from '../providers/adapter.ts';
import type { Call } from './call.ts';
import { streamsAt, wholeInput } from './emulated-stream.ts';
import { OUTPUT_CAPS } from './token-bounds.ts';

export function targetFor(call: Call, target: Target): Target {
  const apiKey = callerKey(call, target);
  const apiVersion = callerVersion(call, target);
  if (apiKey === undefined && apiVersion === undefined) return target;
  return {
    ...target,
    ...(apiVersion !== undefined && { apiVersion }),
    // State kept by deployment id must not mix the caller's key with the operator's.
    ...(apiKey !== undefined && { apiKey, deploymentId: `${target.deploymentId}:caller-key` }),
  };
}

/**
 * The caller's own provider key: of the fallback, else of the request. The latter belongs to whoever was asked first: no
 * other host gets to see it.
 */
export function callerKey({ controls, attempts }: Call, target: Target): string | undefined {
  if (target.takesCallerKey !== true) return undefined;
  const ofFallback = target.requestChanges?.['api_key'];
  if (typeof ofFallback === 'string' && ofFallback !== '') return ofFallback;
  const [first] = attempts;
  return first === undefined || first.target.baseUrl === target.baseUrl ? controls.apiKey : undefined;
}

/** The request as this target is asked it: a fallback may have fields of its own, but none that undoes a cap of the budget. */
export function inputFor(call: Call, target: Target): ChatInput {
  const input = changedInput(call, target);
  return input.request.stream === true && !streamsAt(target) ? wholeInput(input) : input;
}

function changedInput(call: Call, { requestChanges }: Target): ChatInput {
  if (requestChanges === undefined) return call;
  const isClamped = call.admittedChanges.some(({ action }) => action === 'clamped');
  const isKept = ([key]: [string, unknown]): boolean =>
    key !== 'api_key' && !(isClamped && OUTPUT_CAPS.some((cap) => cap === key));
  const changes = Object.fromEntries(Object.entries(requestChanges).filter(isKept));
  return { ...call, request: { ...call.request, ...changes }, text: undefined };
}

/** What the operator wrote wins: an old client must not take a deployment back. */
function callerVersion({ apiVersion }: Call, { apiVersion: written, adapter }: Target): string | undefined {
  const isVersioned = adapter.settingsEnv?.['api_version'] !== undefined;
  return isVersioned && written === undefined ? apiVersion : undefined;
}
