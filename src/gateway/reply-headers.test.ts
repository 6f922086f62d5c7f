import { describe, expect, test } from 'bun:test';
import {
  meterAtFlatPrice,
  type SampleCall,
  STARTED_AT_MS,
  sampleCall,
  sampleCaller,
  sampleTarget,
} from '../../test/support/call-parts.ts';
import { GatewayError } from '../errors.ts';
import type { Cost } from '../wire/usage.ts';
import type { Attempt, Call, LimitView, Outcome } from './call.ts';
import { UNLIMITED } from './entities.ts';
import { createHeaderMaker, plainHeaders } from './reply-headers.ts';

const TARGET = sampleTarget({
  deploymentId: 'deployment-1',
  modelGroup: 'group',
  litellmModel: 'openai/gpt-4o',
  baseUrl: 'https://up.example/v1',
});
const maker = createHeaderMaker('1.2.3', () => STARTED_AT_MS + 500);

const outcome = (cost: Partial<Cost> = {}): Outcome => ({
  status: 'ok',
  endedAtMs: STARTED_AT_MS + 100,
  target: TARGET,
  responseId: 'chatcmpl-1',
  buckets: undefined,
  cost: { ...meterAtFlatPrice({ usage: undefined, outputChars: 40 }).cost, ...cost },
  firstTokenAtMs: undefined,
  responseText: undefined,
});
const failed = (error: GatewayError): Outcome => ({ ...outcome(), status: 'failed', error, cost: undefined });

const attempt = (over: Partial<Attempt> = {}): Attempt => ({
  target: TARGET,
  startedAtMs: STARTED_AT_MS + 10,
  endedAtMs: STARTED_AT_MS + 90,
  ...over,
});
const called = (attempts: readonly Attempt[], over: SampleCall = {}): Call =>
  sampleCall({ attempts: [...attempts], ...over });

const success = (call: Call, upstream?: Headers, ended: Outcome | undefined = outcome()): Headers =>
  maker.success(call, TARGET, ended, upstream);
const refused = (error: GatewayError, call = called([])): Headers => maker.failure(call, error, failed(error));

describe('every answer', () => {
  test('carries what browsers need to be safe, and no cookie', () => {
    for (const headers of [plainHeaders(), success(called([])), refused(new GatewayError('internal', 'x'))]) {
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('vary')).toBe('Origin');
      expect(headers.has('set-cookie')).toBe(false);
    }
  });

  test('says which call it was and what the key has spent', () => {
    const caller = sampleCaller({ maxBudgetUsd: 10, rpmLimit: 60, tpmLimit: 1000 });
    const spent: LimitView = {
      scope: 'api_key',
      unit: 'usd',
      max: Number.POSITIVE_INFINITY,
      used: 1_500_000_000,
      remaining: Number.POSITIVE_INFINITY,
      resetsAtMs: null,
    };
    const call = called([], { callId: 'mine', caller, limits: () => [spent] });
    for (const headers of [success(call), refused(new GatewayError('rate_limited', 'x'), call)]) {
      expect(headers.get('x-litellm-call-id')).toBe('mine');
      expect(headers.get('x-litellm-version')).toBe('1.2.3');
      expect(headers.get('x-litellm-key-spend')).toBe('1.5');
      expect(headers.get('x-litellm-key-max-budget')).toBe('10');
      expect(headers.get('x-litellm-key-rpm-limit')).toBe('60');
      expect(headers.get('x-litellm-key-tpm-limit')).toBe('1000');
    }
  });

  test('tells a budget with what it is raised by, as long as that lasts', () => {
    const raised = (afterMs: number) => {
      const temporaryIncrease = { nanoUsd: 100_000_000_000, untilMs: STARTED_AT_MS + afterMs };
      const caller = sampleCaller({ maxBudgetUsd: 1e-7, allowance: { ...UNLIMITED, temporaryIncrease } });
      return success(called([], { caller })).get('x-litellm-key-max-budget');
    };
    expect([raised(1), raised(0)]).toEqual(['100.0000001', '0.0000001']);
  });

  test('tells what one model of the key has left, under the name of the model that served', () => {
    const left = { scope: 'model_per_key', max: 9, used: 2, remaining: 7, resetsAtMs: null } as const;
    const limits = () => [
      { ...left, unit: 'requests' as const },
      { ...left, unit: 'tokens' as const, remaining: 5 },
      { ...left, unit: 'usd' as const },
      { ...left, unit: 'parallel' as const },
    ];
    const served = { ...TARGET, modelGroup: 'openai/gpt-4o:best' };
    const names = [...success(called([attempt({ target: served })], { limits }))]
      .filter(([name]) => name.startsWith('x-litellm-key-remaining'))
      .map((pair) => pair.join(': '));
    expect(names).toEqual([
      'x-litellm-key-remaining-requests-openai-gpt-4o-best: 7',
      'x-litellm-key-remaining-tokens-openai-gpt-4o-best: 5',
    ]);
    const refusedAtOnce = called([], { modelGroup: 'm', limits });
    expect(success(refusedAtOnce).get('x-litellm-key-remaining-requests-m')).toBe('7');
  });

  test('leaves out limits that are not set, and all of a key that is unknown', () => {
    expect(success(called([])).has('x-litellm-key-max-budget')).toBe(false);
    expect(success(called([], { caller: undefined })).has('x-litellm-key-spend')).toBe(false);
  });
});

