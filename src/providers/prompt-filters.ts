/** What Azure's filters say of a prompt. Source: Microsoft's "Content filtering", section on streams. */
import { without } from '../lib/json.ts';
import type { ChatChunk } from '../wire/openai.ts';
import type { StreamDecoder } from './adapter.ts';

const FIELD = 'prompt_filter_results';

/** It comes first, in an event without choices, which clients never see: it goes on with the next one. */
export function withPromptFilters(decode: StreamDecoder): StreamDecoder {
  let waiting: unknown;
  const carried = (chunk: ChatChunk): ChatChunk => {
    if (chunk.choices.length === 0) {
      waiting = chunk[FIELD] ?? waiting;
      return without(chunk, FIELD);
    }
    if (waiting === undefined) return chunk;
    const whole = { [FIELD]: waiting, ...chunk };
    waiting = undefined;
    return whole;
  };
  return (data) => decode(data).map(carried);
}
