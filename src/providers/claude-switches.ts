/** Anthropic's beta switches as the clouds serve them, which have fewer than Anthropic itself and want them in the body. */
import { type JsonObject, without } from '../lib/json.ts';
import { patchJson } from '../lib/json-members.ts';
import type { Change, UpstreamRequest } from './adapter.ts';

export interface ServedSwitches {
  /** Who it is, in words. */
  readonly at: string;
  /** Whoever is asked for one of these refuses the whole request. */
  readonly refused: RegExp;
  readonly renamed: Readonly<Record<string, string>>;
  /** Served, but not known by this name in the body; absent: the header is not read at all. */
  readonly headerOnly?: RegExp;
}

const BETA = 'anthropic-beta';

export function servedSwitches(
  request: UpstreamRequest,
  { at, refused, renamed, headerOnly }: ServedSwitches,
  changes: Change[],
): UpstreamRequest {
  const asked = [...namesIn(request.headers[BETA]), ...namesIn(bodySwitches(request.body))];
  if (asked.length === 0) return request;
  const left = asked.filter((name) => !refused.test(name));
  if (left.length < asked.length) {
    changes.push({ field: BETA, action: 'dropped', note: `switches that ${at} does not have` });
  }
  const served = [...new Set(left.map((name) => renamed[name] ?? name))];
  const inBody = served.filter((name) => headerOnly?.test(name) !== true);
  const headers = without(request.headers, BETA) as Record<string, string>; // What is left of one.
  const set = inBody.length > 0 ? { anthropic_beta: JSON.stringify(inBody) } : {};
  return {
    ...request,
    headers: { ...headers, ...(headerOnly && served.length > 0 && { [BETA]: served.join(',') }) },
    body: patchJson(request.body, { set, remove: inBody.length > 0 ? [] : ['anthropic_beta'] }) ?? request.body,
  };
}

const namesIn = (value: unknown): string[] =>
  (Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [])
    .filter((name): name is string => typeof name === 'string')
    .map((name) => name.trim())
    .filter((name) => name !== '');

function bodySwitches(body: string): unknown {
  if (!body.includes('"anthropic_beta"')) return undefined;
  const parsed = JSON.parse(body) as JsonObject; // The adapter's own text.
  return parsed['anthropic_beta'];
}
