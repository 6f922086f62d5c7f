/** Refuses what a parser in front of us could read differently. The server's own parser refuses the rest of bad framing. */
import { type GatewayError, invalidRequest, GatewayError as Refusal } from '../errors.ts';
import type { HeaderBag } from '../gateway/call.ts';

const HOST = /^[A-Za-z0-9.:[\]_-]+$/;
const BAD_PATH = /%00|%2e%2e|%5c|[;\\]|\/\.\.?(?:\/|$)/i;

/** What is wrong with a request's frame, if anything. */
export function frameFault(headers: HeaderBag, path: string): GatewayError | undefined {
  const host = headers['host'];
  if (host === undefined || !HOST.test(host))
    return invalidRequest('The Host header is missing, repeated or malformed.');
  if (BAD_PATH.test(path)) return invalidRequest('The path holds characters that are not accepted.');
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return invalidRequest(
      'Compressed request bodies are not accepted; send the body without Content-Encoding.',
      'content-encoding',
    );
  }
  return undefined;
}

export function tooLarge(maxBytes: number): GatewayError {
  const megabytes = Math.round((maxBytes / 1024 / 1024) * 100) / 100;
  return new Refusal(
    'payload_too_large',
    `The request body is larger than ${megabytes} MB. The operator can raise general_settings.max_request_size_mb.`,
    { param: 'request_body' },
  );
}

/** The body, read no further than allowed. */
export async function boundedBody(
  request: Request,
  headers: HeaderBag,
  maxBytes: number,
): Promise<Uint8Array | ArrayBuffer> {
  const declared = headers['content-length'];
  if (declared !== undefined) {
    if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
    return request.arrayBuffer();
  }
  if (!request.body) return new Uint8Array();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of request.body) {
    size += piece.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
