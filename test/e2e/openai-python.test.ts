/** OpenAI's Python SDK against the gateway: what it gets back, and which exception it raises. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { COUNT, openZoo, type Zoo } from '../support/model-zoo.ts';
import { hasPython } from '../support/programs.ts';
import { playScenarios, type Scenarios } from '../support/scenarios.ts';

describe.skipIf(!hasPython)("OpenAI's Python SDK", () => {
  let zoo: Zoo;
  let python: Scenarios;

  beforeAll(async () => {
    zoo = await openZoo();
    const { url, masterKey } = zoo.gateway;
    const env = { GATEWAY_URL: url, GATEWAY_KEY: masterKey, NARROW_KEY: zoo.narrowKey };
    python = await playScenarios('openai_client.py', env);
  });
  afterAll(() => zoo?.close());

  const counted = { model: 'gpt-4', content: COUNT, finish: 'stop', tokens: 10 };

  test.each(['base_url_without_v1', 'base_url_with_v1', 'base_url_with_slash'])('%s works', (name) => {
    expect(python.saw(name)).toEqual(counted);
  });

  test('a stream holds the content once, one finish, and no usage nobody asked for', () => {
    expect(python.saw('streaming')).toEqual({
      content: COUNT,
      finish: 'stop',
      models: ['gpt-4'],
      ids: 1,
      usages: 0,
      empty: 0,
    });
  });

  test('a stream that asked for usage gets it once, last, without choices and with its cost', () => {
    const saw = python.saw('streaming_with_usage');
    expect(saw).toMatchObject({ choices: [], tokens: 10, usages: 1 });
    expect((saw as { cost: number }).cost).toBeGreaterThan(0);
  });

  test('the asynchronous client works, also twenty at once', () => {
    expect(python.saw('asynchronous')).toEqual({ whole: COUNT, parts: COUNT, many: 20 });
  });

  test('with_raw_response shows the headers', () => {
    const saw = python.saw('raw_response') as { cost: string };
    expect(saw).toMatchObject({ status: 200, group: 'gpt-4', call_id: true, parsed: COUNT });
    expect(Number(saw.cost)).toBeGreaterThan(0);
  });

  test('tools are called, their results go back, streamed or not', () => {
    const call = { name: 'get_weather', arguments: { location: 'New York' } };
    expect(python.saw('tools')).toEqual({ ...call, answered: true });
    expect(python.saw('tools_streamed')).toEqual(call);
  });

  test('parse turns the answer into an object of the given class', () => {
    expect(python.saw('parse_with_schema')).toEqual({ class: 'Team', age: 3 });
  });

  test('the Azure client works with its path, its query and its api-key header', () => {
    expect(python.saw('azure')).toEqual({ ...counted, streamed: COUNT });
  });

  test('models are listed', () => {
    expect(python.saw('models')).toEqual(['busy', 'cut', 'down', 'error-event', 'gpt-4', 'refusing']);
  });

  test('parameters that nobody here knows reach the upstream', () => {
    expect(python.saw('extra_parameters')).toMatchObject(counted);
    const bodies = zoo.upstream.requests.map(({ body }) => body);
    expect(bodies).toContainEqual(
      expect.objectContaining({ temperature: 0.2, seed: 7, logit_bias: { '50256': -100 }, brand_new: { a: 1 } }),
    );
  });

  test.each([
    ['error_wrong_key', 'AuthenticationError', 401, 'invalid_request_error'],
    ['error_unknown_model', 'BadRequestError', 400, 'invalid_request_error'],
    ['error_bad_parameter', 'BadRequestError', 400, 'invalid_request_error'],
    ['error_unknown_path', 'NotFoundError', 404, 'invalid_request_error'],
    ['error_forbidden_model', 'PermissionDeniedError', 403, 'key_model_access_denied'],
    ['error_rate_limit', 'RateLimitError', 429, 'rate_limit_error'],
    ['error_upstream_down', 'InternalServerError', 503, 'internal_server_error'],
    ['error_upstream_refuses', 'BadRequestError', 400, 'invalid_request_error'],
    ['error_before_stream', 'RateLimitError', 429, 'rate_limit_error'],
  ])('%s raises %s', (name, className, status, type) => {
    expect(python.saw(name)).toMatchObject({ class: className, status, type });
  });

  test('retries are not multiplied: the gateway makes them, or where it makes none the SDK does', () => {
    expect(python.saw('retries_of_its_own')).toEqual({ gateway_retries: 1, gateway_does_not: 3, final: 1 });
  });

  test("the parameter at fault is named, ours and the upstream's", () => {
    expect(python.saw('error_bad_parameter')).toMatchObject({ param: 'temperature' });
    expect(python.saw('error_upstream_refuses')).toMatchObject({ param: 'top_p' });
  });

  test('an upstream cut in a stream raises, and no finish is invented', () => {
    const saw = python.saw('cut_in_stream') as { class: string; chunks: number };
    expect(saw).toMatchObject({ class: 'APIError', finishes: [] });
    expect(saw.chunks).toBeGreaterThan(1);
  });

  test("an upstream's error event in a stream raises", () => {
    expect(python.saw('error_event_in_stream')).toMatchObject({ class: 'APIError' });
  });
});
