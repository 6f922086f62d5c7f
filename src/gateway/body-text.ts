/** An upstream's answer as text, within bounds. */
import { GatewayError } from '../errors.ts';

/** The body as text, refused or cut past `maxBytes`: a compressed or endless answer must not fill the memory. */
export async function bodyText(
  response: Response,
  maxBytes: number,
  excess: 'refuse' | 'cut' = 'refuse',
): Promise<string> {
  const declared = response.headers.get('content-length');
  if (declared !== null && Number(declared) <= maxBytes && response.headers.get('content-encoding') === null) {
    return response.text();
  }
  if (!response.body) return '';
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body) {
    pieces.push(piece);
    size += piece.byteLength;
    if (size <= maxBytes) continue;
    if (excess === 'cut') break;
    throw new GatewayError('upstream_protocol', `The upstream's answer is larger than ${maxBytes} bytes.`);
  }
  return new TextDecoder().decode(Buffer.concat(pieces));
}
