/** What comes from Anthropic and goes back, held against what its own SDK makes of the same stream. */
import { describe, expect, test } from 'bun:test';
import { BetaMessageStream } from '@anthropic-ai/sdk/lib/BetaMessageStream';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { ask, targetFor } from '../../test/support/provider-parts.ts';
import { fixturesOf, realRecordings } from '../../test/support/recordings.ts';
import { isObject, type JsonObject } from '../lib/json.ts';
import { anthropic } from './anthropic.ts';

const target = targetFor(anthropic);

/** Single answers: some files hold several, others one that began twice. */
const streams = [...fixturesOf('anthropic'), ...realRecordings('anthropic', 'anthropic-')].flatMap(
  ({ name, events = [] }) => {
    const ends = events.flatMap((event, at) => (event.includes('"message_stop"') ? [at + 1] : []));
    const single = ends.map((end, at) => [`${name} ${at + 1}`, events.slice(ends[at - 1] ?? 0, end)] as const);
    return single.filter(([, some]) => some.some((event) => event.includes('"message_delta"')));
  },
);

async function vendorsOwn(events: readonly string[]): Promise<JsonObject> {
  const stream = BetaMessageStream.fromReadableStream(new Blob([`${events.join('\n')}\n`]).stream());
  return JSON.parse(JSON.stringify(await stream.finalMessage()));
}

/** The message as a client has it that keeps every field, the last piece of those it does not know. */
function messageOf(events: readonly string[]): JsonObject {
  const decode = anthropic.createStreamDecoder(target);
  const chunks = events.flatMap((event) => decode(event));
  const { content, calls } = accumulate(chunks);
  const extras: Record<string, unknown> = {};
  for (const { delta } of chunks.flatMap(({ choices }) => choices)) {
    const { role: _, content: __, tool_calls: ___, reasoning_content: ____, ...rest } = delta;
    Object.assign(extras, rest);
  }
  const made = calls.map(({ id, type, ...call }) => ({ id, type, function: call }));
  return { role: 'assistant', content, ...(made.length > 0 && { tool_calls: made }), ...extras };
}

const isSaid = (block: JsonObject): boolean => block['type'] !== 'text' || String(block['text']).trim() !== '';

/** Without what only a whole answer has, and with neighbouring texts as one: both say the same to the model. */
function essence(blocks: readonly unknown[]): unknown[] {
  const plain = blocks
    .filter(isObject)
    .filter(isSaid)
    .map(({ citations, ...block }) => ({
      ...block,
      ...(Array.isArray(citations) && citations.length > 0 && { citations }),
    }));
  return JSON.parse(JSON.stringify(plain));
}

/** Texts of plain answers are joined, as OpenAI has one text only. */
function joined(blocks: unknown[]): unknown[] {
  const all: JsonObject[] = [];
  for (const block of blocks.filter(isObject)) {
    const last = all.at(-1);
    const isMore = last?.['type'] === 'text' && block['type'] === 'text';
    if (isMore) all[all.length - 1] = { type: 'text', text: `${String(last['text'])}${String(block['text'])}` };
    else all.push(block);
  }
  return all;
}

describe('an answer that goes back to Anthropic', () => {
  test.each(streams)('is what its own SDK has of the stream %s', async (_, events) => {
    const message = messageOf(events);
    const { content } = await vendorsOwn(events);
    const said = essence(Array.isArray(content) ? content : []);
    if (said.length === 0) return;
    const messages = [{ role: 'user', content: 'Hi' }, message, { role: 'user', content: 'And?' }];
    const { sent } = ask(target, { body: { messages } });
    const turns = sent['messages'] as { content: unknown[] }[];
    const fields = message['provider_specific_fields'];
    const isRaw = isObject(fields) && fields['content_blocks'] !== undefined;
    const back = essence(turns[1]?.content ?? []);
    expect(isRaw ? back : joined(back)).toEqual(isRaw ? said : joined(said));
  });

  test.each(streams)('has the ending and the counts that its own SDK has of the stream %s', async (_, events) => {
    const decode = anthropic.createStreamDecoder(target);
    const chunks = events.flatMap((event) => decode(event));
    const { id, model, stop_reason: reason, usage } = await vendorsOwn(events);
    const last = chunks.findLast(({ choices }) => choices[0]?.finish_reason);
    expect([last?.id, last?.model]).toEqual([id as string, model as string]);
    expect(last?.choices[0]?.['provider_specific_fields']).toMatchObject({ native_finish_reason: reason });
    const counts = isObject(usage) ? usage : {};
    const read = Number(counts['cache_read_input_tokens'] ?? 0);
    const written = Number(counts['cache_creation_input_tokens'] ?? 0);
    expect(accumulate(chunks).usage).toMatchObject({
      prompt_tokens: Number(counts['input_tokens']) + read + written,
      completion_tokens: counts['output_tokens'],
      cache_read_input_tokens: read,
      cache_creation_input_tokens: written,
    });
  });
});
