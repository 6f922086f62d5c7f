/** OpenAI itself, with the parameter rules of its reasoning models. Source: OpenAI API reference; LiteLLM's documentation of them. */
import type { ChatRequest } from '../wire/openai.ts';
import type { Target } from './adapter.ts';
import { openAiCompatible } from './openai-compatible.ts';
import type { ParameterRules } from './parameter-rules.ts';

const TO_COMPLETION_TOKENS = { max_tokens: 'max_completion_tokens' } as const;

const isOne = (value: unknown): boolean => value === 1;

const O_SERIES: ParameterRules = {
  renames: TO_COMPLETION_TOKENS,
  unsupported: ['top_p', 'logprobs', 'top_logprobs', 'presence_penalty', 'frequency_penalty'],
  refuses: (key, value) => key === 'temperature' && !isOne(value),
};

const GPT_5_NEVER = [
  'presence_penalty',
  'frequency_penalty',
  'stop',
  'logit_bias',
  'modalities',
  'prediction',
  'audio',
  'web_search_options',
];
/** Accepted only while the model does not reason. */
const GPT_5_UNREASONED = ['top_p', 'logprobs', 'top_logprobs'];

const gpt5 = (reasons: boolean): ParameterRules => ({
  renames: TO_COMPLETION_TOKENS,
  unsupported: reasons ? [...GPT_5_NEVER, ...GPT_5_UNREASONED] : GPT_5_NEVER,
  refuses: (key, value) => reasons && key === 'temperature' && !isOne(value),
});

const GPT_5_REASONING = gpt5(true);
const GPT_5_PLAIN = gpt5(false);
const PLAIN: ParameterRules = {};

/** Effort `none`, said or by the model's default (from 5.1 on), means that nothing is reasoned. */
function reasons(model: string, request: ChatRequest): boolean {
  const effort = request['reasoning_effort'];
  const said = typeof effort === 'object' && effort !== null ? Reflect.get(effort, 'effort') : effort;
  if (said !== undefined && said !== null) return said !== 'none';
  return !/^gpt-5\.[1-9]/.test(model);
}

/** @param model the model's own name, without provider or deployment prefix */
export function openAiRules(model: string, request: ChatRequest): ParameterRules {
  if (/^o[1-9]/.test(model)) return O_SERIES;
  if (!/^gpt-5/.test(model) || model.includes('chat')) return PLAIN;
  return reasons(model, request) ? GPT_5_REASONING : GPT_5_PLAIN;
}

/** Chat takes a plain effort; the object form is the Responses API's. */
export const plainEffort = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, 'effort') : undefined;

export const openai = openAiCompatible({
  id: 'openai',
  defaultBaseUrl: 'https://api.openai.com/v1',
  apiKeyEnv: 'OPENAI_API_KEY',
  baseUrlEnv: ['OPENAI_BASE_URL', 'OPENAI_API_BASE'],
  rules: (target: Target, request) => openAiRules(target.upstreamModel, request),
  rewrites: { reasoning_effort: plainEffort },
});
