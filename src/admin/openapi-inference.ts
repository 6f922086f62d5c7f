/**
 * What the OpenAPI document says of the routes that are no part of the management API. Written by hand: requests for models
 * are validated without zod, and what a provider understands besides passes through. Source: OpenAI's API reference.
 */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly [member: string]: unknown;
}

/** By path, then by method in lower case. */
export type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const jsonOf = (description: string, schema: object): object => ({
  description,
  content: { 'application/json': { schema } },
});

const FAILURES = {
  '4XX': jsonOf('A refusal that says what was wrong.', { $ref: '#/components/schemas/Error' }),
  '5XX': jsonOf('No model could answer.', { $ref: '#/components/schemas/Error' }),
};

const PUBLIC = { security: [] };

const MESSAGE = {
  type: 'object',
  required: ['role'],
  properties: {
    role: { type: 'string', enum: ['developer', 'system', 'user', 'assistant', 'tool', 'function'] },
    content: {
      anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'object' } }, { type: 'null' }],
    },
  },
};

const CHAT_REQUEST = {
  type: 'object',
  required: ['messages'],
  description: 'Every parameter of OpenAI’s chat completions; what is not named here passes through as it is.',
  properties: {
    model: { type: 'string', description: 'A name from /v1/models; unless the path names the model.' },
    messages: { type: 'array', items: MESSAGE },
    stream: { type: 'boolean' },
    stream_options: { type: 'object', properties: { include_usage: { type: 'boolean' } } },
    max_tokens: { type: 'integer' },
    max_completion_tokens: { type: 'integer' },
    temperature: { type: 'number' },
    top_p: { type: 'number' },
    n: { type: 'integer' },
    stop: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
    tools: { type: 'array', items: { type: 'object' } },
    tool_choice: {},
    response_format: { type: 'object' },
    user: { type: 'string', description: 'The end user, whose budget and limits hold too.' },
    metadata: { type: 'object', properties: { tags: { type: 'array', items: { type: 'string' } } } },
    fallbacks: { type: 'array', items: { type: 'string' }, description: 'Models to try when this one fails.' },
  },
  additionalProperties: true,
};

const CHAT_EXAMPLE = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello' }] };

const CHAT_ANSWER = {
  description: 'The answer: JSON, or server-sent events when `stream` is true.',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          object: { const: 'chat.completion' },
          created: { type: 'integer' },
          model: { type: 'string' },
          choices: { type: 'array', items: { type: 'object' } },
          usage: { type: 'object' },
        },
      },
    },
    'text/event-stream': { schema: { type: 'string' } },
  },
};

const MODEL = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    object: { const: 'model' },
    created: { type: 'integer' },
    owned_by: { type: 'string' },
  },
};

const pathModel = { name: 'model', in: 'path', required: true, schema: { type: 'string' } };

const chat = (operationId: string, parameters: readonly object[] = []): { readonly post: Operation } => ({
  post: {
    operationId,
    summary: 'Ask a model.',
    tags: ['Chat'],
    ...(parameters.length > 0 && { parameters }),
    requestBody: {
      required: true,
      content: { 'application/json': { schema: CHAT_REQUEST, example: CHAT_EXAMPLE } },
    },
    responses: { '200': CHAT_ANSWER, ...FAILURES },
  },
});

const modelList = (operationId: string): { readonly get: Operation } => ({
  get: {
    operationId,
    summary: 'The models that this key may call.',
    tags: ['Models'],
    responses: {
      '200': jsonOf('The models.', {
        type: 'object',
        properties: { object: { const: 'list' }, data: { type: 'array', items: MODEL } },
      }),
      ...FAILURES,
    },
  },
});

const oneModel = (operationId: string): { readonly get: Operation } => ({
  get: {
    operationId,
    summary: 'One model.',
    tags: ['Models'],
    parameters: [pathModel],
    responses: { '200': jsonOf('The model.', MODEL), ...FAILURES },
  },
});

const probe = (operationId: string, summary: string): { readonly get: Operation } => ({
  get: { operationId, summary, tags: ['Health'], ...PUBLIC, responses: { '200': jsonOf('It is.', {}) } },
});

const details = (operationId: string): { readonly get: Operation } => ({
  get: {
    operationId,
    summary: 'The same, with version, rows that wait to be written and configuration. For admins, unless it is opened.',
    tags: ['Health'],
    responses: { '200': jsonOf('It is.', {}), ...FAILURES },
  },
});

const page = (operationId: string, summary: string, type: string): { readonly get: Operation } => ({
  get: {
    operationId,
    summary,
    tags: ['Documents'],
    ...PUBLIC,
    responses: { '200': { description: 'The document.', content: { [type]: {} } } },
  },
});

const apiVersion = { name: 'api-version', in: 'query', schema: { type: 'string' } };

export const INFERENCE_PATHS: Paths = {
  '/v1/chat/completions': chat('chat_completions'),
  '/chat/completions': chat('chat_completions_without_version'),
  '/engines/{model}/chat/completions': chat('engine_chat_completions', [pathModel]),
  '/openai/deployments/{model}/chat/completions': chat('azure_chat_completions', [pathModel, apiVersion]),
  '/v1/models': modelList('list_models'),
  '/models': modelList('list_models_without_version'),
  '/v1/models/{model}': oneModel('retrieve_model'),
  '/models/{model}': oneModel('retrieve_model_without_version'),
  '/health/liveliness': probe('liveliness', 'Whether the process answers.'),
  '/health/liveness': probe('liveness', 'Whether the process answers.'),
  '/health/readiness': probe('readiness', 'Whether requests would be served; 503 when not.'),
  '/health/readiness/details': details('readiness_details'),
  '/': page('docs_at_root', 'This page, or a line of JSON for clients that accept nothing else.', 'text/html'),
  '/docs': page('docs', 'This page.', 'text/html'),
  '/docs/{file}': {
    get: {
      ...page('docs_file', 'A file of this page.', '*/*').get,
      parameters: [{ name: 'file', in: 'path', required: true, schema: { type: 'string' } }],
    } as Operation,
  },
  '/openapi.json': page('openapi', 'This document.', 'application/json'),
  '/routes': page('routes', 'Every route with its methods.', 'application/json'),
};
