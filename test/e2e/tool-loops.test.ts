/**
 * Conversations with tools across the running program: what a model thought and signed comes back to it byte for byte,
 * whatever the client is, and another provider can take over in the middle of one.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { type JsonObject, listOf, objectOf } from '../support/loose-json.ts';
import { streamed } from '../support/sse.ts';
import {
  anthropicLoop,
  bedrockLoop,
  geminiLoop,
  type LoopProvider,
  openAiLoop,
} from '../support/tool-loop-providers.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const PROVIDERS: Readonly<Record<string, LoopProvider>> = {
  anthropic: anthropicLoop,
  bedrock: bedrockLoop,
  gemini: geminiLoop,
  openai: openAiLoop,
};
const NAMES = Object.keys(PROVIDERS);

let upstreams: Readonly<Record<string, Upstream>>;
/** Providers that are down. */
const down = new Set<string>();
let gateway: Gateway;
let client: OpenAI;

beforeAll(async () => {
  const started = NAMES.map(async (name) => {
    const upstream = await startUpstream((request) =>
      down.has(name) ? { status: 503, body: { error: { message: 'down' } } } : PROVIDERS[name]?.behave(request),
    );
    return [name, upstream] as const;
  });
  upstreams = Object.fromEntries(await Promise.all(started));
  const model_list = NAMES.map((name) => {
    const { model = '', params } = PROVIDERS[name] ?? {};
    return {
      model_name: name,
      litellm_params: { model, drop_params: true, ...params?.(upstreams[name]?.origin ?? '') },
    };
  });
  const pairs = NAMES.flatMap((from) => NAMES.filter((to) => to !== from).map((to) => [from, to] as const));
  const aliases = pairs.map(([from, to]) => ({ ...model_list[NAMES.indexOf(from)], model_name: `${from}-or-${to}` }));
  const fallbacks = pairs.map(([from, to]) => ({ [`${from}-or-${to}`]: [to] }));
  const router_settings = { num_retries: 0, disable_cooldowns: true, fallbacks };
  gateway = await startGateway({ config: { model_list: [...model_list, ...aliases], router_settings } });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all(Object.values(upstreams ?? {}).map((upstream) => upstream.stop()));
});
beforeEach(() => {
  down.clear();
  for (const upstream of Object.values(upstreams)) upstream.requests.length = 0;
});

const tools = ['get_weather', 'get_time', 'get_more'].map((name) => ({
  type: 'function' as const,
  function: { name, parameters: { type: 'object', properties: {}, additionalProperties: true } },
}));

type Ask = (body: JsonObject) => Promise<JsonObject>;

async function answered(response: Response): Promise<Response> {
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response;
}

/** As a plain client joins what it gets: texts are appended, calls by their number, anything else replaces. */
function joined(message: Record<string, unknown>, { role: _, tool_calls: calls, ...delta }: JsonObject): void {
  for (const [name, value] of Object.entries(delta)) {
    message[name] = typeof value === 'string' ? `${String(message[name] ?? '')}${value}` : value;
  }
  for (const piece of listOf(calls)) joinCall(message, piece);
}

function joinCall(message: Record<string, unknown>, { index, function: made, ...rest }: JsonObject): void {
  const calls = [...listOf(message['tool_calls'])];
  const call = objectOf(calls[Number(index)]);
  const [known, piece] = [objectOf(call['function']), objectOf(made)];
  const text = `${String(known['arguments'] ?? '')}${String(piece['arguments'] ?? '')}`;
  calls[Number(index)] = { ...call, ...rest, function: { ...known, ...piece, arguments: text } };
  message['tool_calls'] = calls;
}

const CLIENTS: Readonly<Record<string, Ask>> = {
  'a plain client': async (body) => {
    const answer = objectOf(await (await answered(await gateway.ask(body))).json());
    return objectOf(listOf(answer['choices'])[0]?.['message']);
  },
  'a plain client that streams': async (body) => {
    const { chunks, isDone, error } = await streamed(await answered(await gateway.ask({ ...body, stream: true })));
    expect([isDone, error]).toEqual([true, undefined]);
    const message: Record<string, unknown> = {};
    for (const chunk of chunks) for (const choice of chunk.choices ?? []) joined(message, objectOf(choice.delta));
    return { content: null, ...message };
  },
  'OpenAI’s client': async (body) => {
    const asked = body as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    return objectOf((await client.chat.completions.create(asked)).choices[0]?.message);
  },
  'OpenAI’s client that streams': async (body) => {
    const asked = body as unknown as OpenAI.ChatCompletionCreateParamsStreaming;
    const stream = client.chat.completions.stream({ ...asked, stream: true });
    return objectOf((await stream.finalChatCompletion()).choices[0]?.message);
  },
};

