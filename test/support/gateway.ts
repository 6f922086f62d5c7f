/** The real program on a free port with a data folder of its own, as a user starts it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Upstream } from './upstream.ts';

export interface GatewayOptions {
  /** An object, or YAML text; without one the built-in configuration is served. */
  readonly config?: object | string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** `false` starts without one: the program makes it, or knows it from before. */
  readonly withMasterKey?: boolean;
  /** The folder of an earlier one, to start again on its data. */
  readonly folder?: string;
}

export type Headers = Readonly<Record<string, string>>;

export interface Gateway {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly masterKey: string;
  /** Working directory: configuration, database and journal. */
  readonly folder: string;
  /** POST /v1/chat/completions with the master key; a text goes as it is. */
  ask(body: object | string | Uint8Array, headers?: Headers, path?: string): Promise<Response>;
  get(path: string, headers?: Headers): Promise<Response>;
  post(path: string, body: object, headers?: Headers): Promise<Response>;
  /** Rows of `GET /spend/logs`, read again until there are `count` of them. */
  rows(query?: string, count?: number): Promise<SpendRow[]>;
  /** All that it has printed, both streams. */
  logs(): string;
  /** Signals the server and does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** Signals the server itself, even when the launcher still stands in front of it, and waits for its end. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** SIGTERM, and the folder is removed. */
  stop(): Promise<number | null>;
}

/** A row of the request log on the wire; LiteLLM's names. */
export type SpendRow = Readonly<Record<string, unknown>> & { readonly request_id: string; readonly status: string };

const ROOT = join(import.meta.dir, '..', '..');
const LAUNCHER = join(ROOT, 'bin', 'tollgate.mjs');
const START_LIMIT_MS = 15_000;
const EXIT_LIMIT_MS = 15_000;
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) if (child.pid !== undefined) process.kill(serverPid(child.pid), 'SIGKILL');
});

export const UPSTREAM_KEY = 'sk-upstream-secret-of-the-test';

/** One deployment at a fake upstream. */
export const deployment = (upstream: Upstream, modelName: string, params: object = {}, rest: object = {}): object => ({
  model_name: modelName,
  litellm_params: { model: `openai/${modelName}`, api_base: upstream.url, api_key: UPSTREAM_KEY, ...params },
  ...rest,
});

export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'tollgate-e2e-'));
  const masterKey = options.env?.['LITELLM_MASTER_KEY'] ?? 'sk-master-of-the-end-to-end-tests';
  const file = join(folder, 'config.yaml');
  const { config } = options;
  // JSON is YAML.
  if (config !== undefined) writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  const args = ['--port', '0', '--host', '127.0.0.1', ...(config === undefined ? [] : ['--config', file])];
  const child = spawn('node', [LAUNCHER, ...args, ...(options.args ?? [])], {
    cwd: folder,
    // Nothing of this machine's environment: a provider key in it would become a model.
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      ...(options.withMasterKey !== false && { LITELLM_MASTER_KEY: masterKey }),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const exit = once(child, 'exit').then(([code]) => {
    running.delete(child);
    return code as number | null; // Node's documented argument.
  });
  let output = '';
  const onOutput = Promise.withResolvers<string>();
  const note = (text: Buffer): void => {
    output += text.toString('utf8');
    const url = listeningUrl(output);
    if (url !== undefined) onOutput.resolve(url);
  };
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const url = await Promise.race([
    onOutput.promise,
    exit.then((code) => Promise.reject(new Error(`The gateway ended with ${code} before it was ready:\n${output}`))),
    rejectAfter(START_LIMIT_MS, () => `The gateway was not ready after ${START_LIMIT_MS} ms:\n${output}`),
  ]);

  /** The master key is added unless the headers say otherwise; an empty `authorization` leaves it out. */
  const authorized = ({ authorization = `Bearer ${masterKey}`, ...headers }: Headers): Record<string, string> => ({
    'content-type': 'application/json',
    ...(authorization !== '' && { authorization }),
    ...headers,
  });
  const post = (path: string, body: string | Uint8Array, headers: Headers): Promise<Response> =>
    fetch(url + path, { method: 'POST', headers: authorized(headers), body });
  const get = (path: string, headers: Headers = {}): Promise<Response> =>
    fetch(url + path, { headers: authorized(headers) });

  async function kill(signal: NodeJS.Signals): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return child.exitCode;
    process.kill(serverPid(child.pid), signal);
    return await Promise.race([
      exit,
      rejectAfter(EXIT_LIMIT_MS, () => `The gateway did not end within ${EXIT_LIMIT_MS} ms of ${signal}:\n${output}`),
    ]);
  }

  return {
    url,
    port: Number(new URL(url).port),
    masterKey,
    folder,
    ask: (body, headers = {}, path = '/v1/chat/completions') =>
      post(path, typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body), headers),
    get,
    post: (path, body, headers = {}) => post(path, JSON.stringify(body), headers),
    async rows(query = '', count = 1) {
      const deadline = Date.now() + 5_000;
      for (;;) {
        const answer = await get(`/spend/logs${query}`);
        if (!answer.ok) throw new Error(`GET /spend/logs${query} answered ${answer.status}: ${await answer.text()}`);
        const rows = (await answer.json()) as SpendRow[];
        if (rows.length >= count || Date.now() > deadline) return rows;
        await Bun.sleep(20);
      }
    },
    logs: () => output,
    signal(signal) {
      if (child.pid !== undefined) process.kill(serverPid(child.pid), signal);
    },
    kill,
    async stop() {
      const code = await kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}

function listeningUrl(output: string): string | undefined {
  for (const line of output.split('\n')) {
    if (!line.startsWith('{') || !line.includes('"listening"')) continue;
    try {
      const { msg, url } = JSON.parse(line);
      if (msg === 'listening') return String(url).replace('localhost', '127.0.0.1');
    } catch {
      // The rest of the line has not arrived.
    }
  }
  return undefined;
}

/** On a Node without `process.execve` the launcher stays, with the server as its child. */
function serverPid(launcherPid: number): number {
  const children = spawnSync('pgrep', ['-P', String(launcherPid)], { encoding: 'utf8' });
  return Number(children.stdout?.trim().split('\n')[0]) || launcherPid;
}

function rejectAfter(afterMs: number, message: () => string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(message())), afterMs).unref();
  });
}
