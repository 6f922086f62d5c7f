/** Copies of requests for other groups: what their upstream gets, what the log says, and that no client notices. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { deployment, type Gateway, type SpendRow, startGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let main: Upstream;
let silent: Upstream;
const running: Gateway[] = [];
const PRICES = { input_cost_per_token: 0, output_cost_per_token: 0.002 };
const SAID = { usage: { prompt_tokens: 4, completion_tokens: 10, total_tokens: 14 } };
/** Of one answer, in dollars. */
const COST = 0.02;

beforeAll(async () => {
  [main, silent] = await Promise.all([startUpstream(), startUpstream()]);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
});
afterAll(() => Promise.all([main?.stop(), silent?.stop()]));

async function started(settings: object = {}, params: object = {}, ofCopies: object = {}): Promise<Gateway> {
  main.behave = () => SAID;
  silent.behave = () => SAID;
  const gateway = await startGateway({
    config: {
      model_list: [
        deployment(main, 'm', { ...PRICES, silent_model: 'shadow', ...params }),
        deployment(silent, 'shadow', { ...PRICES, silent_model: 'm', ...ofCopies }),
        deployment(silent, 'other', PRICES),
      ],
      router_settings: { num_retries: 2, default_fallbacks: ['other'] },
      ...settings,
    },
  });
  running.push(gateway);
  return gateway;
}

async function keyOf(gateway: Gateway, fields: object = {}): Promise<{ key: string; spent(): Promise<number> }> {
  const { key } = (await (await gateway.post('/key/generate', fields)).json()) as { key: string };
  const spent = async (): Promise<number> => {
    const { info } = (await (await gateway.get(`/key/info?key=${key}`)).json()) as { info: { spend: number } };
    return info.spend;
  };
  return { key, spent };
}

const ask = (gateway: Gateway, key = gateway.masterKey, more: object = {}): Promise<Response> =>
  gateway.ask(
    { model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 20, temperature: 0.5, ...more },
    { authorization: `Bearer ${key}`, 'x-litellm-call-id': crypto.randomUUID() },
  );

const isCopy = ({ metadata }: SpendRow): boolean => typeof Reflect.get(Object(metadata), 'mirror_of') === 'string';
const copies = (gateway: Gateway, count: number): Promise<SpendRow[]> =>
  until(
    async () => (await gateway.rows()).filter(isCopy),
    (found) => found.length >= count,
  );

const told = (gateway: Gateway, word: string): Promise<string> =>
  until(
    () => gateway.logs(),
    (logs) => logs.includes(word),
  );

