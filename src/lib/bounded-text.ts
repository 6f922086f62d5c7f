/** Answers from elsewhere as text, within bounds: an endless or a compressed one must not fill the memory. */

/** @returns `undefined` for a body of more bytes than that */
export async function boundedText(response: Response, maxBytes: number): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.byteLength;
    if (size > maxBytes) return undefined;
    pieces.push(piece);
  }
  return new TextDecoder().decode(Buffer.concat(pieces));
}
