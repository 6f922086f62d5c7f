/**
 * The mock upstream: a process of its own that answers OpenAI's chat completions from fixed bytes.
 * One socket write per stream event at a fixed pace; raw sockets, so that it costs the shared core as little as it can.
 */
import { failOnBug, MessageReader, Outbox } from './framing.ts';
import { answerBody, streamEvents } from './traffic.ts';

/** Pace of the streams in milliseconds. */
const PACE_MS = 5;

const answer = answerBody();
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`,
);
const STREAM_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n' +
    'x-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n',
);
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

function httpChunk(text: string): Buffer {
  return Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`);
}

interface Script {
  content: Buffer;
  ending: Buffer[];
}

function script(includeUsage: boolean): Script {
  const events = streamEvents(includeUsage);
  return { content: httpChunk(events.content), ending: events.ending.map(httpChunk) };
}

const PLAIN = script(false);
const WITH_USAGE = script(true);

interface Socket {
  write(bytes: Buffer): number;
  setNoDelay(on: boolean): unknown;
}

let served = 0;

class Connection {
  private readonly socket: Socket;
  private readonly outbox = new Outbox();
  private readonly reader: MessageReader;
  private parts: Buffer[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    this.reader = new MessageReader({
      onHead: () => {},
      // Copied because the socket's buffer is reused; the request is looked at only when it is whole.
      onBody: (bytes) => void this.parts.push(Buffer.from(bytes)),
      onEnd: () => this.respond(),
    });
  }

  receive(bytes: Buffer): void {
    this.reader.feed(bytes);
  }

  drain(): void {
    this.outbox.flush(this.socket);
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private respond(): void {
    const body = this.parts.length === 1 ? (this.parts[0] ?? Buffer.alloc(0)) : Buffer.concat(this.parts);
    this.parts = [];
    served += 1;
    if (!body.includes('"stream":true')) {
      this.outbox.send(this.socket, ANSWER);
      return;
    }
    const field = body.indexOf('"max_tokens":');
    const chunks = Number.parseInt(body.toString('latin1', field + 13, field + 20), 10);
    this.stream(chunks, body.includes('"include_usage":true') ? WITH_USAGE : PLAIN);
  }

  private stream(chunks: number, script: Script): void {
    this.outbox.send(this.socket, STREAM_HEAD);
    const startedAt = performance.now();
    let sent = 0;
    const tick = (): void => {
      if (sent < chunks) this.outbox.send(this.socket, script.content);
      else for (const event of script.ending) this.outbox.send(this.socket, event);
      sent += 1;
      if (sent > chunks) this.outbox.send(this.socket, LAST_CHUNK);
      // Against the clock, not the last tick: a late one must not slow the whole stream.
      else this.timer = setTimeout(tick, Math.max(0, startedAt + sent * PACE_MS - performance.now()));
    };
    tick();
  }
}

const listener = Bun.listen<Connection | undefined>({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    open(socket) {
      socket.data = new Connection(socket);
    },
    data(socket, bytes) {
      socket.data?.receive(bytes);
    },
    drain(socket) {
      socket.data?.drain();
    },
    close(socket) {
      socket.data?.close();
    },
    error: (_, error) => failOnBug(error),
  },
});

process.on('message', () => process.send?.({ served }));
// Not left behind when the bench dies without a word.
process.on('disconnect', () => process.exit(0));
process.send?.({ port: listener.port });
