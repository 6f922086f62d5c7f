/** Random request rows of a few people over a few days, and sums over them as anybody would do them by hand. */
import fc from 'fast-check';
import type { LedgerRow } from '../../src/db/request-row.ts';
import { countedScopes, MIRROR_ROUTE, type Scope } from '../../src/db/usage-scopes.ts';
import type { TokenBuckets } from '../../src/wire/usage.ts';
import { sampleRow } from './sample-row.ts';

/** Three days around the moment in which Europe's clocks go forward. */
export const FROM_MS = Date.UTC(2026, 2, 28);
export const TO_MS = Date.UTC(2026, 2, 31);
export const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe'] as const;

const oneOf = (...names: string[]) => fc.option(fc.constantFrom(...names), { freq: 4 });
const count = fc.nat(2 ** 40);

const buckets: fc.Arbitrary<TokenBuckets> = fc.record(
  {
    input: count,
    cacheRead: count,
    cacheWrite: count,
    cacheWrite1h: count,
    inputAudio: count,
    output: count,
    reasoning: count,
    outputAudio: count,
    source: fc.constantFrom('provider', 'estimated', 'suspect'),
  },
  { requiredKeys: ['input', 'cacheRead', 'cacheWrite', 'inputAudio', 'output', 'reasoning', 'outputAudio', 'source'] },
);

const LONG_TAG = 'long'.repeat(90);
export const TAGS = ['a', 'b', '"c", [d]', LONG_TAG] as const;

const attempt = {
  deploymentId: 'd1',
  model: 'openai/gpt-4o',
  provider: 'openai',
  startedAtMs: 0,
  durationMs: 1,
  error: 'upstream_failed',
  upstreamStatus: 500,
  costNanoUsd: 0,
};

/** Half of the starts are on a quarter hour or beside it, where mistakes are. */
export const startMs = fc.oneof(
  fc.integer({ min: FROM_MS, max: TO_MS - 1 }),
  fc
    .tuple(fc.integer({ min: 0, max: 3 * 96 - 1 }), fc.constantFrom(0, 1, 899_999))
    .map(([quarter, ms]) => FROM_MS + quarter * 900_000 + ms),
);

const fields = fc.record({
  startedAtMs: startMs,
  durationMs: fc.nat(100_000),
  status: fc.constantFrom('success', 'failure', 'aborted', 'truncated', 'crashed' as const),
  attempts: fc.constantFrom([], [attempt], [attempt, attempt]),
  route: fc.constantFrom('/v1/chat/completions', '/v1/embeddings'),
  keyHash: oneOf('k1', 'k2', 'k3'),
  teamId: oneOf('t1', 't2'),
  userId: oneOf('u1', 'u2', 't1'),
  organizationId: oneOf('o1', 'o2'),
  projectId: oneOf('p1'),
  endUser: oneOf('e1', 'e2'),
  tags: fc.array(fc.constantFrom(...TAGS), { maxLength: 3 }),
  modelGroup: fc.constantFrom('', 'gpt-4o', 'small'),
  model: oneOf('openai/gpt-4o', 'openai/gpt-4o-mini'),
  deploymentId: oneOf('d1', 'd2'),
  provider: oneOf('openai', 'anthropic'),
  buckets: fc.option(buckets),
  costNanoUsd: fc.option(count),
});

export const usageRow: fc.Arbitrary<LedgerRow> = fields.map(({ durationMs, costNanoUsd, ...over }) =>
  sampleRow({
    ...over,
    endedAtMs: over.startedAtMs + durationMs,
    costNanoUsd,
    costParts:
      costNanoUsd === null
        ? null
        : { input: costNanoUsd, output: 0, cacheRead: 1, cacheWrite: 2, reasoning: costNanoUsd % 7 },
  }),
);

/** Copies of requests among them, which are not their owner's to pay. */
export const usageOrMirrorRow: fc.Arbitrary<LedgerRow> = fc
  .tuple(usageRow, fc.boolean())
  .map(([row, isMirror]) => (isMirror ? { ...row, route: MIRROR_ROUTE } : row));

/** Those that rate limits count: not what came from the provider's cache. */
export const rateTokensOf = (row: LedgerRow): number => tokensOf(row) - (row.buckets?.cacheRead ?? 0);

export const tokensOf = ({ buckets: sizes }: LedgerRow): number =>
  sizes === null
    ? 0
    : sizes.input +
      sizes.cacheRead +
      sizes.cacheWrite +
      sizes.inputAudio +
      sizes.output +
      sizes.reasoning +
      sizes.outputAudio;

/** It was served, or tried at an upstream. */
export const isConsuming = (row: LedgerRow): boolean => row.status === 'success' || row.attempts.length > 0;

export const scopesOf = (row: LedgerRow): Scope[] => countedScopes(row, row);

export function sumOf<Item>(items: readonly Item[], amount: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + amount(item), 0);
}
