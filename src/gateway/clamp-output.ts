/** What no client has capped is capped: the caller is told, and each attempt sends it. */
import { patchJson } from '../lib/json-members.ts';
import type { Call } from './call.ts';

/**
 * @param total tokens of output that a budget still covers, for all choices
 * @returns the cap for all choices that the request has now
 */
export function clampOutput(call: Call, total: number, choices: number): number {
  const max_tokens = Math.max(1, Math.floor(total / choices));
  call.text = call.text && patchJson(call.text, { set: { max_tokens: String(max_tokens) }, remove: [] });
  call.request = { ...call.request, max_tokens };
  const note = `to ${max_tokens} tokens, which is what the budget still covers`;
  const others = call.admittedChanges.filter(({ field }) => field !== 'max_tokens');
  call.admittedChanges.splice(0, Number.POSITIVE_INFINITY, ...others, { field: 'max_tokens', action: 'clamped', note });
  return max_tokens * choices;
}
