/** A stream of lines, each a JSON value. Source: the NDJSON specification; Ollama's API documentation, "Streaming responses". */
import type { FrameReader } from './framing.ts';
import { MAX_EVENT_BYTES, tooLong } from './stream-source.ts';

export function lineEvents(onEvent: (data: string) => void): FrameReader {
  const text = new TextDecoder();
  /** The line that has no end yet, in the pieces that it came in: joined once, however many they are. */
  let pieces: string[] = [];
  let length = 0;

  function endLine(): void {
    const line = pieces.join('').trim();
    pieces = [];
    length = 0;
    if (line !== '') onEvent(line);
  }

  function keep(piece: string): void {
    length += piece.length;
    if (length > MAX_EVENT_BYTES) throw tooLong();
    if (piece !== '') pieces.push(piece);
  }

  return {
    feed(bytes) {
      const [first = '', ...others] = text.decode(bytes, { stream: true }).split('\n');
      keep(first);
      for (const piece of others) {
        endLine();
        keep(piece);
      }
    },
    end: endLine,
    isInside: false,
  };
}
