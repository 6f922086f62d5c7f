/** AWS's binary stream framing, written as a fake upstream needs it: by hand, so that it does not share the reader's library. */
import { crc32 } from 'node:zlib';

export type EventHeaders = Readonly<Record<string, string>>;

/** One message: lengths, headers, payload and both checksums. */
export function eventFrame(headers: EventHeaders, payload: string): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => headerBytes(name, value)));
  const body = Buffer.from(payload);
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(16 + head.length + body.length, 0);
  lengths.writeUInt32BE(head.length, 4);
  const start = Buffer.concat([lengths, checksum(lengths), head, body]);
  return Buffer.concat([start, checksum(start)]);
}

const STRING = 7;

function headerBytes(name: string, value: string): Buffer {
  const [key, text] = [Buffer.from(name), Buffer.from(value)];
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([Buffer.from([key.length]), key, Buffer.from([STRING]), length, text]);
}

function checksum(bytes: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum;
}

/** Events as recordings hold them, `{"<type>": <payload>}`, in frames. */
export const eventFrames = (events: readonly string[]): Buffer => Buffer.concat(events.map(framed));

function framed(event: string): Buffer {
  const [type = ''] = Object.keys(JSON.parse(event));
  const payload = JSON.stringify(JSON.parse(event)[type]);
  return eventFrame({ ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' }, payload);
}

/** Another stream's bytes, wrapped piece by piece. */
export const payloadFrames = (pieces: readonly string[]): Buffer =>
  Buffer.concat(
    pieces.map((piece) =>
      eventFrame(
        { ':event-type': 'PayloadPart', ':content-type': 'application/octet-stream', ':message-type': 'event' },
        piece,
      ),
    ),
  );

export const exceptionFrame = (type: string, message: string): Buffer =>
  eventFrame({ ':exception-type': type, ':message-type': 'exception' }, JSON.stringify({ message }));
