/** A provider's refusal keeps the provider's request id, status and code: in the answer's headers and body, and in the row. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { listOf, objectOf } from '../support/loose-json.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

interface Refusal {
  readonly provider: string;
  readonly model: string;
  readonly params?: object;
  readonly status: number;
  readonly header: string;
  readonly body: object;
  readonly code: string;
  readonly answered: number;
}

const REFUSALS: readonly Refusal[] = [
  {
    ...{ provider: 'openai', model: 'openai/gpt-4o', status: 400, header: 'x-request-id', answered: 400 },
    body: { error: { message: 'Too long.', type: 'invalid_request_error', code: 'context_length_exceeded' } },
    code: 'context_length_exceeded',
  },
  {
    ...{ provider: 'azure', model: 'azure/gpt-4o', status: 404, header: 'apim-request-id', answered: 404 },
    body: { error: { message: 'The API deployment does not exist.', code: 'DeploymentNotFound' } },
    code: 'DeploymentNotFound',
  },
  {
    ...{
      provider: 'anthropic',
      model: 'anthropic/claude-sonnet-4-5',
      status: 529,
      header: 'request-id',
      answered: 500,
    },
    body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    code: 'overloaded_error',
  },
  {
    ...{ provider: 'gemini', model: 'gemini/gemini-2.5-flash', status: 403, header: 'x-request-id', answered: 403 },
    body: { error: { code: 403, message: 'Not allowed.', status: 'PERMISSION_DENIED' } },
    code: 'PERMISSION_DENIED',
  },
  {
    ...{ provider: 'bedrock', model: 'bedrock/amazon.nova-pro-v1:0', status: 400, header: 'x-amzn-requestid' },
    ...{ answered: 400, params: { aws_region_name: 'us-east-1' } },
    body: { message: 'Malformed input.', __type: 'ValidationException' },
    code: 'ValidationException',
  },
  {
    ...{
      provider: 'mistral',
      model: 'mistral/mistral-small-latest',
      status: 429,
      header: 'x-request-id',
      answered: 429,
    },
    body: { object: 'error', message: 'Capacity exceeded', type: 'service_tier_capacity_exceeded', code: '3505' },
    code: '3505',
  },
];

/** The fake gives every answer an `x-request-id`. */
const ID = 'req_of-the-provider.1';

let upstream: Upstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startUpstream(({ path }) => {
    const { status, header, body } = REFUSALS.find(({ provider }) => path.startsWith(`/${provider}/`)) ?? {};
    return {
      ...(status !== undefined && { status }),
      body,
      headers: { [header ?? 'x-none']: ID },
    };
  });
  const model_list = REFUSALS.map(({ provider, model, params }) => {
    const address = `${upstream.origin}/${provider}`;
    const at = provider === 'bedrock' ? { aws_bedrock_runtime_endpoint: address } : { api_base: address };
    return { model_name: provider, litellm_params: { model, api_key: 'k', ...at, ...params } };
  });
  gateway = await startGateway({
    config: { model_list, router_settings: { num_retries: 0, disable_cooldowns: true } },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

test.each([...REFUSALS])('$provider', async ({ provider, status, header, code, answered }) => {
  for (const stream of [false, true]) {
    const response = await gateway.ask({ model: provider, messages: [{ role: 'user', content: 'Hi' }], stream });
    expect(response.status).toBe(answered);
    expect(response.headers.get(`llm_provider-${header}`)).toBe(ID);
    expect(response.headers.get('request-id')).toBe(ID);
    const error = objectOf(objectOf(await response.json())['error']);
    expect(error['code']).toBe(String(answered));
    expect(JSON.stringify(error['provider_specific_fields'])).toContain(code);
    const callId = response.headers.get('x-litellm-call-id') ?? '';
    await gateway.rows(`?request_id=${callId}`, 1);
    const told = objectOf(await (await gateway.get(`/v1/explain/${callId}`)).json());
    expect(objectOf(told['error'])['code']).toBe(code);
    expect(listOf(told['attempts'])).toMatchObject([{ status, upstream_request_id: ID, upstream_code: code }]);
  }
});
