/** Settings that are made while the gateway runs: real requests go by them, also after a restart. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const messages = [{ role: 'user', content: 'Hello' }];
let upstream: Upstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startUpstream(({ body }) => (body['model'] === 'bad' ? { status: 503 } : {}));
  gateway = await startGateway({
    config: {
      model_list: [deployment(upstream, 'bad'), deployment(upstream, 'good')],
      router_settings: { num_retries: 0, disable_cooldowns: true },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const ask = (): Promise<Response> => gateway.ask({ model: 'bad', messages });
const update = (router_settings: object): Promise<Response> => gateway.post('/config/update', { router_settings });
const attempts = async (id: string): Promise<string[]> => {
  const told = (await (await gateway.get(`/v1/explain/${id}`)).json()) as { attempts: { model: string }[] };
  return told.attempts.map(({ model }) => model);
};

test('a fallback that is set helps the next request, survives a restart, and is gone when it is taken back', async () => {
  expect((await ask()).status).toBe(503);
  expect((await update({ fallbacks: [{ bad: ['nobody'] }] })).status).toBe(400);
  expect((await ask()).status).toBe(503);

  expect((await update({ fallbacks: [{ bad: ['good'] }], num_retries: 1 })).status).toBe(200);
  const before = upstream.requests.length;
  const answer = await ask();
  expect(answer.status).toBe(200);
  expect(upstream.requests.slice(before).map(({ body }) => body['model'])).toEqual(['bad', 'bad', 'good']);
  expect(await attempts(answer.headers.get('x-litellm-call-id') ?? '')).toEqual([
    'openai/bad',
    'openai/bad',
    'openai/good',
  ]);

  const { folder } = gateway;
  await gateway.kill('SIGTERM');
  gateway = await startGateway({ folder, args: ['--config', `${folder}/config.yaml`] });
  expect((await ask()).status).toBe(200);
  const { current_values } = (await (await gateway.get('/router/settings')).json()) as {
    current_values: Record<string, unknown>;
  };
  expect(current_values).toMatchObject({ fallbacks: [{ bad: ['good'] }], num_retries: 1, disable_cooldowns: true });

  expect((await update({ fallbacks: null })).status).toBe(200);
  expect((await ask()).status).toBe(503);
});
