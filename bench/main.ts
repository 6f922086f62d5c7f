/**
 * `npm run bench`: CPU per request and per streamed chunk of Tollgate, against nginx and Portkey's gateway in the same run.
 * How and why: docs/performance.md. Options: --quick, --rounds N, --concurrency N, --arms direct,nginx,tollgate,portkey,floor,
 * --scenarios S1,S2,S3.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Arm, type ArmPlace, ArmUnavailable } from './arms/arm.ts';
import { startDirect } from './arms/direct.ts';
import { startFloor } from './arms/floor.ts';
import { startNginx } from './arms/nginx.ts';
import { startPortkey } from './arms/portkey.ts';
import { startTollgate } from './arms/tollgate.ts';
import { Measurement, planOf, type ScenarioName } from './blocks.ts';
import { allowedCores } from './cpu.ts';
import { stop, stopAll } from './processes.ts';
import { render, summarize } from './report.ts';
import { type Cores, Rig } from './rig.ts';

const ARMS: Record<string, (place: ArmPlace) => Promise<Arm>> = {
  direct: startDirect,
  nginx: startNginx,
  tollgate: startTollgate,
  portkey: startPortkey,
  floor: startFloor,
};
const DEFAULT_ARMS = ['direct', 'nginx', 'tollgate', 'portkey'];
const SCENARIOS: ScenarioName[] = ['S1', 'S2', 'S3'];
const root = join(import.meta.dir, '..');

interface Options {
  arms: string[];
  scenarios: ScenarioName[];
  quick: boolean;
  rounds: number;
  concurrency: number;
}

function fail(message: string): never {
  process.stderr.write(`bench: ${message}\n`);
  process.exit(1);
}

function note(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

function listOf<Name extends string>(text: string, known: readonly Name[], what: string): Name[] {
  return text.split(',').map((name) => {
    const found = known.find((one) => one.toLowerCase() === name.trim().toLowerCase());
    return found ?? fail(`no ${what} "${name}"; there are ${known.join(', ')}`);
  });
}

function countOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  return Number.isInteger(count) && count > 0 ? count : fail(`"${text}" is not a whole number above 0`);
}

function readOptions(): Options {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      concurrency: { type: 'string' },
      arms: { type: 'string' },
      scenarios: { type: 'string' },
    },
  });
  return {
    quick: values.quick,
    rounds: countOf(values.rounds) ?? (values.quick ? 2 : 5),
    concurrency: countOf(values.concurrency) ?? 8,
    arms: listOf(values.arms ?? DEFAULT_ARMS.join(), Object.keys(ARMS), 'arm'),
    scenarios: listOf(values.scenarios ?? SCENARIOS.join(), SCENARIOS, 'scenario'),
  };
}

function chooseCores(): Cores {
  const [arm = 0, rig = arm] = allowedCores();
  if (arm === rig) note('only one core: arms and load generator share it, so rates mean nothing and costs are noisier');
  return { arm, rig };
}

async function startArms(names: string[], rig: Rig, cores: Cores, folder: string): Promise<Arm[]> {
  const arms: Arm[] = [];
  for (const name of names) {
    const place = {
      core: cores.arm,
      folder: join(folder, name),
      logFile: join(folder, `${name}.log`),
      mockPort: rig.mockPort,
    };
    mkdirSync(place.folder);
    try {
      const arm = await ARMS[name]?.({ ...place, root, note });
      if (arm) arms.push(arm);
    } catch (error) {
      if (!(error instanceof ArmUnavailable)) throw withLog(error, place.logFile);
      note(`without ${name}: ${error.message}`);
    }
  }
  return arms;
}

/** The last words of a server that did not start say more than our own error. */
function withLog(error: unknown, logFile: string): Error {
  let log = '';
  try {
    log = readFileSync(logFile, 'utf8').slice(-2000);
  } catch {
    // It had not even begun to write.
  }
  return new Error(`${error instanceof Error ? error.message : String(error)}\n${log}`);
}

function save(content: object): string {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}.json`);
  writeFileSync(file, `${JSON.stringify(content, null, 1)}\n`);
  return file;
}

async function bench(options: Options, folder: string): Promise<void> {
  const startedAt = new Date();
  const cores = chooseCores();
  Bun.spawnSync(['taskset', '-a', '-c', '-p', String(cores.rig), String(process.pid)]);
  const rig = await Rig.start(cores, folder);
  const arms = await startArms(options.arms, rig, cores, folder);
  const plan = planOf(options);
  const measured = await new Measurement(rig, arms, plan).run({ step: note });

  const checks: string[] = [];
  for (const arm of arms) {
    if (arm.process) await stop(arm.process);
    if (arm.verify) checks.push(`${arm.name}: ${arm.verify(measured.answered.get(arm.name) ?? 0)}`);
  }
  const summary = summarize(measured.blocks, Math.random);
  process.stdout.write(`${render(summary)}${checks.map((check) => `${check}\n`).join('')}`);
  const seconds = Math.round((Date.now() - startedAt.getTime()) / 1000);
  const machine = { cpu: cpus()[0]?.model, cores: allowedCores(), loadAverage: loadavg(), bun: Bun.version };
  const file = save({ startedAt, seconds, options, machine, checks, summary, blocks: measured.blocks });
  process.stdout.write(`${measured.roundsDone} of ${plan.rounds} rounds in ${seconds} s; every block is in ${file}\n`);
}

async function main(): Promise<void> {
  const options = readOptions();
  if (process.platform !== 'linux' || !Bun.which('taskset')) fail('needs Linux (/proc) and taskset from util-linux');
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const leave = async (code: number): Promise<never> => {
    await stopAll();
    rmSync(folder, { recursive: true, force: true });
    process.exit(code);
  };
  let leaving = false;
  const interrupted = (code: number) => (): void => {
    // Not `once`: a second signal, as when a whole process group gets it, must not cut the cleaning up short.
    if (leaving) return;
    leaving = true;
    void leave(code);
  };
  process.on('SIGINT', interrupted(130));
  process.on('SIGTERM', interrupted(143));
  try {
    await bench(options, folder);
    await leave(0);
  } catch (error) {
    // After Ctrl-C the rig's processes end too; that is no news.
    if (leaving) return;
    note(error instanceof Error ? error.message : String(error));
    await leave(1);
  }
}

await main();
