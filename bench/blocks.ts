/** The order of the measurements: every arm once per round in random order, so that a change of the machine hits all alike. */
import type { Arm } from './arms/arm.ts';
import type { Expected, LoadCommand } from './load.ts';
import { type Cost, examine, type Rig } from './rig.ts';
import { shuffled } from './stats.ts';
import type { Ask } from './traffic.ts';

export type ScenarioName = 'S1' | 'S2' | 'S3';

/** One kind of load: what is asked, for how long or how often. */
export interface Point {
  scenario: ScenarioName;
  ask: Ask;
  durationMs?: number | undefined;
  perConnection?: number | undefined;
}

export interface Plan {
  points: Point[];
  rounds: number;
  concurrency: number;
  /** Share of each arm's own warm-up time. */
  warmUp: number;
  deadlineMs: number;
}

export interface Block extends Omit<Cost, 'noise'> {
  round: number;
  arm: string;
  scenario: ScenarioName;
  chunks: number;
  steal: number;
  foreign: number;
  /** Why the block does not count; undefined when it does. */
  void: string | undefined;
  /** Why the block is doubtful: someone else used the cores. */
  noisy: string | undefined;
}

const MAX_STEAL = 0.03;
const MAX_FOREIGN = 0.1;

const DEFINITIONS: Record<ScenarioName, { bytes: number; chunks: number[] }> = {
  S1: { bytes: 1024, chunks: [0] },
  S2: { bytes: 100 * 1024, chunks: [0] },
  S3: { bytes: 1024, chunks: [100, 300, 500] },
};

/** Short streams more often, so that each point of the line rests on a similar number of events. */
const STREAMS_EACH: Readonly<Record<number, number>> = { 100: 3, 300: 2, 500: 1 };

export interface PlanOptions {
  scenarios: ScenarioName[];
  quick: boolean;
  rounds: number;
  /** Requests in flight. */
  concurrency: number;
}

export function planOf({ scenarios, quick, rounds, concurrency }: PlanOptions): Plan {
  const points = scenarios.flatMap((scenario): Point[] => {
    const { bytes, chunks } = DEFINITIONS[scenario];
    const counts = quick ? chunks.slice(0, 2) : chunks;
    return counts.map((count) => ({
      scenario,
      ask: { bytes, chunks: count },
      ...(count > 0 ? { perConnection: quick ? 1 : (STREAMS_EACH[count] ?? 1) } : { durationMs: quick ? 1000 : 2000 }),
    }));
  });
  return {
    points,
    rounds,
    concurrency,
    warmUp: quick ? 0.3 : 1,
    deadlineMs: quick ? 75_000 : 330_000,
  };
}

export interface Measured {
  blocks: Block[];
  /** Requests sent to each arm, warm-up and examination included. */
  answered: Map<string, number>;
  roundsDone: number;
}

export interface Progress {
  step(text: string): void;
}

export class Measurement {
  private readonly rig: Rig;
  private readonly plan: Plan;
  private readonly arms: Arm[];
  private readonly expected = new Map<string, Expected>();
  private readonly result: Measured = { blocks: [], answered: new Map(), roundsDone: 0 };

  constructor(rig: Rig, arms: Arm[], plan: Plan) {
    this.rig = rig;
    this.arms = arms;
    this.plan = plan;
  }

  async run(progress: Progress): Promise<Measured> {
    const startedAt = performance.now();
    for (const arm of this.arms) {
      progress.step(`examine and warm up ${arm.name}`);
      await this.prepare(arm);
    }
    let roundMs = 0;
    for (let round = 1; round <= this.plan.rounds; round += 1) {
      const roundAt = performance.now();
      // Only whole rounds are of use, so one that would not end in time is not begun.
      if (roundAt - startedAt + roundMs > this.plan.deadlineMs) break;
      progress.step(`round ${round} of ${this.plan.rounds}`);
      await this.round(round);
      this.result.roundsDone = round;
      roundMs = performance.now() - roundAt;
    }
    return this.result;
  }

  private async prepare(arm: Arm): Promise<void> {
    for (const point of this.plan.points) {
      this.expected.set(key(arm, point), await examine(arm, point.ask));
      this.count(arm, 1);
    }
    const loads = this.plan.points.filter((point) => point.ask.chunks <= 100);
    for (const point of loads) {
      const time =
        point.ask.chunks > 0 ? { perConnection: 1 } : { durationMs: (arm.warmUpMs * this.plan.warmUp) / loads.length };
      const { completed, failed } = await this.rig.run(this.command(arm, { ...point, ...time }));
      this.count(arm, completed + failed);
    }
  }

  private async round(round: number): Promise<void> {
    // Second tries are for odd disturbances; on a machine that is never quiet they would only take the time of other rounds.
    let secondTries = this.plan.points.length;
    for (const point of this.plan.points) {
      for (const arm of shuffled(this.contestants(point), Math.random)) {
        const block = await this.block(round, arm, point);
        this.result.blocks.push(block);
        if ((block.void === undefined && block.noisy === undefined) || secondTries === 0) continue;
        secondTries -= 1;
        this.result.blocks.push(await this.block(round, arm, point));
      }
    }
  }

  /** The long streams tell nothing about `direct`, which has no CPU time to take a slope of. */
  private contestants(point: Point): Arm[] {
    return point.ask.chunks > 100 ? this.arms.filter((arm) => arm.process) : this.arms;
  }

  private async block(round: number, arm: Arm, point: Point): Promise<Block> {
    const servedBefore = await this.rig.served();
    const { noise, ...cost } = await this.rig.measure(arm, this.command(arm, point));
    const served = (await this.rig.served()) - servedBefore;
    this.count(arm, cost.completed + cost.failed);
    const block = { round, arm: arm.name, scenario: point.scenario, chunks: point.ask.chunks, ...cost, ...noise };
    return { ...block, void: reasonToVoid(block, served), noisy: reasonToDoubt(block) };
  }

  private command(arm: Arm, point: Point): LoadCommand {
    const { port, headers } = arm;
    const { ask, durationMs, perConnection } = point;
    const { concurrency } = this.plan;
    return { port, headers, ask, durationMs, perConnection, concurrency, expected: this.expected.get(key(arm, point)) };
  }

  private count(arm: Arm, answers: number): void {
    this.result.answered.set(arm.name, (this.result.answered.get(arm.name) ?? 0) + answers);
  }
}

const key = (arm: Arm, point: Point): string => `${arm.name} ${point.scenario} ${point.ask.chunks}`;

type Counted = Omit<Block, 'void' | 'noisy'>;

function reasonToVoid(block: Counted, served: number): string | undefined {
  if (block.failed > 0) return `${block.failed} failed: ${block.firstFailure}`;
  if (block.completed === 0) return 'nothing was answered';
  if (served !== block.completed) return `the mock served ${served} requests, ${block.completed} were answered`;
  return undefined;
}

function reasonToDoubt(block: Counted): string | undefined {
  if (block.steal > MAX_STEAL) return `steal ${percent(block.steal)}`;
  if (block.foreign > MAX_FOREIGN) return `other processes ${percent(block.foreign)}`;
  return undefined;
}

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;
