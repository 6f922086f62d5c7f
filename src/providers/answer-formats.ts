/**
 * `response_format` for providers that know only one of its two JSON forms. Sources: DeepSeek, Z.AI and Moonshot, "JSON
 * output", which want the format described in the prompt; Llama API and Perplexity, "Structured outputs".
 */
import { isObject, type JsonObject } from '../lib/json.ts';
import type { BodyEdit } from './body-edit.ts';
import { schemaOf } from './dialect-request.ts';
import type { RequestRewrite } from './request-rewrites.ts';

/** `undefined`: the answer's format is no schema. */
export function answerSchema(edit: BodyEdit): { readonly schema: unknown; readonly format: JsonObject } | undefined {
  const format = edit.get('response_format');
  if (!isObject(format)) return undefined;
  // LiteLLM's own way to say it, beside json_object.
  const { type, response_schema: given } = format;
  if (given !== undefined) return { schema: given, format };
  return type === 'json_schema' ? { schema: schemaOf(format), format } : undefined;
}

/** They promise any JSON object, but no schema: the model is told the schema in a system message. */
export const schemaInWords: RequestRewrite = (edit, changes) => {
  const asked = answerSchema(edit);
  const messages = edit.get('messages');
  if (!asked || !Array.isArray(messages)) return;
  const content = `Answer with one JSON object, and nothing else, that is valid against this JSON schema:\n${JSON.stringify(asked.schema)}`;
  // Behind the operator's own system messages and before the conversation.
  const start = messages.findIndex((message: unknown) => !isObject(message) || message['role'] !== 'system');
  const at = start === -1 ? messages.length : start;
  edit.set('messages', [...messages.slice(0, at), { role: 'system', content }, ...messages.slice(at)]);
  edit.set('response_format', { type: 'json_object' });
  changes.push({ field: 'response_format', action: 'emulated', note: 'json_object, and the schema in words' });
};

/** They promise a schema, but no JSON without one: a schema that any object fits. */
export const objectAsSchema: RequestRewrite = (edit, changes) => {
  const format = edit.get('response_format');
  if (!isObject(format) || format['type'] !== 'json_object') return;
  const schema = { type: 'object', additionalProperties: true };
  edit.set('response_format', { type: 'json_schema', json_schema: { name: 'any_object', schema } });
  changes.push({ field: 'response_format', action: 'emulated', note: 'json_schema of any object' });
};
