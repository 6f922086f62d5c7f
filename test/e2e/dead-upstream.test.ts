/** Deployments that are dead, half dead or refused, under load: counts only, by the upstreams themselves. Times belong to bench/. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type Behave, type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

const CONNECTIONS = 16;
const COOLDOWN_SECONDS = 0.4;

let upstream: Upstream;
let gateway: Gateway;

const MODELS = ['alone', 'three', 'keyed', 'doomed', 'primary', 'spare'] as const;
type Model = (typeof MODELS)[number];

/** Every test has models of its own, so that none meets the cooldowns of another. */
const TESTS = [
  'cut',
  'error',
  'dead',
  'slow death',
  'flapping',
  'bad',
  'key',
  'doomed',
  'fallback',
  'single key',
] as const;
type Test = (typeof TESTS)[number];
const nameOf = (of: Test, model: Model): string => `${model} of ${of}`;

function modelsOf(of: Test): object[] {
  const one = (model: Model, upstreamModel: string, params: object = {}): object =>
    deployment(upstream, nameOf(of, model), { model: `openai/${of}/${upstreamModel}`, ...params });
  return [
    one('alone', 'alone'),
    ...['one', 'three'].map((name) => one('three', name)),
    deployment(upstream, nameOf(of, 'three'), { model: `openai/${of}/two` }, { model_info: { id: idOf(of) } }),
    one('keyed', 'good'),
    one('keyed', 'bad'),
    ...['first', 'second'].map((name) => one('doomed', name)),
    one('primary', 'primary', { num_retries: 0 }),
    one('spare', 'spare'),
  ];
}

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: TESTS.flatMap(modelsOf),
      router_settings: {
        num_retries: 2,
        cooldown_time: COOLDOWN_SECONDS,
        fallbacks: TESTS.map((of) => ({ [nameOf(of, 'primary')]: [nameOf(of, 'spare')] })),
      },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const modelOf = (request: SeenRequest): string => String(request.body['model']).split('/').at(-1) ?? '';

/** Which of the named upstream models fail, and how; it may change while a test runs. */
let fails: Behave;
beforeEach(() => {
  upstream.requests.length = 0;
  fails = () => ({});
  upstream.behave = (request) => fails(request);
});
afterEach(async () => {
  // A late retry of one test must not be counted in the next.
  const before = upstream.requests.length;
  await Bun.sleep(30);
  expect(upstream.requests.length).toBe(before);
});

/** Whether a deployment that a test alone has was taken out. */
const coolsDown = (of: Test): boolean => {
  const line = gateway
    .logs()
    .split('\n')
    .findLast((text) => text.includes('cools down'));
  return line?.includes(idOf(of)) ?? false;
};

const idOf = (of: Test): string => `two-of-${of}`;

interface Answered {
  readonly status: number;
  readonly group: string | null;
  readonly text: string;
}

async function call(model: string): Promise<Answered> {
  const answer = await gateway.ask({ model, messages: [{ role: 'user', content: 'Hi' }] });
  return { status: answer.status, group: answer.headers.get('x-litellm-model-group'), text: await answer.text() };
}