describe('a whole answer', () => {
  test('says who served it, and what it cost in plain decimals', () => {
    const headers = success(called([attempt()]));
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('x-litellm-model-id')).toBe('deployment-1');
    expect(headers.get('x-litellm-model-group')).toBe('group');
    expect(headers.get('x-litellm-model-name')).toBe('openai/gpt-4o');
    expect(headers.get('x-litellm-model-api-base')).toBe('https://up.example/v1');
    expect(headers.get('x-litellm-response-cost')).toBe('0.000015');
    expect(headers.get('x-litellm-response-cost-input')).toBe('0.000005');
    expect(headers.get('x-litellm-response-cost-output')).toBe('0.00001');
    expect(headers.has('x-litellm-response-cost-cache-read')).toBe(false);
  });

  test('names the rarer parts of the cost when there are any', () => {
    const headers = success(
      called([]),
      undefined,
      outcome({ cacheReadNanoUsd: 1, cacheWriteNanoUsd: 2, reasoningNanoUsd: 3 }),
    );
    expect(headers.get('x-litellm-response-cost-cache-read')).toBe('0.000000001');
    expect(headers.get('x-litellm-response-cost-cache-creation')).toBe('0.000000002');
    expect(headers.get('x-litellm-response-cost-reasoning')).toBe('0.000000003');
  });

  test('of an unknown price has no cost, not zero', () => {
    const headers = success(called([]), undefined, outcome({ totalNanoUsd: null }));
    expect([...headers.keys()].filter((name) => name.includes('cost'))).toEqual([]);
  });

  test('tells its own time from the upstream’s', () => {
    const headers = success(called([attempt()]));
    expect(headers.get('x-litellm-response-duration-ms')).toBe('100');
    expect(headers.get('x-litellm-overhead-duration-ms')).toBe('20');
  });

  test('without an upstream names none', () => {
    const headers = maker.success(called([]), undefined, outcome(), undefined);
    expect(headers.has('x-litellm-model-id')).toBe(false);
    expect(headers.get('x-litellm-attempted-retries')).toBe('0');
  });

  test('does not share what one call added with the next', () => {
    success(called([attempt(), attempt()])).set('x-extra', '1');
    const headers = success(called([attempt()]));
    expect([headers.get('x-litellm-attempted-retries'), headers.has('x-extra')]).toEqual(['0', false]);
  });
});

describe('a stream', () => {
  test('is announced as one that nobody may keep or hold back, with its cost still unknown', () => {
    const headers = maker.success(called([attempt()]), TARGET, undefined, undefined);
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('x-accel-buffering')).toBe('no');
    expect(headers.get('x-litellm-model-id')).toBe('deployment-1');
    expect(headers.has('x-litellm-response-cost')).toBe(false);
    expect(headers.get('x-litellm-response-duration-ms')).toBe('500');
  });
});

describe('attempts', () => {
  const other = { ...TARGET, modelGroup: 'other' };

  test.each([
    [[attempt()], '0', '0'],
    [[attempt(), attempt()], '1', '0'],
    [[attempt(), attempt({ target: other })], '0', '1'],
    [[attempt(), attempt(), attempt({ target: other }), attempt({ target: other })], '2', '1'],
  ])('are told apart into retries and fallbacks (%#)', (attempts, retries, fallbacks) => {
    for (const headers of [
      success(called(attempts)),
      refused(new GatewayError('upstream_failed', 'x'), called(attempts)),
    ]) {
      expect(headers.get('x-litellm-attempted-retries')).toBe(retries);
      expect(headers.get('x-litellm-attempted-fallbacks')).toBe(fallbacks);
    }
  });
});

test('a group that was passed by, because it was cooling down, is a fallback too', () => {
  const call = called([attempt({ target: { ...TARGET, modelGroup: 'other' } })]);
  const choice = { strategy: 'simple-shuffle', candidates: [], passedOver: [], picked: null, pinned: false } as const;
  call.choices.push({ ...choice, group: TARGET.modelGroup }, { ...choice, group: 'other' });
  const headers = success(call);
  expect(headers.get('x-litellm-attempted-retries')).toBe('0');
  expect(headers.get('x-litellm-attempted-fallbacks')).toBe('1');
});

