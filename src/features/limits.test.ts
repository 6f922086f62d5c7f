import { describe, expect, test } from 'bun:test';
import { STARTED_AT_MS, sampleCall, sampleTarget } from '../../test/support/call-parts.ts';
import { sampleCaller } from '../../test/support/callers.ts';
import { limitParts } from '../../test/support/limit-parts.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { GatewayError } from '../errors.ts';
import type { Call, LimitView, Outcome } from '../gateway/call.ts';
import { type Allowance, UNLIMITED } from '../gateway/entities.ts';
import type { Admission } from '../gateway/feature.ts';
import type { LimitEvent } from '../limits/types.ts';
import type { TokenBuckets } from '../wire/usage.ts';
import { type LimitParts, limits } from './limits.ts';

/** A thousand nano-dollars a token, so this is what so many tokens cost. */
const tokens = (count: number): number => count * 1_000;
const TARGET = sampleTarget();
const DEAR = sampleTarget({ deploymentId: 'dear', modelGroup: 'dear' });

interface Given extends Partial<LimitParts> {
  readonly allowance?: Partial<Allowance>;
}

/** The feature over one key with this allowance, and calls that go through it. */
class Door {
  readonly events: LimitEvent[] = [];
  readonly parts: LimitParts;
  readonly #caller: ReturnType<typeof sampleCaller>;

  constructor({ allowance, ...over }: Given = {}) {
    this.#caller = sampleCaller({ allowance: { ...UNLIMITED, ...allowance } });
    this.parts = limitParts({ targets: () => [TARGET], ...over }, (event) => this.events.push(event));
  }

