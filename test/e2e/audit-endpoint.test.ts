/** Sentences of the endpoint's contract that an outside audit found broken, tried on the real program. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [deployment(upstream, 'm', { model: 'openai/up' })],
      router_settings: { num_retries: 0, retry_after: 0 },
    },
  });
});
beforeEach(() => {
  upstream.behave = () => ({});
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const messages = [{ role: 'user', content: 'Hello' }];
const chunk = (rest: string): string =>
  `{"id":"c1","object":"chat.completion.chunk","created":5,"model":"gpt-up","choices":[${rest}]}`;
const delta = (index: number, content: string): string =>
  chunk(`{"index":${index},"delta":{"content":${JSON.stringify(content)}},"finish_reason":null}`);
const finish = (index: number): string => chunk(`{"index":${index},"delta":{},"finish_reason":"stop"}`);

async function streamed(events: readonly string[], body: object = {}): Promise<string> {
  upstream.behave = () => ({ events });
  return (await gateway.ask({ model: 'm', messages, stream: true, ...body })).text();
}

/** The body that the upstream saw. */
async function sent(body: object): Promise<string> {
  const answer = await gateway.ask({ model: 'm', messages, ...body });
  await answer.text();
  expect(answer.status).toBe(200);
  return upstream.requests.at(-1)?.text ?? '';
}

describe('a stream', () => {
  test('of two choices that breaks off after the end of the first has no invented end', async () => {
    const text = await streamed([delta(0, 'a'), delta(1, 'b'), finish(0)], { n: 2 });
    expect(text).not.toContain('[DONE]');
    expect(text).toContain('"error"');
  });

  test('of two choices that both ended needs no [DONE] of the upstream', async () => {
    const text = await streamed([delta(0, 'a'), delta(1, 'b'), finish(0), delta(1, 'c'), finish(1)], { n: 2 });
    expect(text).toEndWith('data: [DONE]\n\n');
    expect(text).not.toContain('"error"');
  });

  test('changes only the model of the chunk itself, not one that stands deeper', async () => {
    const deep =
      '{"route":{"model":"gpt-up"},"id":"c1","model":"gpt-up","choices":[{"index":0,"delta":{"content":"b"}}]}';
    const text = await streamed([delta(0, 'a'), deep, finish(0), '[DONE]']);
    expect(text).toContain(deep.replace('"id":"c1","model":"gpt-up"', '"id":"c1","model":"m"'));
  });

  test('loses nothing but the usage from a chunk that carries it', async () => {
    const usage = '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}';
    const last = (more: string, model: string): string =>
      `{"id":"c1","model":"${model}","big":12345678901234567890,"choices":[{"index":0,"delta":{"content":"\\u00e9"},"finish_reason":"stop"}]${more}}`;
    const text = await streamed([delta(0, 'a'), last(`,${usage}`, 'gpt-up'), '[DONE]']);
    expect(text).toContain(`data: ${last('', 'm')}\n\n`);
  });

  test('may hold a picture in one event', async () => {
    const picture = `data:image/png;base64,${'A'.repeat(3_000_000)}`;
    const text = await streamed([delta(0, picture), finish(0), '[DONE]']);
    expect(text.includes(picture)).toBe(true);
    expect(text).toEndWith('data: [DONE]\n\n');
  });
});

describe('an upstream', () => {
  test.each(['\n', '\r\n'] as const)(
    'that ends its stream before anything was said is an error with its status (%j)',
    async (lineEnd) => {
      upstream.behave = () => ({ events: ['[DONE]'], lineEnd });
      const answer = await gateway.ask({ model: 'm', messages, stream: true });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([502, 'application/json']);
      expect(await answer.text()).toContain('"error"');
    },
  );

  test.each(['close', 'reset'] as const)(
    'that breaks off a whole answer (%s) is not called unreachable',
    async (how) => {
      upstream.behave = () => ({ cut: { after: 30, how } });
      const answer = await gateway.ask({ model: 'm', messages });
      expect(answer.status).toBe(502);
      expect(await answer.json()).toMatchObject({ error: { message: 'The upstream broke off its answer.' } });
    },
  );
});

describe('the body', () => {
  test('loses every key that speaks to the gateway only, whole families too', async () => {
    const own = {
      langfuse_public_key: 'pk',
      langsmith_project: 'p',
      arize_space_id: 's',
      guardrail_scan_id: 'g',
      litellm_params: {},
      user_api_key_hash: 'h',
      input_cost_per_audio_token: 1,
      output_cost_per_reasoning_token: 1,
      attempted_fallbacks: 1,
      search_tool_name: 't',
      vector_store_ids: ['v'],
    };
    const { model: _, ...rest } = JSON.parse(await sent({ ...own, user: 'u' }));
    expect(rest).toEqual({ messages, user: 'u' });
  });

  test('gets the members of extra_body as they were written', async () => {
    const answer = await gateway.ask(
      '{"model":"m","messages":[{"role":"user","content":"x"}],"extra_body":{"big":12345678901234567890,"e": "\\u00e9","model":"other"},"last":1.0}',
    );
    await answer.text();
    expect(upstream.requests.at(-1)?.text).toBe(
      '{"model":"up","messages":[{"role":"user","content":"x"}],"last":1.0,"big":12345678901234567890,"e":"\\u00e9"}',
    );
  });

  test.each([{ max_tokens: -1 }, { reasoning_effort: 4096 }])(
    'may hold what some upstream accepts: %j',
    async (given) => {
      expect(JSON.parse(await sent(given))).toMatchObject(given);
    },
  );
});

describe('the row', () => {
  test('has the end user of the body when the header is empty, and the tags of both bags', async () => {
    const headers = { 'x-litellm-user-id': '', 'x-litellm-call-id': 'audit-1' };
    const bags = { metadata: { tags: ['a'] }, litellm_metadata: { tags: ['b'] } };
    await (await gateway.ask({ model: 'm', messages, user: 'from-body', ...bags }, headers)).text();
    const row = (await gateway.rows()).find((each) => each['litellm_call_id'] === 'audit-1');
    expect(row?.['end_user']).toBe('from-body');
    expect(row?.['request_tags']).toEqual(expect.arrayContaining(['a', 'b']));
  });
});