describe('changes that an adapter made', () => {
  test('are shown in one header, in printable text', () => {
    const call = called([], {
      changes: [
        { field: 'seed', action: 'dropped', note: 'not supported' },
        { field: 'größe', action: 'renamed', note: 'the model’s size' },
      ],
    });
    const text = "seed=dropped(not supported); gr??e=renamed(the model's size)";
    expect(success(call).get('x-tollgate-changed')).toBe(text);
    expect(success(called([])).has('x-tollgate-changed')).toBe(false);
  });
});

describe('names from outside', () => {
  test('cannot break a header', () => {
    const target = sampleTarget({ modelGroup: 'modell-größe\r\nx-evil: 1' });
    const headers = maker.success(called([]), target, outcome(), undefined);
    expect(headers.get('x-litellm-model-group')).toBe('modell-gr??e??x-evil: 1');
    expect(headers.has('x-evil')).toBe(false);
  });
});

describe('the upstream’s headers', () => {
  const upstream = new Headers({
    'x-request-id': 'req_1',
    'openai-processing-ms': '12',
    'x-ratelimit-remaining-requests': '99',
    'content-length': '5',
    'content-encoding': 'gzip',
    'transfer-encoding': 'chunked',
    'set-cookie': 'a=b',
    'access-control-allow-origin': '*',
    'strict-transport-security': 'max-age=1',
    date: 'Mon',
  });

  test('are relayed under a name that says whose they are, limits and request id under their own too', () => {
    const headers = success(called([]), upstream);
    expect(headers.get('llm_provider-openai-processing-ms')).toBe('12');
    expect(headers.get('llm_provider-x-ratelimit-remaining-requests')).toBe('99');
    expect(headers.get('x-ratelimit-remaining-requests')).toBe('99');
    expect(headers.get('request-id')).toBe('req_1');
    const amazons = success(called([]), new Headers({ 'x-amzn-requestid': 'aws-1' }));
    expect(amazons.get('request-id')).toBe('aws-1');
  });

  test('about its own connection, cookies and browsers are not', () => {
    const names = [...success(called([]), upstream).keys()];
    for (const name of [
      'content-length',
      'content-encoding',
      'transfer-encoding',
      'set-cookie',
      'date',
      'strict-transport-security',
    ]) {
      expect(names.filter((relayed) => relayed.endsWith(name))).toEqual([]);
    }
    expect(names).not.toContain('access-control-allow-origin');
  });

  test('of a refusal are relayed too', () => {
    const error = new GatewayError('upstream_busy', 'Slow down', { retryAfterMs: 1_200 });
    error.upstreamHeaders = upstream;
    const headers = refused(error);
    expect(headers.get('llm_provider-x-request-id')).toBe('req_1');
    expect(headers.get('retry-after')).toBe('2');
  });
});

describe('a failure', () => {
  test('is JSON and cost nothing', () => {
    const headers = refused(new GatewayError('invalid_request', 'x'));
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('x-litellm-response-cost')).toBe('0');
    expect(headers.has('x-litellm-attempted-retries')).toBe(false);
    expect(headers.has('retry-after')).toBe(false);
  });

  test.each([
    [0, '0'],
    [1, '1'],
    [1_000, '1'],
    [59_001, '60'],
  ])('with %d ms to wait says %s whole seconds', (retryAfterMs, seconds) => {
    expect(refused(new GatewayError('rate_limited', 'x', { retryAfterMs })).get('retry-after')).toBe(seconds);
  });

  test('says whether the client should come back, whatever the upstream said of that', () => {
    const busy = new GatewayError('upstream_busy', 'Slow down');
    busy.upstreamHeaders = new Headers({ 'x-should-retry': 'true' });
    expect(refused(busy).get('x-should-retry')).toBe('false');
    expect(refused(new GatewayError('rate_limited', 'x', { retryAfterMs: 1 })).get('x-should-retry')).toBe('true');
  });

  test('leaves the retries to a client where we were to make none, and made none', () => {
    const failed = (kind: 'upstream_failed' | 'upstream_rejected'): GatewayError =>
      Object.assign(new GatewayError(kind, 'x'), { isNeverRetried: true });
    const said = (error: GatewayError, attempts = 1): string | null =>
      refused(error, called(Array.from({ length: attempts }, () => attempt()))).get('x-should-retry');
    expect(said(failed('upstream_failed'))).toBeNull();
    expect(said(failed('upstream_failed'), 2)).toBe('false');
    expect(said(failed('upstream_rejected'))).toBe('false');
    expect(said(new GatewayError('upstream_failed', 'x'))).toBe('false');
  });
});
