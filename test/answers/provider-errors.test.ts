/** Refusals in the words that providers use, as users have reported and documents show them: what each is, and what is kept of it. */
import { describe, expect, test } from 'bun:test';
import type { ErrorKindName, GatewayError } from '../../src/errors.ts';
import { upstreamError } from '../../src/providers/upstream-error.ts';
import { targetOf } from '../support/provider-parts.ts';

function refusal(model: string, status: number, body: unknown, headers = {}): GatewayError {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return upstreamError({ target: targetOf(model), status, body: text, headers: new Headers(headers) });
}

type Refusal = readonly [model: string, status: number, body: unknown];

const openAi = (message: string, code: string | null = null, type = 'invalid_request_error'): object => ({
  error: { message, type, param: null, code },
});
const claude = (message: string, type = 'invalid_request_error'): object => ({
  type: 'error',
  error: { type, message },
});
const google = (code: number, status: string, message: string): object => ({ error: { code, message, status } });

const CONTEXT_WINDOW: readonly Refusal[] = [
  [
    'openai/gpt-4o',
    400,
    openAi(
      "This model's maximum context length is 128000 tokens. However, your messages resulted in 140003 tokens.",
      'context_length_exceeded',
    ),
  ],
  [
    'openai/gpt-5',
    400,
    openAi(
      'Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300001 tokens.',
      'context_length_exceeded',
    ),
  ],
  [
    'azure/my-deployment',
    400,
    openAi(
      "This model's maximum context length is 8192 tokens, however you requested 9000 tokens.",
      'context_length_exceeded',
    ),
  ],
  ['anthropic/claude-sonnet-4-5', 400, claude('prompt is too long: 208310 tokens > 200000 maximum')],
  [
    'anthropic/claude-sonnet-4-5',
    400,
    claude(
      'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again',
    ),
  ],
  [
    'bedrock/anthropic.claude-v2',
    400,
    { message: 'Input is too long for requested model.', __type: 'ValidationException' },
  ],
  [
    'bedrock/anthropic.claude-v2',
    400,
    {
      message: 'The model returned the following errors: prompt is too long: 209999 tokens > 200000 maximum',
      __type: 'ValidationException',
    },
  ],
  [
    'bedrock/amazon.nova-pro-v1:0',
    400,
    {
      message: 'Too many input tokens. Max input tokens: 300000, request input token count: 400000',
      __type: 'ValidationException',
    },
  ],
  [
    'bedrock/amazon.titan',
    400,
    {
      message:
        'Malformed input request: expected maxLength: 50000, actual: 70000, please reformat your input and try again.',
      __type: 'ValidationException',
    },
  ],
  [
    'gemini/gemini-2.5-flash',
    400,
    google(
      400,
      'INVALID_ARGUMENT',
      'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
    ),
  ],
  [
    'gemini/gemini-2.5-flash',
    400,
    google(400, 'INVALID_ARGUMENT', 'The input token count exceeds the maximum number of tokens allowed 1048575.'),
  ],
  [
    'cohere/command-a-03-2025',
    400,
    {
      message:
        'too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs. The limit for this model is 128000 tokens.',
    },
  ],
  [
    'cohere/command-a-03-2025',
    400,
    { message: 'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.' },
  ],
  [
    'mistral/mistral-small-latest',
    400,
    {
      object: 'error',
      message: 'Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
      type: 'invalid_request_prompt',
      code: '3051',
    },
  ],
  [
    'groq/openai/gpt-oss-120b',
    400,
    openAi('Please reduce the length of the messages or completion.', 'context_length_exceeded'),
  ],
  [
    'deepseek/deepseek-chat',
    400,
    openAi(
      "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (66000 in the messages, 4000 in the completion).",
      'invalid_request_error',
    ),
  ],
  [
    'xai/grok-4.5',
    400,
    {
      code: 'Client specified an invalid argument',
      error: "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    },
  ],
  [
    'together_ai/m',
    422,
    openAi(
      'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 4090 `inputs` tokens and 512 `max_new_tokens`',
    ),
  ],
  ['fireworks_ai/m', 400, openAi('The prompt is too long: 140000, model maximum context length: 131071', null)],
  [
    'openrouter/m',
    400,
    openAi(
      "This endpoint's maximum context length is 131072 tokens. However, you requested about 200000 tokens.",
      null,
    ),
  ],
  [
    'hosted_vllm/m',
    400,
    {
      object: 'error',
      message:
        'The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens.',
      type: 'BadRequestError',
      code: 400,
    },
  ],
  [
    'hosted_vllm/m',
    400,
    {
      object: 'error',
      message:
        "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and your request has 100 input tokens.",
      type: 'BadRequestError',
      code: 400,
    },
  ],
  [
    'llamafile/m',
    400,
    openAi(
      'the request exceeds the available context size. try increasing the context size or enable context shift',
      null,
      'exceed_context_size_error',
    ),
  ],
  [
    'lm_studio/m',
    400,
    {
      error:
        'Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.',
    },
  ],
  [
    'cerebras/m',
    400,
    openAi(
      'Please reduce the length of the messages or completion. Current length is 40000 while limit is 8192',
      'context_length_exceeded',
    ),
  ],
  [
    'dashscope/qwen3-max',
    400,
    openAi(
      '<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]',
      'invalid_parameter_error',
    ),
  ],
  ['moonshot/kimi-k3', 400, openAi('Invalid request: Your request exceeded model token limit: 8192', null)],
  ['zai/glm-5', 400, { error: { code: '1261', message: 'Prompt exceeds max length' } }],
  ['minimax/m', 400, openAi('invalid params, context window exceeds limit (2013)', null, 'bad_request_error')],
  [
    'github/gpt-4o',
    413,
    openAi(
      'Request body too large for gpt-4o model. Max size: 8000 tokens.',
      'tokens_limit_reached',
      'tokens_limit_reached',
    ),
  ],
  [
    'watsonx/ibm/granite',
    400,
    {
      errors: [
        {
          code: 'invalid_input_argument',
          message: 'the number of input tokens 5000 cannot exceed the total tokens limit 4096 for this model',
        },
      ],
    },
  ],
  ['openai_like/m', 422, openAi('Input validation error: `inputs` must have less than 1024 tokens. Given: 1100')],
];

const CONTENT_POLICY: readonly Refusal[] = [
  [
    'openai/gpt-5',
    400,
    openAi(
      'Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt.',
      'invalid_prompt',
    ),
  ],
  [
    'openai/gpt-4o',
    400,
    openAi('Your request was rejected as a result of our safety system.', 'content_policy_violation'),
  ],
  [
    'azure/my-deployment',
    400,
    {
      error: {
        message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        code: 'content_filter',
        status: 400,
        innererror: { code: 'ResponsibleAIPolicyViolation' },
      },
    },
  ],
  ['anthropic/claude-sonnet-4-5', 400, claude('Output blocked by content filtering policy')],
  [
    'bedrock/anthropic.claude-v2',
    400,
    {
      message: 'The model returned the following errors: Output blocked by content filtering policy',
      __type: 'ValidationException',
    },
  ],
  ['gemini/gemini-2.5-flash', 400, google(400, 'INVALID_ARGUMENT', 'The response was blocked.')],
  ['deepseek/deepseek-chat', 400, openAi('Content Exists Risk', 'invalid_request_error')],
  [
    'xai/grok-4.5',
    403,
    {
      code: 'The caller does not have permission to execute the specified operation',
      error: 'Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO',
    },
  ],
  [
    'dashscope/qwen3-max',
    400,
    openAi(
      '<400> InternalError.Algo.DataInspectionFailed: Input data may contain inappropriate content.',
      'data_inspection_failed',
    ),
  ],
  [
    'moonshot/kimi-k3',
    400,
    openAi('The request was rejected because it was considered high risk', null, 'content_filter'),
  ],
  [
    'openrouter/m',
    403,
    {
      error: {
        code: 403,
        message: 'openai/gpt-4o requires moderation on OpenAI. Your input was flagged for "hate".',
        metadata: { reasons: ['hate'] },
      },
    },
  ],
];

const OTHERS: readonly (readonly [...Refusal, ErrorKindName])[] = [
  ['anthropic/claude-sonnet-4-5', 529, claude('Overloaded', 'overloaded_error'), 'upstream_failed'],
  [
    'anthropic/claude-sonnet-4-5',
    413,
    claude('Request exceeds the maximum size', 'request_too_large'),
    'upstream_rejected',
  ],
  [
    'anthropic/claude-sonnet-4-5',
    429,
    claude(
      "This request would exceed your organization's rate limit of 40,000 input tokens per minute",
      'rate_limit_error',
    ),
    'upstream_busy',
  ],
  [
    'groq/openai/gpt-oss-120b',
    413,
    openAi(
      'Request too large for model `x` in organization `org` on tokens per minute (TPM): Limit 6000, Requested 9000',
      'rate_limit_exceeded',
      'tokens',
    ),
    'upstream_busy',
  ],
  [
    'openai/gpt-4o',
    429,
    openAi(
      'You exceeded your current quota, please check your plan and billing details.',
      'insufficient_quota',
      'insufficient_quota',
    ),
    'upstream_busy',
  ],
  [
    'bedrock/anthropic.claude-v2',
    429,
    { message: 'Too many tokens, please wait before trying again.', __type: 'ThrottlingException' },
    'upstream_busy',
  ],
  [
    'bedrock/anthropic.claude-v2',
    403,
    { message: "You don't have access to the model with the specified model ID.", __type: 'AccessDeniedException' },
    'upstream_forbidden',
  ],
  [
    'gemini/gemini-2.5-flash',
    429,
    google(429, 'RESOURCE_EXHAUSTED', 'Resource exhausted. Please try again later.'),
    'upstream_busy',
  ],
  [
    'openai/gpt-4o',
    400,
    openAi(
      'max_tokens is too large: 200000. This model supports at most 16384 completion tokens, whereas you provided 200000.',
      'invalid_value',
    ),
    'upstream_rejected',
  ],
  [
    'anthropic/claude-sonnet-4-5',
    400,
    claude('max_tokens: 200000 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5'),
    'upstream_rejected',
  ],
  [
    'mistral/mistral-small-latest',
    429,
    {
      object: 'error',
      message: 'Service tier capacity exceeded for this model.',
      type: 'service_tier_capacity_exceeded',
      code: '3505',
    },
    'upstream_busy',
  ],
];

describe('a full context window is recognised', () => {
  test.each(CONTEXT_WINDOW)('%s %d %j', (model, status, body) => {
    const error = refusal(model, status, body);
    expect([error.kind, error.status]).toEqual(['context_window_exceeded', 400]);
  });
});

describe('a breach of a content policy is recognised', () => {
  test.each(CONTENT_POLICY)('%s %d %j', (model, status, body) => {
    const error = refusal(model, status, body);
    expect([error.kind, error.status]).toEqual(['content_policy_violation', 400]);
  });
});

describe('what only sounds like one is not', () => {
  test.each(OTHERS)('%s %d %j is %s', (model, status, body, kind) => {
    expect(refusal(model, status, body).kind).toBe(kind);
  });
});

test('the provider’s status stays with every one of them', () => {
  for (const [model, status, body] of [...CONTEXT_WINDOW, ...CONTENT_POLICY, ...OTHERS]) {
    expect(refusal(model, status, body).details.upstreamStatus).toBe(status);
  }
});
