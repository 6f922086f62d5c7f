/**
 * Requests that clients of OpenAI's API send, one for each thing that can be said. Every value that may be any value holds
 * a mark of its own (`QZ` and three digits, or a number that stands nowhere else), so that it can be looked for in what is
 * sent to a provider. Source: OpenAI API reference, "Create chat completion"; LiteLLM's documentation for what it adds.
 */

export type Body = Readonly<Record<string, unknown>>;

export interface RequestFixture {
  readonly name: string;
  /** Members besides `model`. */
  readonly body: Body;
  /** Rows of the table in docs/providers.md: what it is called there, and the member that shows it. */
  readonly rows: Readonly<Record<string, string>>;
}

const text = (content: string, role = 'user'): Body => ({ role, content });
const HELLO = [text('Hello QZ100')];
const withParts = (...parts: readonly Body[]): readonly Body[] => [
  { role: 'user', content: [{ type: 'text', text: 'Look QZ101' }, ...parts] },
];

/** Whole PDFs and pictures begin like this; nobody looks further. */
const PNG = 'iVBORw0KGgoQZ102AAAA';
const PDF = 'JVBERi0xLjQKQZ103AAA';

const WEATHER = {
  type: 'function',
  function: {
    name: 'weather_QZ110',
    description: 'The weather QZ111',
    parameters: {
      type: 'object',
      properties: { city_QZ112: { type: 'string', description: 'A town QZ113' } },
      required: ['city_QZ112'],
      additionalProperties: false,
    },
  },
};
const TIME = {
  type: 'function',
  function: { name: 'time_QZ114', description: 'The time QZ115', parameters: { type: 'object', properties: {} } },
};
const TOOLS = [WEATHER, TIME];
const call = (id: string, name: string, made: string): Body => ({
  id,
  type: 'function',
  function: { name, arguments: made },
});
const CALLED = {
  role: 'assistant',
  content: null,
  tool_calls: [
    call('call_QZ120', 'weather_QZ110', '{"city_QZ112":"Köln QZ121"}'),
    call('call_QZ122', 'time_QZ114', '{}'),
  ],
};
const result = (id: string, content: string): Body => ({ role: 'tool', tool_call_id: id, content });

