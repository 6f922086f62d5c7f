/** Enough of HTTP/1.1 to read requests off a socket, so that a fake server can misbehave below what `node:http` allows. */
import type { Socket } from 'node:net';

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

const HEAD_END = '\r\n\r\n';

/** Calls `onRequest` for each whole request on a kept-alive connection. */
export function readRequests(socket: Socket, onRequest: (request: RawRequest) => void): void {
  let pending = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes]);
    for (;;) {
      const parsed = parseOne(pending);
      if (!parsed) return;
      pending = pending.subarray(parsed.length);
      onRequest(parsed.request);
    }
  });
}

function parseOne(bytes: Buffer): { request: RawRequest; length: number } | undefined {
  const headLength = bytes.indexOf(HEAD_END);
  if (headLength === -1) return undefined;
  const [requestLine = '', ...lines] = bytes.toString('latin1', 0, headLength).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const bodyAt = headLength + HEAD_END.length;
  const body =
    headers['transfer-encoding'] === 'chunked' ? chunkedBody(bytes, bodyAt) : sizedBody(bytes, bodyAt, headers);
  if (!body) return undefined;
  const [method = '', target = '/'] = requestLine.split(' ');
  const url = new URL(target, 'http://upstream');
  return {
    request: { method, path: url.pathname, query: url.searchParams, headers, bytes: body.bytes },
    length: body.end,
  };
}

interface Body {
  readonly bytes: Buffer;
  readonly end: number;
}

function sizedBody(bytes: Buffer, from: number, headers: Readonly<Record<string, string>>): Body | undefined {
  const end = from + Number(headers['content-length'] ?? 0);
  return bytes.length < end ? undefined : { bytes: Buffer.from(bytes.subarray(from, end)), end };
}

function chunkedBody(bytes: Buffer, from: number): Body | undefined {
  const chunks: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return undefined;
    if (size === 0) return { bytes: Buffer.concat(chunks), end };
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = end;
  }
}
