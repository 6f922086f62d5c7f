/** A stream body → a Response whose every event is flushed as it comes, and whose end closes the upstream. */
import type { StreamBody } from '../gateway/call.ts';

/** Bun's direct stream: writes go to the socket without a queue in between. */
interface DirectController {
  write(bytes: Uint8Array | string): number | Promise<number>;
  flush(): number | Promise<number>;
  close(): void;
}

const PING = ': ping\n\n';

export function streamResponse(body: StreamBody, headers: Headers, pingMs: number | undefined): Response {
  const source = {
    type: 'direct' as const,
    async pull(controller: DirectController): Promise<void> {
      // Our own comments keep idle proxies from cutting in; they move none of the upstream's time limits.
      const ping = pingMs === undefined ? undefined : setInterval(() => sendPing(controller), pingMs);
      try {
        for (let bytes = await body.next(); bytes; bytes = await body.next()) {
          const written = controller.write(bytes);
          const flushed = controller.flush();
          // A promise is a client that reads too slowly: waiting for it holds the upstream back in turn.
          if (written instanceof Promise) await written;
          if (flushed instanceof Promise) await flushed;
        }
        controller.close();
      } finally {
        clearInterval(ping);
        body.cancel();
      }
    },
    cancel(): void {
      body.cancel();
    },
  };
  // Bun's types for a direct source ask for its own controller class; the three methods used are declared above.
  return new Response(new ReadableStream(source as unknown as ConstructorParameters<typeof ReadableStream>[0]), {
    headers,
  });
}

function sendPing(controller: DirectController): void {
  void controller.write(PING);
  void controller.flush();
}
