/** Plausible nouns of the request path; tests say only what matters to them. */
import { ALONE } from '../../src/auth/acting.ts';
import type { Call, Caller, Controls, HeaderBag } from '../../src/gateway/call.ts';
import type { Metered, Reading } from '../../src/gateway/full-reply.ts';
import { type Incoming, newCall } from '../../src/gateway/new-call.ts';
import { Presence } from '../../src/gateway/presence.ts';
import type { SendSettings } from '../../src/gateway/send.ts';
import { bucketsOf, usageOf } from '../../src/ledger/usage.ts';
import type { Target } from '../../src/providers/adapter.ts';
import { registry } from '../../src/providers/registry.ts';

export const STARTED_AT_MS = 1_764_000_000_000;

/** The adapter that relays OpenAI's bytes, or another by its id. */
export function adapterOf(id = 'openai'): Target['adapter'] {
  const adapter = registry.get(id);
  if (!adapter) throw new Error(`There is no provider "${id}".`);
  return adapter;
}

export function sampleTarget(over: Partial<Target> = {}): Target {
  return {
    deploymentId: 'deployment-1',
    modelGroup: 'gpt-4o-mini',
    adapter: adapterOf(),
    litellmModel: 'openai/gpt-4o-mini',
    upstreamModel: 'gpt-4o-mini',
    baseUrl: 'http://127.0.0.1:9/v1',
    apiKey: 'sk-of-the-upstream',
    apiVersion: undefined,
    organization: undefined,
    extraHeaders: {},
    defaults: {},
    settings: undefined,
    dropParams: false,
    additionalDropParams: [],
    allowedParams: [],
    timeoutMs: undefined,
    streamTimeoutMs: undefined,
    numRetries: undefined,
    weight: 1,
    order: undefined,
    tags: [],
    region: undefined,
    mockResponse: undefined,
    baseModel: undefined,
    maxInputTokens: undefined,
    customPrices: undefined,
    ...over,
  };
}

export function sampleCaller(over: Partial<Caller> = {}): Caller {
  return {
    ...ALONE,
    kind: 'key',
    keyHash: 'a'.repeat(64),
    keyAlias: 'alias',
    keyName: 'sk-...abcd',
    userId: 'user-1',
    teamId: 'team-1',
    ...over,
  };
}

export interface SampleIncoming extends Partial<Incoming> {
  /** Sent as JSON. */
  readonly body?: object;
}

export function sampleIncoming({ body, ...over }: SampleIncoming = {}): Incoming {
  const sent = body ?? { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello' }] };
  return {
    id: '0198f6a2-0000-7000-8000-000000000001',
    route: '/v1/chat/completions',
    pathModel: undefined,
    apiVersion: undefined,
    headers: {},
    clientIp: '127.0.0.1',
    client: new Presence(),
    readBody: () => Promise.resolve(Buffer.from(JSON.stringify(sent))),
    ...over,
  };
}

export interface SampleCall extends Partial<Omit<Call, 'request' | 'controls'>> {
  readonly request?: Partial<Call['request']>;
  readonly controls?: Partial<Controls>;
}

/** A call that has been parsed and admitted. */
export function sampleCall({ request, controls, headers, client, ...over }: SampleCall = {}): Call {
  const carried: { headers?: HeaderBag; client?: Presence } = {
    ...(headers && { headers }),
    ...(client && { client }),
  };
  const call = newCall(sampleIncoming(carried), STARTED_AT_MS);
  const asked = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello' }], ...request };
  return {
    ...call,
    caller: sampleCaller(),
    requestedModel: asked.model,
    modelGroup: asked.model,
    request: asked,
    text: JSON.stringify(asked),
    controls: { ...call.controls, ...controls },
    ...over,
  };
}

/** Real buckets at 1,000 nano-dollars a token. */
export function meterAtFlatPrice({ usage, outputChars }: Reading, promptChars = 20): Metered {
  const buckets = bucketsOf(usage, { promptChars, outputChars });
  const counted = usageOf(buckets);
  const inputNanoUsd = counted.prompt_tokens * 1000;
  const outputNanoUsd = counted.completion_tokens * 1000;
  return {
    buckets,
    cost: {
      totalNanoUsd: inputNanoUsd + outputNanoUsd,
      inputNanoUsd,
      outputNanoUsd,
      cacheReadNanoUsd: 0,
      cacheWriteNanoUsd: 0,
      reasoningNanoUsd: 0,
      priceVersion: 'flat',
    },
    usage: usage ?? counted,
  };
}

/** Long enough for any test, and short enough to end one. */
export const SEND_SETTINGS: SendSettings = {
  timeoutMs: 5_000,
  streamTimeoutMs: undefined,
  forward: { headersFor: () => false, traceparent: false },
  firstByteTimeoutMs: 60_000,
  idleTimeoutMs: 5_000,
  totalTimeoutMs: 60_000,
  connectTimeoutMs: 5_000,
  maxResponseBytes: 1_000_000,
  storePrompts: false,
  alwaysIncludeStreamUsage: false,
};
