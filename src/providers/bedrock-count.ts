/** How many tokens a prompt is, as Bedrock counts. Source: AWS's API reference, "CountTokens", and its list of models for it. */
import { isObject, numberOf } from '../lib/json.ts';
import type { ChatInput, Target, UpstreamRequest } from './adapter.ts';
import { bedrockModel, familyOf } from './bedrock-model.ts';
import { buildRequest } from './bedrock-request.ts';

/** Cross-region profiles are no models: the model behind one counts alike. */
const GEOGRAPHY = /^(us|us-gov|eu|apac|jp|au|ca|sa|global)\./;
/** Members of a Converse request that make up its prompt. */
const COUNTED: ReadonlySet<string> = new Set(['messages', 'system', 'toolConfig', 'additionalModelRequestFields']);

/** AWS counts for Claude only, and an ARN does not name a model that it would count for. */
export function countRequest(input: ChatInput, target: Target): UpstreamRequest | undefined {
  const { baseUrl, upstreamModel, baseModel } = target;
  const named = bedrockModel(upstreamModel).id;
  const id = named.startsWith('arn:') ? (baseModel ?? '').replace(/^bedrock\//, '') : named;
  if (id === '' || familyOf(upstreamModel, baseModel) !== 'claude') return undefined;
  const { headers, body } = buildRequest(input, target, []);
  const members = Object.entries(JSON.parse(body)).filter(([name]) => COUNTED.has(name));
  return {
    url: `${baseUrl}/model/${encodeURIComponent(id.replace(GEOGRAPHY, ''))}/count-tokens`,
    headers,
    body: JSON.stringify({ input: { converse: Object.fromEntries(members) } }),
  };
}

export const readCount = (body: unknown): number | undefined =>
  isObject(body) ? numberOf(body['inputTokens']) : undefined;
