/**
 * What is different about Claude on Vertex AI: no model in the body, a version of its own, and fewer switches. Sources:
 * Anthropic's "Claude on Vertex AI"; LiteLLM's documentation of `vertex_ai/` and its table of beta headers.
 */
import { invalidRequest } from '../errors.ts';
import { isObject } from '../lib/json.ts';
import type { Change, UpstreamRequest } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import { type ServedSwitches, servedSwitches } from './claude-switches.ts';

const VERSION = 'vertex-2023-10-16';

/** @throws GatewayError 400 for files that would have to be fetched */
export function finishClaude(edit: BodyEdit): void {
  refuseAddresses(edit.get('messages'), 'Vertex AI');
  edit.remove('model');
  edit.set('anthropic_version', VERSION);
}

/** @param at who would have to fetch them, in words */
export function refuseAddresses(value: unknown, at: string): void {
  if (Array.isArray(value)) for (const item of value) refuseAddresses(item, at);
  if (!isObject(value)) return;
  const { source, content } = value;
  if (isObject(source) && (source['type'] === 'url' || source['type'] === 'file')) {
    throw invalidRequest(`Claude on ${at} takes images and documents as data URIs only.`, 'messages');
  }
  refuseAddresses(content, at);
}

/** The switches as they are served here: in the header, as Anthropic's own client has them, and in the body, as Google's samples. */
const SWITCHES: ServedSwitches = {
  at: 'Vertex AI',
  refused:
    /^(advisor-tool|agent-memory|bash_|cache-diagnosis|code-execution|fast-mode|files-api|managed-agents|mcp-client|mcp-servers|message-batches|output-300k|skills|text_editor_|web-fetch|webhooks)/,
  renamed: { 'advanced-tool-use-2025-11-20': 'tool-search-tool-2025-10-19' },
  headerOnly: /^(extended-cache-ttl|prompt-caching|compact-2026-09|redact-thinking|inline-tools|user-profiles)/,
};

export const withServedSwitches = (request: UpstreamRequest, changes: Change[]): UpstreamRequest =>
  servedSwitches(request, SWITCHES, changes);
