/**
 * What every dialect of its own begins with: the request after defaults, drops, renames and refusals, and the headers.
 * Source: LiteLLM's documentation of `drop_params`, `extra_headers` and `extra_body`.
 */
import { type GatewayError, invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { Change, ChatInput, Target } from './adapter.ts';
import { BodyEdit } from './body-edit.ts';
import { extraMembers, THE_GATEWAYS } from './extra-body.ts';
import { bearer } from './openai-compatible.ts';
import { applyDefaults, applyParameterRules, type ParameterRules } from './parameters.ts';
import { withExtraHeaders } from './request-headers.ts';

export interface DialectRequest {
  /** Everything but `model`, `messages` and `stream`; members that are `null` count as not given. */
  readonly fields: Record<string, unknown>;
  /** The request's `extra_body`: merged last, as it is. */
  readonly extraBody: JsonObject;
  readonly messages: readonly JsonObject[];
  readonly isStream: boolean;
  readonly headers: Record<string, string>;
  note(change: Change): void;
}

/** @throws GatewayError 400 for what the provider does not take and for extras that are no objects */
export function dialectRequest(
  input: ChatInput,
  target: Target,
  changes: Change[],
  rules: ParameterRules,
): DialectRequest {
  const edit = new BodyEdit(input.request);
  const defaults = Object.entries(target.defaults).filter(([name]) => !THE_GATEWAYS.has(name));
  applyDefaults(
    edit,
    defaults.map(([name, value]) => [name, value, ''] as const),
  );
  applyParameterRules(edit, { rules, input, target, changes });
  const given = Object.entries(edit.toObject()).filter(([name, value]) => value !== null && !THE_GATEWAYS.has(name));
  const fields = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  const messages = edit.get('messages');
  return {
    fields,
    extraBody: extraMembers(edit.get('extra_body'), changes),
    messages: Array.isArray(messages) ? messages.filter(isObject) : [],
    isStream: input.request.stream === true,
    headers: withExtraHeaders(headersOf(target), edit.get('extra_headers'), changes),
    note(change) {
      const isKnown = changes.some(({ field, note }) => field === change.field && note === change.note);
      if (!isKnown) changes.push(change);
    },
  };
}

function headersOf(target: Target): Record<string, string> {
  const operators = Object.entries(target.extraHeaders).map(([name, value]) => [name.toLowerCase(), value]);
  return { 'content-type': 'application/json', ...bearer(target), ...Object.fromEntries(operators) };
}

/** The member is taken out. */
export function take(fields: Record<string, unknown>, name: string): unknown {
  const value = fields[name];
  Reflect.deleteProperty(fields, name);
  return value;
}

/** A field that only says what happens anyway. */
export const needless = (field: string, note = 'what it does anyway'): Change => ({ field, action: 'dropped', note });

export const cannot = (where: string, what: string): GatewayError => invalidRequest(`'${where}' ${what}`, where);

/** Texts of a content: a string, or text and refusal parts. @throws GatewayError 400 for any other part */
export function plainTextOf(content: unknown, where: string): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part: unknown, at) => textPart(part, `${where}[${at}]`)).join('');
}

function textPart(part: unknown, where: string): string {
  const text = textOfPart(part);
  if (text === undefined) throw cannot(where, 'must be a text part: this provider takes nothing else here.');
  return text;
}

/** `undefined`: it is no text. */
export function textOfPart(part: unknown): string | undefined {
  if (typeof part === 'string') return part;
  if (!isObject(part)) return undefined;
  const { type, text, refusal } = part;
  if (type === 'refusal' && typeof refusal === 'string') return refusal;
  return (type === 'text' || type === 'input_text' || type === 'output_text') && typeof text === 'string'
    ? text
    : undefined;
}

/** `image_url` as an object or, as many clients send it, a text. */
export function imageUrlOf(part: JsonObject, where: string): string {
  const { image_url: image } = part;
  const url = textOf(image) ?? (isObject(image) ? textOf(image['url']) : undefined);
  if (url === undefined) throw cannot(`${where}.image_url`, 'must hold a url.');
  return url;
}

/** Function tools, in OpenAI's form. @throws GatewayError 400 for tools of any other kind */
export function functionTools(tools: unknown): readonly { readonly name: string; readonly made: JsonObject }[] {
  if (!Array.isArray(tools)) return [];
  return tools.map((tool: unknown, at) => {
    const made = isObject(tool) ? tool['function'] : undefined;
    const name = isObject(made) ? textOf(made['name']) : undefined;
    if (!isObject(made) || name === undefined) {
      throw cannot(`tools[${at}]`, 'must be a function with a name: this provider has no other tools.');
    }
    return { name, made };
  });
}

/** The schema of `response_format` json_schema, wherever the client put it. */
export function schemaOf(format: JsonObject): unknown {
  const { json_schema: wrapped, schema } = format;
  if (!isObject(wrapped)) return schema;
  // OpenAI asks for a name, and leaves the schema to the client.
  const isNamedOnly = wrapped['name'] !== undefined && wrapped['type'] === undefined;
  return wrapped['schema'] ?? (isNamedOnly ? { type: 'object' } : wrapped);
}

/** Legacy calls are no part of these dialects. */
export function refuseLegacyCall(message: JsonObject, where: string): void {
  if (isObject(message['function_call'])) {
    throw cannot(`${where}.function_call`, 'is not supported by this provider: use tool_calls and the role tool.');
  }
}

/** Words for how hard to think, and `thinking` as Anthropic has it. */
export interface ThinkingAsked {
  readonly isOn: boolean;
  readonly effort: string | undefined;
  readonly budgetTokens: number | undefined;
}

/** Takes `reasoning_effort` and `thinking` out; the latter says more. `undefined`: nothing was asked. */
export function takeThinking(fields: Record<string, unknown>): ThinkingAsked | undefined {
  const given = take(fields, 'reasoning_effort');
  const thinking = take(fields, 'thinking');
  if (isObject(thinking)) {
    const budget = thinking['budget_tokens'] ?? thinking['token_budget'];
    return {
      isOn: thinking['type'] !== 'disabled',
      effort: undefined,
      budgetTokens: typeof budget === 'number' ? budget : undefined,
    };
  }
  const effort = isObject(given) ? given['effort'] : given;
  if (typeof effort === 'boolean') return { isOn: effort, effort: undefined, budgetTokens: undefined };
  if (typeof effort === 'number') return { isOn: effort > 0, effort: undefined, budgetTokens: effort };
  if (typeof effort !== 'string' || effort === 'default') return undefined;
  return { isOn: effort !== 'none', effort, budgetTokens: undefined };
}
