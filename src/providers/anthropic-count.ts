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

/**
 * @param place where that is not beside the messages
 * @returns `undefined` where nobody knows whom to ask
 */
export function anthropicCount(
  request: UpstreamRequest,
  target: Target,
  place: CountPlace | undefined = besideMessages(request.url, target),
): UpstreamRequest | undefined {
  if (place === undefined) return undefined;
  const members = Object.entries(JSON.parse(request.body)).filter(([name]) => COUNTED.has(name));
  return {
    url: place.url,
    headers: request.headers,
    body: JSON.stringify({ model: place.model, ...Object.fromEntries(members) }),
  };
}

function besideMessages(url: string, { upstreamModel }: Target): CountPlace | undefined {
  const [path = '', query] = url.split('?', 2);
  if (!path.endsWith('/messages')) return undefined;
  return { url: `${path}/count_tokens${query === undefined ? '' : `?${query}`}`, model: upstreamModel };
}

export const anthropicTokens = (body: unknown): number | undefined =>
  isObject(body) ? numberOf(body['input_tokens']) : undefined;
