/**
 * Differences that one host alone has in what it takes, as functions that its entry names. Sources: Moonshot, "Migrating
 * from OpenAI to Kimi"; OpenRouter, "Reasoning tokens"; Together, "Reasoning models"; DeepInfra, "Function calling"; vLLM,
 * "Multimodal inputs"; LM Studio, "Structured output"; LiteLLM's pages of these providers.
 */
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { Change, Target } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import { knowsOf } from './known-flags.ts';
import type { Refusal } from './parameters.ts';
import { type MessageRewrite, mapParts, type RequestRewrite } from './request-rewrites.ts';

export const givenOf = (edit: BodyEdit, ...fields: readonly string[]): Refusal[] =>
  fields.filter((field) => edit.get(field) !== undefined).map((field) => ({ field }));

/** Fields that the catalog says the model does not have: the flag, and what hangs on it. */
export const lackedBy =
  (lacks: Readonly<Record<string, readonly string[]>>) =>
  (edit: BodyEdit, target: Target): Refusal[] =>
    Object.entries(lacks)
      .filter(([flag]) => knowsOf(target, flag) === false)
      .flatMap(([, fields]) => givenOf(edit, ...fields));

/** Kimi cannot be made to call a tool; its makers' advice is to ask for it in a last message. */
export const requiredInWords: RequestRewrite = (edit, changes) => {
  const messages = edit.get('messages');
  if (edit.get('tool_choice') !== 'required' || !Array.isArray(messages)) return;
  edit.remove('tool_choice');
  edit.set('messages', [...messages, { role: 'user', content: 'Please select a tool to handle the current issue.' }]);
  changes.push({ field: 'tool_choice', action: 'emulated', note: 'asked for in words' });
};

/** Kimi's temperature ends at 1, begins at 0.3 for several answers, and is fixed for models that reason. */
export function kimiTemperature(edit: BodyEdit, changes: Change[], target: Target): void {
  const given = numberOf(edit.get('temperature'));
  if (given === undefined) return;
  if (knowsOf(target, 'supports_reasoning') === true) {
    edit.remove('temperature');
    if (given !== 1) changes.push({ field: 'temperature', action: 'dropped', note: 'the model has its own' });
    return;
  }
  const least = (numberOf(edit.get('n')) ?? 1) > 1 ? 0.3 : 0;
  const kept = Math.max(least, Math.min(1, given));
  if (kept === given) return;
  edit.set('temperature', kept);
  changes.push({ field: 'temperature', action: 'clamped', note: String(kept) });
}

/** OpenRouter has one field for all that models know of thinking. */
export const thinkingAsReasoning: RequestRewrite = (edit, changes) => {
  if (edit.get('reasoning_effort') === 'max') {
    edit.set('reasoning_effort', 'xhigh');
    changes.push({ field: 'reasoning_effort', action: 'clamped', note: 'xhigh' });
  }
  const thinking = edit.get('thinking');
  if (!isObject(thinking)) return;
  edit.remove('thinking');
  if (edit.has('reasoning')) return;
  const budget = numberOf(thinking['budget_tokens']);
  const asked = budget === undefined ? { enabled: true } : { max_tokens: budget };
  edit.set('reasoning', thinking['type'] === 'disabled' ? { enabled: false } : asked);
  changes.push({ field: 'thinking', action: 'renamed', note: 'reasoning' });
};

const NEAREST = new Map([
  ['minimal', 'low'],
  ['xhigh', 'high'],
  ['max', 'high'],
]);

/** Together has three levels, and a switch; gpt-oss cannot be kept from thinking. */
export function togetherEffort(edit: BodyEdit, changes: Change[], { upstreamModel }: Target): void {
  const effort = edit.get('reasoning_effort');
  if (effort === 'none' && !upstreamModel.startsWith('openai/gpt-oss')) {
    edit.remove('reasoning_effort');
    if (!edit.has('reasoning')) edit.set('reasoning', { enabled: false });
    changes.push({ field: 'reasoning_effort', action: 'renamed', note: 'reasoning' });
    return;
  }
  const level = effort === 'none' ? 'low' : NEAREST.get(String(effort));
  if (level === undefined) return;
  edit.set('reasoning_effort', level);
  changes.push({ field: 'reasoning_effort', action: 'clamped', note: level });
}

/** DeepInfra takes results of tools as text only. */
export const toolResultsAsText: MessageRewrite = {
  action: 'emulated',
  note: 'tool results as text',
  apply(message) {
    const { role, content } = message;
    if (role !== 'tool' || !Array.isArray(content)) return message;
    const parts: readonly unknown[] = content;
    const [only] = parts;
    const text = parts.length === 1 && isObject(only) && only['type'] === 'text' ? textOf(only['text']) : undefined;
    return { ...message, content: text ?? JSON.stringify(content) };
  },
};

/** Cannot be forced: `auto` and `none` are all the choice there is. */
export function autoOrNone(edit: BodyEdit): Refusal[] {
  const choice = edit.get('tool_choice');
  const isKnown = choice === undefined || choice === null || choice === 'auto' || choice === 'none';
  return isKnown ? [] : [{ field: 'tool_choice', why: "it must be 'auto' or 'none'" }];
}

const isVideo = (file: JsonObject): boolean =>
  /^video\//.test(textOf(file['format']) ?? '') ||
  /^data:video\//.test(textOf(file['file_data']) ?? '') ||
  /\.(mp4|mpe?g|mov|webm|avi|flv|wmv|3gpp?)([?#]|$)/i.test(textOf(file['file_id']) ?? '');

/** vLLM sees videos as parts of their own. */
export const videosAsAddresses: RequestRewrite = (edit, changes) => {
  const isChanged = mapParts(edit, 'user', (part) => {
    const { type, file } = part;
    const url = isObject(file) ? (textOf(file['file_id']) ?? textOf(file['file_data'])) : undefined;
    if (type !== 'file' || !isObject(file) || url === undefined || !isVideo(file)) return part;
    return { type: 'video_url', video_url: { url } };
  });
  if (isChanged) changes.push({ field: 'messages', action: 'renamed', note: 'video files as video_url' });
};

/** `{type: "json_schema", schema}`, as some clients send it, in the form that OpenAI documents. */
export const schemaInItsPlace: RequestRewrite = (edit, changes) => {
  const format = edit.get('response_format');
  if (!isObject(format) || format['type'] !== 'json_schema' || isObject(format['json_schema'])) return;
  if (!isObject(format['schema'])) return;
  edit.set('response_format', {
    type: 'json_schema',
    json_schema: { name: 'answer', schema: format['schema'] },
  });
  changes.push({ field: 'response_format', action: 'emulated', note: 'json_schema in its place' });
};

/** DeepSeek wants the thoughts of all answers back while it thinks. */
export const isThinking = (_: JsonObject, edit: BodyEdit): boolean => {
  const thinking = edit.get('thinking');
  return isObject(thinking) && thinking['type'] === 'enabled';
};

/** Kimi wants those that led to calls. */
export const isReasonedCall = (message: JsonObject, _: BodyEdit, target: Target): boolean =>
  Array.isArray(message['tool_calls']) && knowsOf(target, 'supports_reasoning') === true;
