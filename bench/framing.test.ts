import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { MessageReader, Outbox } from './framing.ts';

interface Message {
  head: string;
  body: string;
}

function read(pieces: Buffer[]): Message[] {
  const messages: Message[] = [];
  let current: Message = { head: '', body: '' };
  const reader = new MessageReader({
    onHead: (head) => {
      current = { head, body: '' };
    },
    onBody: (bytes) => {
      current.body += bytes.toString('latin1');
    },
    onEnd: () => messages.push(current),
  });
  for (const piece of pieces) reader.feed(piece);
  return messages;
}

const withLength = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

function chunked(parts: string[]): string {
  const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
  return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`;
}

test('a body framed by its length is read whole, and an empty one ends at once', () => {
  expect(read([Buffer.from(withLength('hello') + withLength(''))]).map(({ body }) => body)).toEqual(['hello', '']);
});

test('a message without framing has no body', () => {
  expect(read([Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')])).toEqual([
    { head: 'GET / HTTP/1.1\r\nhost: x', body: '' },
  ]);
});

test('trailers after the last chunk are skipped', () => {
  const text = chunked(['a', 'bc']).replace(/\r\n$/, 'x-sum: 3\r\n\r\n') + withLength('next');
  expect(read([Buffer.from(text)]).map(({ body }) => body)).toEqual(['abc', 'next']);
});

test('wherever the bytes are cut, the same messages come out', () => {
  const body = fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0'), maxLength: 12 });
  const parts = fc.array(fc.string({ unit: fc.constantFrom('d', '\r', '\n', '0'), minLength: 1, maxLength: 12 }), {
    maxLength: 4,
  });
  const message = fc.oneof(
    body.map((text) => ({ wire: withLength(text), body: text })),
    parts.map((texts) => ({ wire: chunked(texts), body: texts.join('') })),
  );
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(200), { maxLength: 12 }),
      (messages, cuts) => {
        const wire = Buffer.from(messages.map((one) => one.wire).join(''));
        const edges = [0, ...cuts.filter((cut) => cut < wire.length).sort((a, b) => a - b), wire.length];
        const pieces = edges.slice(1).map((edge, index) => wire.subarray(edges[index], edge));
        expect(read(pieces).map((one) => one.body)).toEqual(messages.map((one) => one.body));
      },
    ),
  );
});

test('what the socket does not take at once is sent on drain, in order', () => {
  const taken: string[] = [];
  const socket = {
    room: 3,
    write(bytes: Buffer): number {
      const part = bytes.subarray(0, this.room);
      this.room -= part.length;
      taken.push(part.toString());
      return part.length;
    },
  };
  const outbox = new Outbox();
  outbox.send(socket, Buffer.from('abcde'));
  outbox.send(socket, Buffer.from('fg'));
  socket.room = 10;
  outbox.flush(socket);
  outbox.flush(socket);
  expect(taken.join('')).toBe('abcdefg');
});
