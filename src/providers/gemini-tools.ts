/**
 * OpenAI's tools and `tool_choice` → Gemini's. Sources: OpenAI API reference, "Create chat completion"; Google's "Gemini
 * API" reference, `Tool` and `FunctionCallingConfig`; LiteLLM's documentation of `gemini/` for the tools of Google's own.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { Change } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import type { GeminiModel } from './gemini-model.ts';
import { openApiSchema } from './gemini-schema.ts';
import { noteToolMarks } from './unread-members.ts';

export interface ToolFields {
  readonly tools?: readonly JsonObject[];
  readonly toolConfig?: JsonObject;
}

/** Google's own tools, by every name that they go by. */
const HOSTED: ReadonlyMap<string, string> = new Map([
  ...names('googleSearch', 'google_search web_search web_search_preview'),
  ...names('codeExecution', 'code_execution code_interpreter'),
  ...names('urlContext', 'url_context'),
  ...names('googleMaps', 'google_maps'),
  ...names('computerUse', 'computer_use'),
  ...names('fileSearch', 'file_search'),
  ...names('enterpriseWebSearch', 'enterprise_web_search'),
  ...names('googleSearchRetrieval', 'google_search_retrieval'),
]);

function names(own: string, others: string): (readonly [string, string])[] {
  return [own, ...others.split(' ')].map((name) => [name, own] as const);
}

/** @throws GatewayError 400 for a tool or a choice that this dialect does not have */
export function toolFields(edit: BodyEdit, model: GeminiModel, changes: Change[]): ToolFields {
  const { declarations, hosted } = collected(edit, changes);
  const kept = withFunctions(declarations, hosted, model, changes);
  const tools = [...(declarations.length > 0 ? [{ functionDeclarations: declarations }] : []), ...kept];
  const config = toolConfigOf(edit, declarations, changes);
  return { ...(tools.length > 0 && { tools }), ...(config && { toolConfig: config }) };
}

interface Collected {
  readonly declarations: JsonObject[];
  readonly hosted: Map<string, JsonObject>;
}

function collected(edit: BodyEdit, changes: Change[]): Collected {
  const found: Collected = { declarations: [], hosted: new Map() };
  const tools = edit.get('tools');
  noteToolMarks(tools, (change) => changes.push(change));
  if (Array.isArray(tools))
    for (const [index, tool] of tools.entries()) collect(tool, `tools[${index}]`, found, changes);
  const functions = edit.get('functions');
  const older = Array.isArray(functions) ? functions.filter(isObject) : [];
  found.declarations.push(...older.map((made) => declarationOf(made, 'functions', changes)));
  const search = edit.get('web_search_options');
  if (!isObject(search)) return found;
  found.hosted.set('googleSearch', {});
  if (Object.keys(search).length > 0) {
    const note = 'user_location, search_context_size and other details; the search itself is on';
    changes.push({ field: 'web_search_options', action: 'dropped', note });
  }
  return found;
}

function collect(tool: unknown, at: string, found: Collected, changes: Change[]): void {
  if (!isObject(tool)) throw invalidRequest(`'${at}' is no tool.`, at);
  if (isObject(tool['function'])) {
    found.declarations.push(declarationOf(tool['function'], 'tools', changes));
    return;
  }
  const native = tool['functionDeclarations'] ?? tool['function_declarations'];
  if (Array.isArray(native)) {
    found.declarations.push(...native.filter(isObject));
    return;
  }
  const name = [textOf(tool['type']), ...Object.keys(tool)].find((word) => word !== undefined && hostedName(word));
  const own = name === undefined ? undefined : hostedName(name);
  if (name === undefined || own === undefined) {
    const accepted = ['function', ...new Set(HOSTED.values())].join(', ');
    throw invalidRequest(`'${at}' is a tool that this model does not have; accepted are ${accepted}.`, at);
  }
  const settings = tool[name];
  found.hosted.set(own, isObject(settings) ? settings : {});
}

/** Names with a date, such as `web_search_20250305`, are the same tool. */
const hostedName = (word: string): string | undefined => HOSTED.get(word.replace(/_\d{8}$/, ''));