/** What a client keeps that knows OpenAI's own members only. */
function bare({ role = 'assistant', content = null, tool_calls: calls }: JsonObject): JsonObject {
  const kept = listOf(calls).map(({ id, type, function: made }) => {
    const { name, arguments: text } = objectOf(made);
    return { id, type, function: { name, arguments: text } };
  });
  return { role, content, ...(kept.length > 0 && { tool_calls: kept }) };
}

/** Results in the wrong order, which every client library allows. */
const resultsFor = (message: JsonObject): JsonObject[] =>
  listOf(message['tool_calls'])
    .map(({ id }, at) => ({ role: 'tool', tool_call_id: id, content: `{"result":${at}}` }))
    .reverse();

interface Loop {
  readonly models: readonly [string, string, string];
  readonly ask: Ask;
  readonly keep?: (message: JsonObject) => JsonObject;
  readonly request?: JsonObject;
}

/** Three turns; the last message. */
async function loop({ models, ask, keep = (message) => message, request = {} }: Loop): Promise<JsonObject> {
  const messages: JsonObject[] = [{ role: 'user', content: 'How is it?' }];
  let last: JsonObject = {};
  for (const model of models) {
    last = await ask({ model, messages, tools, ...request });
    messages.push(keep({ role: 'assistant', ...last }), ...resultsFor(last));
  }
  return last;
}

const lastBody = (name: string): JsonObject => upstreams[name]?.requests.at(-1)?.body ?? {};

describe.each(['anthropic', 'bedrock', 'gemini'])('%s', (name) => {
  const provider = PROVIDERS[name] as LoopProvider;
  const models = [name, name, name] as const;

  test.each(Object.keys(CLIENTS))('thinks on with %s: what it said comes back byte for byte', async (how) => {
    const ask = CLIENTS[how] as Ask;
    const last = await loop({ models, ask, request: provider.request });
    expect(last['content']).toBe('It rains.');
    expect(upstreams[name]?.requests).toHaveLength(3);
    const body = lastBody(name);
    expect(JSON.stringify(provider.ownTurns(body))).toBe(JSON.stringify(provider.said.slice(0, 2)));
    // Both results, whatever their order was, before anything else.
    expect(provider.resultsOf(body)).toHaveLength(2);
    expect(body['thinking'] ?? objectOf(body['additionalModelRequestFields'])['thinking']).toEqual(
      provider.request['thinking'],
    );
  });

  test.each(Object.keys(CLIENTS))('goes on with %s, though it forgets what it does not know', async (how) => {
    const last = await loop({ models, ask: CLIENTS[how] as Ask, keep: bare, request: provider.request });
    expect(last['content']).toBe('It rains.');
  });
});

const PAIRS = [
  ['gemini', 'openai'],
  ['anthropic', 'openai'],
  ['openai', 'anthropic'],
  ['bedrock', 'gemini'],
  ['gemini', 'anthropic'],
  ['openai', 'gemini'],
] as const;

describe.each(PAIRS)('%s fails and %s takes over', (from, to) => {
  const model = `${from}-or-${to}`;
  const request = PROVIDERS[from]?.request ?? {};

  async function takenOver(ask: Ask): Promise<JsonObject> {
    const messages: JsonObject[] = [{ role: 'user', content: 'How is it?' }];
    const first = await ask({ model, messages, tools, ...request });
    messages.push({ role: 'assistant', ...first }, ...resultsFor(first));
    down.add(from);
    const second = await ask({ model, messages, tools, ...request });
    messages.push({ role: 'assistant', ...second }, ...resultsFor(second));
    down.delete(from);
    return ask({ model, messages, tools, ...request });
  }

  test.each(Object.keys(CLIENTS))('in the middle of a conversation of %s, and gives it back', async (how) => {
    const last = await takenOver(CLIENTS[how] as Ask);
    expect(last['content']).toBe('It rains.');
    const [stepIn] = upstreams[to]?.requests ?? [];
    expect(upstreams[to]?.requests).toHaveLength(1);
    const text = stepIn?.text ?? '';
    // Signatures are nobody else's business.
    expect(text).not.toMatch(/__thought__|extra_content|provider_specific_fields|thinking_blocks/);
    for (const turn of [1, 2, 9]) expect(text).not.toContain(signatureOf(turn));
    expect(PROVIDERS[to]?.resultsOf(stepIn?.body ?? {})).toHaveLength(2);
    expect(text).toContain('Köln');
  });
});

/** As the fakes make them: every signature begins so. */
const signatureOf = (turn: number): string => Buffer.from(`signature of turn ${turn} `).toString('base64').slice(0, 20);
