/**
 * Fakes of providers that think, sign what they thought, call two tools at once, then one, then answer. Each holds the
 * requests it gets against its own API's rules and says what was wrong with one, as the real API would.
 */
import { eventFrames } from './event-stream.ts';
import { type JsonObject, listOf, objectOf } from './loose-json.ts';
import type { Behaviour, SeenRequest } from './upstream.ts';

export interface LoopProvider {
  /** Of `litellm_params.model`. */
  readonly model: string;
  readonly params: (origin: string) => JsonObject;
  /** Asks it to think. */
  readonly request: JsonObject;
  behave(request: SeenRequest): Behaviour;
  /** What the model itself has said in the conversation, turn by turn, as this provider had it. */
  ownTurns(body: JsonObject): readonly unknown[];
  /** What it says in a turn, as it must come back. */
  readonly said: readonly unknown[];
  /** Results by the ids or names of their calls, in the order of the turn after the first. */
  resultsOf(body: JsonObject): readonly unknown[];
}

const refused = (message: string): Behaviour => ({
  status: 400,
  body: { error: { type: 'invalid_request_error', message, code: 400 }, message, type: 'error' },
});

/** Base64 with everything that such texts have, so that a change of one character shows. */
const signature = (turn: number): string =>
  Buffer.from(`signature of turn ${turn} ÿ\u0000${'x+/'.repeat(40)}`).toString('base64');

const CITY = { city: 'Köln', note: 'a "quoted" \\ text\n👋' };
const ZONE = { zone: 'Europe/Berlin', days: [1, 2.5, 10] };
const MORE = {};

// Anthropic

const thinking = (turn: number): JsonObject => ({
  type: 'thinking',
  thinking: `Thought ${turn}: ü 👋\n"`,
  signature: signature(turn),
});
const toolUse = (id: string, name: string, input: object): JsonObject => ({ type: 'tool_use', id, name, input });
const CLAUDE_TURNS: readonly (readonly JsonObject[])[] = [
  [
    thinking(1),
    { type: 'redacted_thinking', data: signature(9) },
    { type: 'text', text: 'Let me look.' },
    toolUse('toolu_A1', 'get_weather', CITY),
    toolUse('toolu_B2', 'get_time', ZONE),
  ],
  [thinking(2), toolUse('toolu_C3', 'get_more', MORE)],
  [thinking(3), { type: 'text', text: 'It rains.' }],
];

function claudeWhole(turn: number): JsonObject {
  const content = CLAUDE_TURNS[turn] ?? [];
  const stop_reason = turn === 2 ? 'end_turn' : 'tool_use';
  const head = { id: `msg_${turn}`, type: 'message', role: 'assistant', model: 'claude', stop_sequence: null };
  return { ...head, content, stop_reason, usage: { input_tokens: 10, output_tokens: 20 } };
}

function claudeEvents(turn: number): JsonObject[] {
  const { content, stop_reason, usage, ...head } = claudeWhole(turn);
  const blocks = listOf(content).flatMap((block, index) => {
    const { thinking: thought, signature: signed, text, input, ...rest } = block;
    const delta = (of: JsonObject): JsonObject => ({ type: 'content_block_delta', index, delta: of });
    const empty = {
      ...(thought !== undefined && { thinking: '', signature: '' }),
      ...(text !== undefined && { text: '' }),
    };
    return [
      {
        type: 'content_block_start',
        index,
        content_block: { ...rest, ...empty, ...(input !== undefined && { input: {} }) },
      },
      ...pieces(thought).map((piece) => delta({ type: 'thinking_delta', thinking: piece })),
      ...(signed === undefined ? [] : [delta({ type: 'signature_delta', signature: signed })]),
      ...pieces(text).map((piece) => delta({ type: 'text_delta', text: piece })),
      ...pieces(input === undefined || input === MORE ? undefined : JSON.stringify(input)).map((piece) =>
        delta({ type: 'input_json_delta', partial_json: piece }),
      ),
      { type: 'content_block_stop', index },
    ];
  });
  return [
    { type: 'message_start', message: { ...head, content: [], stop_reason: null, usage } },
    ...blocks,
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ];
}

