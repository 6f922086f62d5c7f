/** Every scope that can be limited, on every inference route, whole and streamed: each cell refuses what is too much. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
/** $0.0001 a call of 20 tokens. */
const COST_USD = 0.0001;
const USAGE = { prompt_tokens: 0, completion_tokens: 20, total_tokens: 20 };

beforeAll(async () => {
  upstream = await startUpstream(() => ({ usage: USAGE, delayMs: 10 }));
  gateway = await startGateway({
    config: {
      model_list: [deployment(upstream, 'm', { input_cost_per_token: 0, output_cost_per_token: 5e-6 })],
      router_settings: { num_retries: 0 },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

type Body = Readonly<Record<string, unknown>>;

async function post(path: string, body: Body): Promise<Record<string, unknown>> {
  const answer = await gateway.post(path, body);
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}

/** What a limit needs to stand on, and how a call is made that it is counted for. */
interface Way {
  readonly key: string;
  readonly request?: Body;
  readonly headers?: Record<string, string>;
}

type Making = (id: string, limits: Body) => Promise<Way>;

const keyOf = async (fields: Body): Promise<string> => String((await post('/key/generate', fields))['key']);

async function userIn(id: string, fields: Body = {}): Promise<string> {
  await post('/user/new', { user_id: `u-${id}`, auto_create_key: false, ...fields });
  return `u-${id}`;
}

/** By LiteLLM's word for the scope. */
const SCOPES: Readonly<Record<string, Making>> = {
  api_key: async (_, limits) => ({ key: await keyOf(limits) }),
  'api_key, by a shared budget': async (id, limits) => {
    await post('/budget/new', { budget_id: id, ...limits });
    return { key: await keyOf({ budget_id: id }) };
  },
  team: async (id, limits) => {
    await post('/team/new', { team_id: id, ...limits });
    return { key: await keyOf({ team_id: id }) };
  },
  user: async (id, limits) => ({ key: await keyOf({ user_id: await userIn(id, limits) }) }),
  'user, in a team': async (id, limits) => {
    await post('/team/new', { team_id: id });
    const user_id = await userIn(id, limits);
    await post('/team/member_add', { team_id: id, member: { role: 'user', user_id } });
    return { key: await keyOf({ user_id, team_id: id }) };
  },
  organization: async (id, limits) => {
    await post('/organization/new', { organization_id: id, organization_alias: id, ...limits });
    return { key: await keyOf({ organization_id: id }) };
  },
  'organization, through its team': async (id, limits) => {
    await post('/organization/new', { organization_id: id, organization_alias: id, ...limits });
    await post('/team/new', { team_id: id, organization_id: id });
    return { key: await keyOf({ team_id: id }) };
  },
  project: async (id, limits) => {
    await post('/team/new', { team_id: id });
    await post('/project/new', { project_id: id, project_alias: id, team_id: id, ...limits });
    return { key: await keyOf({ project_id: id, team_id: id }) };
  },
  end_user: async (id, limits) => {
    await post('/customer/new', { user_id: id, ...limits });
    return { key: await keyOf({}), request: { user: id } };
  },
  'end_user, by a header': async (id, limits) => {
    await post('/end_user/new', { user_id: id, ...limits });
    return { key: await keyOf({}), headers: { 'x-litellm-end-user-id': id } };
  },
};

/** Limits of money that only some can have inline. */
const BUDGET_ONLY: Readonly<Record<string, Making>> = {
  'team_member, by the team’s default': async (id, { max_budget }) => {
    await post('/team/new', { team_id: id, team_member_budget: max_budget });
    const user_id = await userIn(id);
    await post('/team/member_add', { team_id: id, member: { role: 'user', user_id } });
    return { key: await keyOf({ user_id, team_id: id }) };
  },
  team_member: async (id, { max_budget }) => {
    await post('/team/new', { team_id: id });
    const user_id = await userIn(id);
    await post('/team/member_add', {
      team_id: id,
      member: { role: 'user', user_id },
      max_budget_in_team: max_budget,
    });
    return { key: await keyOf({ user_id, team_id: id }) };
  },
  tag: async (id, { max_budget }) => {
    await post('/tag/new', { name: id, max_budget });
    return { key: await keyOf({}), headers: { 'x-litellm-tags': id } };
  },
  'tag, of the key': async (id, { max_budget }) => {
    await post('/tag/new', { name: id, max_budget });
    return { key: await keyOf({ tags: [id] }) };
  },
  model_per_key: async (_, { max_budget }) => ({
    key: await keyOf({ model_max_budget: { m: { budget_limit: max_budget, time_period: '1d' } } }),
  }),
  model_per_team: async (id, { max_budget }) => {
    await post('/team/new', { team_id: id, model_max_budget: { m: { max_budget, budget_duration: '1d' } } });
    return { key: await keyOf({ team_id: id }) };
  },
  'api_key, over several windows': async (_, { max_budget }) => ({
    key: await keyOf({
      budget_limits: [
        { budget_duration: '1d', max_budget },
        { budget_duration: '30d', max_budget: 5 },
      ],
    }),
  }),
  'api_key, by a limit of our own': async (_, { max_budget }) => ({
    key: await keyOf({ tollgate_limits: [{ unit: 'usd', window: '1d', max: max_budget, mode: 'enforce' }] }),
  }),
};

const ROUTES: readonly string[] = [
  '/v1/chat/completions',
  '/chat/completions',
  '/engines/m/chat/completions',
  '/openai/deployments/m/chat/completions',
];

/** Calls at once over all routes, half of them streamed. */
async function statuses(way: Way, count: number): Promise<number[]> {
  return await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const body = {
        model: 'm',
        messages: [{ role: 'user', content: 'Hello' }],
        max_tokens: 20,
        stream: at % 2 === 0,
        ...way.request,
      };
      const route = ROUTES[at % ROUTES.length] ?? '';
      const answer = await gateway.ask(body, { authorization: `Bearer ${way.key}`, ...way.headers }, route);
      await answer.text();
      return answer.status;
    }),
  );
}

const count = (all: readonly number[], status: number): number => all.filter((one) => one === status).length;
let made = 0;
const nextId = (): string => `scope-${++made}`;

describe('a budget', () => {
  for (const [name, make] of Object.entries({ ...SCOPES, ...BUDGET_ONLY })) {
    test(`of ${name}`, async () => {
      const all = await statuses(await make(nextId(), { max_budget: 3 * COST_USD }), 12);
      expect([count(all, 200), count(all, 422)]).toEqual([3, 9]);
    });
  }
});

describe('requests a minute', () => {
  for (const [name, make] of Object.entries(SCOPES)) {
    test(`of ${name}`, async () => {
      const all = await statuses(await make(nextId(), { rpm_limit: 5 }), 12);
      expect([count(all, 200), count(all, 429)]).toEqual([5, 7]);
    });
  }
});

describe('tokens a minute', () => {
  for (const [name, make] of Object.entries(SCOPES)) {
    test(`of ${name}`, async () => {
      // Each call is held at some 40 tokens and uses 20.
      const way = await make(nextId(), { tpm_limit: 70 });
      const all: number[] = [];
      for (let call = 0; call < 6; call++) all.push(...(await statuses(way, 1)));
      expect(all[0]).toBe(200);
      expect(all.at(-1)).toBe(429);
    });
  }
});

describe('a refused call', () => {
  test('takes nothing from the other scopes', async () => {
    const id = nextId();
    await post('/team/new', { team_id: id, rpm_limit: 6 });
    const narrow = await keyOf({ team_id: id, rpm_limit: 2 });
    const wide = await keyOf({ team_id: id });
    expect(count(await statuses({ key: narrow }, 10), 200)).toBe(2);
    expect(count(await statuses({ key: wide }, 10), 200)).toBe(4);
  });

  test('tells which scope it was', async () => {
    const id = nextId();
    await post('/team/new', { team_id: id, max_budget: COST_USD });
    const key = await keyOf({ team_id: id, max_budget: 1 });
    await statuses({ key }, 1);
    const answer = await gateway.ask(
      { model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 20 },
      { authorization: `Bearer ${key}` },
    );
    const { error } = (await answer.json()) as { error: { limit: Record<string, unknown> } };
    expect(error.limit).toMatchObject({ scope: 'team', spent: COST_USD, max: COST_USD });
  });
});
