import { GatewayError } from '../errors.ts';
import type { Presence } from './presence.ts';

/** Waits, unless the client leaves first: then it throws at once and no further attempt starts. */
export function sleep(delayMs: number, client: Presence): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      client.unwatch();
      resolve();
    }, delayMs);
    client.watch(() => {
      clearTimeout(timer);
      reject(clientClosed());
    });
  });
}

export const clientClosed = (cause?: unknown): GatewayError =>
  new GatewayError('client_closed', 'The client closed the connection.', cause === undefined ? {} : { cause });
