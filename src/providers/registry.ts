import { patchJson } from '../lib/json-members.ts';
import type { ProviderAdapter } from './adapter.ts';

const openai: ProviderAdapter = {
  id: 'openai',
  defaultBaseUrl: 'https://api.openai.com/v1',
  apiKeyEnv: ['OPENAI_API_KEY'],
  baseUrlEnv: ['OPENAI_BASE_URL'],
  relaysBytes: true,
  buildRequest(input, target) {
    const set: Record<string, string> = { model: JSON.stringify(target.upstreamModel) };
    if (input.request.stream) set['stream_options'] = '{"include_usage":true}';
    const body =
      (input.text && patchJson(input.text, { set, remove: input.gatewayKeys })) ??
      JSON.stringify({ ...input.request, model: target.upstreamModel });
    return {
      url: `${target.baseUrl}/chat/completions`,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${target.apiKey}` },
      body,
    };
  },
  parseResponse: (b) => b as never,
  createStreamDecoder: () => (d) => [JSON.parse(d) as never],
};
export const registry = new Map([['openai', openai]]);
export const providerIds = ['openai'];
export function resolveModel(model: string, custom: string | undefined) {
  if (model.startsWith('openai/')) return { adapter: openai, upstreamModel: model.slice(7) };
  return custom === 'openai' ? { adapter: openai, upstreamModel: model } : undefined;
}