function pieces(text: unknown): string[] {
  const whole = typeof text === 'string' ? [...text] : [];
  const half = Math.ceil(whole.length / 2);
  return [whole.slice(0, half).join(''), whole.slice(half).join('')].filter((piece) => piece !== '');
}

/** Every call is followed at once by its results, and by nothing before them; what was thought before a call is there. */
function claudeRule(messages: readonly JsonObject[], isThinking: boolean): string | undefined {
  for (const [at, { role, content }] of messages.entries()) {
    const calls = listOf(content).filter(({ type }) => type === 'tool_use');
    const results = new Set(listOf(messages[at + 1]?.['content']).map(({ tool_use_id: id }) => id));
    if (calls.some(({ id }) => !results.has(id))) return '`tool_use` ids were found without `tool_result` blocks';
    const first = listOf(content)[0]?.['type'];
    const mustThink = isThinking && role === 'assistant' && calls.length > 0;
    if (mustThink && first !== 'thinking') return `Expected \`thinking\`, but found \`${String(first)}\``;
    if (at > 0 && messages[at - 1]?.['role'] === role) return 'roles must alternate';
  }
  return undefined;
}

const ofRole = (messages: unknown, role: string): JsonObject[] =>
  listOf(messages).filter((one) => one['role'] === role);

export const anthropicLoop: LoopProvider = {
  model: 'anthropic/claude-sonnet-4-5',
  params: (origin) => ({ api_base: origin, api_key: 'k' }),
  request: { thinking: { type: 'enabled', budget_tokens: 1_024 }, max_tokens: 4_000 },
  behave({ body }) {
    const messages = listOf(body['messages']);
    const wrong = claudeRule(messages, objectOf(body['thinking'])['type'] === 'enabled');
    if (wrong !== undefined) return refused(wrong);
    const turn = ofRole(messages, 'assistant').length;
    if (body['stream'] !== true) return { body: claudeWhole(turn) };
    const text = claudeEvents(turn).map(
      (event) => `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`,
    );
    return { headers: { 'content-type': 'text/event-stream' }, body: text.join('') };
  },
  ownTurns: (body) => ofRole(body['messages'], 'assistant').map(({ content }) => content),
  said: CLAUDE_TURNS,
  resultsOf: (body) => listOf(ofRole(body['messages'], 'user')[1]?.['content']).map(({ tool_use_id: id }) => id),
};

// Bedrock

const reasoning = (turn: number): JsonObject => ({
  reasoningContent: { reasoningText: { text: `Thought ${turn}: ü 👋\n"`, signature: signature(turn) } },
});
const bedrockUse = (toolUseId: string, name: string, input: object): JsonObject => ({
  toolUse: { toolUseId, name, input },
});
const NOVA_TURNS: readonly (readonly JsonObject[])[] = [
  [
    reasoning(1),
    { reasoningContent: { redactedContent: signature(9) } },
    { text: 'Let me look.' },
    bedrockUse('tooluse_A1', 'get_weather', CITY),
    bedrockUse('tooluse_B2', 'get_time', ZONE),
  ],
  [reasoning(2), bedrockUse('tooluse_C3', 'get_more', MORE)],
  [reasoning(3), { text: 'It rains.' }],
];

const converseWhole = (turn: number): JsonObject => ({
  output: { message: { role: 'assistant', content: NOVA_TURNS[turn] } },
  stopReason: turn === 2 ? 'end_turn' : 'tool_use',
  usage: { inputTokens: 10, outputTokens: 20, totalTokens: 30 },
});