describe('a deployment with a silent_model', () => {
  for (const stream of [false, true]) {
    test(`sends a copy of a ${stream ? 'streamed' : 'whole'} request, which has a row of its own and is nobody’s to pay`, async () => {
      const gateway = await started();
      const { key, spent } = await keyOf(gateway, { max_budget: 10 });
      const seen = { main: main.requests.length, silent: silent.requests.length };
      const answer = await ask(gateway, key, { stream });
      expect(await answer.text()).toContain(stream ? '[DONE]' : '"model":"m"');
      const [copy] = await copies(gateway, 1);
      const callId = answer.headers.get('x-litellm-call-id');
      expect(copy).toMatchObject({ status: 'success', model_group: 'shadow', completion_tokens: 10 });
      expect(copy?.['metadata']).toMatchObject({ mirror_of: callId });
      expect(copy?.['spend']).toBeCloseTo(COST, 9);
      expect(copy?.['litellm_call_id']).not.toBe(callId);
      const [original] = await gateway.rows(`?request_id=${callId}`);
      expect(copy?.['api_key']).toBe(original?.['api_key']);
      expect(original?.['spend']).toBeCloseTo(COST, 9);
      expect(await spent()).toBeCloseTo(COST, 9);
      // The copy of the copy would have gone to the first one.
      expect([main.requests.length - seen.main, silent.requests.length - seen.silent]).toEqual([1, 1]);
      const { model, ...sent } = silent.requests.at(-1)?.body ?? {};
      const { model: asked, ...original2 } = main.requests.at(-1)?.body ?? {};
      expect([model, asked]).toEqual(['shadow', 'm']);
      expect(sent).toEqual(original2);
    });
  }

  test('may name several groups', async () => {
    const gateway = await started({}, { silent_model: ['shadow', 'other'] });
    await (await ask(gateway)).text();
    const groups = (await copies(gateway, 2)).map((row) => row['model_group']);
    expect(groups.sort()).toEqual(['other', 'shadow']);
  });

  test('answers no later and no worse when the copy fails or hangs, and the copy is tried once', async () => {
    const gateway = await started();
    for (const behaviour of [{ status: 500 }, { refuse: 'reset' as const }, { silent: true }]) {
      silent.behave = () => behaviour;
      const arrived = silent.arrived(silent.requests.length + 1);
      const startedAtMs = performance.now();
      const answer = await ask(gateway);
      expect(answer.status).toBe(200);
      await answer.text();
      expect(performance.now() - startedAtMs).toBeLessThan(1_000);
      await arrived;
    }
    const failed = await copies(gateway, 2);
    expect(failed.map(({ status }) => status)).toEqual(['failure', 'failure']);
    expect(failed.every(({ metadata }) => 'mirror_of' in Object(metadata))).toBe(true);
    const before = silent.requests.length;
    await Bun.sleep(50); // A retry or a fallback would come now.
    expect(silent.requests.length).toBe(before);
  });

  test('sends no copy of what it refused, and none in a rehearsal', async () => {
    const gateway = await started({ router_settings: { num_retries: 0 } });
    const before = silent.requests.length;
    main.behave = () => ({ status: 400 });
    expect((await ask(gateway)).status).toBe(400);
    main.behave = () => SAID;
    const dry = await gateway.ask(
      { model: 'm', messages: [{ role: 'user', content: 'Hello' }] },
      { 'x-tollgate-explain': 'dry' },
    );
    await dry.text();
    await (await ask(gateway)).text();
    await copies(gateway, 1);
    expect(silent.requests.length - before).toBe(1);
  });

  test('takes the money of copies from nobody’s budget, not after a restart either', async () => {
    const gateway = await started();
    const { key } = await keyOf(gateway, { max_budget: COST * 2.5 });
    await (await ask(gateway, key, { max_tokens: 10 })).text();
    await copies(gateway, 1);
    const again = await startGateway({
      config: readFileSync(`${gateway.folder}/config.yaml`, 'utf8'),
      folder: await keptFolder(gateway),
    });
    running.push(again);
    const answer = await ask(again, key, { max_tokens: 10 });
    expect(answer.status).toBe(200);
    await answer.text();
  });

  test('is stopped without waiting for copies, whose rows are written', async () => {
    const gateway = await started({}, {}, { input_cost_per_token: 0.001 });
    silent.behave = () => ({ silent: true });
    const arrived = silent.arrived(silent.requests.length + 1);
    await (await ask(gateway)).text();
    const { closed } = await arrived;
    const startedAtMs = performance.now();
    const config = readFileSync(`${gateway.folder}/config.yaml`, 'utf8');
    const folder = await keptFolder(gateway);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    expect(await closed).toBeGreaterThan(0);
    const again = await startGateway({ config, folder });
    running.push(again);
    const [copy] = await copies(again, 1);
    // Two tokens of prompt: what the provider has read.
    expect(copy).toMatchObject({ model_group: 'shadow' });
    expect(copy?.['spend']).toBeCloseTo(0.002, 9);
  });
});

/** Ends it and leaves its folder. */
async function keptFolder(gateway: Gateway): Promise<string> {
  running.splice(running.indexOf(gateway), 1);
  await gateway.kill('SIGTERM');
  return gateway.folder;
}

describe('tollgate_settings.mirror_budget', () => {
  test('ends mirroring when it is spent, and the log says how many were dropped', async () => {
    const mirror_budget = { max_budget: COST * 2.9, budget_duration: '1d' };
    const gateway = await started({ tollgate_settings: { mirror_budget } });
    const before = silent.requests.length;
    for (let at = 0; at < 6; at++) {
      const answer = await ask(gateway, gateway.masterKey, { max_tokens: 10 });
      expect(answer.status).toBe(200);
      await answer.text();
      if (at < 2) await copies(gateway, at + 1);
    }
    expect(await gateway.rows('', 8)).toHaveLength(8);
    expect(silent.requests.length - before).toBe(2);
    const spent = (await copies(gateway, 2)).reduce((sum, row) => sum + Number(row['spend']), 0);
    expect(spent).toBeLessThanOrEqual(mirror_budget.max_budget);
    expect(gateway.logs()).toContain('mirrors_dropped');
  });

  test('of 0 sends none', async () => {
    const gateway = await started({ tollgate_settings: { mirror_budget: { max_budget: 0 } } });
    const before = silent.requests.length;
    await (await ask(gateway)).text();
    await told(gateway, 'mirrors_dropped');
    expect(silent.requests.length).toBe(before);
  });
});

test('no more than a bounded number of copies run at once, and all clients are answered', async () => {
  const gateway = await started();
  silent.behave = () => ({ silent: true });
  const before = silent.requests.length;
  const answers = await Promise.all(Array.from({ length: 60 }, () => ask(gateway)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  await Promise.all(answers.map((answer) => answer.text()));
  await told(gateway, 'mirrors_dropped');
  expect(silent.requests.length - before).toBeLessThanOrEqual(32);
});