const SCHEMA = {
  type: 'object',
  properties: {
    name_QZ130: { type: 'string', description: 'QZ131' },
    age_QZ132: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
    nick_QZ133: { type: ['string', 'null'] },
    home_QZ134: { $ref: '#/$defs/place_QZ135' },
  },
  required: ['name_QZ130', 'age_QZ132', 'nick_QZ133', 'home_QZ134'],
  additionalProperties: false,
  $defs: {
    place_QZ135: {
      type: 'object',
      properties: { town_QZ136: { type: 'string', enum: ['Köln QZ137', 'Bonn QZ138'] } },
      required: ['town_QZ136'],
      additionalProperties: false,
    },
  },
};
const RECURSIVE = {
  type: 'object',
  properties: { value_QZ140: { type: 'string' }, next_QZ141: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
  required: ['value_QZ140', 'next_QZ141'],
  additionalProperties: false,
};
const jsonSchema = (name: string, schema: Body): Body => ({
  type: 'json_schema',
  json_schema: { name, strict: true, schema },
});

/** One parameter, or several that belong together, beside a greeting. */
const field = (name: string, fields: Body, rows: readonly string[] = Object.keys(fields)): RequestFixture => ({
  name,
  body: { messages: HELLO, ...fields },
  rows: Object.fromEntries(rows.map((row) => [`\`${row}\``, row])),
});

const conversation = (
  name: string,
  messages: readonly Body[],
  { rows = {}, ...fields }: { readonly rows?: RequestFixture['rows']; readonly [field: string]: unknown } = {},
): RequestFixture => ({ name, body: { messages, ...fields }, rows });

const MESSAGES: readonly RequestFixture[] = [
  conversation('plain', HELLO),
  conversation('system-first', [text('Be kind QZ104', 'system'), ...HELLO], {
    rows: { 'system message, first': 'messages[0]' },
  }),
  conversation(
    'system-in-the-middle',
    [...HELLO, text('Hi QZ104', 'assistant'), text('Be brief QZ105', 'system'), text('Go on QZ106')],
    {
      rows: { 'system message, later': 'messages[2]' },
    },
  ),
  conversation('developer', [text('Be kind QZ104', 'developer'), ...HELLO], {
    rows: { 'developer message': 'messages[0]' },
  }),
  conversation('consecutive-turns', [
    text('One QZ104'),
    text('Two QZ105'),
    text('Three QZ106', 'assistant'),
    text('Four QZ107', 'assistant'),
    text('Five QZ108'),
  ]),
  conversation('empty-turns', [text('One QZ104'), text('', 'assistant'), text('Two QZ105')]),
  conversation('named-speaker', [{ ...text('Hello QZ100'), name: 'anna_QZ104' }], {
    rows: { '`name` of a message': 'messages[0].name' },
  }),
  conversation('image-data', withParts({ type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } }), {
    rows: { 'image, data URI': 'messages[0].content[1]' },
  }),
  conversation(
    'image-detail',
    withParts({ type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}`, detail: 'high' } }),
    {
      rows: { '`detail` of an image': 'messages[0].content[1].image_url.detail' },
    },
  ),
  conversation('image-url', withParts({ type: 'image_url', image_url: { url: 'https://example.com/QZ102.png' } }), {
    rows: { 'image, address': 'messages[0].content[1]' },
  }),
  conversation(
    'pdf-data',
    withParts({
      type: 'file',
      file: { filename: 'report QZ104.pdf', file_data: `data:application/pdf;base64,${PDF}` },
    }),
    {
      rows: { 'PDF, data URI': 'messages[0].content[1]' },
    },
  ),
  conversation('file-id', withParts({ type: 'file', file: { file_id: 'file-QZ103' } }), {
    rows: { 'file, by id': 'messages[0].content[1]' },
  }),
  conversation(
    'audio-in',
    withParts({ type: 'input_audio', input_audio: { data: 'UklGRiQZ103AAAAAAAA=', format: 'wav' } }),
    {
      rows: { 'sound in the prompt': 'messages[0].content[1]' },
    },
  ),
  conversation(
    'cache-marks',
    [
      {
        role: 'system',
        content: [{ type: 'text', text: 'Long QZ104', cache_control: { type: 'ephemeral', ttl: '1h' } }],
      },
      ...HELLO,
    ],
    { rows: { '`cache_control` on a part': 'messages[0].content[0].cache_control' } },
  ),
  conversation('prefill', [...HELLO, text('Once QZ104', 'assistant')], {
    rows: { 'last message of the assistant': 'messages[1]' },
  }),
];

const TOOL_USE: readonly RequestFixture[] = [
  conversation('tools', HELLO, { tools: TOOLS, rows: { '`tools`': 'tools' } }),
  conversation(
    'tool-results-in-order',
    [...HELLO, CALLED, result('call_QZ120', 'Rain QZ123'), result('call_QZ122', 'Noon QZ124')],
    {
      tools: TOOLS,
      rows: { '`tool_calls` of the history': 'messages[1]', 'tool result': 'messages[2].content' },
    },
  ),
  conversation(
    'tool-results-out-of-order',
    [...HELLO, CALLED, result('call_QZ122', 'Noon QZ124'), result('call_QZ120', 'Rain QZ123'), text('So? QZ125')],
    { tools: TOOLS },
  ),
  conversation(
    'tool-result-of-parts',
    [
      ...HELLO,
      { ...CALLED, tool_calls: [CALLED.tool_calls[0]] },
      { ...result('call_QZ120', ''), content: [{ type: 'text', text: 'Rain QZ123' }] },
    ],
    { tools: TOOLS },
  ),
  ...['auto', 'none', 'required'].map((choice) =>
    conversation(`tool-choice-${choice}`, HELLO, {
      tools: TOOLS,
      tool_choice: choice,
      rows: { [`\`tool_choice\` ${choice}`]: 'tool_choice' },
    }),
  ),
  conversation('tool-choice-named', HELLO, {
    tools: TOOLS,
    tool_choice: { type: 'function', function: { name: 'time_QZ114' } },
    rows: { '`tool_choice` a function': 'tool_choice' },
  }),
  conversation('tool-choice-allowed', HELLO, {
    tools: TOOLS,
    tool_choice: {
      type: 'allowed_tools',
      allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'time_QZ114' } }] },
    },
    rows: { '`tool_choice` allowed tools': 'tool_choice' },
  }),
  conversation('strict-tools', HELLO, {
    tools: [{ type: 'function', function: { ...WEATHER.function, strict: true } }],
    rows: { '`strict` of a tool': 'tools[0].function.strict' },
  }),
  conversation('one-call-at-a-time', HELLO, {
    tools: TOOLS,
    parallel_tool_calls: false,
    rows: { '`parallel_tool_calls` false': 'parallel_tool_calls' },
  }),
  conversation('parallel-calls', HELLO, { tools: TOOLS, parallel_tool_calls: true }),
  conversation('legacy-functions', HELLO, {
    functions: [WEATHER.function],
    function_call: { name: 'weather_QZ110' },
    rows: { '`functions`': 'functions', '`function_call`': 'function_call' },
  }),
  conversation('tool-with-references', HELLO, {
    tools: [{ type: 'function', function: { name: 'save_QZ110', parameters: SCHEMA } }],
  }),
];

