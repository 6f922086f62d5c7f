/** Arguments of earlier tool calls, which are JSON text for OpenAI and an object for Anthropic. */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, parsedJson } from '../lib/json.ts';

/** Texts that stand in the body exactly as they were, by the marks that hold their places. */
export type RawInputs = Map<string, string>;

export interface Input {
  readonly input: unknown;
  /** The text had been cut off, and its open ends were closed. */
  readonly wasClosed: boolean;
}

/** Numbers that a double may not hold. */
const LONG_NUMBER = /\d{16}|\d[eE.]/;

/** @throws GatewayError 400 for arguments that are no JSON object */
export function exactInput(given: unknown, where: string, raw: RawInputs): Input {
  if (isObject(given)) return { input: given, wasClosed: false };
  const text = typeof given === 'string' ? given.trim() : '';
  if (text === '') return { input: {}, wasClosed: false };
  const whole = parsedObject(text);
  if (whole) return { input: LONG_NUMBER.test(text) ? placeFor(text, raw) : whole, wasClosed: false };
  const closed = parsedObject(closedJson(text));
  if (closed) return { input: closed, wasClosed: true };
  throw invalidRequest(`'${where}.function.arguments' must be the text of a JSON object.`, where);
}

function placeFor(text: string, raw: RawInputs): string {
  const mark = `raw-input-${raw.size}-${crypto.randomUUID()}`;
  raw.set(mark, text);
  return mark;
}

const PLACE = /"(raw-input-\d+-[0-9a-f-]{36})"/g;

/** Puts the texts into their places. */
export function withRawInputs(json: string, raw: RawInputs): string {
  return raw.size === 0 ? json : json.replace(PLACE, (place, mark: string) => raw.get(mark) ?? place);
}

/** `null` is what some models call no arguments. */
function parsedObject(text: string): JsonObject | undefined {
  const value = parsedJson(text);
  return value === null ? {} : isObject(value) ? value : undefined;
}

/** A backslash that begins an escape, not one that ends it, and what of the escape is there. */
const CUT_ESCAPE = /((?:^|[^\\])(?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?$/s;

/** What a model was still writing when it ran out of tokens, with its text and brackets closed. */
export function closedJson(text: string): string {
  // Whole texts first, so that brackets in them do not count; then one that was cut off.
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/gs, '');
  const cut = bare.indexOf('"');
  const brackets = (cut === -1 ? bare : bare.slice(0, cut)).match(/[{}[\]]/g) ?? [];
  const open: string[] = [];
  for (const bracket of brackets) {
    if (bracket === '{' || bracket === '[') open.push(bracket === '{' ? '}' : ']');
    else open.pop();
  }
  const whole = cut === -1 ? text.replace(/[,\s]+$/, '') : `${text.replace(CUT_ESCAPE, '$1')}"`;
  return `${whole}${whole.endsWith(':') ? 'null' : ''}${open.reverse().join('')}`;
}
