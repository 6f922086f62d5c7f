/** The measuring side: mock, load generator and this process share one core; the arms have the other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arm } from './arms/arm.ts';
import { coreTimes, processTree, runTimeNs } from './cpu.ts';
import type { Expected, LoadCommand, LoadResult } from './load.ts';
import { start } from './processes.ts';
import { type Ask, expectedText, requestBody, textOf } from './traffic.ts';

export interface Cores {
  arm: number;
  rig: number;
}

/** Shares of one block that make it doubtful: time taken by the hypervisor, and by processes that are not ours. */
export interface Noise {
  steal: number;
  foreign: number;
}

export interface Cost extends LoadResult {
  /** CPU of the arm's process tree over the block and the work it left behind. */
  cpuNs: number;
  armCoreBusy: number;
  rigCoreBusy: number;
  noise: Noise;
}

const NS_PER_JIFFY = 1e7;
const SETTLE_STEP_MS = 120;
const SETTLE_LIMIT_MS = 1500;
/** Below this share of a core an arm counts as idle. */
const IDLE_SHARE = 0.02;

export class Rig {
  readonly mockPort: number;
  private readonly load: Channel;
  private readonly mock: Channel;
  private readonly cores: Cores;

  private constructor(parts: { mock: Channel; load: Channel; cores: Cores; mockPort: number }) {
    this.mock = parts.mock;
    this.load = parts.load;
    this.cores = parts.cores;
    this.mockPort = parts.mockPort;
  }

  static async start(cores: Cores, folder: string): Promise<Rig> {
    const mock = new Channel('mock', cores.rig, folder);
    const load = new Channel('load', cores.rig, folder);
    // As: both scripts are part of the bench and say hello in this shape.
    const hello = (await mock.receive()) as { port: number };
    await load.receive();
    return new Rig({ mock, load, cores, mockPort: hello.port });
  }

  /** Requests that the mock has seen so far. */
  async served(): Promise<number> {
    this.mock.send({});
    // As: mock.ts answers every message so.
    return ((await this.mock.receive()) as { served: number }).served;
  }

  async run(command: LoadCommand): Promise<LoadResult> {
    this.load.send(command);
    // As: load.ts answers every command so.
    return (await this.load.receive()) as LoadResult;
  }

  /** One block: the load, with the arm's CPU time from before it until the arm is idle again. */
  async measure(arm: Arm, command: LoadCommand): Promise<Cost> {
    const armPids = arm.process ? processTree(arm.process.pid) : [];
    const rigPids = [process.pid, this.mock.pid, this.load.pid];
    const before = this.edge(armPids, rigPids);
    const result = await this.run(command);
    const after = this.edge(armPids, rigPids);
    await settle(armPids, after.armNs);
    return {
      ...result,
      cpuNs: runTimeNs(armPids) - before.armNs,
      armCoreBusy: share(before.armCore, after.armCore, 'busy'),
      rigCoreBusy: share(before.rigCore, after.rigCore, 'busy'),
      noise: noiseBetween(before, after),
    };
  }

  private edge(armPids: number[], rigPids: number[]): Edge {
    return {
      armNs: runTimeNs(armPids),
      rigNs: runTimeNs(rigPids),
      armCore: coreTimes(this.cores.arm),
      rigCore: coreTimes(this.cores.rig),
    };
  }
}

interface Edge {
  armNs: number;
  rigNs: number;
  armCore: ReturnType<typeof coreTimes>;
  rigCore: ReturnType<typeof coreTimes>;
}

function share(before: Edge['armCore'], after: Edge['armCore'], kind: 'busy' | 'steal'): number {
  return (after[kind] - before[kind]) / Math.max(1, after.total - before.total);
}

function noiseBetween(before: Edge, after: Edge): Noise {
  const foreignOn = (core: 'armCore' | 'rigCore', ownNs: number): number => {
    const jiffies = after[core].busy - before[core].busy - ownNs / NS_PER_JIFFY;
    return jiffies / Math.max(1, after[core].total - before[core].total);
  };
  return {
    steal: Math.max(share(before.armCore, after.armCore, 'steal'), share(before.rigCore, after.rigCore, 'steal')),
    foreign: Math.max(
      foreignOn('armCore', after.armNs - before.armNs),
      foreignOn('rigCore', after.rigNs - before.rigNs),
    ),
  };
}

/** Work put off until after the answer (a log written in batches) belongs to the block too. */
async function settle(pids: number[], fromNs: number): Promise<void> {
  const deadline = performance.now() + SETTLE_LIMIT_MS;
  let last = fromNs;
  let quietSteps = 0;
  // Two quiet steps: a batch timer may not have fired in the first.
  while (pids.length > 0 && quietSteps < 2 && performance.now() < deadline) {
    await Bun.sleep(SETTLE_STEP_MS);
    const now = runTimeNs(pids);
    quietSteps = now - last < SETTLE_STEP_MS * 1e6 * IDLE_SHARE ? quietSteps + 1 : 0;
    last = now;
  }
}

/** Requests and answers with one of the rig's processes, one at a time. */
class Channel {
  readonly pid: number;
  private readonly process: ReturnType<typeof start>;
  private readonly inbox: unknown[] = [];
  private ended: Error | undefined;
  private waiting: { resolve(message: unknown): void; reject(error: Error): void } | undefined;

  constructor(name: 'mock' | 'load', core: number, folder: string) {
    const logFile = join(folder, `${name}.log`);
    this.process = start({
      name,
      core,
      command: [process.execPath, join(import.meta.dir, `${name}.ts`)],
      logFile,
      onMessage: (message) => this.deliver(message),
    });
    this.pid = this.process.pid;
    void this.process.exited.then((code) => {
      this.ended = new Error(`${name} ended with code ${code}; ${readFileSync(logFile, 'utf8').slice(-1000)}`);
      this.waiting?.reject(this.ended);
    });
  }

  send(message: unknown): void {
    this.process.send(message);
  }

  receive(): Promise<unknown> {
    if (this.inbox.length > 0) return Promise.resolve(this.inbox.shift());
    if (this.ended) return Promise.reject(this.ended);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.waiting = { resolve, reject };
    return promise;
  }

  private deliver(message: unknown): void {
    if (!this.waiting) {
      this.inbox.push(message);
      return;
    }
    const { resolve } = this.waiting;
    this.waiting = undefined;
    resolve(message);
  }
}

/** One answer, looked at closely: it must say what the mock said. Returns the length that every later one must have. */
export async function examine(arm: Arm, ask: Ask): Promise<Expected> {
  const response = await fetch(`http://127.0.0.1:${arm.port}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...arm.headers, 'content-type': 'application/json', 'accept-encoding': 'identity' },
    body: requestBody(ask),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${arm.name} answered ${response.status}: ${text.slice(0, 300)}`);
  if (textOf(text) !== expectedText(ask.chunks)) throw new Error(`${arm.name} changed the text of the answer`);
  const done = text.endsWith('data: [DONE]\n\n');
  if (ask.chunks > 0 && !done) throw new Error(`${arm.name} did not end the stream with [DONE]`);
  return { bodyBytes: Buffer.byteLength(text), events: ask.chunks > 0 ? text.split('\n\n').length - 1 : 0 };
}