const FORMATS: readonly RequestFixture[] = [
  conversation('format-text', HELLO, { response_format: { type: 'text' } }),
  conversation('format-json-object', HELLO, {
    response_format: { type: 'json_object' },
    rows: { '`response_format` json_object': 'response_format' },
  }),
  conversation('format-json-schema', HELLO, {
    response_format: jsonSchema('person_QZ139', SCHEMA),
    rows: { '`response_format` json_schema': 'response_format' },
  }),
  conversation('format-recursive-schema', HELLO, {
    response_format: jsonSchema('list_QZ142', RECURSIVE),
    rows: { 'the same, with recursion': 'response_format' },
  }),
  conversation('format-schema-with-tools', HELLO, {
    tools: TOOLS,
    response_format: jsonSchema('person_QZ139', SCHEMA),
    rows: { 'the same, beside tools': 'response_format' },
  }),
];

const THINKING: readonly RequestFixture[] = [
  field('reasoning-effort', { reasoning_effort: 'low' }),
  field('reasoning-effort-none', { reasoning_effort: 'none' }, []),
  field('thinking-budget', { thinking: { type: 'enabled', budget_tokens: 2345 } }),
  conversation(
    'thinking-blocks',
    [
      ...HELLO,
      {
        role: 'assistant',
        content: 'Rain QZ104',
        reasoning_content: 'I think QZ105',
        thinking_blocks: [{ type: 'thinking', thinking: 'I think QZ105', signature: 'EqQBCgIYQZ106AAAAAAA' }],
      },
      text('And now? QZ107'),
    ],
    { rows: { '`thinking_blocks` of the history': 'messages[1].thinking_blocks' } },
  ),
  conversation(
    'reasoning-content',
    [
      ...HELLO,
      { role: 'assistant', content: 'Rain QZ104', reasoning_content: 'I think QZ105' },
      text('And now? QZ107'),
    ],
    {
      rows: { '`reasoning_content` of the history': 'messages[1].reasoning_content' },
    },
  ),
  conversation(
    'refusal-in-history',
    [...HELLO, { role: 'assistant', content: null, refusal: 'I will not QZ105' }, text('And now? QZ107')],
    {
      rows: { '`refusal` of the history': 'messages[1].refusal' },
    },
  ),
  conversation(
    'annotations-in-history',
    [
      ...HELLO,
      {
        role: 'assistant',
        content: 'Rain QZ104',
        annotations: [
          {
            type: 'url_citation',
            url_citation: { url: 'https://example.com/QZ105', title: 'QZ106', start_index: 0, end_index: 4 },
          },
        ],
      },
      text('And now? QZ107'),
    ],
    { rows: { '`annotations` of the history': 'messages[1].annotations' } },
  ),
];

const FIELDS: readonly RequestFixture[] = [
  field('temperature', { temperature: 0.4711 }),
  field('top-p', { top_p: 0.9613 }),
  field('top-k', { top_k: 4711 }),
  field('max-tokens', { max_tokens: 4711 }),
  field('max-completion-tokens', { max_completion_tokens: 4711 }),
  field('stop-text', { stop: 'END QZ104' }, []),
  field('stop-list', { stop: ['END QZ104', 'STOP QZ105'] }, ['stop']),
  field('penalties', { presence_penalty: 0.4711, frequency_penalty: 0.8113 }),
  field('seed', { seed: 4711 }),
  field('logprobs', { logprobs: true, top_logprobs: 3 }),
  field('logit-bias', { logit_bias: { '50256': -100 } }),
  field('n-one', { n: 1 }, []),
  field('n-two', { n: 2 }, ['n']),
  field('user', { user: 'user-QZ104' }),
  field('service-tier', { service_tier: 'flex' }),
  field('service-tier-default', { service_tier: 'default' }, []),
  field('verbosity', { verbosity: 'low' }),
  field('prediction', { prediction: { type: 'content', content: 'Known QZ104' } }),
  field('sound-out', { modalities: ['text', 'audio'], audio: { voice: 'alloy_QZ104', format: 'wav' } }),
  field('web-search', { web_search_options: { search_context_size: 'low' } }),
  field(
    'web-search-place',
    {
      web_search_options: {
        user_location: { type: 'approximate', approximate: { city: 'Köln QZ104', country: 'DE' } },
      },
    },
    [],
  ),
  field('store', { store: true }),
  field('prompt-cache', { prompt_cache_key: 'QZ104', prompt_cache_retention: '24h' }),
  field('safety-identifier', { safety_identifier: 'QZ104' }),
  field('metadata', { metadata: { note: 'QZ104' } }, []),
  field('stream', { stream: true, stream_options: { include_usage: true } }, []),
  field('unknown-field', { new_parameter_QZ105: { deep: ['QZ104'] } }, []),
  field('extra-body', { extra_body: { new_parameter_QZ105: 'QZ104' } }),
  field('extra-headers', { extra_headers: { 'x-mine': 'QZ104' } }),
];

export const REQUEST_FIXTURES: readonly RequestFixture[] = [
  ...MESSAGES,
  ...TOOL_USE,
  ...FORMATS,
  ...THINKING,
  ...FIELDS,
];

/** What the gateway keeps to itself: it takes them out before an adapter sees the request. */
export const KEPT_BACK: readonly string[] = ['metadata'];
