/** Tools, their choice and answers by schema in Converse's words. Source: AWS's API reference, "ToolConfiguration"; LiteLLM's documentation of `bedrock/`. */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { Change } from './adapter.ts';
import { closedSchema, toolSchema } from './anthropic-schema.ts';
import type { Family } from './bedrock-model.ts';
import type { ToolNames } from './bedrock-names.ts';
import { cachePoint, typeWord } from './bedrock-parts.ts';

/** The tool whose arguments are the answer, where a model has no other way to keep to a schema; LiteLLM's name for it. */
export const JSON_TOOL = 'json_tool_call';

const ANY_OBJECT: JsonObject = { type: 'object', properties: {} };

export interface ToolWishes {
  readonly tools: readonly unknown[];
  readonly choice: unknown;
  readonly isParallel: unknown;
  /** OpenAI's `web_search_options`. */
  readonly searches: unknown;
  readonly format: JsonObject | undefined;
  readonly family: Family;
  /** It keeps to a schema by itself. */
  readonly hasSchemas: boolean;
  readonly isThinking: boolean;
  /** Tools that the history calls; Converse wants to know of some tool then. */
  readonly called: readonly string[];
  readonly isToolHistory: boolean;
  readonly names: ToolNames;
  note(change: Change): void;
}

export interface ToolParts {
  readonly toolConfig?: JsonObject;
  readonly outputConfig?: JsonObject;
  readonly additional: JsonObject;
  /** The answer comes as the arguments of `JSON_TOOL`. */
  readonly answersByTool: boolean;
  /** It is their `value`, because its schema is no object's. */
  readonly isWrapped: boolean;
}

export const toolName = (tool: unknown): string | undefined =>
  isObject(tool) && isObject(tool['function']) ? textOf(tool['function']['name']) : undefined;

/** @throws GatewayError 400 that names the tool at fault */
export function toolParts(all: ToolWishes): ToolParts {
  const wishes = narrowed(all);
  const native = wishes.hasSchemas ? outputConfigOf(wishes.format) : undefined;
  const answersByTool = wishes.format !== undefined && native === undefined;
  const own = wishes.tools.filter((tool) => !isConverses(tool) && isObject(tool) && tool['type'] !== 'function');
  const entries = [
    ...wishes.tools.flatMap((tool, at) => toolEntries(tool, at, wishes)),
    ...searchTools(wishes),
    ...standIns(wishes),
  ];
  const json = answersByTool ? jsonTool(wishes.format) : undefined;
  if (json) {
    entries.push(json.tool);
    wishes.note({ field: 'response_format', action: 'emulated', note: 'the arguments of a tool' });
  }
  if (native) wishes.note({ field: 'response_format', action: 'renamed', note: 'outputConfig' });
  const { toolChoice, additional } = choiceOf(wishes, answersByTool);
  const toolConfig = { tools: entries, ...(toolChoice && { toolChoice }) };
  return {
    ...(entries.length > 0 && { toolConfig }),
    ...(native && { outputConfig: native }),
    additional: { ...(entries.length > 0 && additional), ...(own.length > 0 && { tools: own }) },
    answersByTool,
    isWrapped: json?.isWrapped === true,
  };
}

/** Nova searches the web by a tool of Bedrock's. */
function searchTools({ searches, note }: ToolWishes): JsonObject[] {
  if (!isObject(searches)) return [];
  const lost = Object.keys(searches).length > 0 ? ', without context size and place' : '';
  note({ field: 'web_search_options', action: 'renamed', note: `tools${lost}` });
  return [{ systemTool: { name: 'nova_grounding' } }];
}

/** OpenAI's `allowed_tools`. Converse has no such choice: the others are left out. */
function narrowed(wishes: ToolWishes): ToolWishes {
  const { choice, tools, note } = wishes;
  if (!isObject(choice) || choice['type'] !== 'allowed_tools') return wishes;
  const { mode, tools: listed } = isObject(choice['allowed_tools']) ? choice['allowed_tools'] : choice;
  const names = Array.isArray(listed) ? listed.map(toolName) : [];
  const kept = tools.filter((tool) => toolName(tool) === undefined || names.includes(toolName(tool)));
  if (kept.length === 0) throw invalidRequest("'tool_choice' allows none of the tools.", 'tool_choice');
  note({ field: 'tool_choice', action: 'emulated', note: 'the other tools left out' });
  if (kept.length < tools.length) note({ field: 'tools', action: 'dropped', note: 'those not chosen' });
  return { ...wishes, tools: kept, choice: mode === 'required' ? 'required' : 'auto' };
}

const isConverses = (tool: unknown): boolean =>
  isObject(tool) && ['toolSpec', 'systemTool', 'cachePoint'].some((name) => tool[name] !== undefined);

const isAnthropics = (tool: JsonObject): boolean => textOf(tool['type']) !== undefined && tool['custom'] === undefined;

function toolEntries(tool: unknown, at: number, wishes: ToolWishes): JsonObject[] {
  const { names, family } = wishes;
  const where = `tools[${at}]`;
  if (!isObject(tool)) throw invalidRequest(`'${where}' must be an object.`, where);
  if (isConverses(tool)) return [tool];
  if (tool['type'] !== 'function') {
    // Anthropic's own tools travel beside Converse's.
    if (family === 'claude' && isAnthropics(tool)) return [];
    throw invalidRequest(`bedrock takes no tool of type '${typeWord(tool)}' in '${where}'.`, where);
  }
  const made = isObject(tool['function']) ? tool['function'] : {};
  const name = textOf(made['name']);
  if (name === undefined) throw invalidRequest(`'${where}.function.name' is missing.`, `${where}.function.name`);
  const { schema, isStrict } = inputSchema(made, wishes);
  const description = textOf(made['description']);
  const spec = {
    name: names.sent(name),
    ...(description !== undefined && { description }),
    inputSchema: { json: schema },
    ...(isStrict && { strict: true }),
  };
  const mark = cachePoint(tool['cache_control'] ?? made['cache_control']);
  return mark ? [{ toolSpec: spec }, mark] : [{ toolSpec: spec }];
}

