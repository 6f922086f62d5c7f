/**
 * Hosts that speak OpenAI's chat completions with differences, one entry each. Sources: the hosts' API references;
 * LiteLLM's provider pages for names, environment variables and parameters. Hosts without differences: `plain-hosts.ts`.
 */

import { isObject, textOf } from '../lib/json.ts';
import type { ProviderAdapter, Target } from './adapter.ts';
import { objectAsSchema, schemaInWords } from './answer-formats.ts';
import { fireworks } from './fireworks.ts';
import { groq } from './groq.ts';
import {
  autoOrNone,
  givenOf,
  isReasonedCall,
  isThinking,
  kimiTemperature,
  lackedBy,
  requiredInWords,
  thinkingAsReasoning,
  togetherEffort,
  toolResultsAsText,
} from './hosted-rewrites.ts';
import { knowsOf } from './known-flags.ts';
import { withLateAnnotations } from './late-annotations.ts';
import { codestral, mistral } from './mistral.ts';
import { chatUrl, openAiCompatible, versionedChatUrl } from './openai-compatible.ts';
import {
  cacheHitsAsDetails,
  choiceUsageAsUsage,
  costAsUsage,
  costPartsAsDetails,
  reasoningAsContent,
  reasoningIntoCompletion,
  sourceAnnotations,
  sourcesAsAnnotations,
} from './reply-differences.ts';
import {
  askForCost,
  cacheMarksOnParts,
  contentAsText,
  effortAsThinkingSwitch,
  namesOnUsersOnly,
  plainEffort,
  reasoningContentAs,
  withoutAnswerFields,
  withoutInTools,
  withoutMarks,
  withReasoning,
} from './request-rewrites.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Most providers know only the older name. */
const TO_MAX_TOKENS = { max_completion_tokens: 'max_tokens' } as const;
const NO_LOGPROBS = words('logit_bias logprobs top_logprobs');
const NO_FUNCTIONS = words('functions function_call');
const PERPLEXITY_LACKS = words(
  'modalities audio prediction store verbosity n seed tools tool_choice parallel_tool_calls',
);

/** Grok's reasoning models refuse penalties and stop words. */
const GROK_REASONS = /^grok-(3-mini|code-fast|[4-9](?!.*non-reasoning))/;

