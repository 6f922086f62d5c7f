/** From blocks to what a person reads: cost per request or per chunk, as ratios within a round, and the gates. */
import type { Block, ScenarioName } from './blocks.ts';
import { fitLine, type Interval, median, medianInterval } from './stats.ts';

/** What one arm cost in one round, in microseconds of CPU. */
interface RoundCost {
  round: number;
  us: number;
}

export interface Row {
  scenario: ScenarioName;
  unit: 'request' | 'chunk' | 'stream';
  arm: string;
  us: number;
  ratioToNginx: Interval | undefined;
  /** Only for `request` rows and, except the rate, for streams of 100 chunks. */
  requestsPerSecond: number | undefined;
  latencyP50Ms: number | undefined;
  rounds: number;
}

export interface Gate {
  text: string;
  limit: number;
  ratio: Interval;
  /** `holds` needs a conclusive run and the whole interval under the limit; `missed` the whole interval above it. */
  verdict: 'holds' | 'missed' | 'undecided';
}

export interface Summary {
  rows: Row[];
  gates: Gate[];
  /** Blocks that the numbers rest on; of them, how many were measured while others used the cores. */
  blocks: number;
  noisy: number;
  /** What went wrong in blocks that do not count. */
  voided: string[];
  /** More than a third noisy, or one arm and load without any valid block: the run decides nothing. */
  conclusive: boolean;
}

type Unit = Row['unit'];

const placeOf = (block: Block): string => `${block.scenario} ${block.chunks} ${block.arm}`;

/** The valid blocks; of two tries in one place of one round, the quieter. */
function chosen(blocks: Block[]): Block[] {
  const valid = blocks.filter((block) => block.void === undefined);
  const tries = Map.groupBy(valid, (block) => `${placeOf(block)} ${block.round}`);
  return [...tries.values()].flatMap((same) => same.toSorted((a, b) => a.foreign - b.foreign).slice(0, 1));
}

const usPerRequest = (block: Block): number => block.cpuNs / block.completed / 1000;

function perRequest(blocks: Block[]): RoundCost[] {
  return blocks.map((block) => ({ round: block.round, us: usPerRequest(block) }));
}

/** A line through the cost of streams of different lengths: its slope is the chunk's cost, its start the stream's own. */
function perStream(blocks: Block[], part: 'slope' | 'intercept'): RoundCost[] {
  const rounds = Map.groupBy(blocks, (block) => block.round);
  return [...rounds].flatMap(([round, inRound]) => {
    const points = inRound.map((block) => [block.chunks, usPerRequest(block)] as const);
    const lengths = new Set(points.map(([chunks]) => chunks)).size;
    return lengths < 2 ? [] : [{ round, us: fitLine(points)[part] }];
  });
}

function costs(blocks: Block[], unit: Unit): RoundCost[] {
  if (unit === 'request') return perRequest(blocks);
  return perStream(blocks, unit === 'chunk' ? 'slope' : 'intercept');
}

/** Ratios of rounds in which both arms have a valid cost. */
function ratios(mine: RoundCost[], theirs: RoundCost[]): number[] {
  const reference = new Map(theirs.map(({ round, us }) => [round, us]));
  return mine.flatMap(({ round, us }) => {
    const other = reference.get(round);
    return other === undefined ? [] : [us / other];
  });
}

function unitsOf(scenario: ScenarioName): Unit[] {
  return scenario === 'S3' ? ['chunk', 'stream'] : ['request'];
}

function rowsOf(blocks: Block[], unit: Unit, random: () => number): Row[] {
  const byArm = Map.groupBy(blocks, (block) => block.arm);
  const nginx = costs(byArm.get('nginx') ?? [], unit);
  return [...byArm].map(([arm, own]): Row => {
    const cost = costs(own, unit);
    const against = ratios(cost, nginx);
    // The intercept is a small difference of large numbers: worth a look, but not a ratio.
    const noRatio = arm === 'direct' || unit === 'stream' || against.length === 0;
    const shortest = own.filter((block) => block.chunks <= 100);
    return {
      scenario: own[0]?.scenario ?? 'S1',
      unit,
      arm,
      us: median(cost.map(({ us }) => us)),
      ratioToNginx: noRatio ? undefined : medianInterval(against, random),
      requestsPerSecond:
        unit === 'request' ? median(own.map((block) => (block.completed / block.elapsedMs) * 1000)) : undefined,
      latencyP50Ms: unit === 'stream' ? undefined : median(shortest.map((block) => block.latencyP50Ms)),
      rounds: cost.length,
    };
  });
}

