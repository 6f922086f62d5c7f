import { describe, expect, test } from 'bun:test';
import { runtimeFrom } from '../../test/support/runtime-from.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createReadiness, type Readiness } from './readiness.ts';

const LOADED_AT_MS = Date.UTC(2026, 0, 31, 12);
const runtime = runtimeFrom(`
model_list:
  - {model_name: m, litellm_params: {model: openai/a, api_base: 'http://127.0.0.1:9/v1', api_key: k}}
  - {model_name: m, litellm_params: {model: openai/b, api_base: 'http://127.0.0.1:9/v1', api_key: k}}
router_settings: {routing_strategy: latency-based-routing}
`);

const readinessWhile = (state: ReturnType<Ledger['state']>, pending = 0): Readiness =>
  createReadiness({
    ledger: { state: () => state, pending: () => pending },
    version: '1.2.3',
    runtime: () => runtime,
    loadedAtMs: () => LOADED_AT_MS,
  });

describe('readiness', () => {
  test.each([
    ['storing', true, 'connected'],
    ['waiting', true, 'Not connected'],
    ['refusing', false, 'Not connected'],
  ] as const)('while the ledger is %s', (state, ok, db) => {
    expect(readinessWhile(state).brief()).toEqual({ ok, body: { status: ok ? 'healthy' : 'unhealthy', db } });
  });

  test('is over for good once a stop has begun', () => {
    const readiness = readinessWhile('storing');
    readiness.stop();
    expect(readiness.brief()).toEqual({ ok: false, body: { status: 'unhealthy', db: 'connected' } });
    expect(readiness.details()).toMatchObject({ ok: false, body: { stopping: true } });
  });

  test('has details: version, rows that wait, what is served since when', () => {
    expect(readinessWhile('storing', 7).details()).toEqual({
      ok: true,
      body: {
        status: 'healthy',
        db: 'connected',
        cache: null,
        litellm_version: '1.2.3',
        success_callbacks: [],
        last_updated: '2026-01-31T12:00:00.000Z',
        version: '1.2.3',
        stopping: false,
        pending_rows: 7,
        config: { models: 1, deployments: 2, loaded_at: '2026-01-31T12:00:00.000Z', files: 1 },
        routing_strategy: 'latency-based-routing',
      },
    });
  });
});
