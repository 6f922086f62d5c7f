import { beforeEach, describe, expect, test } from 'bun:test';
import { STARTED_AT_MS, sampleCall, sampleTarget } from '../../test/support/call-parts.ts';
import { runtimeFrom } from '../../test/support/runtime-from.ts';
import { GatewayError } from '../errors.ts';
import type { Call } from '../gateway/call.ts';
import type { Hedging } from '../gateway/pipeline-parts.ts';
import { Affinity } from '../routing/affinity.ts';
import { choose } from '../routing/choose.ts';
import { Health } from '../routing/health.ts';
import { Loads } from '../routing/load.ts';
import { createHedging } from './hedging.ts';

const RUNTIME = runtimeFrom(`
model_list:
  - {model_name: g, litellm_params: {model: openai/a}, model_info: {id: first}}
  - {model_name: g, litellm_params: {model: openai/a, order: 2}, model_info: {id: second}}
  - {model_name: g, litellm_params: {model: openai/a, order: 1}, model_info: {id: third}}
tollgate_settings: {hedging: [g]}
`);
const targetOf = (deploymentId: string) => sampleTarget({ deploymentId, modelGroup: 'g' });
const FIRST = targetOf('first');
const COOLING = { disabled: false, cooldownMs: 5_000, allowedFails: 0, allowedFailsPolicy: {} };

let nowMs = STARTED_AT_MS;
let health: Health;
let loads: Loads;
let full: Set<string>;
let hedging: Hedging;

beforeEach(() => {
  nowMs = STARTED_AT_MS;
  const now = () => nowMs;
  health = new Health(now);
  loads = new Loads(now);
  full = new Set();
  const state = { health, loads, affinity: new Affinity(now), random: () => 0 };
  const settings = {
    strategy: 'simple-shuffle',
    preCallChecks: false,
    tagFiltering: false,
    tagMatchAny: true,
  } as const;
  const unknown = { maxInputTokens: () => undefined, usdPerToken: () => undefined };
  const facts = {
    stream: false,
    tags: [],
    userAgent: null,
    region: null,
    bringsKey: false,
    promptTokens: 0,
    affinity: [],
  };
  hedging = createHedging({
    ...{ health, loads, now },
    runtime: () => RUNTIME,
    hasRoom: ({ deploymentId }) => !full.has(deploymentId),
    choose: (_call, group, failed) =>
      choose({ group, call: facts, failed, settings: { ...settings, ...unknown, hasRoom: () => true } }, state),
  });
});

const callTo = (modelGroup = 'g', over: Parameters<typeof sampleCall>[0] = {}): Call =>
  sampleCall({ modelGroup, ...over });
const measured = (count: number, tookMs: number): void => {
  for (let at = 0; at < count; at++) loads.answered('first', tookMs, false);
};

describe('a second attempt is due', () => {
  test('after what 95 of 100 answers take, once 20 are known', () => {
    measured(19, 100);
    expect(hedging.afterMs(FIRST, callTo())).toBeUndefined();
    measured(1, 100);
    expect(hedging.afterMs(FIRST, callTo())).toBe(100);
  });

  test('never in a group that is not named, for a deployment asked for by its id, or with a key of the caller’s own', () => {
    measured(20, 100);
    loads.answered('other', 1, false);
    expect(
      hedging.afterMs(sampleTarget({ deploymentId: 'first', modelGroup: 'other' }), callTo('other')),
    ).toBeUndefined();
    expect(hedging.afterMs(FIRST, callTo('first'))).toBeUndefined();
    expect(hedging.afterMs(FIRST, callTo('g', { controls: { apiKey: 'sk-own' } }))).toBeUndefined();
  });
});

describe('the second deployment', () => {
  const picked = (call = callTo()): string | undefined => hedging.second(FIRST, call)?.target.deploymentId;
  const coolDown = (id: string): void => health.failed(id, new GatewayError('upstream_unavailable', 'Down'), COOLING);

  test('is another one, of the lowest order that is left', () => {
    expect(picked()).toBe('third');
  });

  test('is well and has room', () => {
    full.add('third');
    expect(picked()).toBe('second');
    full.clear();
    coolDown('third');
    expect(health.stateOf('third')).toBe('down');
    expect(picked()).toBe('second');
    // Its cooldown is over and nobody has tried it: that is not for an extra call to find out.
    nowMs += 5_000;
    expect([health.stateOf('third'), picked()]).toEqual(['probe', 'second']);
  });

  test('is nobody when all others are out', () => {
    full.add('third');
    coolDown('second');
    expect(picked()).toBeUndefined();
  });

  test('has not failed this call', () => {
    const attempts = [
      { target: targetOf('third'), startedAtMs: 0, endedAtMs: 1, error: new GatewayError('upstream_busy', '') },
    ];
    expect(picked(callTo('g', { attempts }))).toBe('second');
  });

  test('counts, and is told as a choice, only once it is asked', () => {
    const call = callTo();
    hedging.afterMs(FIRST, call);
    const one = hedging.second(FIRST, call);
    expect([call.choices.length, hedging.second(FIRST, call) === undefined]).toEqual([0, false]);
    one?.began();
    expect(call.choices.map((choice) => choice.picked)).toEqual(['third']);
    expect(hedging.second(FIRST, call)).toBeUndefined();
  });

  test('is there for one call in twenty, retries not counted', () => {
    let extra = 0;
    for (let at = 0; at < 100; at++) {
      const call = callTo();
      hedging.afterMs(FIRST, call);
      call.attempts.push({ target: FIRST, startedAtMs: 0, endedAtMs: 1, error: new GatewayError('upstream_busy', '') });
      hedging.afterMs(FIRST, call);
      const second = hedging.second(FIRST, call);
      second?.began();
      if (second) extra += 1;
    }
    expect(extra).toBe(5);
  });
});
