/** Models of one team, hours that are reserved, and models that are not listed: over real requests. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const DEAR = { model: 'openai/dear', input_cost_per_token: 0.5, output_cost_per_token: 0.5 };
let upstream: Upstream;
let gateway: Gateway;
const keys: Record<string, string> = {};
const always = (team_ids: string[]) => [
  { start: '00:00', end: '12:00', timezone: 'UTC', team_ids },
  { start: '12:00', end: '00:00', timezone: 'UTC', team_ids },
];

beforeAll(async () => {
  upstream = await startUpstream();
  const of = (name: string, model: string, model_info: object) =>
    deployment(upstream, name, { model: `openai/${model}` }, { model_info });
  gateway = await startGateway({
    config: {
      model_list: [
        of('shared', 'everybodys', {}),
        of('internal-name-1', 'reds', { team_id: 'red', team_public_model_name: 'shared' }),
        of('only-red', 'reds-only', { team_id: 'red' }),
        of('night', 'reserved', { access_windows: always(['red']) }),
        of('half', 'reserved-half', { access_windows: always(['red']) }),
        of('half', 'open-half', {}),
        of('quiet', 'quiet', { discoverable: false }),
        deployment(upstream, 'dear', DEAR, { model_info: { team_id: 'red' } }),
      ],
      router_settings: { num_retries: 0 },
    },
  });
  for (const team_id of ['red', 'blue']) {
    await gateway.post('/team/new', { team_id });
    keys[team_id] = await made({ team_id });
  }
  keys['nobody'] = await made({});
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

async function made(fields: object): Promise<string> {
  const answer = await gateway.post('/key/generate', fields);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { key: string }).key;
}
const bearer = (who: string) => ({ authorization: `Bearer ${keys[who]}` });
/** The upstream's model that was asked, or the refusal. */
async function served(who: string, model: string): Promise<unknown> {
  const before = upstream.requests.length;
  const answer = await gateway.ask({ model, messages: [{ role: 'user', content: 'Hi' }] }, bearer(who));
  await answer.text();
  return answer.status === 200 ? upstream.requests[before]?.body['model'] : answer.status;
}
async function listed(who: string): Promise<string[]> {
  const { data } = (await (await gateway.get('/v1/models', bearer(who))).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id).toSorted();
}

describe('a model of one team', () => {
  test('answers its keys under the public name, in place of everybody’s', async () => {
    for (let times = 0; times < 5; times++) {
      expect(await served('red', 'shared')).toBe('reds');
      expect(await served('blue', 'shared')).toBe('everybodys');
      expect(await served('nobody', 'shared')).toBe('everybodys');
    }
    expect(await served('red', 'internal-name-1')).not.toBe('reds');
  });

  test('is not there for others, by name, by id or as a fallback', async () => {
    expect(await served('red', 'only-red')).toBe('reds-only');
    const missing = await served('blue', 'no-such-model');
    expect([await served('blue', 'only-red'), await served('nobody', 'only-red')]).toEqual([missing, missing]);
    const { data } = (await (await gateway.get('/model/info')).json()) as {
      data: { model_name: string; model_info: { id: string; team_id: string | null } }[];
    };
    const id = data.find(({ model_name }) => model_name === 'only-red')?.model_info.id ?? '';
    expect([await served('red', id), await served('blue', id)]).toEqual(['reds-only', missing]);
    upstream.behave = ({ body }) => (body['model'] === 'everybodys' ? { status: 500 } : undefined);
    const body = { model: 'shared', messages: [{ role: 'user', content: 'Hi' }], fallbacks: ['only-red'] };
    const before = upstream.requests.length;
    await (await gateway.ask(body, bearer('blue'))).text();
    upstream.behave = () => undefined;
    expect(upstream.requests.slice(before).map(({ body: sent }) => sent['model'])).not.toContain('reds-only');
  });

  test('is listed for its keys alone', async () => {
    expect(await listed('red')).toContain('only-red');
    for (const who of ['blue', 'nobody']) expect(await listed(who)).not.toContain('only-red');
    expect(await listed('red')).toContain('shared');
    expect((await gateway.get('/v1/models/only-red', bearer('blue'))).status).toBe(404);
    const seen = await (await gateway.get('/model/info', bearer('blue'))).text();
    expect(seen).not.toContain('only-red');
    expect(await (await gateway.get('/model_group/info', bearer('red'))).text()).toContain('only-red');
  });

  test('can be added at run time, and a team with a list of models may use it at once', async () => {
    await gateway.post('/team/update', {
      team_id: 'red',
      models: ['shared', 'only-red', 'night', 'half', 'quiet', 'dear'],
    });
    const answer = await gateway.post('/model/new', {
      model_name: 'fresh',
      litellm_params: { model: 'openai/fresh-upstream', api_base: upstream.url, api_key: 'k' },
      model_info: { team_id: 'red' },
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ model_info: { team_id: 'red', team_public_model_name: 'fresh' } });
    expect([await served('red', 'fresh'), typeof (await served('blue', 'fresh'))]).toEqual([
      'fresh-upstream',
      'number',
    ]);
    const unknown = await gateway.post('/model/new', {
      model_name: 'x',
      litellm_params: { model: 'openai/x', api_base: upstream.url, api_key: 'k' },
      model_info: { team_id: 'nowhere' },
    });
    expect([unknown.status, ((await unknown.json()) as { error: { param: string } }).error.param]).toEqual([
      400,
      'model_info.team_id',
    ]);
  });
});

