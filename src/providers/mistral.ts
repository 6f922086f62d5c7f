/**
 * Mistral, and Codestral at its own address. Sources: Mistral API reference, "Chat completion" (`prompt_mode`, content
 * chunks, `prefix`, `random_seed`, `safe_prompt`); mistral-common, "Tool calling and messages" (ids of nine letters and
 * digits); LiteLLM's documentation of `mistral/` and `codestral/`.
 */
import { createHash } from 'node:crypto';
import { isObject, type JsonObject, textOf, without } from '../lib/json.ts';
import type { Change, ProviderAdapter, Target } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import { knowsOf } from './known-flags.ts';
import { type OpenAiCompatible, openAiCompatible, versionedChatUrl } from './openai-compatible.ts';
import type { Refusal } from './parameters.ts';
import { thinkingPartsAsText } from './reply-differences.ts';
import {
  mapMessages,
  namesOnToolsOnly,
  plainEffort,
  requiredAsAny,
  thinkingAsEffort,
  withoutAnswerFields,
  withoutEmptyAnswers,
  withoutInTools,
  withoutMarks,
} from './request-rewrites.ts';

const LACKS = `user service_tier safety_identifier modalities audio web_search_options store verbosity
  prompt_cache_retention logit_bias logprobs top_logprobs functions function_call`.split(/\s+/);

const isMagistral = ({ upstreamModel }: Target): boolean => /magistral/i.test(upstreamModel);

/** Undefined where nobody knows. */
const reasons = (target: Target): boolean | undefined => isMagistral(target) || knowsOf(target, 'supports_reasoning');

function refusals(edit: BodyEdit, target: Target): Refusal[] {
  const knows = target.knownModel?.(target.upstreamModel) !== undefined;
  const cannot = knows && reasons(target) !== true;
  return ['thinking', 'reasoning_effort']
    .filter((field) => cannot && edit.get(field) !== undefined)
    .map((field) => ({ field, why: 'the model does not reason' }));
}

/** Magistral reasons in a mode, which has no levels; other models have levels. */
function reasoning(edit: BodyEdit, changes: Change[], target: Target): void {
  if (!isMagistral(target)) {
    thinkingAsEffort(edit, changes);
    plainEffort(edit, changes);
    return;
  }
  for (const field of ['thinking', 'reasoning_effort']) {
    const given = edit.get(field);
    if (given === undefined) continue;
    edit.remove(field);
    if (given === null || edit.get('prompt_mode') !== undefined) continue;
    const isOff = isObject(given) ? given['type'] === 'disabled' || given['effort'] === 'none' : given === 'none';
    edit.set('prompt_mode', isOff ? null : 'reasoning');
    changes.push({ field, action: 'renamed', note: 'prompt_mode' });
  }
}

type Note = (action: Change['action'], note: string) => void;

function conversation(edit: BodyEdit, changes: Change[], target: Target): void {
  const note: Note = (action, text) => {
    if (!changes.some(({ note: known }) => known === text)) changes.push({ field: 'messages', action, note: text });
  };
  const ids = new CallIds(() => note('renamed', 'ids of tool calls, to nine letters and digits'));
  const keepsThoughts = reasons(target) === true;
  const messages = edit.get('messages');
  const last = Array.isArray(messages) ? messages.length - 1 : -1;
  mapMessages(edit, (message, at) => {
    switch (message['role']) {
      case 'assistant':
        return answered(withThoughts(withCallIds(message, ids), keepsThoughts, note), at === last, note);
      case 'tool': {
        const id = message['tool_call_id'];
        const made = typeof id === 'string' ? ids.of(id) : id;
        const content = message['content'] ?? '';
        return made === id && content === message['content'] ? message : { ...message, tool_call_id: made, content };
      }
      default:
        return withChunks(message, note);
    }
  });
}

/** Ids that it takes; the same for the same, so that a prompt's beginning stays the same from turn to turn. */
class CallIds {
  readonly #made = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #note: () => void;

  constructor(note: () => void) {
    this.#note = note;
  }

  of(id: string): string {
    const known = this.#made.get(id);
    if (known !== undefined) return known;
    let made = id;
    for (let round = 0; !/^[a-zA-Z0-9]{9}$/.test(made) || this.#taken.has(made); round++) {
      made = createHash('sha256').update(`${round}:${id}`).digest('hex').slice(0, 9);
    }
    if (made !== id) this.#note();
    this.#made.set(id, made);
    this.#taken.add(made);
    return made;
  }
}

const CALL_FIELDS = ['id', 'type', 'function'] as const;

