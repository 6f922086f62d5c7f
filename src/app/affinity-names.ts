/** Under which names calls belong together: a session, a key, an earlier answer, the beginning of a cached prompt. */
import type { AffinityConfig } from '../config/config.ts';
import type { Call } from '../gateway/call.ts';
import type { ChatMessage } from '../wire/openai.ts';

/** Providers cache prompts from about this length on. */
const FEWEST_CACHED_CHARS = 4_096;

/**
 * Each name holds the key's digest: nobody is led by another tenant's calls.
 * @param responseId of the answer, once there is one: what a later call may refer to
 */
export function affinityNames(call: Call, kinds: AffinityConfig, responseId?: string | null): readonly string[] {
  const { session, key, response, prompt } = kinds;
  if (!session && !key && !response && !prompt) return [];
  const scope = `${call.caller?.keyHash ?? ''} ${call.modelGroup}`;
  const previous = responseId ?? call.request['previous_response_id'];
  const prefix = prompt ? cachedPrefix(call) : undefined;
  return [
    ...(response && typeof previous === 'string' ? [`response ${scope} ${previous}`] : []),
    ...(session && call.controls.sessionId !== null ? [`session ${scope} ${call.controls.sessionId}`] : []),
    ...(prefix === undefined ? [] : [`prompt ${scope} ${Bun.hash(prefix)}`]),
    ...(key ? [`key ${scope}`] : []),
  ];
}

/** Tools and messages up to the last mark of the client's; without one, up to the first question. */
function cachedPrefix({ request }: Call): string | undefined {
  const { messages } = request;
  const marked = messages.findLastIndex((message) => JSON.stringify(message).includes('"cache_control"'));
  const end = marked === -1 ? messages.findIndex(isQuestion) + 1 : marked + 1;
  const text = JSON.stringify([request['tools'], messages.slice(0, end)]);
  return text.length >= FEWEST_CACHED_CHARS ? text : undefined;
}

const isQuestion = ({ role }: ChatMessage): boolean => role === 'user';
