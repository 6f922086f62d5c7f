/**
 * The least HTTP/1.1 that a load generator needs: cut a byte stream into messages (RFC 9112, section 6) and write without losing bytes.
 * Its own because the rig shares one core with the mock, and a general client would cost more than what is measured.
 */

export interface MessageSink {
  onHead(head: string): void;
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

type State = 'head' | 'body' | 'chunk-size' | 'chunk-end' | 'trailer';

const NOTHING = Buffer.alloc(0);

/** Cuts messages framed by `content-length` or `transfer-encoding: chunked`; one without either has no body. */
export class MessageReader {
  private state: State = 'head';
  private chunked = false;
  private remaining = 0;
  private carried: Buffer = NOTHING;
  private readonly sink: MessageSink;

  constructor(sink: MessageSink) {
    this.sink = sink;
  }

  feed(bytes: Buffer): void {
    const data = this.carried.length > 0 ? Buffer.concat([this.carried, bytes]) : bytes;
    this.carried = NOTHING;
    let at = 0;
    while (at < data.length) {
      const next = this.step(data, at);
      if (next < 0) {
        // A copy: the socket reuses its buffer once this call returns.
        this.carried = Buffer.from(data.subarray(at));
        return;
      }
      at = next;
    }
  }

  /** Reads one element at `at`; returns where the next begins, or -1 when more bytes are needed. */
  private step(data: Buffer, at: number): number {
    switch (this.state) {
      case 'head':
        return this.readHead(data, at);
      case 'body':
        return this.readBody(data, at);
      case 'chunk-size':
        return this.readChunkSize(data, at);
      case 'chunk-end':
        return this.readChunkEnd(data, at);
      case 'trailer':
        return this.readTrailer(data, at);
    }
  }

  private readHead(data: Buffer, at: number): number {
    const end = data.indexOf('\r\n\r\n', at);
    if (end < 0) return -1;
    const head = data.toString('latin1', at, end);
    this.chunked = /\r\ntransfer-encoding:[^\r]*chunked/i.test(head);
    this.remaining = this.chunked ? 0 : Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    this.state = this.chunked ? 'chunk-size' : 'body';
    this.sink.onHead(head);
    if (!this.chunked && this.remaining === 0) this.finish();
    return end + 4;
  }

  private readBody(data: Buffer, at: number): number {
    const end = Math.min(data.length, at + this.remaining);
    this.remaining -= end - at;
    this.sink.onBody(data.subarray(at, end));
    if (this.remaining === 0) {
      if (this.chunked) this.state = 'chunk-end';
      else this.finish();
    }
    return end;
  }

  private readChunkSize(data: Buffer, at: number): number {
    const end = data.indexOf('\r\n', at);
    if (end < 0) return -1;
    this.remaining = Number.parseInt(data.toString('latin1', at, end), 16);
    this.state = this.remaining === 0 ? 'trailer' : 'body';
    return end + 2;
  }

  private readChunkEnd(data: Buffer, at: number): number {
    if (data.length - at < 2) return -1;
    this.state = 'chunk-size';
    return at + 2;
  }

  private readTrailer(data: Buffer, at: number): number {
    const end = data.indexOf('\r\n', at);
    if (end < 0) return -1;
    if (end === at) this.finish();
    return end + 2;
  }

  private finish(): void {
    this.state = 'head';
    this.sink.onEnd();
  }
}

interface Writable {
  write(bytes: Buffer): number;
}

/** Keeps what a full socket buffer refused; call `flush` on the socket's drain event. */
export class Outbox {
  private pending: Buffer = NOTHING;

  send(socket: Writable, bytes: Buffer): void {
    this.pending = this.pending.length > 0 ? Buffer.concat([this.pending, bytes]) : bytes;
    this.flush(socket);
  }

  flush(socket: Writable): void {
    if (this.pending.length === 0) return;
    const written = Math.max(0, socket.write(this.pending));
    this.pending = written === this.pending.length ? NOTHING : this.pending.subarray(written);
  }
}

/** For a socket's error event, which also gets what its handlers throw: a bug of ours must end the run, not hang it. */
export function failOnBug(error: Error): void {
  if ('code' in error) return; // The system's; the close event follows and counts it.
  process.stderr.write(`${error.stack ?? error.message}\n`);
  process.exit(1);
}
