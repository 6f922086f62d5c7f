import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleRow } from '../../test/support/sample-row.ts';
import { usageRow } from '../../test/support/usage-rows.ts';
import {
  fromStored,
  ROW_STATUSES,
  tagListName,
  toDetails,
  toPayload,
  toRequest,
  USAGE_SOURCES,
  withCosts,
} from './request-codec.ts';
import type { AttemptRow, LedgerRow } from './request-row.ts';

/** A dictionary that gives numbers as they are asked for. */
function dictionary() {
  const names: string[] = [];
  return {
    refOf: (name: string | null): number | null => {
      if (name === null) return null;
      if (!names.includes(name)) names.push(name);
      return names.indexOf(name) + 1;
    },
    nameOf: (ref: number): string | undefined => names[ref - 1],
  };
}

function storedAndBack(row: LedgerRow): LedgerRow {
  const { refOf, nameOf } = dictionary();
  const stored = { request: toRequest(row, refOf), details: toDetails(row), payload: toPayload(row) };
  return fromStored(stored, nameOf);
}

const ATTEMPT: AttemptRow = {
  deploymentId: 'deployment-1',
  model: 'openai/gpt-4o-mini',
  provider: 'openai',
  startedAtMs: 1_764_000_000_002,
  durationMs: 810.25,
  error: null,
  upstreamStatus: 200,
  costNanoUsd: 27_000,
};

describe('a row', () => {
  test('is read as it was recorded, for random rows of every kind', () => {
    fc.assert(
      fc.property(usageRow, (row) => {
        const back = storedAndBack(row);
        expect({ ...back, attempts: row.attempts }).toEqual(row);
        expect(back.attempts.length).toBe(row.attempts.length);
      }),
      { numRuns: 150, seed: 13 },
    );
  });

  test('with one attempt that says nothing of its own needs no details, and has it all the same', () => {
    const row = sampleRow({ attempts: [ATTEMPT] });
    expect(toDetails(row)).toBeUndefined();
    const [attempt, ...others] = storedAndBack(row).attempts;
    expect(others).toEqual([]);
    expect(attempt).toMatchObject({ ...ATTEMPT, startedAtMs: expect.any(Number) });
  });

  test.each([
    ['another deployment', { deploymentId: 'other' }],
    ['another model', { model: 'other' }],
    ['a failure', { error: 'upstream_failed', upstreamStatus: 503, costNanoUsd: 0 }],
    ['another cost', { costNanoUsd: 5 }],
  ])('keeps an attempt with %s as it was', (_what, over) => {
    const attempts = [{ ...ATTEMPT, ...over }];
    expect(storedAndBack(sampleRow({ attempts })).attempts).toEqual(attempts);
  });

  test('has times to the microsecond, and never half of one', () => {
    const row = sampleRow({
      startedAtMs: 1_000,
      endedAtMs: 1_000.123_456,
      upstreamMs: 0.000_4,
      firstTokenAtMs: 1_000.1,
    });
    expect(storedAndBack(row)).toMatchObject({ endedAtMs: 1_000.123, upstreamMs: 0, firstTokenAtMs: 1_000.1 });
  });

  test('that holds numbers which are none is stored with what is known', () => {
    const { refOf } = dictionary();
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const stored = toRequest(
        sampleRow({ startedAtMs: bad, httpStatus: bad, costNanoUsd: bad, upstreamMs: bad }),
        refOf,
      );
      expect(stored).toMatchObject({ started_at_ms: 0, http_status: 0, cost_nano_usd: null, upstream_us: 0 });
      for (const value of Object.values(stored))
        expect(typeof value === 'number' && !Number.isInteger(value)).toBe(false);
    }
  });

  test('is stored under a status by its place in a list that never moves', () => {
    expect(ROW_STATUSES).toEqual(['success', 'failure', 'aborted', 'truncated', 'crashed']);
    expect(USAGE_SOURCES).toEqual(['provider', 'estimated', 'suspect']);
    for (const status of ROW_STATUSES) expect(storedAndBack(sampleRow({ status })).status).toBe(status);
  });
});

describe('a tag list', () => {
  test('is one name, and a list too long for that is told whole in the details', () => {
    expect(tagListName([])).toBeNull();
    expect(tagListName(['a', 'b'])).toBe('["a","b"]');
    const long = ['x'.repeat(200), 'y'.repeat(200)];
    expect(tagListName(long)).toMatch(/^#[0-9a-f]{64}$/);
    expect(tagListName([...long].reverse())).not.toBe(tagListName(long));
    expect(storedAndBack(sampleRow({ tags: long })).tags).toEqual(long);
  });

  test('with signs of JSON in it comes back whole', () => {
    const tags = ['"', '[]', ',', '\\', '\n', 'ё', '#'];
    expect(storedAndBack(sampleRow({ tags })).tags).toEqual(tags);
  });
});

test('attempts from before they had a cost give it to the one that answered', () => {
  const { costNanoUsd, ...old } = ATTEMPT;
  expect(costNanoUsd).toBe(27_000);
  const attempts = [old, old] as unknown as AttemptRow[];
  expect(withCosts(attempts, 9).map((attempt) => attempt.costNanoUsd)).toEqual([0, 9]);
  expect(withCosts([ATTEMPT], 9)).toEqual([ATTEMPT]);
  expect(withCosts([], 9)).toEqual([]);
});

test('bodies are stored only when there are any', () => {
  expect(toPayload(sampleRow())).toBeUndefined();
  expect(storedAndBack(sampleRow({ requestBody: '{}' }))).toMatchObject({ requestBody: '{}' });
  expect('responseBody' in storedAndBack(sampleRow({ requestBody: '{}' }))).toBe(false);
});
