/**
 * Tools that the provider itself runs while it answers: what they find becomes input that nobody has sent. Sources: the
 * tools' guides of OpenAI (`web_search_options`), Anthropic (`web_search_20250305`, `max_uses`) and Google (`googleSearch`).
 */
import { isObject, type JsonObject } from '../lib/json.ts';
import type { ChatRequest } from '../wire/openai.ts';
import { UNSIZED } from './attachments.ts';

export interface HostedTools {
  /** Searches that may be billed. */
  readonly mostSearches: number;
  /** Most tokens of results that are read along with the prompt; `UNSIZED` for pages, files and output of programs. */
  readonly tokensRead: number;
}

const NONE: HostedTools = { mostSearches: 0, tokensRead: 0 };
/** Results of one search. */
const TOKENS_PER_SEARCH = 30_000;
/** Where a request does not say how often it may search. */
const USUAL_MOST_SEARCHES = 10;
/** `max_uses` that a context size stands for with providers that count uses. */
const USES: Readonly<Record<string, number>> = { low: 1, medium: 5, high: 10 };

const SEARCH = /search|grounding/i;
const READER =
  /fetch|code_?execution|code_?interpreter|mcp|advisor|retrieval|file_?search|tool_?search|url_?context|maps/i;
/** Not run by the provider. */
const CALLERS_OWN: ReadonlySet<unknown> = new Set(['function', 'custom']);

export function hostedTools(request: ChatRequest): HostedTools {
  const { tools, web_search_options: options, mcp_servers: servers } = request;
  if (tools === undefined && options === undefined && servers === undefined) return NONE;
  const hosted = (Array.isArray(tools) ? tools : []).filter(isObject).filter(({ type }) => !CALLERS_OWN.has(type));
  const asked = isObject(options) ? (USES[String(options['search_context_size'])] ?? USUAL_MOST_SEARCHES) : 0;
  const searching = hosted.filter((tool) => SEARCH.test(nameOf(tool)));
  const mostSearches = searching.reduce((sum, tool) => sum + usesOf(tool), asked);
  const readsMore = servers !== undefined || hosted.some((tool) => READER.test(nameOf(tool)));
  return { mostSearches, tokensRead: readsMore ? UNSIZED : mostSearches * TOKENS_PER_SEARCH };
}

/** `{type: "web_search_20250305"}` or `{googleSearch: {}}`. */
const nameOf = (tool: JsonObject): string =>
  typeof tool['type'] === 'string' ? tool['type'] : Object.keys(tool).join(' ');

const usesOf = ({ max_uses: uses }: JsonObject): number =>
  typeof uses === 'number' && uses >= 0 && uses < 1_000 ? Math.ceil(uses) : USUAL_MOST_SEARCHES;