export const HOSTED: readonly ProviderAdapter[] = [
  groq,
  fireworks,
  mistral,
  codestral,
  openAiCompatible({
    id: 'deepseek',
    // As LiteLLM has it: prefix completion and strict tools are served there only.
    defaultBaseUrl: 'https://api.deepseek.com/beta',
    apiKeyEnv: ['DEEPSEEK_API_KEY'],
    renames: TO_MAX_TOKENS,
    rewrites: [withoutMarks, effortAsThinkingSwitch, withReasoning(isThinking), schemaInWords],
    messageRewrites: [contentAsText],
    reply: { usage: cacheHitsAsDetails },
  }),
  openAiCompatible({
    id: 'xai',
    defaultBaseUrl: 'https://api.x.ai/v1',
    apiKeyEnv: ['XAI_API_KEY'],
    renames: TO_MAX_TOKENS,
    // Its search in chats is no more.
    unsupported: ['thinking', 'logit_bias', 'web_search_options'],
    refuses: (edit, { upstreamModel }) =>
      GROK_REASONS.test(upstreamModel) ? givenOf(edit, 'stop', 'frequency_penalty', 'presence_penalty') : [],
    rewrites: [withoutMarks, withoutInTools(['strict'], false)],
    messageRewrites: [namesOnUsersOnly],
    reply: { usage: reasoningIntoCompletion },
    billing: () => ({ thresholdIsInclusive: true }),
  }),
  withLateAnnotations(
    openAiCompatible({
      id: 'openrouter',
      defaultBaseUrl: 'https://openrouter.ai/api/v1',
      apiKeyEnv: ['OPENROUTER_API_KEY', 'OR_API_KEY'],
      settingsEnv: { site_url: ['OR_SITE_URL'], app_name: ['OR_APP_NAME'] },
      parseSettings: (raw) => ({ siteUrl: textOf(raw['site_url']), appName: textOf(raw['app_name']) }),
      // Its own models, such as `auto`.
      modelOf: ({ upstreamModel }) => (upstreamModel.includes('/') ? upstreamModel : `openrouter/${upstreamModel}`),
      headers: openRouterHeaders,
      rewrites: [thinkingAsReasoning, askForCost],
      messageRewrites: [cacheMarksOnParts],
      reply: { message: reasoningAsContent },
      reportsCost: true,
    }),
  ),
  openAiCompatible({
    id: 'together_ai',
    defaultBaseUrl: 'https://api.together.xyz/v1',
    apiKeyEnv: ['TOGETHERAI_API_KEY', 'TOGETHER_API_KEY', 'TOGETHER_AI_API_KEY', 'TOGETHER_AI_TOKEN'],
    baseUrlEnv: ['TOGETHERAI_API_BASE', 'TOGETHER_AI_API_BASE'],
    renames: TO_MAX_TOKENS,
    refuses: lackedBy({
      supports_function_calling: ['tools', 'tool_choice', 'parallel_tool_calls', 'functions', 'function_call'],
      supports_response_schema: ['response_format'],
    }),
    rewrites: [withoutMarks, plainEffort, togetherEffort],
    messageRewrites: [withoutAnswerFields],
    // Older models of it finish with `eos`, newer ones reason in a field of its own.
    reply: { message: reasoningAsContent },
  }),
  withLateAnnotations(
    openAiCompatible({
      id: 'perplexity',
      defaultBaseUrl: 'https://api.perplexity.ai',
      apiKeyEnv: ['PERPLEXITYAI_API_KEY', 'PERPLEXITY_API_KEY'],
      baseUrlEnv: ['PERPLEXITYAI_API_BASE', 'PERPLEXITY_API_BASE'],
      renames: TO_MAX_TOKENS,
      unsupported: ['thinking', 'user', ...PERPLEXITY_LACKS, ...NO_LOGPROBS, ...NO_FUNCTIONS],
      rewrites: [withoutMarks, objectAsSchema],
      streamUsage: 'always',
      reply: { whole: sourcesAsAnnotations, usage: costPartsAsDetails },
      reportsCost: true,
      // Each request has its fee; research asks as often as it likes.
      billing: ({ upstreamModel }) => ({ mostSearches: upstreamModel.includes('deep-research') ? 30 : 1 }),
    }),
    sourceAnnotations,
  ),
  openAiCompatible({
    id: 'cerebras',
    defaultBaseUrl: 'https://api.cerebras.ai/v1',
    apiKeyEnv: ['CEREBRAS_API_KEY'],
    rewrites: [withoutMarks],
    messageRewrites: [withoutAnswerFields, reasoningContentAs('reasoning')],
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'moonshot',
    defaultBaseUrl: 'https://api.moonshot.ai/v1',
    apiKeyEnv: ['MOONSHOT_API_KEY'],
    renames: TO_MAX_TOKENS,
    unsupported: NO_FUNCTIONS,
    refuses: (edit, { upstreamModel }) =>
      upstreamModel.includes('kimi-thinking-preview') ? givenOf(edit, 'tools', 'tool_choice') : [],
    rewrites: [withoutMarks, requiredInWords, kimiTemperature, plainEffort, withReasoning(isReasonedCall)],
    reply: { whole: choiceUsageAsUsage, usage: cacheHitsAsDetails },
  }),
  qwen('dashscope', 'https://dashscope-intl.aliyuncs.com', ['DASHSCOPE_API_KEY']),
  qwen('qwencloud', 'https://dashscope-intl.aliyuncs.com', ['QWENCLOUD_API_KEY', 'DASHSCOPE_API_KEY']),
  qwen('qwen_ai_platform', 'https://dashscope.aliyuncs.com', ['QWEN_AI_PLATFORM_API_KEY', 'DASHSCOPE_API_KEY']),
  openAiCompatible({
    id: 'deepinfra',
    defaultBaseUrl: 'https://api.deepinfra.com/v1/openai',
    apiKeyEnv: ['DEEPINFRA_API_KEY'],
    renames: TO_MAX_TOKENS,
    refuses: autoOrNone,
    messageRewrites: [toolResultsAsText],
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'zai',
    defaultBaseUrl: 'https://api.z.ai/api/paas/v4',
    apiKeyEnv: ['ZAI_API_KEY'],
    renames: TO_MAX_TOKENS,
    rewrites: [
      effortAsThinkingSwitch,
      (edit, changes, target) => {
        if (knowsOf(target, 'supports_response_schema') !== true) schemaInWords(edit, changes);
      },
    ],
  }),
  openAiCompatible({
    id: 'minimax',
    defaultBaseUrl: 'https://api.minimax.io/v1',
    apiKeyEnv: ['MINIMAX_API_KEY'],
    url: versionedChatUrl,
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'meta_llama',
    defaultBaseUrl: 'https://api.llama.com/compat/v1',
    apiKeyEnv: ['LLAMA_API_KEY'],
    baseUrlEnv: ['LLAMA_API_BASE', 'META_LLAMA_API_BASE'],
    rewrites: [objectAsSchema],
  }),
  openAiCompatible({
    id: 'bigmodel',
    defaultBaseUrl: 'https://open.bigmodel.cn/api/paas/v4',
    apiKeyEnv: ['BIGMODEL_API_KEY'],
    url: ({ baseUrl }) => chatUrl({ baseUrl: /\.cn$/.test(baseUrl) ? `${baseUrl}/api/paas/v4` : baseUrl }),
    renames: TO_MAX_TOKENS,
    rewrites: [schemaInWords],
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'tencent',
    defaultBaseUrl: 'https://tokenhub-intl.tencentcloudmaas.com/v1',
    apiKeyEnv: ['TENCENT_API_KEY'],
    url: versionedChatUrl,
    renames: TO_MAX_TOKENS,
    rewrites: [effortAsThinkingSwitch],
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'heroku',
    defaultBaseUrl: 'https://us.inference.heroku.com',
    apiKeyEnv: ['HEROKU_API_KEY', 'INFERENCE_KEY'],
    url: versionedChatUrl,
    renames: TO_MAX_TOKENS,
    messageRewrites: [contentAsText],
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'modelscope',
    defaultBaseUrl: 'https://api-inference.modelscope.cn/v1',
    apiKeyEnv: ['MODELSCOPE_API_KEY'],
    renames: TO_MAX_TOKENS,
    messageRewrites: [contentAsText],
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'publicai',
    defaultBaseUrl: 'https://api.publicai.co/v1',
    apiKeyEnv: ['PUBLICAI_API_KEY'],
    renames: TO_MAX_TOKENS,
    messageRewrites: [contentAsText],
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'sarvam',
    defaultBaseUrl: 'https://api.sarvam.ai/v1',
    apiKeyEnv: ['SARVAM_API_KEY'],
    headers: ({ apiKey }) => (apiKey ? { 'api-subscription-key': apiKey } : {}),
    renames: TO_MAX_TOKENS,
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'streamlake',
    defaultBaseUrl: 'https://vanchin.streamlake.ai/api/gateway/v1/endpoints',
    apiKeyEnv: ['STREAMLAKE_API_KEY'],
    renames: { max_tokens: 'max_completion_tokens' },
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'tensormesh',
    defaultBaseUrl: 'https://serverless.tensormesh.ai/v1',
    apiKeyEnv: ['TENSORMESH_INFERENCE_API_KEY'],
    baseUrlEnv: ['TENSORMESH_SERVERLESS_BASE_URL'],
    renames: TO_MAX_TOKENS,
    reply: { message: reasoningAsContent },
  }),
  openAiCompatible({
    id: 'edenai',
    defaultBaseUrl: 'https://api.edenai.run/v3',
    apiKeyEnv: ['EDENAI_API_KEY'],
    reply: { whole: costAsUsage, message: reasoningAsContent },
    reportsCost: true,
  }),
  openAiCompatible({
    id: 'friendliai',
    defaultBaseUrl: 'https://api.friendli.ai/serverless/v1',
    apiKeyEnv: ['FRIENDLIAI_API_KEY', 'FRIENDLI_TOKEN'],
    baseUrlEnv: ['FRIENDLI_API_BASE'],
  }),
];

/** The same models at three doors. They count their thoughts in `reasoning_content` already. */
function qwen(id: string, origin: string, apiKeyEnv: readonly string[]): ProviderAdapter {
  return openAiCompatible({
    id,
    defaultBaseUrl: `${origin}/compatible-mode/v1`,
    apiKeyEnv,
    url: ({ baseUrl }) => chatUrl({ baseUrl: /\.com$/.test(baseUrl) ? `${baseUrl}/compatible-mode/v1` : baseUrl }),
    renames: TO_MAX_TOKENS,
  });
}

/** It ranks and shows applications by these. */
function openRouterHeaders({ apiKey, settings }: Target): Readonly<Record<string, string>> {
  const { siteUrl, appName } = isObject(settings) ? settings : {};
  return {
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    ...(typeof siteUrl === 'string' && { 'http-referer': siteUrl }),
    ...(typeof appName === 'string' && { 'x-title': appName }),
  };
}