/** It refuses members of calls that it does not know. */
function withCallIds(message: JsonObject, ids: CallIds): JsonObject {
  const calls = message['tool_calls'];
  if (!Array.isArray(calls)) return message;
  const made = calls.map((call: unknown) => {
    if (!isObject(call)) return call;
    const id = typeof call['id'] === 'string' ? ids.of(call['id']) : call['id'];
    const isPlain = Object.keys(call).every((name) => CALL_FIELDS.some((known) => known === name));
    return isPlain && id === call['id'] ? call : { id, type: 'function', function: call['function'] };
  });
  return made.every((call, at) => call === calls[at]) ? message : { ...message, tool_calls: made };
}

/** Thoughts go back as they came: as the first part of the content. Models that do not reason refuse them. */
function withThoughts(message: JsonObject, keeps: boolean, note: Note): JsonObject {
  const thoughts = textOf(message['reasoning_content']);
  const rest = without(message, 'reasoning_content');
  if (thoughts === undefined || thoughts.trim() === '') return rest;
  if (!keeps) {
    note('dropped', 'reasoning_content of earlier answers');
    return rest;
  }
  const { content } = message;
  const parts: unknown[] = Array.isArray(content) ? content : content ? [{ type: 'text', text: content }] : [];
  note('renamed', 'reasoning_content as content');
  return { ...rest, content: [{ type: 'thinking', thinking: [{ type: 'text', text: thoughts }] }, ...parts] };
}

/** A last answer without tool calls is a beginning that is to be continued. */
function answered(message: JsonObject, isLast: boolean, note: Note): JsonObject {
  const calls = message['tool_calls'];
  const isBeginning = isLast && !(Array.isArray(calls) && calls.length > 0);
  if (!isBeginning || message['prefix'] !== undefined) return message;
  note('added', 'prefix of the last message');
  return { ...message, prefix: true };
}

function withChunks(message: JsonObject, note: Note): JsonObject {
  const { content } = message;
  if (!Array.isArray(content)) return message;
  const parts = content.map((part: unknown) => (isObject(part) ? chunkOf(part) : part));
  if (parts.every((part, at) => part === content[at])) return message;
  note('renamed', 'files and audio as its chunks, without the format of audio');
  return { ...message, content: parts };
}

/** A file by its id, a document by its address or data, audio as base64. */
function chunkOf(part: JsonObject): JsonObject {
  const { type, file, input_audio: audio } = part;
  if (type === 'input_audio' && isObject(audio) && typeof audio['data'] === 'string') {
    return { type, input_audio: audio['data'] };
  }
  if (type !== 'file' || !isObject(file)) return part;
  const id = textOf(file['file_id']);
  const address = textOf(file['file_data']) ?? textOf(file['file_url']) ?? (isAddress(id) ? id : undefined);
  if (address === undefined) return id === undefined ? part : { type, file_id: id };
  const name = textOf(file['filename']);
  return { type: 'document_url', document_url: address, ...(name !== undefined && { document_name: name }) };
}

const isAddress = (text: string | undefined): boolean => /^(https?:|data:)/.test(text ?? '');

/** A way to its models: they want the same wherever they are served. */
type MistralDoor = Pick<
  OpenAiCompatible,
  'id' | 'defaultBaseUrl' | 'apiKeyEnv' | 'baseUrlEnv' | 'url' | 'headers' | 'modelOf'
>;

export function mistralAdapter(door: MistralDoor): ProviderAdapter {
  return openAiCompatible({
    url: versionedChatUrl,
    ...door,
    renames: { max_completion_tokens: 'max_tokens', seed: 'random_seed' },
    unsupported: LACKS,
    refuses: refusals,
    rewrites: [
      withoutMarks,
      requiredAsAny,
      withoutInTools(['$id', '$schema', 'additionalProperties', 'strict'], true),
      reasoning,
      conversation,
    ],
    messageRewrites: [withoutAnswerFields, namesOnToolsOnly, withoutEmptyAnswers],
    streamUsage: 'always',
    reply: { message: thinkingPartsAsText },
  });
}

export const mistral = mistralAdapter({
  id: 'mistral',
  defaultBaseUrl: 'https://api.mistral.ai/v1',
  // The first of each pair is a deployment of Azure's.
  apiKeyEnv: ['MISTRAL_AZURE_API_KEY', 'MISTRAL_API_KEY'],
  baseUrlEnv: ['MISTRAL_AZURE_API_BASE', 'MISTRAL_API_BASE'],
});

export const codestral = mistralAdapter({
  id: 'codestral',
  defaultBaseUrl: 'https://codestral.mistral.ai/v1',
  apiKeyEnv: ['CODESTRAL_API_KEY'],
});
