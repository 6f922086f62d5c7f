/**
 * Which of OpenAI's parameters a deployment takes, found by asking its own translation with each: there is no second list that
 * could say something else. Sources: OpenAI's API reference, "Create chat completion"; LiteLLM's documentation of
 * `get_supported_openai_params`.
 */
import { GatewayError } from '../errors.ts';
import type { ChatRequest } from '../wire/openai.ts';
import type { Change, Target } from './adapter.ts';

type Fields = Readonly<Record<string, unknown>>;

const TOOL = { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } };
const SCHEMA = {
  type: 'object',
  properties: { word: { type: 'string' } },
  required: ['word'],
  additionalProperties: false,
};

/** A use of each that cannot go without saying, with what it needs beside it. */
const USES: Readonly<Record<string, Fields>> = {
  frequency_penalty: { frequency_penalty: 0.5 },
  logit_bias: { logit_bias: { '50256': -1 } },
  logprobs: { logprobs: true },
  top_logprobs: { top_logprobs: 2, logprobs: true },
  max_tokens: { max_tokens: 64 },
  max_completion_tokens: { max_completion_tokens: 64 },
  modalities: { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'mp3' } },
  prediction: { prediction: { type: 'content', content: 'word' } },
  n: { n: 2 },
  presence_penalty: { presence_penalty: 0.5 },
  seed: { seed: 7 },
  stop: { stop: ['end'] },
  stream: { stream: true },
  // Usage is asked for of every provider, and shown to those who want it: the option itself may stay here.
  stream_options: { stream: true },
  temperature: { temperature: 0.5 },
  top_p: { top_p: 0.5 },
  tools: { tools: [TOOL] },
  tool_choice: { tool_choice: 'required', tools: [TOOL] },
  parallel_tool_calls: { parallel_tool_calls: false, tools: [TOOL] },
  functions: { functions: [TOOL.function] },
  function_call: { function_call: 'auto', functions: [TOOL.function] },
  response_format: { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: SCHEMA } } },
  reasoning_effort: { reasoning_effort: 'low' },
  thinking: { thinking: { type: 'enabled', budget_tokens: 1_024 }, max_tokens: 4_096 },
  verbosity: { verbosity: 'low' },
  web_search_options: { web_search_options: {} },
  service_tier: { service_tier: 'default' },
  store: { store: true },
  user: { user: 'ada' },
  safety_identifier: { safety_identifier: 'ada' },
  prompt_cache_key: { prompt_cache_key: 'pages' },
  prompt_cache_retention: { prompt_cache_retention: '24h' },
  audio: { audio: { voice: 'alloy', format: 'mp3' }, modalities: ['text', 'audio'] },
  extra_headers: { extra_headers: { 'x-note': 'word' } },
};

const known = new WeakMap<Target, readonly string[]>();

/** Those that reach the provider, whether under their own names, others or emulated. Kept for as long as the deployment is. */
export function supportedParams(target: Target): readonly string[] {
  const found = known.get(target) ?? (answers(target) ? Object.keys(USES).filter((name) => takes(target, name)) : []);
  known.set(target, found);
  return found;
}

/** Whether it takes a request at all. */
const answers = (target: Target): boolean => !(changesOf(target, {}) instanceof Error);

function takes(target: Target, name: string): boolean {
  const changes = changesOf(target, USES[name] ?? {});
  if (changes instanceof GatewayError) return !names(changes, name);
  return !(changes instanceof Error) && !changes.some(({ field, action }) => field === name && action === 'dropped');
}

/** What happens to a request with these fields, or why none can be made. */
function changesOf(target: Target, fields: Fields): readonly Change[] | Error {
  const request: ChatRequest = { model: target.modelGroup, messages: [{ role: 'user', content: 'word' }], ...fields };
  const changes: Change[] = [];
  try {
    target.adapter.buildRequest(
      { request, text: undefined, gatewayKeys: [], dropParams: false, additionalDropParams: [], allowedParams: [] },
      // A default of the operator's is not the caller's parameter.
      { ...target, defaults: {} },
      changes,
    );
    return changes;
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error('It cannot be translated');
  }
}

/** What is wrong with its companion says nothing of itself. */
function names({ message, details }: GatewayError, name: string): boolean {
  return details.param === name || message.includes(`'${name}'`);
}
