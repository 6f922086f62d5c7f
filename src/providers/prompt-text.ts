/**
 * A conversation as one text, for models behind endpoints that complete texts and know no messages. A single question goes
 * as it is; a longer conversation gets a line for who speaks, and ends where the assistant is to go on.
 */
import type { JsonObject } from '../lib/json.ts';
import { cannot, type DialectRequest, needless, plainTextOf, take } from './dialect-request.ts';
import { noteUnread } from './unread-members.ts';

export interface PromptText {
  /** System and developer messages; empty when there are none. */
  readonly system: string;
  readonly prompt: string;
}

interface Turn {
  readonly speaker: 'User' | 'Assistant';
  readonly text: string;
}

/** OpenAI's parameters that no model which completes texts can be told. */
export const NOT_FOR_TEXTS: readonly string[] =
  `logit_bias logprobs top_logprobs functions function_call tools tool_choice
  parallel_tool_calls response_format modalities audio prediction web_search_options store verbosity reasoning_effort thinking
  metadata prompt_cache_retention prompt_cache_key safety_identifier user service_tier stream_options n`.split(/\s+/);

/** One answer is what there is anyway. */
export function takeOne({ fields, note }: DialectRequest): void {
  if (fields['n'] !== 1) return;
  take(fields, 'n');
  note(needless('n'));
}

const READ: ReadonlySet<string> = new Set(['refusal']);

/** @throws GatewayError 400 for tools and for content that is no text */
export function promptText({ messages, note }: DialectRequest): PromptText {
  noteUnread(messages, READ, note);
  const system: string[] = [];
  const turns: Turn[] = [];
  for (const [at, message] of messages.entries()) {
    const text = textOf(message, `messages[${at}]`);
    const { role } = message;
    if (text === '') continue;
    if (role === 'system' || role === 'developer') system.push(text);
    else turns.push({ speaker: role === 'assistant' ? 'Assistant' : 'User', text });
  }
  return { system: system.join('\n\n'), prompt: promptOf(turns) };
}

function textOf(message: JsonObject, where: string): string {
  const { role, tool_calls: calls, content, refusal } = message;
  const hasCalls = Array.isArray(calls) && calls.length > 0;
  if (hasCalls) throw cannot(`${where}.tool_calls`, 'cannot be told to this provider: its models complete texts.');
  if (role === 'tool' || role === 'function') {
    throw cannot(`${where}.role`, 'must not be a tool: this provider completes texts and knows no tools.');
  }
  // What the assistant would not say is what it said, where it said nothing else.
  return plainTextOf(content, `${where}.content`) || (typeof refusal === 'string' ? refusal : '');
}

function promptOf(turns: readonly Turn[]): string {
  const [first, second] = turns;
  if (first && !second && first.speaker === 'User') return first.text;
  const lines = turns.map(({ speaker, text }) => `${speaker}: ${text}`);
  // An answer that was begun is gone on with, not answered.
  const isBegun = turns.at(-1)?.speaker === 'Assistant';
  return [...lines, ...(isBegun ? [] : ['Assistant:'])].join('\n\n');
}

/** Both in one, for models without a place for the former. */
export const joined = ({ system, prompt }: PromptText): string => (system === '' ? prompt : `${system}\n\n${prompt}`);
