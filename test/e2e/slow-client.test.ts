/** A client that stops reading holds the upstream back; nothing piles up in between, and leaving ends it all. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { connect, type Socket } from 'node:net';
import { type Gateway, startGateway } from '../support/gateway.ts';

const FLOOD_BYTES = 400_000_000;
/** What the kernel's buffers of two connections may hold, with room to spare. */
const MOST_BUFFERED = 60_000_000;

let sentBytes = 0;
let upstreamClosed = false;
let upstream: ReturnType<typeof Bun.serve>;
let gateway: Gateway;

beforeAll(async () => {
  const event = `data: ${JSON.stringify({
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'flood',
    choices: [{ index: 0, delta: { content: 'x'.repeat(16_000) }, finish_reason: null }],
  })}\n\n`;
  const bytes = new TextEncoder().encode(event);
  upstream = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch(request) {
      await request.arrayBuffer();
      const source = new ReadableStream({
        pull(controller) {
          if (sentBytes > FLOOD_BYTES) controller.close();
          else controller.enqueue(bytes);
          sentBytes += bytes.length;
        },
        cancel() {
          upstreamClosed = true;
        },
      });
      return new Response(source, { headers: { 'content-type': 'text/event-stream' } });
    },
  });
  gateway = await startGateway({
    config: {
      model_list: [
        {
          model_name: 'flood',
          litellm_params: { model: 'openai/flood', api_base: `${upstream.url.origin}/v1`, api_key: 'sk-upstream' },
        },
      ],
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop(true);
});

function pausedClient(): Socket {
  const body = JSON.stringify({ model: 'flood', stream: true, messages: [{ role: 'user', content: 'Go' }] });
  const socket = connect(gateway.port, '127.0.0.1');
  socket.pause();
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${gateway.masterKey}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

/** Resolves when the upstream has sent something and then nothing for a while. */
async function standingStill(): Promise<void> {
  for (let before = -1; sentBytes === 0 || sentBytes !== before; ) {
    before = sentBytes;
    await Bun.sleep(300);
  }
}

test('a client that does not read stops the upstream, and its leaving closes it', async () => {
  const client = pausedClient();
  await standingStill();
  expect(sentBytes).toBeLessThan(MOST_BUFFERED);
  client.destroy();
  while (!upstreamClosed) await Bun.sleep(5);
  const [row] = await gateway.rows('', 1);
  expect(row?.['tollgate']).toMatchObject({ status: 'aborted' });
  expect(row?.['completion_tokens']).toBeGreaterThan(1_000);
});