  call(request: Record<string, unknown> = {}): Call {
    return sampleCall({ caller: this.#caller, request });
  }

  async admit(call: Call): Promise<Admission> {
    const admission = await limits(this.parts).admit?.(call);
    if (!admission || typeof admission === 'function') throw new Error('It admits with more than an undo');
    return admission;
  }

  /** A whole call: admitted, tried at the target, ended. */
  async run(
    request: Record<string, unknown>,
    ending: Partial<TokenBuckets> | GatewayError,
    target = TARGET,
  ): Promise<Call> {
    const call = this.call(request);
    const admission = await this.admit(call);
    await admission.attempt?.(target);
    call.attempts.push({ target, startedAtMs: STARTED_AT_MS, endedAtMs: STARTED_AT_MS + 1 });
    await admission.settle(ending instanceof GatewayError ? failed(ending) : answered(ending));
    return call;
  }

  refusal(request: Record<string, unknown> = {}): Promise<GatewayError> {
    return refusalOf(() => this.admit(this.call(request)));
  }
}

const EMPTY: TokenBuckets = {
  ...{ input: 0, cacheRead: 0, cacheWrite: 0, inputAudio: 0 },
  ...{ output: 0, reasoning: 0, outputAudio: 0, source: 'provider' },
};
const common = { endedAtMs: STARTED_AT_MS + 5, responseId: null, firstTokenAtMs: undefined, responseText: undefined };

function answered(buckets: Partial<TokenBuckets>): Outcome {
  const all = { ...EMPTY, ...buckets };
  const totalNanoUsd = tokens(all.input + all.output + all.cacheRead);
  const cost = {
    ...{ totalNanoUsd, inputNanoUsd: 0, outputNanoUsd: 0, cacheReadNanoUsd: 0, cacheWriteNanoUsd: 0 },
    ...{ reasoningNanoUsd: 0, priceVersion: 'test' },
  };
  return { ...common, status: 'ok', target: TARGET, buckets: all, cost };
}

const failed = (error: GatewayError): Outcome => ({
  ...common,
  ...{ status: 'failed', error, target: TARGET, buckets: undefined, cost: undefined },
});

const CAPPED = { max_tokens: 100 };
const inputOf = (door: Door, request: Record<string, unknown>): number =>
  Buffer.byteLength(door.call(request).text ?? '');
const usdOf = (call: Call): LimitView | undefined =>
  call.limits?.().find(({ unit, max }) => unit === 'usd' && max !== Number.POSITIVE_INFINITY);
const spentOf = (call: Call): number | undefined =>
  call.limits?.().find(({ unit, max }) => unit === 'usd' && max === Number.POSITIVE_INFINITY)?.used;

describe('a key without limits', () => {
  test('is admitted, and what it spends is counted all the same', async () => {
    const door = new Door();
    const first = await door.run(CAPPED, { input: 10, output: 20 });
    expect(spentOf(first)).toBe(tokens(30));
    expect(spentOf(await door.run(CAPPED, { input: 1, output: 1 }))).toBe(tokens(32));
  });

  test('needs no price', async () => {
    const quote = {
      worst: () => null,
      affordable: () => -1,
      maxOutputTokens: () => undefined,
      maxInputTokens: () => undefined,
    };
    await new Door({ quote }).run({}, { output: 5 });
  });
});

describe('a budget', () => {
  test('holds the worst case while a call runs, and keeps what it cost', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(1_000) } });
    const call = door.call(CAPPED);
    const admission = await door.admit(call);
    expect(usdOf(call)?.remaining).toBe(tokens(1_000 - inputOf(door, CAPPED) - 100));
    await admission.attempt?.(TARGET);
    call.attempts.push({ target: TARGET, startedAtMs: 0, endedAtMs: 1 });
    await admission.settle(answered({ input: 10, output: 20 }));
    expect(usdOf(call)).toMatchObject({ used: tokens(30), remaining: tokens(970) });
  });

  test('refuses a call whose own cap it does not cover, and takes nothing', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(150) } });
    const error = await door.refusal({ max_tokens: 10_000 });
    expect([error.kind, error.status]).toEqual(['budget_exceeded', 422]);
    expect(error.details.limit).toMatchObject({ scope: 'api_key', spent: 0, held: 0 });
  });

  test('has the status that the operator chose', async () => {
    const limitSettings = () => ({ budgetStatus: 400, budgetWaitMs: 0, queueMs: 0 });
    const door = new Door({ limitSettings, allowance: { maxBudgetNanoUsd: 1 } });
    expect((await door.refusal(CAPPED)).status).toBe(400);
  });

  test('gives all back when no upstream was asked', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(1_000), rpmLimit: 1 } });
    const call = door.call(CAPPED);
    const admission = await door.admit(call);
    await admission.settle(failed(new GatewayError('unavailable', 'no')));
    expect(usdOf(call)?.remaining).toBe(tokens(1_000));
    await door.admit(door.call(CAPPED));
  });

  test('gives the money back when an upstream failed, and keeps the request', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(1_000), rpmLimit: 2 } });
    const call = await door.run(CAPPED, new GatewayError('upstream_failed', 'no'));
    expect(usdOf(call)?.remaining).toBe(tokens(1_000));
    expect(call.limits?.().find(({ unit }) => unit === 'requests')).toMatchObject({ used: 1, remaining: 1 });
  });

  test('is settled once, however often it is said', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(1_000) } });
    const call = door.call(CAPPED);
    const admission = await door.admit(call);
    await admission.attempt?.(TARGET);
    call.attempts.push({ target: TARGET, startedAtMs: 0, endedAtMs: 1 });
    for (let turn = 0; turn < 3; turn++) await admission.settle(answered({ output: 7 }));
    expect(usdOf(call)?.used).toBe(tokens(7));
  });
});

describe('an unknown price', () => {
  const quote = {
    worst: () => null,
    affordable: () => -1,
    maxOutputTokens: () => undefined,
    maxInputTokens: () => undefined,
  };

  test('is refused under a budget', async () => {
    const error = await new Door({ quote, allowance: { maxBudgetNanoUsd: tokens(9) } }).refusal(CAPPED);
    expect([error.kind, error.status, error.next]).toEqual(['model_unpriced', 400, 'fallback']);
  });

  test('is no matter under a rate', async () => {
    await new Door({ quote, allowance: { rpmLimit: 5 } }).run(CAPPED, { output: 1 });
  });

  test('of one deployment leaves the others of its group', async () => {
    const known = new Door().parts.quote;
    const partly = {
      ...known,
      worst: (...asked: Parameters<typeof known.worst>) => (asked[1] === DEAR ? null : known.worst(...asked)),
    };
    const door = new Door({
      quote: partly,
      targets: () => [TARGET, DEAR],
      allowance: { maxBudgetNanoUsd: tokens(900) },
    });
    const admission = await door.admit(door.call(CAPPED));
    await admission.attempt?.(TARGET);
    const error = await refusalOf(() => admission.attempt?.(DEAR));
    expect(error.kind).toBe('model_unpriced');
  });
});