function converseEvents(turn: number): JsonObject[] {
  const blocks = (NOVA_TURNS[turn] ?? []).flatMap((block, contentBlockIndex) => {
    const delta = (of: JsonObject): JsonObject => ({ contentBlockDelta: { contentBlockIndex, delta: of } });
    const thought = objectOf(block['reasoningContent']);
    const { text, signature: signed } = objectOf(thought['reasoningText']);
    const { input, ...use } = objectOf(block['toolUse']);
    return [
      ...(block['toolUse'] === undefined
        ? []
        : [{ contentBlockStart: { contentBlockIndex, start: { toolUse: use } } }]),
      ...pieces(text).map((piece) => delta({ reasoningContent: { text: piece } })),
      ...(signed === undefined ? [] : [delta({ reasoningContent: { signature: signed } })]),
      ...(thought['redactedContent'] === undefined ? [] : [delta({ reasoningContent: thought })]),
      ...pieces(block['text']).map((piece) => delta({ text: piece })),
      ...pieces(input === undefined || input === MORE ? undefined : JSON.stringify(input)).map((piece) =>
        delta({ toolUse: { input: piece } }),
      ),
      { contentBlockStop: { contentBlockIndex } },
    ];
  });
  const { stopReason, usage } = converseWhole(turn);
  return [{ messageStart: { role: 'assistant' } }, ...blocks, { messageStop: { stopReason } }, { metadata: { usage } }];
}

export const bedrockLoop: LoopProvider = {
  model: 'bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0',
  params: (origin) => ({ aws_bedrock_runtime_endpoint: origin, api_key: 'k', aws_region_name: 'us-east-1' }),
  request: { thinking: { type: 'enabled', budget_tokens: 1_024 }, max_tokens: 4_000 },
  behave({ body, path }) {
    const turn = ofRole(body['messages'], 'assistant').length;
    if (!path.endsWith('-stream')) return { body: converseWhole(turn) };
    const events = converseEvents(turn).map((event) => JSON.stringify(event));
    return { headers: { 'content-type': 'application/vnd.amazon.eventstream' }, body: eventFrames(events) };
  },
  ownTurns: (body) => ofRole(body['messages'], 'assistant').map(({ content }) => content),
  said: NOVA_TURNS,
  resultsOf: (body) =>
    listOf(ofRole(body['messages'], 'user')[1]?.['content']).map(({ toolResult }) => objectOf(toolResult)['toolUseId']),
};

// Gemini

const functionCall = (name: string, args: object, signed?: string): JsonObject => ({
  functionCall: { name, args },
  ...(signed !== undefined && { thoughtSignature: signed }),
});
/** What was thought is told, and only its signature is to come back. */
const GEMINI_TURNS: readonly (readonly JsonObject[])[] = [
  [functionCall('get_weather', CITY, signature(1)), functionCall('get_time', ZONE)],
  [functionCall('get_more', MORE, signature(2))],
  [{ text: 'It rains.', thoughtSignature: signature(3) }],
];

export const geminiLoop: LoopProvider = {
  model: 'gemini/gemini-3-pro-preview',
  params: (origin) => ({ api_base: origin, api_key: 'k' }),
  request: { reasoning_effort: 'high' },
  behave({ body, path }) {
    const turns = ofRole(body['contents'], 'model');
    const answer = (parts: readonly JsonObject[], finishReason?: string): JsonObject => ({
      candidates: [
        { content: { role: 'model', parts }, index: 0, ...(finishReason !== undefined && { finishReason }) },
      ],
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 20, thoughtsTokenCount: 5, totalTokenCount: 35 },
    });
    const first = turns.map(({ parts }) => listOf(parts).find((part) => part['functionCall'] !== undefined));
    if (first.some((part) => part && part['thoughtSignature'] === undefined)) {
      return refused('Function call is missing a thought_signature in functionCall parts.');
    }
    const thought = { text: `Thought ${turns.length + 1}: ü 👋\n"`, thought: true };
    const parts = GEMINI_TURNS[turns.length] ?? [];
    if (!path.includes('stream')) return { body: answer([thought, ...parts], 'STOP') };
    const events = [answer([thought]), ...parts.map((part) => answer([part])), answer([{ text: '' }], 'STOP')];
    return { events: events.map((event) => JSON.stringify(event)) };
  },
  ownTurns: (body) =>
    ofRole(body['contents'], 'model').map(({ parts }) =>
      listOf(parts)
        .filter((part) => part['thought'] !== true)
        .map(({ functionCall: call, ...rest }) => {
          const { id: _, ...made } = objectOf(call);
          return call === undefined ? rest : { functionCall: made, ...rest };
        }),
    ),
  said: GEMINI_TURNS,
  resultsOf: (body) =>
    listOf(ofRole(body['contents'], 'user')[1]?.['parts']).map((part) => objectOf(part['functionResponse'])['name']),
};

