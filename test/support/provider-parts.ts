/** Targets and inputs for asking adapters directly. */
import type { Change, ChatInput, ProviderAdapter, Target, UpstreamRequest } from '../../src/providers/adapter.ts';
import { resolveModel } from '../../src/providers/registry.ts';
import type { ChatRequest } from '../../src/wire/openai.ts';
import { sampleTarget } from './call-parts.ts';

export const API_KEY = 'sk-upstream-canary-7Hf29Qx';

export function targetFor(adapter: ProviderAdapter, overrides: Partial<Target> = {}): Target {
  return sampleTarget({
    modelGroup: 'group',
    adapter,
    litellmModel: `${adapter.id}/some-model`,
    upstreamModel: 'some-model',
    baseUrl: adapter.defaultBaseUrl === '' ? 'https://upstream.example' : adapter.defaultBaseUrl,
    apiKey: API_KEY,
    settings: adapter.parseSettings?.({}),
    ...overrides,
  });
}

/** The target of `provider/model`. */
export function targetOf(model: string, overrides: Partial<Target> = {}): Target {
  const resolved = resolveModel(model, undefined);
  if (!resolved) throw new Error(`no provider for ${model}`);
  const { adapter, upstreamModel } = resolved;
  return targetFor(adapter, { litellmModel: model, upstreamModel, ...overrides });
}

export interface Asking extends Partial<Omit<ChatInput, 'request' | 'text'>> {
  /** Members besides `model` and `messages`. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Leave the client's text out, so that the body is written anew. */
  readonly withoutText?: boolean;
}

export function inputOf({ body = {}, withoutText = false, gatewayKeys = [], ...rest }: Asking = {}): ChatInput {
  const whole: Record<string, unknown> = { model: 'asked', messages: [{ role: 'user', content: 'Hi' }], ...body };
  const request = { ...whole };
  for (const key of gatewayKeys) Reflect.deleteProperty(request, key);
  return {
    request: request as ChatRequest,
    text: withoutText ? undefined : JSON.stringify(whole),
    gatewayKeys,
    dropParams: undefined,
    additionalDropParams: [],
    allowedParams: [],
    ...rest,
  };
}

export interface Asked extends UpstreamRequest {
  readonly sent: Readonly<Record<string, unknown>>;
  readonly changes: readonly Change[];
}

/** What the adapter would send. */
export function ask(target: Target, asking: Asking = {}): Asked {
  const changes: Change[] = [];
  const request = target.adapter.buildRequest(inputOf(asking), target, changes);
  return { ...request, sent: JSON.parse(request.body), changes };
}
