/** Gemini's `contents` as messages of OpenAI's form. Source: Google's "Gemini API" reference, "Content". */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';

/** @throws GatewayError 400 for a part that has no counterpart */
export function messagesOfContents(contents: readonly JsonObject[]): readonly JsonObject[] {
  const calls = new OpenCalls();
  return contents.flatMap((content, at) => messagesOf(content, `contents[${at}]`, calls));
}

/** Calls of functions that were not answered yet, oldest first: contents may be very many, and have no ids. */
class OpenCalls {
  readonly #byName = new Map<string, { readonly ids: string[]; answered: number }>();
  #count = 0;

  /** @returns its id */
  called(name: string): string {
    const id = `call_${++this.#count}`;
    const open = this.#byName.get(name);
    if (open) open.ids.push(id);
    else this.#byName.set(name, { ids: [id], answered: 0 });
    return id;
  }

  /** @returns the id of the call that it answers; `call_0`: of none that is open */
  answered(name: string): string {
    const open = this.#byName.get(name);
    const id = open?.ids[open.answered];
    if (open === undefined || id === undefined) return 'call_0';
    open.answered += 1;
    return id;
  }
}

function messagesOf(content: JsonObject, where: string, calls: OpenCalls): JsonObject[] {
  const { role, parts } = content;
  if (!Array.isArray(parts)) throw invalidRequest(`'${where}.parts' must be a list.`, 'contents');
  const given = parts.filter(isObject);
  const called = given.flatMap((part) => callOf(part, calls));
  const answers = given.flatMap((part) => answerOf(part, calls));
  const said = given.flatMap((part, at) => saidBy(part, `${where}.parts[${at}]`));
  const speaker = role === 'model' ? 'assistant' : role === 'system' ? 'system' : 'user';
  const hasOwn = said.length > 0 || called.length > 0 || answers.length === 0;
  const own = { role: speaker, content: said, ...(called.length > 0 && { tool_calls: called }) };
  return [...answers, ...(hasOwn ? [own] : [])];
}

const member = (part: JsonObject, camel: string, snake: string): JsonObject | undefined => {
  const value = part[camel] ?? part[snake];
  return isObject(value) ? value : undefined;
};

function callOf(part: JsonObject, calls: OpenCalls): JsonObject[] {
  const call = member(part, 'functionCall', 'function_call');
  if (call === undefined) return [];
  const name = textOf(call['name']) ?? '';
  const id = calls.called(name);
  return [{ id, type: 'function', function: { name, arguments: JSON.stringify(call['args'] ?? {}) } }];
}

/** An answer is its function's oldest call's. */
function answerOf(part: JsonObject, calls: OpenCalls): JsonObject[] {
  const answer = member(part, 'functionResponse', 'function_response');
  if (answer === undefined) return [];
  const id = calls.answered(textOf(answer['name']) ?? '');
  return [{ role: 'tool', tool_call_id: id, content: JSON.stringify(answer['response'] ?? {}) }];
}

function saidBy(part: JsonObject, where: string): JsonObject[] {
  if (typeof part['text'] === 'string') return [{ type: 'text', text: part['text'] }];
  const inline = member(part, 'inlineData', 'inline_data');
  if (inline !== undefined) return [dataPart(inline)];
  const isCall = ['functionCall', 'function_call', 'functionResponse', 'function_response'].some(
    (name) => name in part,
  );
  if (isCall) return [];
  throw invalidRequest(`'${where}' must hold text, inlineData, a functionCall or a functionResponse.`, 'contents');
}

function dataPart(inline: JsonObject): JsonObject {
  const type = textOf(inline['mimeType']) ?? textOf(inline['mime_type']) ?? 'application/octet-stream';
  const url = `data:${type};base64,${textOf(inline['data']) ?? ''}`;
  return type.startsWith('image/')
    ? { type: 'image_url', image_url: { url } }
    : { type: 'file', file: { file_data: url, filename: 'file' } };
}
