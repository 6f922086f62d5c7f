/** Server-sent events. Source: WHATWG's HTML standard, "Server-sent events". */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { FrameReader } from './framing.ts';
import { MAX_EVENT_BYTES, tooLong } from './stream-source.ts';

/** @param onEvent is given each event's data */
export const serverSentEvents = (onEvent: (data: string) => void): FrameReader => events(({ data }) => onEvent(data));

/** @param onEvent is given each event as JSON: `{"<event>": "<data>"}`, and `message` where it has no name */
export const namedEvents = (onEvent: (data: string) => void): FrameReader =>
  events(({ event = 'message', data }) => onEvent(JSON.stringify({ [event]: data })));

function events(onEvent: (event: EventSourceMessage) => void): FrameReader {
  const text = new TextDecoder();
  const parser = createParser({
    maxBufferSize: MAX_EVENT_BYTES,
    onEvent,
    onError: (cause) => {
      if (cause.type !== 'max-buffer-size-exceeded') return; // Unknown fields are skipped, as the standard says.
      throw tooLong();
    },
  });
  return {
    feed: (bytes) => parser.feed(text.decode(bytes, { stream: true })),
    end: () => parser.feed('\n\n'),
    isInside: false,
  };
}