// OpenAI

const openAiCall = (id: string, name: string, args: object): JsonObject => ({
  ...{ id, type: 'function', function: { name, arguments: JSON.stringify(args) } },
});
const GPT_TURNS: readonly JsonObject[] = [
  {
    ...{ role: 'assistant', content: null },
    tool_calls: [openAiCall('call_A1', 'get_weather', CITY), openAiCall('call_B2', 'get_time', ZONE)],
  },
  { role: 'assistant', content: null, tool_calls: [openAiCall('call_C3', 'get_more', MORE)] },
  { role: 'assistant', content: 'It rains.' },
];
/** The last two are what servers of one's own take that speak this dialect, and what OpenAI's client adds. */
const MESSAGE_FIELDS = new Set([
  ...['role', 'content', 'name', 'tool_calls', 'tool_call_id', 'refusal', 'audio', 'annotations'],
  ...['reasoning_content', 'parsed'],
]);
const CALL_FIELDS = new Set(['id', 'type', 'function']);
const MAX_ID_CHARS = 40;

/** Strict: unknown members of messages, ids that are too long and results out of place are refused. */
export function openAiRule(messages: readonly JsonObject[]): string | undefined {
  return messages.map(openAiMessageRule).find((wrong) => wrong !== undefined) ?? openAiOrderRule(messages);
}

function openAiMessageRule(message: JsonObject): string | undefined {
  const calls = listOf(message['tool_calls']);
  const odd =
    Object.keys(message).find((name) => !MESSAGE_FIELDS.has(name)) ??
    calls.flatMap((call) => Object.keys(call)).find((name) => !CALL_FIELDS.has(name));
  if (odd !== undefined) return `Additional properties are not allowed ('${odd}' was unexpected)`;
  const isTooLong = calls.some(({ id }) => String(id).length > MAX_ID_CHARS);
  return isTooLong ? `string too long. Expected a string with maximum length ${MAX_ID_CHARS}` : undefined;
}

function openAiOrderRule(messages: readonly JsonObject[]): string | undefined {
  let open = new Set<unknown>();
  for (const message of messages) {
    const isResult = message['role'] === 'tool';
    if (isResult && !open.delete(message['tool_call_id'])) return 'tool messages must answer preceding tool_calls';
    if (!isResult && open.size > 0) return 'tool_calls must be followed by tool messages';
    if (!isResult) open = new Set(listOf(message['tool_calls']).map(({ id }) => id));
  }
  return open.size > 0 ? 'tool_calls must be followed by tool messages' : undefined;
}

export const openAiLoop: LoopProvider = {
  model: 'openai/gpt-4o',
  params: (origin) => ({ api_base: `${origin}/v1`, api_key: 'k' }),
  request: {},
  behave({ body }) {
    const messages = listOf(body['messages']);
    const wrong = openAiRule(messages);
    if (wrong !== undefined) return refused(wrong);
    const turn = ofRole(messages, 'assistant').length;
    const message = GPT_TURNS[turn] ?? {};
    const finish_reason = turn === 2 ? 'stop' : 'tool_calls';
    const head = { id: `chatcmpl-${turn}`, created: 1, model: 'gpt-4o' };
    const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };
    const choices = [{ index: 0, message, finish_reason, logprobs: null }];
    if (body['stream'] !== true) return { body: { ...head, object: 'chat.completion', choices, usage } };
    const chunk = (delta: object, finish: string | null = null): JsonObject => ({
      ...{ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] },
    });
    const calls = listOf(message['tool_calls']).map((call, index) => chunk({ tool_calls: [{ index, ...call }] }));
    const { tool_calls: _, ...rest } = message;
    const events = [chunk(rest), ...calls, chunk({}, finish_reason), { ...head, choices: [], usage }];
    return { events: events.map((event) => JSON.stringify(event)) };
  },
  ownTurns: (body) => ofRole(body['messages'], 'assistant'),
  said: GPT_TURNS,
  resultsOf: (body) => ofRole(body['messages'], 'tool').map(({ tool_call_id: id }) => id),
};
