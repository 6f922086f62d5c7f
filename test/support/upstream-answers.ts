/** What OpenAI would answer to a chat request: whole, or as a stream's events. Source: OpenAI API reference, "Chat completions". */

type Json = Readonly<Record<string, unknown>>;

export interface ToolCall {
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

export interface Saying {
  /** What the model says; made up from the request when absent. */
  readonly content?: string;
  readonly toolCalls?: readonly ToolCall[];
  /** In place of the honest token counts; `null` leaves usage out. */
  readonly usage?: unknown;
  readonly finishReason?: string;
}

interface Answer {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly content: string | null;
  readonly toolCalls: readonly ToolCall[];
  readonly usage: unknown;
  readonly finishReason: string;
}

const FINGERPRINT = 'fp_44709d6fcb';

/** The whole answer's body. */
export function completion(request: Json, saying: Saying, serial: number): Json {
  const answer = answerTo(request, saying, serial);
  const { content, toolCalls, finishReason } = answer;
  return {
    id: answer.id,
    object: 'chat.completion',
    created: answer.created,
    model: answer.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content,
          ...(toolCalls.length > 0 && {
            tool_calls: toolCalls.map((call, at) => ({ id: callId(serial, at), type: 'function', function: call })),
          }),
          refusal: null,
          annotations: [],
        },
        logprobs: null,
        finish_reason: finishReason,
      },
    ],
    ...(answer.usage !== null && { usage: answer.usage }),
    service_tier: 'default',
    system_fingerprint: FINGERPRINT,
  };
}

/** `data` of each event, the usage event only when it was asked for, `[DONE]` last. */
export function completionEvents(request: Json, saying: Saying, serial: number): string[] {
  const answer = answerTo(request, saying, serial);
  const options = request['stream_options'];
  const wantsUsage = isJson(options) && options['include_usage'] === true && answer.usage !== null;
  const chunk = (choices: readonly Json[], usage: unknown = null): string =>
    JSON.stringify({
      id: answer.id,
      object: 'chat.completion.chunk',
      created: answer.created,
      model: answer.model,
      service_tier: 'default',
      system_fingerprint: FINGERPRINT,
      choices,
      ...(wantsUsage && { usage }),
      obfuscation: 'k3Jx9',
    });
  const delta = (content: Json, finishReason: string | null = null): string =>
    chunk([{ index: 0, delta: content, logprobs: null, finish_reason: finishReason }]);

  return [
    ...(answer.toolCalls.length > 0
      ? toolDeltas(answer.toolCalls, serial)
      : [
          { role: 'assistant', content: '', refusal: null },
          ...pieces(answer.content ?? '').map((content) => ({ content })),
        ]
    ).map((content) => delta(content)),
    delta({}, answer.finishReason),
    ...(wantsUsage ? [chunk([], answer.usage)] : []),
    '[DONE]',
  ];
}

function toolDeltas(calls: readonly ToolCall[], serial: number): Json[] {
  return calls.flatMap((call, index) => {
    const open = { index, id: callId(serial, index), type: 'function', function: { name: call.name, arguments: '' } };
    const first = index === 0 ? { role: 'assistant', content: null } : {};
    return [
      { ...first, tool_calls: [open] },
      ...(call.arguments.match(/.{1,6}/gs) ?? []).map((part) => ({
        tool_calls: [{ index, function: { arguments: part } }],
      })),
    ];
  });
}

function answerTo(request: Json, saying: Saying, serial: number): Answer {
  const model = typeof request['model'] === 'string' ? request['model'] : 'gpt-4';
  const toolCalls = saying.toolCalls ?? (saying.content === undefined ? impliedToolCalls(request) : []);
  const content = toolCalls.length > 0 ? null : (saying.content ?? impliedContent(request));
  const said = content ?? toolCalls.map((call) => call.arguments).join('');
  return {
    id: `chatcmpl-Bx${String(serial).padStart(8, '0')}`,
    created: 1_764_000_000 + serial,
    // OpenAI answers with the dated name of the model.
    model: `${model}-0613`,
    content,
    toolCalls,
    usage: saying.usage === undefined ? usageOf(request, said) : saying.usage,
    finishReason: saying.finishReason ?? (toolCalls.length > 0 ? 'tool_calls' : 'stop'),
  };
}

function usageOf(request: Json, said: string): Json {
  const prompt = Math.ceil(JSON.stringify(request['messages'] ?? []).length / 4);
  const output = pieces(said).length;
  return {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** A user's question with tools at hand is answered by a call of the first tool. */
function impliedToolCalls(request: Json): ToolCall[] {
  const { tools, messages } = request;
  const [tool] = Array.isArray(tools) ? tools : [];
  const last = Array.isArray(messages) ? messages.at(-1) : undefined;
  if (!isJson(tool) || !isJson(tool['function']) || last?.role !== 'user' || request['tool_choice'] === 'none')
    return [];
  const { name, parameters } = tool['function'];
  return [{ name: String(name), arguments: JSON.stringify(sampleOf(parameters)) }];
}

function impliedContent(request: Json): string {
  const format = request['response_format'];
  if (isJson(format) && isJson(format['json_schema'])) {
    const { schema } = format['json_schema'];
    return JSON.stringify(sampleOf(schema, isJson(schema) ? schema['$defs'] : undefined));
  }
  const asked = JSON.stringify(request['messages'] ?? '');
  if (asked.includes('Count to 10')) return '1, 2, 3, 4, 5, 6, 7, 8, 9, 10';
  return 'Hello! I am doing well. How can I help you today? — Ünïcode 👋 \\ "quoted"\n';
}

/** A value that fits a JSON schema. */
function sampleOf(schema: unknown, defs?: unknown): unknown {
  if (!isJson(schema)) return {};
  const ref = schema['$ref'];
  if (typeof ref === 'string') return sampleOf(isJson(defs) ? defs[ref.split('/').pop() ?? ''] : {}, defs);
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (isJson(schema['properties'])) {
    return Object.fromEntries(
      Object.entries(schema['properties']).map(([name, inner]) => [name, sampleOf(inner, defs)]),
    );
  }
  if (schema['type'] === 'array') return [sampleOf(schema['items'], defs)];
  const samples: Json = { string: 'New York', integer: 3, number: 1.5, boolean: true };
  return samples[String(schema['type'])] ?? {};
}

/** Cut as tokens often are: a space goes with the word after it. */
const pieces = (text: string): string[] => text.match(/\s?[^\s]+|\s+/gu) ?? [];
const callId = (serial: number, index: number): string => `call_${serial}x${index}Qd7TmPz`;
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