/** So many calls, never more than `CONNECTIONS` at once. */
async function load(model: string, count: number): Promise<Answered[]> {
  const answers: Answered[] = [];
  let started = 0;
  const client = async (): Promise<void> => {
    while (started++ < count) answers.push(await call(model));
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return answers;
}

const statuses = (answers: readonly Answered[]): number[] => [...new Set(answers.map(({ status }) => status))];
const callsTo = (model: string): number => upstream.requests.filter((request) => modelOf(request) === model).length;

describe('a deployment that is alone', () => {
  test('and dead is asked at most 1.2 times a call, and clients see its own error', async () => {
    fails = () => ({ status: 503 });
    const answers = await load(nameOf('dead', 'alone'), 400);
    expect(statuses(answers)).toEqual([503]);
    expect(answers.every(({ text }) => text.includes('The fake upstream says 503.'))).toBe(true);
    expect(upstream.requests.length / answers.length).toBeLessThanOrEqual(1.2);
    expect(upstream.requests.length).toBeGreaterThanOrEqual(answers.length);
  });

  test('answers again with the first call after it has healed', async () => {
    fails = () => ({ refuse: 'reset' });
    expect(statuses(await load(nameOf('slow death', 'alone'), 60))).toEqual([500]);
    fails = () => ({});
    expect(statuses(await load(nameOf('slow death', 'alone'), 60))).toEqual([200]);
  });

  test('and fails half of the time serves more than half, and is not asked without bound', async () => {
    const random = seededRandom(20);
    fails = () => (random() < 0.5 ? { status: 500 } : {});
    const answers = await load(nameOf('flapping', 'alone'), 200);
    const served = answers.filter(({ status }) => status === 200).length;
    expect(statuses(answers).toSorted()).toEqual([200, 500]);
    expect(served / answers.length).toBeGreaterThan(0.5);
    expect(upstream.requests.length / answers.length).toBeLessThanOrEqual(1.5);
  });
});

describe('streams that break off after content', () => {
  const stream = async (model: string): Promise<string> => {
    const answer = await gateway.ask({ model, messages: [{ role: 'user', content: 'Count to 10' }], stream: true });
    return answer.text();
  };

  test.each([
    ['cut', { cut: { after: 4, how: 'close', waitMs: 60 } }],
    ['error', { edit: (events: string[]) => [...events.slice(0, 4), '{"error":{"message":"Overloaded"}}'] }],
  ] as const)('(%s) count against the deployment, and none of them is begun again', async (of, behaviour) => {
    const name = nameOf(of, 'three');
    fails = (request) => (modelOf(request) === 'two' ? behaviour : {});
    const streams: string[] = [];
    for (let at = 0; at < 60 && !coolsDown(of); at++) streams.push(await stream(name));
    const broken = streams.filter((text) => text.includes('"error"'));
    expect(coolsDown(of)).toBe(true);
    expect(broken.length).toBe(callsTo('two'));
    expect(broken.every((text) => !text.includes('[DONE]'))).toBe(true);
    expect(upstream.requests.length).toBe(streams.length);
  });
});

describe('of three deployments', () => {
  test('one that is bad gets no more than 2 % of the calls after its first failures, and no client sees it', async () => {
    const name = nameOf('bad', 'three');
    fails = (request) => (modelOf(request) === 'two' ? { status: 500 } : {});
    expect(statuses(await load(name, 60))).toEqual([200]);
    const before = { bad: callsTo('two'), all: upstream.requests.length };
    expect(before.bad).toBeGreaterThanOrEqual(5);
    expect(statuses(await load(name, 600))).toEqual([200]);
    const later = { bad: callsTo('two') - before.bad, all: upstream.requests.length - before.all };
    expect(later.bad / later.all).toBeLessThanOrEqual(0.02);
  });

  test('all that are bad are tried, and the client gets the real error', async () => {
    const name = nameOf('doomed', 'three');
    fails = () => ({ status: 500 });
    const answers = await load(name, 200);
    expect(statuses(answers)).toEqual([500]);
    expect(answers.at(-1)?.text).toContain('The fake upstream says 500.');
    // Until all are known to be bad a call may try each of them.
    expect(upstream.requests.length / answers.length).toBeLessThanOrEqual(1.2);
    const before = upstream.requests.length;
    expect((await call(name)).text).toContain('The fake upstream says 500.');
    expect(upstream.requests.length).toBeGreaterThan(before);
  });
});

describe('a credential that the provider refuses', () => {
  const told = (): string[] =>
    gateway
      .logs()
      .split('\n')
      .filter((line) => line.includes('a provider refused our credential'));

  test('on one of two deployments is seen by no client, and told once a cooldown', async () => {
    const before = told().length;
    fails = (request) => (modelOf(request) === 'bad' ? { status: 401 } : {});
    const answers = await load(nameOf('key', 'keyed'), 100);
    expect(statuses(answers)).toEqual([200]);
    // At most those that were under way when the first refusal came, and one probe a cooldown.
    expect(callsTo('bad')).toBeWithin(1, CONNECTIONS + 4);
    const cooldowns = gateway
      .logs()
      .split('\n')
      .filter((line) => line.includes('cools down')).length;
    expect(told().length - before).toBeWithin(1, cooldowns + 1);
    expect(told().length - before).toBeLessThanOrEqual(4);
  });

  test('of the only one is the client’s to see, told once however many calls there are', async () => {
    const before = told().length;
    fails = () => ({ status: 401 });
    const answers = await load(nameOf('single key', 'alone'), 100);
    expect(statuses(answers)).toEqual([401]);
    expect(upstream.requests.length).toBe(100);
    expect(told().length - before).toBe(1);
  });
});

test('a group that is dead is passed by for its fallback, and asked once a cooldown', async () => {
  const [primary, spare] = [nameOf('fallback', 'primary'), nameOf('fallback', 'spare')];
  fails = (request) => (modelOf(request) === 'primary' ? { status: 503 } : {});
  const answers = await load(primary, 300);
  expect(statuses(answers)).toEqual([200]);
  expect(new Set(answers.map(({ group }) => group))).toEqual(new Set([spare]));
  expect(upstream.requests.length / answers.length).toBeLessThanOrEqual(1.2);
  fails = () => ({});
  const healed = async (): Promise<boolean> => (await call(primary)).group === primary;
  const untilMs = performance.now() + 10_000 * COOLDOWN_SECONDS;
  while (!(await healed()) && performance.now() < untilMs) await Bun.sleep(20);
  expect(await healed()).toBe(true);
});
