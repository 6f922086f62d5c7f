import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Server } from 'bun';
import type { StreamBody } from '../gateway/call.ts';
import { newTally } from '../gateway/stream-source.ts';
import { streamResponse } from './sse.ts';

/** A body whose bytes a test hands out by hand. */
class HandFed implements StreamBody {
  readonly tally = newTally(false);
  readonly #steps: PromiseWithResolvers<Uint8Array | undefined>[] = [];
  #given = 0;
  #taken = 0;
  cancels = 0;
  readonly cancelled = Promise.withResolvers<void>();

  #step(index: number): PromiseWithResolvers<Uint8Array | undefined> {
    this.#steps[index] ??= Promise.withResolvers<Uint8Array | undefined>();
    return this.#steps[index];
  }

  give(text: string | undefined): void {
    this.#step(this.#given++).resolve(text === undefined ? undefined : Buffer.from(text));
  }

  next(): Promise<Uint8Array | undefined> {
    return this.#step(this.#taken++).promise;
  }

  cancel(): void {
    this.cancels++;
    this.cancelled.resolve();
    this.#step(this.#taken - 1).resolve(undefined);
  }
}

let body = new HandFed();
let pingMs: number | undefined;
let server: Server<undefined>;
beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => streamResponse(body, new Headers({ 'content-type': 'text/event-stream' }), pingMs),
  });
});
afterAll(() => server.stop(true));

async function open(
  everyMs?: number,
): Promise<{ body: HandFed; response: Promise<Response>; controller: AbortController }> {
  body = new HandFed();
  pingMs = everyMs;
  const controller = new AbortController();
  return { body, controller, response: fetch(server.url, { signal: controller.signal }) };
}

const textOf = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();

describe('a stream on the wire', () => {
  test('has each event the moment it comes, not when the next one does', async () => {
    const { body, response } = await open();
    body.give('data: 1\n\n');
    const answer = await response;
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    expect(textOf((await reader.read()).value)).toBe('data: 1\n\n');
    body.give('data: 2\n\n');
    expect(textOf((await reader.read()).value)).toBe('data: 2\n\n');
    body.give(undefined);
    expect((await reader.read()).done).toBe(true);
  });

  test('ends when the body ends, however much was in it', async () => {
    const { body, response } = await open();
    const large = `data: ${'x'.repeat(300_000)}\n\n`;
    for (const part of [large, large, 'data: [DONE]\n\n', undefined]) body.give(part);
    expect(await (await response).text()).toBe(`${large}${large}data: [DONE]\n\n`);
  });

  test('lets go of the body when the client leaves', async () => {
    const { body, response, controller } = await open();
    body.give('data: 1\n\n');
    await response;
    const leftAtMs = performance.now();
    controller.abort();
    await body.cancelled.promise;
    expect(performance.now() - leftAtMs).toBeLessThan(1_000);
    await (await response).text().catch(() => {}); // Aborted: what matters is that the body was let go.
  });

  test('is kept alive by comments while the body is quiet, and by none after its end', async () => {
    const { body, response } = await open(5);
    body.give('data: 1\n\n');
    const reader = ((await response).body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    while (!text.includes(': ping\n\n: ping\n\n')) text += textOf((await reader.read()).value);
    body.give('data: 2\n\n');
    body.give(undefined);
    for (let read = await reader.read(); !read.done; read = await reader.read()) text += textOf(read.value);
    expect(text.replaceAll(': ping\n\n', '')).toBe('data: 1\n\ndata: 2\n\n');
  });
});
