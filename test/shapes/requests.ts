/** Requests that are looked at and not sent. */
import { FILED_FACTS } from './models.ts';
import { refused, type Shapes } from './step.ts';

const MESSAGES = [
  { role: 'system', content: 'You are a helpful assistant.' },
  { role: 'user', content: 'Hello, how are you?' },
];

export const requests: Shapes = {
  noun: 'requests',
  configuration: {
    model_list: [
      {
        model_name: 'claude',
        litellm_params: { model: 'anthropic/claude-sonnet-4-5', api_key: 'sk-secret-and-shown-nowhere' },
      },
    ],
  },
  steps: [
    {
      says: 'the tokens of a conversation',
      send: 'POST /utils/token_counter',
      body: { model: 'claude', messages: MESSAGES },
      answer: {
        total_tokens: 23,
        request_model: 'claude',
        model_used: 'claude-sonnet-4-5',
        tokenizer_type: 'openai_tokenizer',
        count_source: 'local_estimate',
        original_response: null,
        error: false,
        error_message: null,
        status_code: null,
      },
    },
    {
      says: 'of nothing there is no count',
      send: 'POST /utils/token_counter',
      body: { model: 'claude' },
      ...refused('messages', "Send 'messages', 'prompt' or 'contents'."),
    },
    {
      says: 'of nobody neither',
      send: 'POST /utils/token_counter',
      body: { model: 'nobody', prompt: 'Hello' },
      ...refused(
        'model',
        '/chat/completions: Invalid model name passed in model=nobody. Call `/v1/models` to view available models for your key.',
      ),
    },
    {
      says: 'what a model takes',
      send: 'GET /utils/supported_openai_params?model=claude',
      answer: {
        supported_openai_params: [
          ...['max_tokens', 'max_completion_tokens', 'stop', 'stream', 'stream_options', 'temperature', 'top_p'],
          ...['tools', 'tool_choice', 'parallel_tool_calls', 'functions', 'function_call', 'response_format'],
          ...['reasoning_effort', 'thinking', 'web_search_options', 'service_tier', 'user', 'extra_headers'],
        ],
      },
    },
    {
      says: 'what would be sent',
      send: 'POST /utils/transform_request',
      body: { call_type: 'completion', request_body: { model: 'claude', messages: MESSAGES, max_tokens: 10 } },
      answer: {
        raw_request_api_base: 'https://api.anthropic.com/v1/messages',
        raw_request_body: {
          model: 'claude-sonnet-4-5',
          max_tokens: 10,
          system: [{ type: 'text', text: 'You are a helpful assistant.' }],
          messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello, how are you?' }] }],
        },
        raw_request_headers: {
          'content-type': 'application/json',
          'anthropic-version': '2023-06-01',
          'x-api-key': '****',
        },
      },
    },
    {
      says: 'an endpoint that is not served yet has no request',
      send: 'POST /utils/transform_request',
      body: { call_type: 'embedding', request_body: { model: 'claude', input: 'Hello' } },
      ...refused('call_type', 'This call_type is not served here yet; "completion" and "acompletion" are served.'),
    },
    {
      says: 'what the price list has of a model',
      send: 'GET /utils/model_info?model=gpt-4o-mini',
      answer: {
        model: 'gpt-4o-mini',
        custom_llm_provider: 'openai',
        model_info: { ...FILED_FACTS, key: 'gpt-4o-mini' },
      },
    },
  ],
};
