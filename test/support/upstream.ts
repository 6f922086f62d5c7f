/**
 * A fake upstream that speaks OpenAI's chat wire on loopback, well or badly: `behave` says for each request what goes
 * wrong. It writes its bytes itself, so that it can do what no HTTP library would.
 *
 *   const upstream = await startUpstream(({ body }) => (body.model === 'bad' ? { status: 503 } : {}));
 *   … upstream.url, upstream.requests, await upstream.requests[0].closed …
 *   await upstream.stop();
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type RawRequest, readRequests } from './http-requests.ts';
import { completion, completionEvents, type Saying } from './upstream-answers.ts';

/** How an answer breaks off: an RST, a FIN in the middle of the framing, or a proper end of the framing that comes too early. */
export type Cut = 'reset' | 'close' | 'eof';

export interface Behaviour extends Saying {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole body in place of the realistic one: text or bytes as they are, anything else as JSON. */
  readonly body?: unknown;
  /** `data` of the stream's events in place of the realistic ones. */
  readonly events?: readonly string[];
  /** A last change to the realistic events. */
  readonly edit?: (events: string[]) => string[];
  /** Accepts the connection and hangs up at once. */
  readonly refuse?: Cut;
  /** Never answers. */
  readonly silent?: boolean;
  readonly delayMs?: number;
  /** Between two events of a stream. */
  readonly paceMs?: number;
  /** One byte at a time, so many milliseconds apart. */
  readonly dripMs?: number;
  /** So many events of a stream go out whole before it drips. */
  readonly dripAfter?: number;
  readonly lineEnd?: '\n' | '\r\n' | '\r';
  /** Byte positions of the body at which it is cut into separate writes. */
  readonly splitAt?: readonly number[];
  /** Breaks off after so many events of a stream, or bytes of a whole body. */
  readonly cut?: { readonly after: number; readonly how: Cut; readonly waitMs?: number };
  /** After so many events, says nothing more and keeps the connection. */
  readonly muteAfter?: number;
  readonly gzip?: boolean;
}

export interface SeenRequest extends RawRequest {
  readonly text: string;
  /** Parsed JSON, `{}` when it is none. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly atMs: number;
  /** 1 for the first request; its answer's `x-request-id` is `req_1`. */
  readonly serial: number;
  /** Settles with `performance.now()` when the other side has closed this request's connection. */
  readonly closed: Promise<number>;
  /** Events of the stream written so far. */
  sent: number;
}

export type Behave = (request: SeenRequest) => Behaviour | undefined;

export interface Upstream {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string;
  readonly origin: string;
  /** The same port as https: every handshake fails with an alert of the server. */
  readonly httpsUrl: string;
  readonly requests: SeenRequest[];
  /** Accepted so far. */
  readonly connections: number;
  /** TLS handshakes that were begun, and failed. */
  readonly handshakes: number;
  /** May be replaced at any time. */
  behave: Behave;
  /** Settles once `count` requests have arrived since the start. */
  arrived(count: number): Promise<SeenRequest>;
  stop(): Promise<void>;
}

const REASONS: Readonly<Record<number, string>> = { 200: 'OK', 302: 'Found', 429: 'Too Many Requests', 500: 'Oops' };

/** First byte of a TLS record, and the alert `handshake_failure`. Source: RFC 8446, sections 5.1 and 6. */
const TLS_HANDSHAKE = 0x16;
const HANDSHAKE_FAILURE = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]);

