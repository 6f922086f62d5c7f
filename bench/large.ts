/**
 * `npm run bench -- large`: starts the gateway on a seeded database and measures what grows with it: the start, pages of keys
 * and of the log, reports, and letting a key in that was not seen before, while inference goes on in small steady numbers.
 * How and why: docs/performance.md. Options: --full, --keys N, --rows N, --db FILE (of `seed` with the same numbers; kept).
 */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { configuration } from './arms/tollgate.ts';
import { allowedCores, processTree, runTimeNs } from './cpu.ts';
import { coldKey, type Question, questions, warmKey } from './large-questions.ts';
import { freePort, ready, type Started, start, stop, stopAll } from './processes.ts';
import { Rig } from './rig.ts';
import { countIn, removeDatabase, seed, sizeOf } from './seed.ts';
import type { Size } from './seed-people.ts';
import { median } from './stats.ts';
import { SteadyLoad } from './steady-load.ts';
import { requestBody } from './traffic.ts';

const root = join(import.meta.dir, '..');
const MASTER_KEY = `sk-${crypto.randomUUID()}`;
const QUIET_MS = 6_000;
const MS_PER_QUESTION = 700;
const TIMES_PER_QUESTION = 20;
const ADMISSIONS = 300;

interface Place {
  readonly file: string;
  readonly folder: string;
  readonly size: Size;
}

interface Gateway {
  readonly url: string;
  readonly process: Started;
  readonly startMs: number;
}

interface Measured {
  readonly name: string;
  readonly times: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  /** The longest that a request of the load took meanwhile. */
  readonly longestMs: number;
}

const note = (text: string): void => void process.stderr.write(`large: ${text}\n`);

async function startGateway({ file, folder }: Place, mockPort: number): Promise<Gateway> {
  const node = Bun.which('node');
  if (!node) throw new Error('node is missing');
  const config = join(folder, 'config.yaml');
  writeFileSync(config, configuration(mockPort, MASTER_KEY));
  const port = freePort();
  const startedAtMs = performance.now();
  const started = start({
    name: 'tollgate',
    core: allowedCores()[0] ?? 0,
    command: [node, join(root, 'bin', 'tollgate.mjs'), '--config', config, '--port', String(port)],
    logFile: join(folder, 'tollgate.log'),
    env: { DATABASE_URL: `sqlite:${file}` },
    cwd: folder,
  });
  await ready(started, `http://127.0.0.1:${port}/health/liveliness`, 120_000);
  // Its threads are there to run beside each other.
  for (const pid of processTree(started.pid)) {
    Bun.spawnSync(['taskset', '-a', '-c', '-p', allowedCores().join(','), String(pid)]);
  }
  return { url: `http://127.0.0.1:${port}`, process: started, startMs: performance.now() - startedAtMs };
}

async function answered(response: Response, what: string): Promise<number> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${what} was answered ${response.status}: ${text.slice(0, 300)}`);
  return text.length;
}

/** Median of the time, mean of the gateway's CPU without what the load takes in that time. */
async function repeated(
  gateway: Gateway,
  load: SteadyLoad,
  name: string,
  { limit, ask }: { readonly limit: number; ask(times: number): Promise<unknown> },
): Promise<Measured> {
  const pids = processTree(gateway.process.pid);
  const walls: number[] = [];
  load.takeLongest();
  const startedAtMs = performance.now();
  const before = runTimeNs(pids);
  while (walls.length < limit && (walls.length < 2 || performance.now() - startedAtMs < MS_PER_QUESTION)) {
    const askedAtMs = performance.now();
    await ask(walls.length);
    walls.push(performance.now() - askedAtMs);
  }
  const elapsedMs = performance.now() - startedAtMs;
  const cpuMs = (runTimeNs(pids) - before) / 1e6 - load.cpuShare * elapsedMs;
  return {
    name,
    times: walls.length,
    wallMs: median(walls),
    cpuMs: cpuMs / walls.length,
    longestMs: load.takeLongest(),
  };
}

const ask = (gateway: Gateway, question: Question, times: number): Promise<number> =>
  fetch(`${gateway.url}${question.path(times)}`, { headers: { authorization: `Bearer ${MASTER_KEY}` } }).then(
    (response) => answered(response, question.name),
  );

const infer = (gateway: Gateway, key: string): Promise<number> =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: requestBody({ bytes: 1_024, chunks: 0 }),
  }).then((response) => answered(response, `a request with ${key}`));

async function measure(gateway: Gateway, { size }: Place): Promise<void> {
  const load = new SteadyLoad(() => infer(gateway, warmKey()));
  await load.warmUp();
  const pids = processTree(gateway.process.pid);
  const before = runTimeNs(pids);
  load.begin();
  await Bun.sleep(QUIET_MS);
  load.cpuShare = (runTimeNs(pids) - before) / 1e6 / QUIET_MS;
  const quiet = load.takeLatencies();

  for (const question of questions(size, Date.now())) {
    const repeat = { limit: TIMES_PER_QUESTION, ask: (times: number) => ask(gateway, question, times) };
    tell(await repeated(gateway, load, question.name, repeat));
  }
  const during = load.takeLatencies();
  for (const [name, keyFor] of [
    ['request with a warm key', warmKey],
    ['request with a cold key', (times: number) => coldKey(times + 1, size.keys)],
  ] as const) {
    const repeat = { limit: ADMISSIONS, ask: (times: number) => infer(gateway, keyFor(times)) };
    tell(await repeated(gateway, load, name, repeat));
  }
  await load.end();
  for (const [name, latencies] of [
    ['without', quiet],
    ['with', during],
  ] as const) {
    process.stdout.write(
      `inference ${name} questions: p50 ${at(latencies, 0.5)} ms, p99 ${at(latencies, 0.99)} ms, ${latencies.length} requests\n`,
    );
  }
}

function at(latencies: readonly number[], share: number): string {
  const sorted = [...latencies].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1);
}

function tell({ name, times, wallMs, cpuMs, longestMs }: Measured): void {
  const cells = [wallMs.toFixed(1), cpuMs.toFixed(1), longestMs.toFixed(1), String(times)];
  process.stdout.write(`${name.padEnd(28)}${cells.map((cell) => cell.padStart(10)).join('')}\n`);
}

async function run(place: Place, isKept: boolean): Promise<void> {
  if (!existsSync(place.file)) {
    note('seeding');
    await seed({ ...place.size, file: place.file, nowMs: Date.now(), note });
  }
  note(`${place.file}, ${Math.round(statSync(place.file).size / 1e6)} MB`);
  const [arm = 0, rig = arm] = allowedCores();
  const { mockPort } = await Rig.start({ arm, rig }, place.folder);
  const gateway = await startGateway(place, mockPort);
  process.stdout.write(`start: ${gateway.startMs.toFixed(0)} ms\n`);
  const columns = ['median ms', 'CPU ms', 'load max', 'times'].map((column) => column.padStart(10));
  process.stdout.write(`${''.padEnd(28)}${columns.join('')}\n`);
  await measure(gateway, place);
  await stop(gateway.process);
  if (!isKept) removeDatabase(place.file);
}

const { values } = parseArgs({
  options: {
    db: { type: 'string' },
    full: { type: 'boolean', default: false },
    keys: { type: 'string' },
    rows: { type: 'string' },
  },
});
const usual = sizeOf(values.full);
const folder = mkdtempSync(join(tmpdir(), 'tollgate-large-'));
const size = { keys: countIn(values.keys, usual.keys), rows: countIn(values.rows, usual.rows) };
try {
  await run({ file: values.db ?? join(folder, 'seeded.db'), folder, size }, values.db !== undefined);
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