describe('a group of which one deployment costs nothing', () => {
  const FREE = sampleTarget({ deploymentId: 'free' });
  const known = new Door().parts.quote;
  const quote = {
    ...known,
    worst: (...asked: Parameters<typeof known.worst>) => (asked[1] === FREE ? 0 : known.worst(...asked)),
  };
  const door = (maxBudgetNanoUsd: number, targets = [TARGET, FREE]): Door =>
    new Door({ quote, targets: () => targets, allowance: { maxBudgetNanoUsd } });

  test('serves on with that one when the money is spent', async () => {
    const admission = await door(0).admit(door(0).call(CAPPED));
    const error = await refusalOf(() => admission.attempt?.(TARGET));
    expect([error.kind, error.next, error.details.limit?.scope]).toEqual(['deployment_busy', 'fallback', 'api_key']);
    expect(await admission.attempt?.(FREE)).toBeUndefined();
  });

  test('holds nothing there', async () => {
    const place = door(tokens(10));
    const call = place.call(CAPPED);
    await place.admit(call);
    expect(usdOf(call)?.remaining).toBe(tokens(10));
  });

  test('may be asked anywhere while there is money', async () => {
    const place = door(tokens(900));
    const admission = await place.admit(place.call(CAPPED));
    expect(await admission.attempt?.(TARGET)).toBeUndefined();
  });

  test('is still held back by a rate', async () => {
    const place = new Door({ quote, targets: () => [TARGET, FREE], allowance: { maxBudgetNanoUsd: 0, rpmLimit: 0 } });
    expect((await place.refusal(CAPPED)).kind).toMatch(/rate_limited|budget_exceeded/);
  });

  test('is refused when none is free', async () => {
    expect((await door(0, [TARGET, DEAR]).refusal(CAPPED)).kind).toBe('budget_exceeded');
  });
});

describe('a file that is only named', () => {
  const named = { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }], ...CAPPED };

  test('is held as everything that the model can read', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(9_000) } });
    const call = door.call(named);
    await door.admit(call);
    expect(usdOf(call)?.remaining).toBe(tokens(9_000 - inputOf(door, named) - 5_000 - 100));
    expect((await new Door({ allowance: { maxBudgetNanoUsd: tokens(4_000) } }).refusal(named)).kind).toBe(
      'budget_exceeded',
    );
  });

  test('is so again the next time, for it may have grown', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(9_000) } });
    await door.run(named, { input: 10, output: 1 });
    const call = door.call(named);
    await door.admit(call);
    expect(usdOf(call)?.remaining).toBe(tokens(9_000 - 11 - inputOf(door, named) - 5_000 - 100));
  });

  test('without a known model is held as a great deal', async () => {
    const quote = { ...new Door().parts.quote, maxInputTokens: () => undefined };
    const budget = { maxBudgetNanoUsd: tokens(1_000_000) };
    expect((await new Door({ quote, allowance: budget }).refusal(named)).kind).toBe('budget_exceeded');
  });
});

