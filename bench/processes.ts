/** Every process that the bench starts: pinned to a core, known by its pid, and stopped at the end whatever happens. */
import { openSync } from 'node:fs';
import { processTree } from './cpu.ts';

export interface Started {
  name: string;
  pid: number;
  exited: Promise<number>;
}

const running = new Map<number, Started>();

export interface SpawnOptions {
  name: string;
  core: number;
  command: string[];
  logFile: string;
  env?: Record<string, string>;
  cwd?: string;
  onMessage?: (message: unknown) => void;
}

/** Only what a server needs: no proxy settings, no keys of the person who runs the bench. */
function cleanEnvironment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', LANG: 'C.UTF-8' };
}

export function start(options: SpawnOptions): Started & { send(message: unknown): void } {
  const log = openSync(options.logFile, 'a');
  const { onMessage } = options;
  const child = Bun.spawn(['taskset', '-c', String(options.core), ...options.command], {
    stdio: ['ignore', log, log],
    env: { ...cleanEnvironment(), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(onMessage ? { ipc: (message: unknown) => onMessage(message) } : {}),
  });
  const started = { name: options.name, pid: child.pid, exited: child.exited };
  running.set(child.pid, started);
  void child.exited.then(() => running.delete(child.pid));
  return { ...started, send: (message) => void child.send(message) };
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch {
    // Already gone.
  }
}

const STOP_TIMEOUT_MS = 5000;

/** Asks politely, then kills what is left of the tree. */
export async function stop(started: Started): Promise<void> {
  const tree = processTree(started.pid);
  signal(started.pid, 'SIGTERM');
  const inTime = await Promise.race([started.exited.then(() => true), Bun.sleep(STOP_TIMEOUT_MS).then(() => false)]);
  if (!inTime) for (const pid of tree) signal(pid, 'SIGKILL');
  await started.exited;
}

export async function stopAll(): Promise<void> {
  await Promise.all([...running.values()].map(stop));
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

/** Polls until `url` answers below 500, the process ends, or the time is over. */
export async function ready(started: Started, url: string, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let exitCode: number | undefined;
  void started.exited.then((code) => {
    exitCode = code;
  });
  while (performance.now() < deadline) {
    if (exitCode !== undefined) throw new Error(`${started.name} ended with code ${exitCode} before it was ready`);
    const response = await fetch(url).catch(() => undefined);
    await response?.arrayBuffer();
    if (response && response.status < 500) return;
    await Bun.sleep(20);
  }
  throw new Error(`${started.name} was not ready after ${timeoutMs} ms`);
}
