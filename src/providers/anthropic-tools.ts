/**
 * Tools and the choice among them. Sources: Anthropic's guide "Tool use", its lists of server tools and of beta headers;
 * LiteLLM's documentation of `anthropic/` tools, web search and MCP.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf, without } from '../lib/json.ts';
import type { Change } from './adapter.ts';
import { closedSchema } from './anthropic-schema.ts';

const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const LONGEST_NAME = 128;

/** Names that Anthropic accepts, one for each of the client's; names that are fine stay as they are. */
export class ToolNames {
  readonly #upstream = new Map<string, string>();

  constructor(names: readonly string[]) {
    const taken = new Set(names.filter((name) => NAME.test(name)));
    for (const name of taken) this.#upstream.set(name, name);
    for (const name of names) {
      if (this.#upstream.has(name)) continue;
      const free = freeName(name, taken);
      taken.add(free);
      this.#upstream.set(name, free);
    }
  }

  of(name: string): string {
    return this.#upstream.get(name) ?? freeName(name, new Set());
  }

  /** Upstream name → the client's, for those that differ; `undefined` when none does. */
  get renamed(): Readonly<Record<string, string>> | undefined {
    const pairs = [...this.#upstream].filter(([name, upstream]) => name !== upstream);
    return pairs.length === 0 ? undefined : Object.fromEntries(pairs.map(([name, upstream]) => [upstream, name]));
  }
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  const plain = name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, LONGEST_NAME) || 'tool';
  let free = plain;
  for (let count = 2; taken.has(free); count++) free = `${plain.slice(0, LONGEST_NAME - 6)}_${count}`;
  return free;
}

export interface ToolContext {
  readonly names: ToolNames;
  /** The model keeps to schemas of strict tools. */
  readonly takesStrict: boolean;
  readonly changes: Change[];
}

export interface Tools {
  readonly tools: readonly JsonObject[];
  readonly mcpServers: readonly JsonObject[];
}

export const namesIn = (tools: readonly unknown[]): string[] =>
  tools.flatMap((tool) => {
    const made = isObject(tool) && isObject(tool['function']) ? tool['function'] : undefined;
    return made ? (textOf(made['name']) ?? []) : [];
  });

/** @param given `tools` of the request, as OpenAI or Anthropic defines them */
export function toolsOf(given: readonly unknown[], context: ToolContext): Tools {
  const all = given.map((tool, at) => {
    if (!isObject(tool)) throw invalidRequest(`'tools[${at}]' must be an object.`, `tools[${at}]`);
    return tool;
  });
  return {
    tools: all.flatMap((tool, at) => (tool['type'] === 'mcp' ? [] : [toolOf(tool, at, context)])),
    mcpServers: all.flatMap((tool, at) => (tool['type'] === 'mcp' ? [mcpServer(tool, at)] : [])),
  };
}

function toolOf(tool: JsonObject, at: number, context: ToolContext): JsonObject {
  const { type, function: made } = tool;
  if (isObject(made)) return functionTool(tool, made, context);
  if (type === 'web_search' || type === 'web_search_preview') return webSearch(tool);
  if (type === 'custom' && isObject(tool['custom'])) throw untakable(at);
  return tool;
}

const untakable = (at: number) =>
  invalidRequest(
    `anthropic has no tools with free text as their input; give 'tools[${at}]' as a function.`,
    `tools[${at}]`,
  );

/** Members of a tool that Anthropic has too. */
const OWN = ['cache_control', 'defer_loading', 'allowed_callers', 'input_examples', 'eager_input_streaming'] as const;

function functionTool(tool: JsonObject, made: JsonObject, context: ToolContext): JsonObject {
  const own = OWN.map((name) => [name, tool[name] ?? made[name]] as const).filter(([, value]) => value !== undefined);
  const description = textOf(made['description']);
  const { schema, strict } = inputSchema(made, context);
  return {
    name: context.names.of(textOf(made['name']) ?? ''),
    ...(description !== undefined && { description }),
    input_schema: schema,
    ...(strict && { strict: true }),
    ...Object.fromEntries(own),
  };
}

function inputSchema(made: JsonObject, { takesStrict, changes }: ToolContext): { schema: JsonObject; strict: boolean } {
  const given = isObject(made['parameters']) ? made['parameters'] : {};
  const schema = { properties: {}, ...without(given, '$schema', '$id', 'strict'), type: 'object' };
  if (made['strict'] !== true) return { schema, strict: false };
  const strictly = takesStrict ? closedSchema(schema) : undefined;
  if (!strictly) note(changes, 'tools', 'dropped', takesStrict ? 'strict, which this schema cannot be' : 'strict');
  return { schema: strictly ?? schema, strict: strictly !== undefined };
}

function note(changes: Change[], field: string, action: Change['action'], text: string): void {
  if (!changes.some((change) => change.field === field && change.note === text))
    changes.push({ field, action, note: text });
}

/** OpenAI's description of a server, as its Responses API has it. */
function mcpServer(tool: JsonObject, at: number): JsonObject {
  const url = textOf(tool['server_url']);
  if (url === undefined) throw invalidRequest(`'tools[${at}].server_url' is missing.`, `tools[${at}].server_url`);
  const headers = isObject(tool['headers']) ? tool['headers'] : {};
  const bearer = textOf(headers['Authorization'] ?? headers['authorization'])?.replace(/^Bearer\s+/i, '');
  const token = textOf(tool['authorization']) ?? bearer;
  const allowed = tool['allowed_tools'];
  return {
    type: 'url',
    url,
    name: textOf(tool['server_label']) ?? `server_${at}`,
    ...(token !== undefined && { authorization_token: token }),
    ...(Array.isArray(allowed) && { tool_configuration: { enabled: true, allowed_tools: allowed } }),
  };
}

const SEARCHES: Readonly<Record<string, number>> = { low: 1, medium: 5, high: 10 };

/** `web_search_options`, or OpenAI's web search tool, as Anthropic's. */
export function webSearch(options: JsonObject): JsonObject {
  const location = options['user_location'];
  const place = isObject(location) ? (location['approximate'] ?? without(location, 'type')) : undefined;
  const size = textOf(options['search_context_size']);
  const most = size === undefined ? undefined : SEARCHES[size];
  return {
    type: 'web_search_20250305',
    name: 'web_search',
    ...(numberOf(most) !== undefined && { max_uses: most }),
    ...(isObject(place) && { user_location: { type: 'approximate', ...place } }),
  };
}

/** The old `functions` and `function_call` under their newer names. */
export const functionsAsTools = (functions: unknown): JsonObject[] =>
  Array.isArray(functions) ? functions.map((made: unknown) => ({ type: 'function', function: made })) : [];

export function functionCallAsChoice(call: unknown): unknown {
  return isObject(call) ? { type: 'function', function: call } : call;
}

export interface Choice {
  readonly choice: JsonObject | undefined;
  /** Only these may be used, where the choice names some. */
  readonly only: readonly string[] | undefined;
}

/** @throws GatewayError 400 for a choice that is none */
export function choiceOf(given: unknown, names: ToolNames): Choice {
  if (given === undefined || given === null) return { choice: undefined, only: undefined };
  if (!isObject(given)) return { choice: { type: wordOf(given) }, only: undefined };
  const { type } = given;
  const made = isObject(given['function']) ? given['function'] : undefined;
  const name = textOf(made?.['name']) ?? (type === 'tool' || type === 'function' ? textOf(given['name']) : undefined);
  if (name !== undefined) return { choice: { type: 'tool', name: names.of(name) }, only: undefined };
  if (type === 'allowed_tools') return allowedTools(given, names);
  return { choice: { ...without(given, 'name', 'function'), type: wordOf(type) }, only: undefined };
}

const WORDS: Readonly<Record<string, string>> = { auto: 'auto', none: 'none', required: 'any', any: 'any' };

function wordOf(word: unknown): string {
  const known = typeof word === 'string' && Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  if (known !== undefined) return known;
  throw invalidRequest("'tool_choice' must be auto, none, required or the name of a function.", 'tool_choice');
}

function allowedTools(given: JsonObject, names: ToolNames): Choice {
  const inner = isObject(given['allowed_tools']) ? given['allowed_tools'] : given;
  const listed = Array.isArray(inner['tools']) ? inner['tools'] : [];
  const only = listed.flatMap((tool: unknown) => {
    const made = isObject(tool) && isObject(tool['function']) ? tool['function'] : tool;
    return isObject(made) ? (textOf(made['name']) ?? []) : [];
  });
  return { choice: { type: wordOf(inner['mode'] ?? 'auto') }, only: only.map((name) => names.of(name)) };
}

/** By the beginning of a tool's type. */
const BETAS: readonly (readonly [string, string])[] = [
  ['computer_20241022', 'computer-use-2024-10-22'],
  ['bash_20241022', 'computer-use-2024-10-22'],
  ['text_editor_20241022', 'computer-use-2024-10-22'],
  ['computer_20250124', 'computer-use-2025-01-24'],
  ['computer_20251124', 'computer-use-2025-11-24'],
  ['code_execution_20250522', 'code-execution-2025-05-22'],
  ['code_execution_2025', 'code-execution-2025-08-25'],
  ['web_fetch_20250910', 'web-fetch-2025-09-10'],
  ['memory_', 'context-management-2025-06-27'],
  ['mcp_toolset', 'mcp-client-2025-11-20'],
  ['tool_search_tool_', 'advanced-tool-use-2025-11-20'],
  ['advisor_20260301', 'advisor-tool-2026-03-01'],
];

/** Switches that these tools need. */
export function betasOf(tools: readonly JsonObject[]): string[] {
  const types = tools.map(({ type }) => textOf(type) ?? '');
  return types.flatMap((type) => BETAS.find(([beginning]) => type.startsWith(beginning))?.[1] ?? []);
}