describe('a request without a cap', () => {
  test('is held at the model’s own maximum when the budget covers that, and stays as it is', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(5_000) } });
    const call = door.call();
    await door.admit(call);
    expect(usdOf(call)?.remaining).toBe(tokens(5_000 - inputOf(door, {}) - 1_000));
    expect([call.request['max_tokens'], call.admittedChanges]).toEqual([undefined, []]);
  });

  test('is capped by what the budget covers, in its text too, and that is told', async () => {
    const door = new Door();
    const input = inputOf(door, {});
    const tight = new Door({ allowance: { maxBudgetNanoUsd: tokens(input + 40) } });
    const call = tight.call();
    await tight.admit(call);
    expect(call.request['max_tokens']).toBe(40);
    expect(JSON.parse(call.text ?? '')).toMatchObject({ max_tokens: 40 });
    expect(call.admittedChanges).toEqual([
      { field: 'max_tokens', action: 'clamped', note: 'to 40 tokens, which is what the budget still covers' },
    ]);
    expect(usdOf(call)?.remaining).toBe(0);
  });

  test('shares what is left among its choices', async () => {
    const input = inputOf(new Door(), { n: 3 });
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(input + 100) } });
    const call = door.call({ n: 3 });
    await door.admit(call);
    expect(call.request['max_tokens']).toBe(33);
  });

  test('is refused when not even one token is left', async () => {
    const input = inputOf(new Door(), {});
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(input) } });
    expect((await door.refusal()).kind).toBe('budget_exceeded');
  });

  test('takes a cap of the deployment’s own for its cap', async () => {
    const own = sampleTarget({ defaults: { max_tokens: 7 } });
    const door = new Door({ targets: () => [own], allowance: { maxBudgetNanoUsd: tokens(5_000) } });
    const call = door.call();
    await door.admit(call);
    expect(usdOf(call)?.remaining).toBe(tokens(5_000 - inputOf(door, {}) - 7));
  });
});

describe('a prompt that was counted before', () => {
  test('is held at that count', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(5_000) } });
    await door.run(CAPPED, { input: 9, cacheRead: 3, output: 1 });
    const call = door.call(CAPPED);
    await door.admit(call);
    expect(usdOf(call)?.remaining).toBe(tokens(5_000 - 13 - 12 - 100));
  });

  test('is not known by a guess of ours', async () => {
    const door = new Door({ allowance: { maxBudgetNanoUsd: tokens(5_000) } });
    await door.run(CAPPED, { input: 1, source: 'estimated' });
    const call = door.call(CAPPED);
    await door.admit(call);
    expect(usdOf(call)?.remaining).toBe(tokens(5_000 - 1 - inputOf(door, CAPPED) - 100));
  });
});

describe('tokens a minute', () => {
  const tpm = (call: Call) => call.limits?.().find(({ unit }) => unit === 'tokens');

  test('are held as a fair guess and the cap, then corrected', async () => {
    const door = new Door({ allowance: { tpmLimit: 1_000 } });
    const call = door.call(CAPPED);
    const admission = await door.admit(call);
    expect(tpm(call)?.remaining).toBe(1_000 - Math.ceil(inputOf(door, CAPPED) / 4) - 100);
    call.attempts.push({ target: TARGET, startedAtMs: 0, endedAtMs: 1 });
    await admission.settle(answered({ input: 10, cacheRead: 500, output: 20 }));
    // What came from the provider's cache does not count.
    expect(tpm(call)?.remaining).toBe(970);
  });

  test('without a cap are held as a quarter of the limit at most, and nothing is put into the request', async () => {
    const door = new Door({ allowance: { tpmLimit: 100 } });
    const call = door.call();
    await door.admit(call);
    expect(tpm(call)?.remaining).toBe(100 - Math.ceil(inputOf(door, {}) / 4) - 25);
    expect(call.request['max_tokens']).toBeUndefined();
  });

  test('refuse a call that asks for more than all of them', async () => {
    const error = await new Door({ allowance: { tpmLimit: 60 } }).refusal({
      max_tokens: 1,
      max_completion_tokens: 700,
    });
    expect(error.kind).toBe('rate_limited');
    expect(error.details.reason).toContain('Lower max_tokens');
  });
});

