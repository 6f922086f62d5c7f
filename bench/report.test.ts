import { expect, test } from 'bun:test';
import type { Block } from './blocks.ts';
import { render, summarize } from './report.ts';

const random = (): number => 0.5;

function block(overrides: Partial<Block>): Block {
  return {
    round: 1,
    arm: 'nginx',
    scenario: 'S1',
    chunks: 0,
    completed: 1000,
    failed: 0,
    firstFailure: undefined,
    elapsedMs: 1000,
    latencyP50Ms: 1,
    latencyP99Ms: 2,
    reads: 1000,
    cpuNs: 20_000_000,
    armCoreBusy: 0.9,
    rigCoreBusy: 0.5,
    steal: 0,
    foreign: 0.01,
    void: undefined,
    noisy: undefined,
    ...overrides,
  };
}

test('ratios are taken within a round, so a slow round does not count against either arm', () => {
  const blocks = [1, 2, 3].flatMap((round) => [
    block({ round, cpuNs: round * 20_000_000 }),
    block({ round, arm: 'tollgate', cpuNs: round * 44_000_000 }),
  ]);
  const row = summarize(blocks, random).rows.find(({ arm }) => arm === 'tollgate');
  expect(row?.us).toBeCloseTo(88);
  expect(row?.ratioToNginx?.median).toBeCloseTo(2.2);
});

test('the cost of a chunk is the slope over streams of different lengths', () => {
  const stream = (arm: string, chunks: number, us: number): Block =>
    block({ arm, scenario: 'S3', chunks, completed: 8, cpuNs: 8 * us * 1000 });
  const blocks = [100, 300, 500].flatMap((chunks) => [
    stream('nginx', chunks, 100 + 20 * chunks),
    stream('tollgate', chunks, 400 + 28 * chunks),
  ]);
  const { rows, gates } = summarize(blocks, random);
  const costOf = (unit: string): number | undefined =>
    rows.find((row) => row.arm === 'tollgate' && row.unit === unit)?.us;
  expect(costOf('chunk')).toBeCloseTo(28);
  expect(costOf('stream')).toBeCloseTo(400);
  expect(gates.map(({ ratio, verdict }) => [ratio.median.toFixed(2), verdict])).toEqual([['1.40', 'holds']]);
});

test('a void block is left out, named, and leaves the run undecided when nothing stands in its place', () => {
  const failed = block({ arm: 'tollgate', void: '3 failed: status 500' });
  const alone = summarize([block({}), failed], random);
  expect(alone.conclusive).toBe(false);
  expect(render(alone)).toContain('void: S1 0 tollgate: 3 failed: status 500');
  expect(summarize([block({}), failed, block({ arm: 'tollgate' })], random).conclusive).toBe(true);
});

test('of two tries the quieter one counts', () => {
  const loud = block({ foreign: 0.6, noisy: 'other processes 60.0 %', cpuNs: 40_000_000 });
  const summary = summarize([loud, block({ foreign: 0.02 })], random);
  expect(summary.rows[0]?.us).toBeCloseTo(20);
  expect(summary).toMatchObject({ blocks: 1, noisy: 0, conclusive: true });
});

test('when more than a third is noisy the report says that it decides nothing', () => {
  const noisy = block({ noisy: 'other processes 60.0 %' });
  const summary = summarize([noisy, block({ round: 2 })], random);
  expect(summary.conclusive).toBe(false);
  expect(render(summary)).toContain('they decide nothing');
});

test('a missed aim is printed as missed', () => {
  const text = render(summarize([block({}), block({ arm: 'tollgate', cpuNs: 60_000_000 })], random));
  expect(text).toMatch(/missed +CPU of a small request, tollgate \/ nginx: 3\.00 .*aim ≤ 2\.5/);
});

test('an aim within reach is undecided on a noisy machine, never held', () => {
  const noisy = 'other processes 60.0 %';
  const { gates } = summarize([block({ noisy }), block({ arm: 'tollgate', noisy })], random);
  expect(gates.map(({ verdict }) => verdict)).toEqual(['undecided']);
});

test('an interval on both sides of the limit decides nothing', () => {
  const blocks = [30, 60].flatMap((us, index) => [
    block({ round: index + 1 }),
    block({ round: index + 1, arm: 'tollgate', cpuNs: us * 1_000_000 }),
  ]);
  expect(summarize(blocks, Math.random).gates[0]?.verdict).toBe('undecided');
});
