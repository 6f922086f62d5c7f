/**
 * Requests, answers and streams with something in them that nobody expects, through every adapter: each is translated or
 * refused in words, never a stumble, in time and in bounds. The same on every run.
 */
import { describe, expect, test } from 'bun:test';
import { GatewayError } from '../src/errors.ts';
import { validateChat } from '../src/gateway/validate-chat.ts';
import { upstreamError } from '../src/providers/upstream-error.ts';
import { mutationsOf } from './support/json-mutations.ts';
import { ask } from './support/provider-parts.ts';
import { type Sample, samples, speaksOpenAi, targetOfSample } from './support/provider-samples.ts';
import { REQUEST_FIXTURES } from './support/request-fixtures.ts';

/** OpenAI-compatible ones share their translator: fewer will do for each. */
const roundsOf = (sample: Sample): number => (speaksOpenAi(sample) ? 1 : 5);
/** Of what one request or answer becomes, however odd. */
const MOST_BYTES = 2_000_000;
const MOST_MS = 500;

/** What was thrown, if anything was but a refusal. */
function stumbleOf(translate: () => unknown): string | undefined {
  const startedAtMs = performance.now();
  let made: unknown;
  try {
    made = translate();
  } catch (error) {
    if (!(error instanceof GatewayError)) return String(error instanceof Error ? error.stack : error);
    made = error.message;
  }
  const elapsedMs = performance.now() - startedAtMs;
  if (elapsedMs > MOST_MS) return `it took ${elapsedMs} ms`;
  const { length } = JSON.stringify(made) ?? '';
  return length > MOST_BYTES ? `it made ${length} characters` : undefined;
}

function take<Item>(values: Generator<Item>, count: number): Item[] {
  return Array.from({ length: count }, () => values.next().value);
}

/** Fails with the first stumble and what led to it. */
function expectNone(cases: readonly unknown[], translate: (one: unknown) => unknown): void {
  for (const one of cases) {
    const stumble = stumbleOf(() => translate(one));
    if (stumble !== undefined) expect({ stumble, from: JSON.stringify(one).slice(0, 3_000) }).toBeUndefined();
  }
}

/** As the gateway lets it in. */
function isLetIn(body: unknown): body is Record<string, unknown> {
  try {
    validateChat({ model: 'asked', ...Object(body) });
    return true;
  } catch {
    return false;
  }
}

describe.each(samples.map((sample) => [sample.name, sample] as const))('%s', (_, sample) => {
  const { adapter, recordings } = sample;
  const target = targetOfSample(sample);
  const rounds = roundsOf(sample);

  test('translates or refuses any request', () => {
    for (const [at, { body }] of REQUEST_FIXTURES.entries()) {
      const bodies = take(mutationsOf(body, at + 1), rounds).filter(isLetIn);
      expectNone(bodies, (one) => ask(target, { body: Object(one), dropParams: at % 2 === 0 }));
    }
  });

  test('translates any answer, or says that it is none', () => {
    for (const [at, { whole }] of recordings.entries()) {
      if (whole === undefined) continue;
      expectNone(take(mutationsOf(JSON.parse(whole), at + 1), rounds * 25), (one) =>
        adapter.parseResponse(one, target),
      );
    }
  });

  test('translates any stream, or says that it is none', () => {
    for (const [at, { events = [] }] of recordings.entries()) {
      const parsed = events.slice(0, 40).map((event) => JSON.parse(event));
      expectNone(take(mutationsOf(parsed, at + 1), rounds * 12), (one) => {
        const decode = adapter.createStreamDecoder(target);
        return (Array.isArray(one) ? one : [one]).map((event: unknown) => decode(JSON.stringify(event) ?? ''));
      });
    }
  });

  test('any refusal is a failure of the upstream', () => {
    const refusal = {
      error: { message: 'No.', code: 'x', type: 'y', status: 'z', details: [{ retryDelay: '3s', reason: 'R' }] },
      message: 'No.',
      __type: 'T',
    };
    expectNone(take(mutationsOf(refusal, 1), rounds * 25), (one) => {
      const error = upstreamError({ target, status: 400, body: JSON.stringify(one), headers: new Headers() });
      expect(error).toBeInstanceOf(GatewayError);
      return error.message;
    });
  });
});

test('nothing of it has changed what objects are', () => {
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
});

describe('mutations', () => {
  const value = { a: [1, { b: 'text' }], c: { d: true } };

  test('are the same for a seed, and different from the value and each other', () => {
    const some = take(mutationsOf(value, 7), 50).map((one) => JSON.stringify(one));
    expect(take(mutationsOf(value, 7), 50).map((one) => JSON.stringify(one))).toEqual(some);
    expect(take(mutationsOf(value, 8), 50).map((one) => JSON.stringify(one))).not.toEqual(some);
    expect(new Set(some).size).toBeGreaterThan(30);
    expect(some.filter((one) => one === JSON.stringify(value)).length).toBeLessThan(10);
  });

  test('leave the value as it was', () => {
    const before = JSON.stringify(value);
    take(mutationsOf(value, 1), 50);
    expect(JSON.stringify(value)).toBe(before);
  });

  test('find a translator that stumbles', () => {
    const upper = ({ c }: typeof value): unknown => Object.keys(c);
    const stumbles = take(mutationsOf(value, 1), 50).map((one) => stumbleOf(() => upper(one as typeof value)));
    expect(stumbles.some((stumble) => stumble?.includes('TypeError'))).toBe(true);
    expect(stumbleOf(() => 'x'.repeat(MOST_BYTES + 1))).toContain('characters');
    expect(stumbleOf(() => upper(value))).toBeUndefined();
  });
});
