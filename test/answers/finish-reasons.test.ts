/** Why a model stopped: one table over all dialects, whole and streamed. Source: LiteLLM's documentation of finish reasons. */
import { describe, expect, test } from 'bun:test';
import { accumulate } from '../support/accumulate-chunks.ts';
import { type JsonObject, objectOf } from '../support/loose-json.ts';
import { targetOf } from '../support/provider-parts.ts';

type Finish = 'stop' | 'length' | 'tool_calls' | 'content_filter';

const words = (text: string): string[] => text.split(' ');
const LISTED: Readonly<Record<Finish, readonly string[]>> = {
  stop: words(
    'stop stop_sequence end_turn eos eos_token COMPLETE STOP MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS FINISH_REASON_UNSPECIFIED error network_error a_word_of_tomorrow',
  ),
  length: words('length max_tokens MAX_TOKENS compaction'),
  tool_calls: words('tool_calls tool_use'),
  content_filter: words(
    'content_filter refusal SAFETY RECITATION LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION ERROR_TOXIC guardrail_intervened content_filtered sensitive',
  ),
};

interface Dialect {
  readonly model: string;
  readonly whole: (reason: string) => JsonObject;
  readonly events: (reason: string) => readonly JsonObject[];
  /** Words that this provider has; all of the list when absent. */
  readonly own?: Readonly<Partial<Record<Finish, readonly string[]>>>;
}

const head = { id: 'c-1', object: 'chat.completion', created: 1, model: 'm' };
const message = { role: 'assistant', content: 'Hi' };
const openAi = (model: string): Dialect => ({
  model,
  whole: (finish_reason) => ({ ...head, choices: [{ index: 0, message, finish_reason }] }),
  events: (finish_reason) => [
    { ...head, choices: [{ index: 0, delta: message, finish_reason: null }] },
    { ...head, choices: [{ index: 0, delta: {}, finish_reason }] },
  ],
});

const usage = { input_tokens: 1, output_tokens: 1 };
const claude = { id: 'm-1', type: 'message', role: 'assistant', model: 'claude', stop_sequence: null, usage };
const ANTHROPIC: Dialect = {
  model: 'anthropic/claude-sonnet-4-5',
  whole: (stop_reason) => ({ ...claude, content: [{ type: 'text', text: 'Hi' }], stop_reason }),
  events: (stop_reason) => [
    { type: 'message_start', message: { ...claude, content: [], stop_reason: null } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hi' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ],
  own: {
    stop: words('end_turn stop_sequence pause_turn a_word_of_tomorrow'),
    length: words('max_tokens model_context_window_exceeded compaction'),
    tool_calls: ['tool_use'],
    content_filter: ['refusal'],
  },
};

const GEMINI: Dialect = {
  model: 'gemini/gemini-2.5-flash',
  whole: (finishReason) => ({ candidates: [{ content: { role: 'model', parts: [{ text: 'Hi' }] }, finishReason }] }),
  events: (finishReason) => [
    { candidates: [{ content: { role: 'model', parts: [{ text: 'Hi' }] } }] },
    { candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, finishReason }] },
  ],
  own: {
    stop: words(
      'STOP FINISH_REASON_UNSPECIFIED MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS A_WORD_OF_TOMORROW',
    ),
    length: ['MAX_TOKENS'],
    content_filter: words(
      'SAFETY RECITATION LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION IMAGE_OTHER',
    ),
  },
};

const BEDROCK: Dialect = {
  model: 'bedrock/amazon.nova-pro-v1:0',
  whole: (stopReason) => ({ output: { message: { role: 'assistant', content: [{ text: 'Hi' }] } }, stopReason }),
  events: (stopReason) => [
    { messageStart: { role: 'assistant' } },
    { contentBlockDelta: { contentBlockIndex: 0, delta: { text: 'Hi' } } },
    { contentBlockStop: { contentBlockIndex: 0 } },
    { messageStop: { stopReason } },
  ],
  own: {
    stop: words('end_turn stop_sequence a_word_of_tomorrow'),
    length: words('max_tokens model_context_window_exceeded'),
    // `tool_use` without a call is an answer by a tool.
    content_filter: words('guardrail_intervened content_filtered'),
  },
};

const COHERE: Dialect = {
  model: 'cohere/command-a-03-2025',
  whole: (finish_reason) => ({
    id: 'c',
    finish_reason,
    message: { role: 'assistant', content: [{ type: 'text', text: 'Hi' }] },
  }),
  events: (finish_reason) => [
    { type: 'message-start', id: 'c', delta: { message: { role: 'assistant' } } },
    { type: 'content-delta', index: 0, delta: { message: { content: { text: 'Hi' } } } },
    { type: 'message-end', delta: { finish_reason } },
  ],
  own: {
    stop: words('COMPLETE STOP_SEQUENCE'),
    length: ['MAX_TOKENS'],
    tool_calls: ['TOOL_CALL'],
    content_filter: ['ERROR_TOXIC'],
  },
};

const DIALECTS = [
  ...['openai', 'groq', 'mistral', 'hosted_vllm', 'openrouter'].map((id) => openAi(`${id}/m`)),
  ANTHROPIC,
  GEMINI,
  BEDROCK,
  COHERE,
];
/** They say no more than OpenAI's own. */
const PLAIN: ReadonlySet<string> = new Set([
  ...['stop', 'length', 'tool_calls', 'content_filter'],
  ...['STOP', 'MAX_TOKENS', 'tool_use'],
]);

describe.each(DIALECTS)('$model', ({ model, whole, events, own = LISTED }) => {
  const target = targetOf(model);
  const rows = Object.entries(own).flatMap(([known, reasons]) => reasons.map((reason) => [reason, known] as const));

  test.each(rows)('%s is %s, whole and streamed, and its own word is kept', (reason, known) => {
    const [choice] = target.adapter.parseResponse(whole(reason), target).choices;
    expect([choice?.finish_reason, choice?.message.content]).toEqual([known, 'Hi']);
    const decode = target.adapter.createStreamDecoder(target);
    const chunks = events(reason).flatMap((event) => decode(JSON.stringify(event)));
    expect(accumulate(chunks)).toMatchObject({ finish: known, content: 'Hi' });
    if (PLAIN.has(reason)) return;
    const last = chunks.flatMap(({ choices }) => choices).findLast(({ finish_reason }) => finish_reason !== null);
    for (const carrier of [choice, last]) {
      expect(objectOf(carrier?.['provider_specific_fields'])['native_finish_reason']).toBe(reason);
    }
  });
});
