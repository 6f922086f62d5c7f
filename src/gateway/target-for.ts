/** What a caller may change of a deployment for its own call: the provider key, and an API version that nobody has set. */
import type { Target } from '../providers/adapter.ts';
import type { Call } from './call.ts';

export function targetFor(call: Call, target: Target): Target {
  const { apiKey } = call.controls;
  const apiVersion = callerVersion(call, target);
  if (apiKey === undefined && apiVersion === undefined) return target;
  return {
    ...target,
    ...(apiVersion !== undefined && { apiVersion }),
    // State kept by deployment id must not mix the caller's key with the operator's.
    ...(apiKey !== undefined && { apiKey, deploymentId: `${target.deploymentId}:caller-key` }),
  };
}

/** What the operator wrote wins: an old client must not take a deployment back. */
function callerVersion({ apiVersion }: Call, { apiVersion: written, adapter }: Target): string | undefined {
  const isVersioned = adapter.settingsEnv?.['api_version'] !== undefined;
  return isVersioned && written === undefined ? apiVersion : undefined;
}