interface InputSchema {
  readonly schema: JsonObject;
  readonly isStrict: boolean;
}

/** Models that keep to a schema keep to a tool's, too, where it is within the same limits. */
function inputSchema({ parameters, strict }: JsonObject, { hasSchemas, note }: ToolWishes): InputSchema {
  const schema = objectSchema(parameters);
  if (strict !== true) return { schema, isStrict: false };
  const strictly = hasSchemas ? closedSchema(schema) : undefined;
  if (!strictly) {
    note({ field: 'tools', action: 'dropped', note: hasSchemas ? 'strict, which this schema cannot be' : 'strict' });
  }
  return { schema: strictly ?? schema, isStrict: strictly !== undefined };
}

const objectSchema = (schema: unknown): JsonObject =>
  isObject(schema) ? { ...ANY_OBJECT, ...schema, type: 'object' } : ANY_OBJECT;

/** A history with tools but a request without: the tools it speaks of, of which nothing more is known. */
function standIns({ tools, called, isToolHistory, names, note }: ToolWishes): JsonObject[] {
  if (tools.length > 0 || !isToolHistory) return [];
  note({ field: 'tools', action: 'added', note: 'the tools of the history, which Bedrock wants to be told of' });
  const sent = called.length > 0 ? called.map((name) => names.sent(name)) : ['unknown_tool'];
  return [...new Set(sent)].map((name) => ({ toolSpec: { name, inputSchema: { json: ANY_OBJECT } } }));
}

function jsonSchemaOf(format: JsonObject | undefined): JsonObject {
  return isObject(format?.['json_schema']) ? format['json_schema'] : {};
}

interface JsonTool {
  readonly tool: JsonObject;
  readonly isWrapped: boolean;
}

function jsonTool(format: JsonObject | undefined): JsonTool {
  const { schema: asked, description } = jsonSchemaOf(format);
  const said = textOf(description);
  const { schema, mode } = toolSchema(asked);
  const tool = {
    toolSpec: {
      name: JSON_TOOL,
      description: said ?? 'Give the answer as the arguments of this tool.',
      inputSchema: {
        json: isObject(asked) ? objectSchema(schema) : { ...ANY_OBJECT, additionalProperties: true },
      },
    },
  };
  return { tool, isWrapped: mode === 'wrapped' };
}

/** `undefined` for a schema beyond the limits of structured outputs. Source: AWS's guide "Structured outputs", supported schemas. */
function outputConfigOf(format: JsonObject | undefined): JsonObject | undefined {
  const { name, schema: asked, description } = jsonSchemaOf(format);
  const schema = closedSchema(asked);
  if (!schema) return undefined;
  const said = textOf(description);
  return {
    textFormat: {
      type: 'json_schema',
      structure: {
        jsonSchema: {
          schema: JSON.stringify(schema),
          name: textOf(name) ?? 'answer',
          ...(said !== undefined && { description: said }),
        },
      },
    },
  };
}

interface Choice {
  readonly toolChoice?: JsonObject | undefined;
  readonly additional: JsonObject;
}

/** Claude refuses to be forced while it thinks. One call at a time is a matter of Claude's own field. */
function choiceOf(wishes: ToolWishes, answersByTool: boolean): Choice {
  const asked = askedChoice(wishes, answersByTool);
  const isForced = asked !== undefined && asked['auto'] === undefined;
  const isFreed = isForced && wishes.isThinking;
  if (isFreed) wishes.note({ field: 'tool_choice', action: 'emulated', note: 'auto, because the model thinks' });
  const choice = isFreed ? { auto: {} } : asked;
  if (wishes.isParallel !== false || wishes.family !== 'claude') return { toolChoice: choice, additional: {} };
  return { additional: { tool_choice: { ...claudesChoice(choice), disable_parallel_tool_use: true } } };
}

function claudesChoice(choice: JsonObject | undefined): JsonObject {
  if (isObject(choice?.['tool'])) return { type: 'tool', name: choice['tool']['name'] };
  return { type: choice?.['any'] === undefined ? 'auto' : 'any' };
}

/** OpenAI's form, and the shorter ones of its Responses API and of Anthropic. */
const chosenName = (choice: unknown): string | undefined =>
  isObject(choice) ? (toolName(choice) ?? textOf(choice['name'])) : undefined;

function askedChoice({ choice, tools, names, note }: ToolWishes, answersByTool: boolean): JsonObject | undefined {
  const name = chosenName(choice);
  if (name !== undefined) return { tool: { name: names.sent(name) } };
  if (answersByTool) return tools.length > 0 ? { any: {} } : { tool: { name: JSON_TOOL } };
  const word = isObject(choice) ? choice['type'] : choice;
  if (tools.length === 0) {
    if (word) note({ field: 'tool_choice', action: 'dropped', note: 'there are no tools' });
    return undefined;
  }
  if (word === 'required' || word === 'any') return { any: {} };
  return word === 'auto' ? { auto: {} } : undefined;
}
