/**
 * A port whose queue of connections is full: the kernel drops whoever else knocks, as a host that is gone does. The
 * listener is a process that never wakes up to accept.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface FullHouse {
  readonly port: number;
  stop(): void;
}

const SLEEPER = `
const server = require('node:net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  require('node:fs').writeSync(1, String(server.address().port));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

/** More than any kernel lets into a queue of one. */
const GUESTS = 8;

export async function startFullHouse(): Promise<FullHouse> {
  const child = spawn('node', ['-e', SLEEPER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [bytes] = await once(child.stdout, 'data');
  const port = Number(String(bytes));
  const guests: Socket[] = Array.from({ length: GUESTS }, () => connect(port, '127.0.0.1'));
  for (const guest of guests) guest.on('error', () => {}); // Those that are dropped.
  await Promise.race(guests.map((guest) => once(guest, 'connect')));
  return {
    port,
    stop() {
      for (const guest of guests) guest.destroy();
      child.kill('SIGKILL');
    },
  };
}