const GATES = [
  { scenario: 'S1', unit: 'request', limit: 2.5, text: 'CPU of a small request, tollgate / nginx' },
  { scenario: 'S3', unit: 'chunk', limit: 1.5, text: 'CPU of a streamed chunk, tollgate / nginx' },
] as const;

function verdictOf(ratio: Interval, limit: number, conclusive: boolean): Gate['verdict'] {
  if (ratio.low > limit) return 'missed';
  return conclusive && ratio.high <= limit ? 'holds' : 'undecided';
}

function gatesOf(rows: Row[], conclusive: boolean): Gate[] {
  return GATES.flatMap(({ scenario, unit, limit, text }) => {
    const row = rows.find((one) => one.arm === 'tollgate' && one.scenario === scenario && one.unit === unit);
    const ratio = row?.ratioToNginx;
    return ratio ? [{ text, limit, ratio, verdict: verdictOf(ratio, limit, conclusive) }] : [];
  });
}

export function summarize(blocks: Block[], random: () => number): Summary {
  const used = chosen(blocks);
  const scenarios = [...Map.groupBy(used, (block) => block.scenario)];
  const rows = scenarios.flatMap(([scenario, own]) => unitsOf(scenario).flatMap((unit) => rowsOf(own, unit, random)));
  const noisy = used.filter((block) => block.noisy !== undefined).length;
  const voided = blocks.flatMap((block) => (block.void === undefined ? [] : [`${placeOf(block)}: ${block.void}`]));
  const complete = new Set(used.map(placeOf)).size === new Set(blocks.map(placeOf)).size;
  const conclusive = complete && noisy * 3 <= used.length;
  return { rows, gates: gatesOf(rows, conclusive), blocks: used.length, noisy, voided, conclusive };
}

const TITLES: Record<ScenarioName, string> = {
  S1: 'S1 small: 1 KB request, 1 KB answer',
  S2: 'S2 large: 100 KB request, 1 KB answer',
  S3: 'S3 streams: 100 to 500 chunks of 200 bytes, one each 5 ms',
};

const ARM_ORDER = ['direct', 'nginx', 'floor', 'tollgate', 'portkey'];

const number = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);

function ratioText(ratio: Interval | undefined): string {
  return ratio ? `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})` : '–';
}

function line(row: Row): string {
  const cells = [
    row.arm.padEnd(10),
    (row.arm === 'direct' ? '–' : number(row.us, 1)).padStart(12),
    ratioText(row.ratioToNginx).padStart(24),
    number(row.latencyP50Ms, 2).padStart(10),
    number(row.requestsPerSecond, 0).padStart(10),
    String(row.rounds).padStart(8),
  ];
  return `  ${cells.join('')}`;
}

function table(rows: Row[]): string[] {
  const first = rows[0];
  if (!first) return [];
  const title = `${TITLES[first.scenario]}${first.unit === 'stream' ? ', cost of a stream without its chunks' : ''}`;
  const heads = ['arm'.padEnd(10), `µs/${first.unit}`.padStart(12), 'vs nginx (95 %)'.padStart(24)];
  const header = [...heads, 'p50 ms'.padStart(10), 'req/s'.padStart(10), 'rounds'.padStart(8)].join('');
  const ordered = rows.toSorted((a, b) => ARM_ORDER.indexOf(a.arm) - ARM_ORDER.indexOf(b.arm));
  return ['', title, `  ${header}`, ...ordered.map(line)];
}

export function render(summary: Summary): string {
  const tables = [...Map.groupBy(summary.rows, (row) => `${row.scenario} ${row.unit}`).values()].flatMap(table);
  const gates = summary.gates.map(
    ({ text, limit, ratio, verdict }) => `  ${verdict.padEnd(9)}  ${text}: ${ratioText(ratio)}, aim ≤ ${limit}`,
  );
  const verdict = summary.conclusive ? '' : '. That is too many: take the numbers as a hint, they decide nothing';
  return [
    ...tables,
    ...(gates.length > 0 ? ['', 'Aims', ...gates] : []),
    '',
    ...summary.voided.map((reason) => `void: ${reason}`),
    `${summary.noisy} of ${summary.blocks} blocks were measured while other processes used the cores${verdict}`,
    '',
  ].join('\n');
}
