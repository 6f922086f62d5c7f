/**
 * The load generator: a process of its own that keeps a fixed number of requests in flight (closed loop, keep-alive) and checks
 * each answer's status, length and number of events. Commands and results travel over the IPC channel.
 */
import { failOnBug, MessageReader, Outbox } from './framing.ts';
import { type Ask, requestBody } from './traffic.ts';

export interface LoadCommand {
  port: number;
  headers: Record<string, string>;
  ask: Ask;
  concurrency: number;
  /** Either for a time, or a fixed number of requests on each connection. */
  durationMs?: number | undefined;
  perConnection?: number | undefined;
  /** What every answer must be; leave out to check the status alone. */
  expected?: Expected | undefined;
}

export interface Expected {
  bodyBytes: number;
  events: number;
}

export interface LoadResult {
  completed: number;
  failed: number;
  firstFailure: string | undefined;
  elapsedMs: number;
  latencyP50Ms: number;
  latencyP99Ms: number;
  /** Socket reads that carried body bytes: reads far below events mean that something on the way joined them. */
  reads: number;
}

const STAGGER_MS = 5;
const MAX_FAILURES = 20;
const NEWLINE = 10;

class Run {
  readonly command: LoadCommand;
  readonly request: Buffer;
  readonly startedAt = performance.now();
  readonly latencies: number[] = [];
  failed = 0;
  firstFailure: string | undefined;
  reads = 0;

  constructor(command: LoadCommand) {
    this.command = command;
    const body = requestBody(command.ask);
    const headers = Object.entries(command.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.request = Buffer.from(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:${command.port}\r\nuser-agent: bench\r\naccept: */*\r\n` +
        `content-type: application/json\r\n${headers.join('')}content-length: ${body.length}\r\n\r\n${body}`,
    );
  }

  wantsMore(done: number): boolean {
    if (this.failed >= MAX_FAILURES) return false;
    const { durationMs, perConnection } = this.command;
    return durationMs === undefined ? done < (perConnection ?? 1) : performance.now() - this.startedAt < durationMs;
  }

  record(startedAt: number, problem: string | undefined): void {
    if (problem === undefined) {
      this.latencies.push(performance.now() - startedAt);
      return;
    }
    this.failed += 1;
    this.firstFailure ??= problem;
  }

  result(): LoadResult {
    const elapsedMs = performance.now() - this.startedAt;
    const sorted = Float64Array.from(this.latencies).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const { failed, firstFailure, reads } = this;
    return {
      completed: sorted.length,
      failed,
      firstFailure,
      elapsedMs,
      latencyP50Ms: at(0.5),
      latencyP99Ms: at(0.99),
      reads,
    };
  }
}

/** One connection's requests, one after the other; connects again when the server closes it. */
class Client {
  private readonly run: Run;
  private readonly finished: () => void;
  private socket: Bun.Socket<Client> | undefined;
  private outbox = new Outbox();
  private reader = this.newReader();
  private done = 0;
  private startedAt = 0;
  private inFlight = false;
  private closing = false;
  private status = '';
  private bodyBytes = 0;
  private events = 0;
  private lastByte = 0;

  constructor(run: Run, finished: () => void) {
    this.run = run;
    this.finished = finished;
  }

  async next(): Promise<void> {
    if (!this.run.wantsMore(this.done)) {
      this.socket?.end();
      this.finished();
      return;
    }
    try {
      this.socket ??= await this.connect();
    } catch {
      this.run.record(0, 'connection refused');
      this.done += 1;
      return this.next();
    }
    this.startedAt = performance.now();
    this.inFlight = true;
    this.status = '';
    this.bodyBytes = 0;
    this.events = 0;
    this.outbox.send(this.socket, this.run.request);
  }

  receive(bytes: Buffer): void {
    this.reader.feed(bytes);
  }

  drain(): void {
    if (this.socket) this.outbox.flush(this.socket);
  }

  closed(socket: Bun.Socket<Client>): void {
    if (socket !== this.socket) return;
    this.socket = undefined;
    this.outbox = new Outbox();
    this.reader = this.newReader();
    if (this.inFlight) this.settle('connection closed before the end of the answer');
  }

  private connect(): Promise<Bun.Socket<Client>> {
    return Bun.connect<Client>({
      hostname: '127.0.0.1',
      port: this.run.command.port,
      data: this,
      socket: {
        open: (socket) => void socket.setNoDelay(true),
        data: (_, bytes) => this.receive(bytes),
        drain: () => this.drain(),
        close: (socket) => this.closed(socket),
        error: (_, error) => failOnBug(error),
      },
    });
  }

  private newReader(): MessageReader {
    return new MessageReader({
      onHead: (head) => {
        this.status = head.slice(9, 12);
        this.closing = /\r\nconnection: close/i.test(head);
      },
      onBody: (bytes) => this.count(bytes),
      onEnd: () => this.settle(this.problem()),
    });
  }

  /** An SSE event ends with an empty line: two newlines in a row, possibly in two reads. */
  private count(bytes: Buffer): void {
    this.bodyBytes += bytes.length;
    this.run.reads += 1;
    if (this.run.command.ask.chunks === 0) return;
    let at = bytes.indexOf(NEWLINE);
    while (at >= 0) {
      const before = at === 0 ? this.lastByte : bytes[at - 1];
      if (before === NEWLINE) this.events += 1;
      at = bytes.indexOf(NEWLINE, at + 1);
    }
    this.lastByte = bytes[bytes.length - 1] ?? 0;
  }

  private problem(): string | undefined {
    const { expected } = this.run.command;
    if (this.status !== '200') return `status ${this.status}`;
    if (expected && this.bodyBytes !== expected.bodyBytes)
      return `body of ${this.bodyBytes} bytes, not ${expected.bodyBytes}`;
    if (expected && this.events !== expected.events) return `${this.events} events, not ${expected.events}`;
    return undefined;
  }

  private settle(problem: string | undefined): void {
    this.inFlight = false;
    this.lastByte = 0;
    this.done += 1;
    this.run.record(this.startedAt, problem);
    if (this.closing) {
      this.closing = false;
      this.socket?.end();
      this.socket = undefined;
    }
    void this.next();
  }
}

async function perform(command: LoadCommand): Promise<LoadResult> {
  const run = new Run(command);
  const clients = Array.from({ length: command.concurrency }, (_, index) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const client = new Client(run, resolve);
    // Spread over one pace, or all streams would tick in the same turn of the event loop.
    setTimeout(() => void client.next(), (index * STAGGER_MS) / command.concurrency);
    return promise;
  });
  await Promise.all(clients);
  return run.result();
}

process.on('message', (message) => {
  // As: the bench is the only one on this channel.
  void perform(message as LoadCommand).then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