describe('hours that are reserved', () => {
  test('leave the deployment to the teams that are named', async () => {
    expect([await served('red', 'night'), await served('blue', 'night'), await served('nobody', 'night')]).toEqual([
      'reserved',
      403,
      403,
    ]);
  });

  test('leave others those deployments of the group that are open', async () => {
    for (let times = 0; times < 5; times++) expect(await served('blue', 'half')).toBe('open-half');
  });
});

test('a model that is not discoverable is served and listed for nobody but admins', async () => {
  expect(await served('blue', 'quiet')).toBe('quiet');
  expect(await listed('blue')).not.toContain('quiet');
  const all = (await (await gateway.get('/v1/models')).json()) as { data: { id: string }[] };
  expect(all.data.map(({ id }) => id)).toContain('quiet');
});

describe('what is another team’s', () => {
  const asked = async (who: string, path: string, body?: object): Promise<{ status: number; text: string }> => {
    const headers = bearer(who);
    const answer = await (body === undefined ? gateway.get(path, headers) : gateway.post(path, body, headers));
    return { status: answer.status, text: await answer.text() };
  };
  const estimate = { model: 'dear', input_tokens: 2, output_tokens: 0 };
  const calculate = { model: 'dear', messages: [{ role: 'user', content: 'word word word' }] };

  test('has no price for the others, by its name as little as by its id', async () => {
    const { data } = (await (await gateway.get('/model/info')).json()) as { data: Record<string, unknown>[] };
    const info = data.find(({ model_name }) => model_name === 'dear')?.['model_info'] as { id: string };
    for (const model of ['dear', info.id]) {
      for (const who of ['blue', 'nobody']) {
        expect((await asked(who, '/cost/estimate', { ...estimate, model })).status).toBe(404);
        expect((await asked(who, '/spend/calculate', { ...calculate, model })).status).toBe(400);
      }
      expect((await gateway.post('/cost/estimate', { ...estimate, model })).status).toBe(200);
    }
    const { text } = await asked('red', '/cost/estimate', estimate);
    expect(JSON.parse(text)).toMatchObject({ cost_per_request: 1 });
    expect((await asked('red', '/spend/calculate', calculate)).status).toBe(200);
  });

  test('is not there for previews, whichever way it is asked for', async () => {
    const messages = [{ role: 'user', content: 'Hi' }];
    for (const who of ['blue', 'nobody']) {
      for (const name of ['dear', 'only-red']) {
        const unknown = (text: string): string => text.replaceAll(name, 'nonsense');
        const compare = async (path: string, body?: (model: string) => object) => {
          const there = await asked(who, path.replace('MODEL', name), body?.(name));
          const nowhere = await asked(who, path.replace('MODEL', 'nonsense'), body?.('nonsense'));
          expect({ ...there, text: unknown(there.text) }).toEqual(nowhere);
          expect(there.status).toBeGreaterThanOrEqual(400);
        };
        await compare('/utils/token_counter', (model) => ({ model, messages }));
        await compare('/utils/token_counter?call_endpoint=true', (model) => ({ model, messages }));
        await compare('/utils/transform_request', (model) => ({
          ...{ call_type: 'completion', request_body: { model, messages } },
        }));
        await compare('/utils/supported_openai_params?model=MODEL');
        await compare('/utils/model_info?model=MODEL');
        await compare('/v1/models/MODEL');
        await compare('/v1/chat/completions', (model) => ({ model, messages }));
      }
    }
  });

  test('is in no list and no explanation of theirs, and neither are the hours of teams', async () => {
    for (const who of ['blue', 'nobody']) {
      for (const path of ['/model/info', '/v1/model/info', '/v2/model/info', '/model_group/info', '/v1/models']) {
        const { status, text } = await asked(who, path);
        expect(status).toBe(200);
        for (const theirs of ['dear', 'reds', 'internal-name', 'only-red', '"red"', 'access_windows']) {
          expect([path, theirs, text.includes(theirs)]).toEqual([path, theirs, false]);
        }
      }
      const dry = await gateway.ask(
        { model: 'half', messages: [{ role: 'user', content: 'Hi' }] },
        { ...bearer(who), 'x-tollgate-explain': 'dry' },
      );
      expect(await dry.text()).not.toContain('another team');
    }
  });
});
