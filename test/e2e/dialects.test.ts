/**
 * Every dialect of its own behind the real program and OpenAI's client in front: what its stream helper puts together is the
 * message that the whole answer holds. Providers of the registry that do not speak OpenAI's dialect are here by themselves.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { type Gateway, startGateway, UPSTREAM_KEY } from '../support/gateway.ts';
import { type Sample, samples, speaksOpenAi } from '../support/provider-samples.ts';
import { framedAs } from '../support/stream-parts.ts';
import { type Behaviour, startUpstream, type Upstream } from '../support/upstream.ts';

const OWN = samples.filter((sample) => !speaksOpenAi(sample) || sample.adapter.framing !== undefined);
const CASES = OWN.flatMap((sample) =>
  sample.recordings.flatMap(({ name, whole, events }) =>
    whole !== undefined && events !== undefined ? [[sample.name, name, { sample, whole, events }] as const] : [],
  ),
);

let upstream: Upstream;
let gateway: Gateway;
let client: OpenAI;

const deploymentOf = ({ name, adapter, model, params, keyParam }: Sample): object => ({
  model_name: name,
  litellm_params: {
    model: `${adapter.id}/${model}`,
    api_base: upstream.origin,
    [keyParam]: UPSTREAM_KEY,
    input_cost_per_token: 1e-6,
    output_cost_per_token: 2e-6,
    ...params,
  },
});

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: { model_list: OWN.map(deploymentOf), router_settings: { num_retries: 0, disable_cooldowns: true } },
  });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  expect(await gateway?.stop()).toBe(0);
  await upstream?.stop();
});

const typeOf = (framing = 'sse'): string => {
  if (framing.startsWith('aws-')) return 'application/vnd.amazon.eventstream';
  return framing === 'ndjson' ? 'application/x-ndjson' : 'text/event-stream';
};

/** Cut in places where nobody would. */
function streamOf({ adapter }: Sample, events: readonly string[]): Behaviour {
  const headers = { 'content-type': typeOf(adapter.framing) };
  return { body: framedAs(adapter, events), headers, splitAt: [1, 7, 311, 402, 913] };
}

const messages = [{ role: 'user' as const, content: 'Greet me' }];

/** What OpenAI's types know, and what this gateway's answers have beside it. */
type Completion = Awaited<ReturnType<typeof client.chat.completions.create>> & OpenAI.ChatCompletion;
type Extra = { readonly reasoning_content?: string; readonly annotations?: readonly unknown[] };

function saidIn({ choices, usage }: Completion, { tellsUsage }: Sample) {
  return {
    choices: choices.map(({ index, finish_reason, message }) => ({
      index,
      finish_reason,
      role: message.role,
      content: message.content ?? '',
      refusal: message.refusal ?? null,
      annotations: (message as Extra).annotations ?? [],
      calls: (message.tool_calls ?? []).map(
        (call) => call.type === 'function' && [call.function.name, JSON.parse(call.function.arguments)],
      ),
      ids: new Set((message.tool_calls ?? []).map(({ id }) => id)).size,
    })),
    usage: tellsUsage && [usage?.prompt_tokens, usage?.completion_tokens, usage?.total_tokens],
  };
}

test('there are several, each with recordings in both forms', () => {
  expect(OWN.length).toBeGreaterThan(5);
  for (const { name } of OWN) expect(CASES.map(([own]) => own)).toContain(name);
});

describe.each(CASES)('%s, "%s"', (model, _, { sample, whole, events }) => {
  test('is the same message whole and put together from its stream', async () => {
    upstream.behave = () => ({ body: whole });
    const answer = await client.chat.completions.create({ model, messages });
    upstream.behave = () => streamOf(sample, events);
    const runner = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
    // The helper keeps the last piece of a field that it does not know: reasoning is for the client to join.
    let reasoning = '';
    runner.on('chunk', ({ choices: [choice] }) => {
      reasoning += (choice?.delta as Extra | undefined)?.reasoning_content ?? '';
    });
    const rebuilt = await runner.finalChatCompletion();
    expect(saidIn(rebuilt, sample)).toEqual(saidIn(answer, sample));
    expect(reasoning).toBe((answer.choices[0]?.message as Extra | undefined)?.reasoning_content ?? '');
    expect([rebuilt.model, answer.model]).toEqual([model, model]);
    expect(answer.choices[0]?.message.content || answer.choices[0]?.message.tool_calls).toBeTruthy();
  });

  test('that breaks off is an error for the client, and no end', async () => {
    upstream.behave = () => streamOf(sample, events.slice(0, Math.ceil(events.length / 3)));
    const runner = client.chat.completions.stream({ model, messages });
    const outcome = await runner.finalChatCompletion().then(
      ({ choices }) => `ended with ${choices[0]?.finish_reason}`,
      (error: unknown) => (error instanceof Error ? 'failed' : 'threw'),
    );
    expect(outcome).toBe('failed');
  });
});

describe.each(OWN.map((sample) => [sample.name, sample] as const))('%s', (model, sample) => {
  test('hears its key in one header, and nothing of the client that is not in the request', async () => {
    upstream.behave = () => ({ status: 500, body: { error: { message: 'enough' } } });
    const before = upstream.requests.length;
    const answer = await gateway.ask({ model, messages, metadata: { team: 'blue' }, user: 'me' }, { cookie: 'a=b' });
    expect(answer.status).toBeGreaterThanOrEqual(500);
    const [seen, ...more] = upstream.requests.slice(before);
    expect(more).toEqual([]);
    const sent = JSON.stringify([seen?.headers, seen?.path, seen?.text]);
    // A secret that signs is not sent.
    expect(sent.split(UPSTREAM_KEY).length).toBe(sample.keyParam.includes('secret') ? 1 : 2);
    for (const secret of [gateway.masterKey, 'blue', 'a=b']) expect(sent).not.toContain(secret);
  });

  test('that repeats its key in a refusal gives it away to nobody', async () => {
    upstream.behave = () => ({
      status: 401,
      body: { error: { message: `bad ${UPSTREAM_KEY}` }, message: UPSTREAM_KEY },
    });
    const text = await (await gateway.ask({ model, messages })).text();
    expect(text).toContain('error');
    expect(text + gateway.logs()).not.toContain(UPSTREAM_KEY);
  });
});