function declarationOf(made: JsonObject, field: string, changes: Change[]): JsonObject {
  const name = textOf(made['name']);
  if (name === undefined) throw invalidRequest(`Each of '${field}' needs a name.`, field);
  if (made['strict'] === true)
    noteOnce(changes, { field, action: 'dropped', note: 'strict: not promised by this model' });
  const { parameters } = made;
  const schema =
    isObject(parameters) && Object.keys(parameters).length > 0
      ? openApiSchema(parameters, { field, changes })
      : undefined;
  // An object without properties is refused where parameters stand.
  const isEmpty = schema === undefined || (schema['type'] === 'OBJECT' && schema['properties'] === undefined);
  return {
    name,
    ...(textOf(made['description']) !== undefined && { description: made['description'] }),
    ...(!isEmpty && { parameters: schema }),
  };
}

export function noteOnce(changes: Change[], change: Change): void {
  if (!changes.some(({ field, note }) => field === change.field && note === change.note)) changes.push(change);
}

/** Models before the third generation refuse Google's tools beside functions: the client's own functions stay. */
function withFunctions(
  declarations: readonly JsonObject[],
  hosted: ReadonlyMap<string, JsonObject>,
  model: GeminiModel,
  changes: Change[],
): JsonObject[] {
  if (declarations.length > 0 && hosted.size > 0 && !model.isThirdOrLater) {
    changes.push({
      field: 'tools',
      action: 'dropped',
      note: `${[...hosted.keys()].join(', ')}: not beside functions with this model`,
    });
    return [];
  }
  return [...hosted].map(([name, settings]) => ({ [name]: settings }));
}

function toolConfigOf(edit: BodyEdit, declarations: readonly JsonObject[], changes: Change[]): JsonObject | undefined {
  const field = edit.has('tool_choice') ? 'tool_choice' : 'function_call';
  const choice = edit.get(field);
  if (edit.get('parallel_tool_calls') === false && declarations.length > 0) {
    changes.push({
      field: 'parallel_tool_calls',
      action: 'dropped',
      note: 'the model decides how many tools it calls',
    });
  }
  const config = choice === undefined || choice === null ? undefined : callingConfig(choice, field);
  const invocations = edit.get('include_server_side_tool_invocations');
  const more = typeof invocations === 'boolean' ? { includeServerSideToolInvocations: invocations } : undefined;
  if (config && declarations.length === 0) {
    changes.push({ field, action: 'dropped', note: 'there are no functions to choose from' });
    return more;
  }
  return config || more ? { ...(config && { functionCallingConfig: config }), ...more } : undefined;
}

const MODES: Readonly<Record<string, string>> = {
  auto: 'AUTO',
  none: 'NONE',
  required: 'ANY',
  any: 'ANY',
  validated: 'VALIDATED',
};

const modeOf = (word: unknown): string | undefined =>
  typeof word === 'string' && Object.hasOwn(MODES, word) ? MODES[word] : undefined;

function callingConfig(choice: unknown, field: string): JsonObject {
  const mode = modeOf(choice) ?? (isObject(choice) ? modeOf(choice['type']) : undefined);
  if (mode !== undefined) return { mode };
  const allowed = isObject(choice) ? allowedTools(choice) : undefined;
  if (allowed) return allowed;
  throw invalidRequest(
    `Invalid tool choice: '${field}' must be auto, none, required, or an object that names a function.`,
    field,
  );
}

/** One function by name, or `allowed_tools`. */
function allowedTools(choice: JsonObject): JsonObject | undefined {
  const { function: made, allowed_tools: allowed, type } = choice;
  const name = textOf(isObject(made) ? made['name'] : choice['name']);
  if (name !== undefined) return { mode: 'ANY', allowedFunctionNames: [name] };
  if (type !== 'allowed_tools') return undefined;
  const { mode, tools } = isObject(allowed) ? allowed : choice;
  if (!Array.isArray(tools)) return undefined;
  const allowedFunctionNames = tools.flatMap((tool: unknown) => {
    const inner = isObject(tool) && isObject(tool['function']) ? tool['function'] : tool;
    const found = isObject(inner) ? textOf(inner['name']) : undefined;
    return found === undefined ? [] : [found];
  });
  // AUTO takes no list of names; VALIDATED is AUTO among those named.
  return { mode: mode === 'required' ? 'ANY' : 'VALIDATED', allowedFunctionNames };
}
