/**
 * AWS's binary event streams: messages of a length, two checksums, headers and a payload, which network reads cut
 * anywhere. Source: AWS's documentation of event stream encoding (vnd.amazon.eventstream); checksums and headers are read by AWS's own library.
 */

import { EventStreamCodec, type Message } from '@smithy/eventstream-codec';
import { GatewayError } from '../errors.ts';
import { parsedJson } from '../lib/json.ts';
import type { FrameReader } from './framing.ts';
import { lineEvents } from './line-events.ts';
import { MAX_EVENT_BYTES, tooLong } from './stream-source.ts';

const LENGTH_BYTES = 4;
/** Lengths, two checksums, no headers and no payload. */
const SHORTEST_BYTES = 16;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === 'string' ? bytes : decoder.decode(bytes)),
  (text) => encoder.encode(text),
);

/**
 * @param onEvent is given each event as JSON: `{"<event type>": <payload>}`, and a failure as
 *   `{"error": {"type": "<exception type>", …its payload}}`
 */
export const binaryEvents = (onEvent: (data: string) => void): FrameReader =>
  messages((message) => onEvent(failureIn(message) ?? eventOf(message)));

/**
 * Messages that wrap another stream, cut anywhere: its lines are the events, with the marks of server-sent events or without.
 * Source: AWS's API reference, "InvokeEndpointWithResponseStream".
 */
export function payloadEvents(onEvent: (data: string) => void): FrameReader {
  const inner = lineEvents((line) => {
    if (line.startsWith('data:')) onEvent(line.slice('data:'.length).trim());
    else if (!OTHER_FIELDS.test(line)) onEvent(line);
  });
  const outer = messages((message) => {
    const failed = failureIn(message);
    if (failed === undefined) inner.feed(message.body);
    else onEvent(failed);
  });
  return {
    feed: (bytes) => outer.feed(bytes),
    end: () => inner.end?.(),
    get isInside() {
      return outer.isInside;
    },
  };
}

/** Comments, and what server-sent events have beside their data. */
const OTHER_FIELDS = /^(?:|event|id|retry):/;

function messages(onMessage: (message: Message) => void): FrameReader {
  /** Bytes of a message that is not complete yet; joined only when it is, since it may come byte by byte. */
  let pieces: Uint8Array[] = [];
  let size = 0;
  let needed = LENGTH_BYTES;

  function joined(): Uint8Array {
    const [only] = pieces;
    const bytes = pieces.length === 1 && only ? only : Buffer.concat(pieces);
    pieces = [bytes];
    return bytes;
  }

  function keep(rest: Uint8Array): void {
    pieces = rest.length > 0 ? [rest] : [];
    size = rest.length;
    needed = LENGTH_BYTES;
  }

  return {
    feed(bytes) {
      if (bytes.length === 0) return;
      pieces.push(bytes);
      size += bytes.length;
      while (size >= needed) {
        const held = joined();
        if (needed === LENGTH_BYTES) {
          needed = lengthOf(held);
          continue;
        }
        const message = held.subarray(0, needed);
        keep(held.subarray(needed));
        onMessage(decoded(message));
      }
    },
    get isInside() {
      return size > 0;
    },
  };
}

/** The checksum of the length comes later; until then a broken one must not make us wait for gigabytes. */
function lengthOf(bytes: Uint8Array): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  if (length > MAX_EVENT_BYTES) throw tooLong();
  if (length < SHORTEST_BYTES) throw corrupted();
  return length;
}

function eventOf(message: Message): string {
  const payload = decoder.decode(message.body);
  return `{${JSON.stringify(headerOf(message, ':event-type'))}:${payload === '' ? '{}' : payload}}`;
}

/** `undefined`: it is none. */
function failureIn(message: Message): string | undefined {
  switch (headerOf(message, ':message-type')) {
    case 'exception':
      return failure(headerOf(message, ':exception-type'), decoder.decode(message.body));
    case 'error':
      return failure(
        headerOf(message, ':error-code'),
        JSON.stringify({ message: headerOf(message, ':error-message') }),
      );
    default:
      return undefined;
  }
}

function headerOf({ headers }: Message, name: string): string {
  const value = headers[name]?.value;
  return typeof value === 'string' ? value : '';
}

function decoded(bytes: Uint8Array): Message {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw corrupted(cause);
  }
}

/** In the shape in which every upstream's failure inside a stream is recognised. */
function failure(type: string, payload: string): string {
  const given = parsedJson(payload);
  const members = typeof given === 'object' && given !== null ? given : { message: payload };
  return JSON.stringify({ error: { ...members, type } });
}

const corrupted = (cause?: unknown): GatewayError =>
  new GatewayError('upstream_protocol', 'The upstream sent a damaged stream event.', { cause });
