/**
 * What is different about Claude on Vertex AI: no model in the body, a version of its own, and fewer switches. Sources:
 * Anthropic's "Claude on Vertex AI"; LiteLLM's documentation of `vertex_ai/` and its table of beta headers.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, without } from '../lib/json.ts';
import { patchJson } from '../lib/json-members.ts';
import type { Change, UpstreamRequest } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';

const VERSION = 'vertex-2023-10-16';
const BETA = 'anthropic-beta';

/** Whoever is asked for one of these refuses the whole request. */
const NOT_SERVED =
  /^(advisor-tool|agent-memory|bash_|cache-diagnosis|code-execution|fast-mode|files-api|managed-agents|mcp-client|mcp-servers|message-batches|output-300k|skills|text_editor_|web-fetch|webhooks)/;
/** Served, but not known by this name in the body. */
const HEADER_ONLY = /^(extended-cache-ttl|prompt-caching|compact-2026-09|redact-thinking|inline-tools|user-profiles)/;

const RENAMED: Readonly<Record<string, string>> = { 'advanced-tool-use-2025-11-20': 'tool-search-tool-2025-10-19' };

/** @throws GatewayError 400 for files that would have to be fetched */
export function finishClaude(edit: BodyEdit): void {
  refuseAddresses(edit.get('messages'));
  edit.remove('model');
  edit.set('anthropic_version', VERSION);
}

function refuseAddresses(value: unknown): void {
  if (Array.isArray(value)) for (const item of value) refuseAddresses(item);
  if (!isObject(value)) return;
  const { source, content } = value;
  if (isObject(source) && (source['type'] === 'url' || source['type'] === 'file')) {
    throw invalidRequest('Claude on Vertex AI takes images and documents as data URIs only.', 'messages');
  }
  refuseAddresses(content);
}

/** The switches as they are served here: in the header, as Anthropic's own client has them, and in the body, as Google's samples. */
export function withServedSwitches(request: UpstreamRequest, changes: Change[]): UpstreamRequest {
  const asked = [...namesIn(request.headers[BETA]), ...namesIn(bodySwitches(request.body))];
  if (asked.length === 0) return request;
  const refused = asked.filter((name) => NOT_SERVED.test(name));
  if (refused.length > 0)
    changes.push({ field: BETA, action: 'dropped', note: 'switches that Vertex AI does not have' });
  const served = [...new Set(asked.filter((name) => !refused.includes(name)).map((name) => RENAMED[name] ?? name))];
  const inBody = served.filter((name) => !HEADER_ONLY.test(name));
  const headers = without(request.headers, BETA) as Record<string, string>; // What is left of one.
  const set = inBody.length > 0 ? { anthropic_beta: JSON.stringify(inBody) } : {};
  return {
    ...request,
    headers: { ...headers, ...(served.length > 0 && { [BETA]: served.join(',') }) },
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