export async function startUpstream(behave: Behave = () => undefined): Promise<Upstream> {
  const sockets = new Set<Socket>();
  const waiting: { count: number; resolve: (request: SeenRequest) => void }[] = [];
  const requests: SeenRequest[] = [];
  let handshakes = 0;
  let connections = 0;

  const server = createServer((socket) => {
    sockets.add(socket);
    connections++;
    const gone = Promise.withResolvers<number>();
    // A reset is a way to close; what matters is when.
    socket.on('error', () => gone.resolve(performance.now()));
    socket.on('end', () => gone.resolve(performance.now()));
    socket.on('close', () => {
      gone.resolve(performance.now());
      sockets.delete(socket);
    });
    socket.once('data', (bytes: Buffer) => {
      if (bytes[0] !== TLS_HANDSHAKE) return;
      handshakes++;
      socket.end(HANDSHAKE_FAILURE);
    });
    readRequests(socket, (raw) => {
      const request = seen(raw, requests.length + 1, gone.promise);
      requests.push(request);
      for (const { count, resolve } of waiting) if (requests.length >= count) resolve(request);
      void answer(socket, request, upstream.behave(request) ?? {});
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // Listening on TCP.

  const upstream: Upstream = {
    origin: `http://127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/v1`,
    httpsUrl: `https://127.0.0.1:${port}/v1`,
    requests,
    get connections() {
      return connections;
    },
    get handshakes() {
      return handshakes;
    },
    behave,
    arrived(count) {
      const there = requests[count - 1];
      if (there) return Promise.resolve(there);
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return upstream;
}

function seen(raw: RawRequest, serial: number, closed: Promise<number>): SeenRequest {
  const text = raw.bytes.toString('utf8');
  return { ...raw, text, serial, body: parsed(text), atMs: performance.now(), closed, sent: 0 };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

async function answer(socket: Socket, request: SeenRequest, behaviour: Behaviour): Promise<void> {
  if (behaviour.refuse) return breakOff(socket, behaviour.refuse);
  if (behaviour.silent) return;
  if (behaviour.delayMs !== undefined) await sleep(behaviour.delayMs);
  if (socket.destroyed) return;
  const { status = 200, body, events } = behaviour;
  const streams = events !== undefined || (body === undefined && status === 200 && request.body['stream'] === true);
  await send(socket, request, behaviour, (streams ? streamed : whole)(request, behaviour));
}

interface Outgoing {
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: readonly Uint8Array[];
  /** Ends the framing after the last part. */
  readonly end: Uint8Array;
  readonly cutAt: number | undefined;
}

function whole(request: SeenRequest, behaviour: Behaviour): Outgoing {
  const { status = 200, cut, gzip } = behaviour;
  const given =
    behaviour.body ?? (status === 200 ? completion(request.body, behaviour, request.serial) : refusal(status));
  const plain =
    given instanceof Uint8Array ? given : Buffer.from(typeof given === 'string' ? given : JSON.stringify(given));
  const bytes = gzip ? gzipSync(plain) : plain;
  const headers = {
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    'openai-processing-ms': '12',
    'x-ratelimit-limit-requests': '10000',
    'x-ratelimit-remaining-requests': '9999',
  };
  const parts = split(bytes, cut ? { splitAt: [cut.after] } : behaviour);
  return { headers, parts, end: Buffer.alloc(0), cutAt: cut && Math.min(cut.after, 1) };
}

function streamed(request: SeenRequest, behaviour: Behaviour): Outgoing {
  const { lineEnd = '\n', edit = (events: string[]) => events, cut, gzip } = behaviour;
  const events = edit([...(behaviour.events ?? completionEvents(request.body, behaviour, request.serial))]);
  const frames = events.map((data) => Buffer.from(`data: ${data}${lineEnd}${lineEnd}`));
  const joined = Buffer.concat(frames);
  const reframed = gzip || behaviour.splitAt !== undefined || behaviour.dripMs !== undefined;
  const wholeFrames = frames.slice(0, behaviour.dripAfter ?? 0);
  const rest = gzip ? gzipSync(joined) : Buffer.concat(frames.slice(wholeFrames.length));
  const parts = reframed ? [...wholeFrames, ...split(rest, behaviour)] : frames;
  return {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'transfer-encoding': 'chunked' },
    parts: parts.map(chunk),
    end: Buffer.from('0\r\n\r\n'),
    cutAt: cut && Math.min(cut.after, parts.length),
  };
}

async function send(socket: Socket, request: SeenRequest, behaviour: Behaviour, outgoing: Outgoing): Promise<void> {
  const { status = 200, gzip, cut, muteAfter } = behaviour;
  const { headers, parts, end, cutAt } = outgoing;
  const coding = gzip ? { 'content-encoding': 'gzip' } : {};
  await write(
    socket,
    head(status, { 'x-request-id': `req_${request.serial}`, ...headers, ...coding, ...behaviour.headers }),
  );
  const last = Math.min(cutAt ?? parts.length, muteAfter ?? parts.length);
  for (const part of parts.slice(0, last)) {
    if (!(await write(socket, part))) return;
    request.sent++;
    await pause(behaviour);
  }
  if (muteAfter !== undefined) return;
  if (cut) await breakOffLater(socket, cut, end);
  else await write(socket, end);
}

async function breakOffLater(
  socket: Socket,
  { how, waitMs = 20 }: NonNullable<Behaviour['cut']>,
  end: Uint8Array,
): Promise<void> {
  // Let the bytes out first: a reset throws away what is still queued.
  await sleep(waitMs);
  if (how === 'eof') await write(socket, end);
  else breakOff(socket, how);
}

function breakOff(socket: Socket, how: Cut): void {
  if (how === 'reset') socket.resetAndDestroy();
  else socket.destroy();
}

/** @returns false when the connection is gone */
async function write(socket: Socket, bytes: Uint8Array): Promise<boolean> {
  if (socket.destroyed || !socket.writable) return false;
  if (!socket.write(bytes)) await writable(socket);
  return !socket.destroyed;
}

function writable(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve);
    socket.once('close', resolve);
  });
}

async function pause({ paceMs, dripMs, splitAt }: Behaviour): Promise<void> {
  const quietMs = dripMs ?? paceMs ?? (splitAt ? 3 : 0);
  if (quietMs > 0) await sleep(quietMs);
}

function split(bytes: Uint8Array, { splitAt, dripMs }: Behaviour): Uint8Array[] {
  const cuts = dripMs === undefined ? (splitAt ?? []) : Array.from(bytes.keys());
  const edges = [0, ...cuts.filter((at) => at > 0 && at < bytes.length), bytes.length];
  return edges.slice(1).map((end, at) => bytes.subarray(edges[at], end));
}

function head(status: number, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries({ date: new Date().toUTCString(), ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return Buffer.from(`HTTP/1.1 ${status} ${REASONS[status] ?? 'Status'}\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

const chunk = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

function refusal(status: number): unknown {
  const type = status === 429 ? 'requests' : status >= 500 ? 'server_error' : 'invalid_request_error';
  return { error: { message: `The fake upstream says ${status}.`, type, param: null, code: null } };
}