describe('another attempt', () => {
  test('at a dearer target is priced anew', async () => {
    const plain = new Door().parts.quote;
    const quote = {
      ...plain,
      worst: (...asked: Parameters<typeof plain.worst>) => (plain.worst(...asked) ?? 0) * (asked[1] === DEAR ? 10 : 1),
    };
    const door = new Door({ quote, allowance: { maxBudgetNanoUsd: tokens(5_000) } });
    const admission = await door.admit(door.call({ max_tokens: 600 }));
    await admission.attempt?.(TARGET);
    const error = await refusalOf(() => admission.attempt?.(DEAR));
    expect([error.kind, error.next]).toEqual(['budget_exceeded', 'stop']);
  });

  test('at a deployment that is full may go to another', async () => {
    const allowanceOf = () => ({ ...UNLIMITED, rpmLimit: 1 });
    const door = new Door({ allowanceOf });
    await (await door.admit(door.call(CAPPED))).attempt?.(TARGET);
    const second = await door.admit(door.call(CAPPED));
    const error = await refusalOf(() => second.attempt?.(TARGET));
    expect([error.kind, error.status, error.next]).toEqual(['deployment_busy', 429, 'fallback']);
    await second.attempt?.(sampleTarget({ deploymentId: 'other' }));
  });

  test('counts one request of the key, and one of each deployment', async () => {
    const door = new Door({ allowance: { rpmLimit: 5 }, allowanceOf: () => ({ ...UNLIMITED, rpmLimit: 3 }) });
    const call = door.call(CAPPED);
    const admission = await door.admit(call);
    await admission.attempt?.(TARGET);
    await admission.attempt?.(sampleTarget({ deploymentId: 'other' }));
    const requests = call.limits?.().filter(({ unit }) => unit === 'requests');
    expect(requests?.map(({ scope, used }) => [scope, used])).toEqual([
      ['api_key', 1],
      ['deployment', 1],
    ]);
  });
});

describe('waiting', () => {
  const patient = () => ({ budgetStatus: 422, budgetWaitMs: 60_000, queueMs: 60_000 });

  test('for money that another call gives back ends with it', async () => {
    const input = inputOf(new Door(), CAPPED);
    const door = new Door({ limitSettings: patient, allowance: { maxBudgetNanoUsd: tokens(input + 120) } });
    const call = door.call(CAPPED);
    const first = await door.admit(call);
    const second = door.admit(door.call(CAPPED));
    call.attempts.push({ target: TARGET, startedAtMs: 0, endedAtMs: 1 });
    await first.settle(failed(new GatewayError('upstream_failed', 'no')));
    await second;
  });

  test('for a slot ends with the call that held it', async () => {
    const door = new Door({ limitSettings: patient, allowance: { maxParallelRequests: 1 } });
    const first = await door.admit(door.call(CAPPED));
    const second = door.admit(door.call(CAPPED));
    await first.settle(failed(new GatewayError('unavailable', 'no')));
    await second;
  });

  test('is over at once for what no wait can give', async () => {
    const door = new Door({ limitSettings: patient, allowance: { maxBudgetNanoUsd: 5 } });
    expect((await door.refusal(CAPPED)).kind).toBe('budget_exceeded');
  });

  test('ends when the client leaves', async () => {
    const door = new Door({ limitSettings: patient, allowance: { maxParallelRequests: 1 } });
    await door.admit(door.call(CAPPED));
    const call = door.call(CAPPED);
    const waiting = refusalOf(() => door.admit(call));
    call.client.leave();
    expect((await waiting).kind).toBe('rate_limited');
  });
});

describe('counters that cannot be read', () => {
  const broken = (allowance?: Partial<Allowance>): Door => {
    const door = new Door(allowance ? { allowance } : {});
    const down = () => Promise.reject(new GatewayError('unavailable', 'The database does not answer.'));
    return new Door({ ...(allowance && { allowance }), tree: { ...treeOf(door), load: down } });
  };
  const treeOf = ({ parts: { tree } }: Door): LimitParts['tree'] => ({
    load: (given) => tree.load(given),
    reserve: (...given) => tree.reserve(...given),
    standing: (given) => tree.standing(given),
    freed: () => tree.freed(),
  });

  test('stop a call that has a budget', async () => {
    expect((await broken({ maxBudgetNanoUsd: 5 }).refusal(CAPPED)).kind).toBe('unavailable');
  });

  test('do not stop one that has none', async () => {
    await broken().run(CAPPED, { output: 1 });
  });
});

test('soft budgets and shadow limits refuse nothing, and are told', async () => {
  const custom = [{ unit: 'requests', window: '1d', max: 1, mode: 'shadow', model: null }] as const;
  const door = new Door({ allowance: { softBudgetNanoUsd: tokens(5), custom } });
  await door.run(CAPPED, { output: 9 });
  await door.run(CAPPED, { output: 9 });
  expect(new Set(door.events.map(({ kind }) => kind))).toEqual(new Set(['soft_limit_passed', 'shadow_refusal']));
});
