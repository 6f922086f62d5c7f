/** Bytes on a socket, for requests that no HTTP client would send and for clients that leave when they like. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  /** 0 when the connection closed without an answer. */
  readonly status: number;
  readonly text: string;
  readonly body: string;
}

/** A request as text, its body given as bytes; `content-length` is right unless `headers` says otherwise. */
export function requestBytes(
  path: string,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>>,
): Uint8Array {
  const bytes = Buffer.from(body);
  const framing = 'transfer-encoding' in headers ? {} : { 'content-length': String(bytes.length) };
  const lines = Object.entries({ host: 'localhost', 'content-type': 'application/json', ...framing, ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n`), bytes]);
}

/** Sends bytes and reads until the other side has closed, or has been quiet for `quietMs`. */
export function exchange(port: number, bytes: Uint8Array, quietMs = 5_000): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const finish = (): void => {
      socket.destroy();
      const [head = '', ...rest] = text.split('\r\n\r\n');
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), text, body: rest.join('\r\n\r\n') });
    };
    socket.setTimeout(quietMs, finish);
    socket.on('data', (part) => {
      text += part.toString('utf8');
    });
    socket.on('error', finish);
    socket.on('close', finish);
  });
}

/** A client that sends its request and stays on the line; `received` settles once `mark` has been read. */
export interface OpenClient {
  received(mark: string): Promise<void>;
  leave(how: 'close' | 'reset'): number;
}

export function openClient(port: number, bytes: Uint8Array): OpenClient {
  let text = '';
  const waiting: { mark: string; resolve: () => void }[] = [];
  const socket: Socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  socket.on('error', () => undefined);
  socket.on('data', (part) => {
    text += part.toString('utf8');
    for (const { mark, resolve } of waiting) if (text.includes(mark)) resolve();
  });
  return {
    received: (mark) =>
      text.includes(mark) ? Promise.resolve() : new Promise((resolve) => waiting.push({ mark, resolve })),
    leave(how) {
      if (how === 'reset') socket.resetAndDestroy();
      else socket.destroy();
      return performance.now();
    },
  };
}
