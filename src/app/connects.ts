/** Whether anybody accepts connections at a URL. `fetch` shows no such moment, so a connection of its own asks. */
import { connect } from 'node:net';
import type { Env } from '../config/env.ts';

/** Resolves false when nobody has accepted within the time. Every other failure is `fetch`'s to tell: it resolves true. */
export function connects(url: string, withinMs: number): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) });
    const settle = (isThere: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isThere);
    };
    const timer = setTimeout(() => settle(false), withinMs);
    socket.on('connect', () => settle(true));
    socket.on('error', () => settle(true));
  });
}

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'];

/** Behind a proxy an upstream need not be reachable from here: then nothing can be found out. */
export const connectsFrom = (env: Env): typeof connects | undefined =>
  PROXIES.some((name) => env.lookup(name) !== undefined || env.lookup(name.toLowerCase()) !== undefined)
    ? undefined
    : connects;
