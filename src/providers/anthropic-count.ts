/** How many tokens a prompt is, as Anthropic counts. Source: Anthropic's API reference, "Count tokens in a Message". */
import { isObject, numberOf } from '../lib/json.ts';
import type { Target, UpstreamRequest } from './adapter.ts';

/** Members of a message request that make up its prompt; the others say how to answer and are refused there. */
const COUNTED: ReadonlySet<string> = new Set([
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'mcp_servers',
  'context_management',
  'cache_control',
]);

export interface CountPlace {
  readonly url: string;
  readonly model: string;
}

/** @param place where that is not beside the messages */
export function anthropicCount(request: UpstreamRequest, target: Target, place?: CountPlace): UpstreamRequest {
  const members = Object.entries(JSON.parse(request.body)).filter(([name]) => COUNTED.has(name));
  return {
    url: place?.url ?? besideMessages(request.url),
    headers: request.headers,
    body: JSON.stringify({ model: place?.model ?? target.upstreamModel, ...Object.fromEntries(members) }),
  };
}

function besideMessages(url: string): string {
  const [path = '', query] = url.split('?', 2);
  return `${path}/count_tokens${query === undefined ? '' : `?${query}`}`;
}

export const anthropicTokens = (body: unknown): number | undefined =>
  isObject(body) ? numberOf(body['input_tokens']) : undefined;
