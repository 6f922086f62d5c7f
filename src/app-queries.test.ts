/** A warm request asks the database nothing, whoever stands behind its key. */
import { Database, type Statement } from 'bun:sqlite';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type AppPlace, startAppPlace } from '../test/support/app-place.ts';
import { startUpstream, type Upstream } from '../test/support/upstream.ts';

let upstream: Upstream;
let place: AppPlace;
const asked: string[] = [];
const { prepare } = Database.prototype;

/** Notes each run of a statement; Bun gives every statement methods of its own. */
function noted(statement: Statement, sql: string): Statement {
  for (const name of ['all', 'get', 'run', 'iterate'] as const) {
    const plain: (...given: never[]) => unknown = statement[name].bind(statement);
    Object.defineProperty(statement, name, {
      value(...given: never[]) {
        asked.push(sql);
        return plain(...given);
      },
    });
  }
  return statement;
}

beforeAll(async () => {
  Object.assign(Database.prototype, {
    prepare(this: Database, sql: string, ...given: never[]) {
      return noted(prepare.call(this, sql, ...given), sql);
    },
  });
  upstream = await startUpstream(() => ({ usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 } }));
  const params = { model: 'openai/m', api_base: upstream.url, api_key: 'sk-up', rpm: 10_000, max_budget: 5 };
  place = await startAppPlace({
    model_list: [
      { model_name: 'm', litellm_params: { ...params, input_cost_per_token: 1e-6, output_cost_per_token: 1e-6 } },
    ],
    litellm_settings: { max_budget: 100, budget_duration: '1d' },
  });
});
afterAll(async () => {
  Object.assign(Database.prototype, { prepare });
  await place?.stop();
  await upstream?.stop();
});

async function post(path: string, body: object): Promise<void> {
  const answer = await place.fetch(path, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
}

/** What the writer of the log does, a moment after the answers, is no part of a request. */
const isOfTheWriter = (sql: string): boolean =>
  /^(begin|commit|rollback|pragma|insert|update)\b/i.test(sql) ||
  /from "(names|tag_sets|usage_dimensions|requests)"/i.test(sql);

test('0 queries for 200 warm requests of a key with a team, a user, an organization, tags and an end user', async () => {
  await post('/organization/new', { organization_id: 'o', organization_alias: 'o', max_budget: 10, rpm_limit: 9_999 });
  await post('/team/new', { team_id: 't', organization_id: 'o', max_budget: 10, tpm_limit: 999_999, models: ['m'] });
  await post('/user/new', { user_id: 'u', auto_create_key: false, max_budget: 10, max_parallel_requests: 500 });
  await post('/team/member_add', { team_id: 't', member: { role: 'user', user_id: 'u' }, max_budget_in_team: 5 });
  const inOrganization = { organization_id: 'o', member: { role: 'internal_user', user_id: 'u' } };
  await post('/organization/member_add', { ...inOrganization, max_budget_in_organization: 5 });
  await post('/budget/new', { budget_id: 'b', allowed_models: ['m'], max_budget: 10 });
  await post('/customer/new', { user_id: 'c', budget_id: 'b' });
  await post('/tag/new', { name: 'known', max_budget: 10, models: ['m'], model_max_budget: { m: 5 } });
  const key = await place.key({
    ...{ team_id: 't', user_id: 'u', max_budget: 10, budget_duration: '30d', rpm_limit: 9_999 },
    model_max_budget: { m: { budget_limit: 5, time_period: '1d' } },
    ...{ budget_fallbacks: { m: ['other'] }, tag_rpm_limit: { known: 9_999 }, enforced_params: ['user'] },
  });
  const ask = async (stream: boolean): Promise<void> => {
    const body = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 5, user: 'c', stream };
    const headers = { 'x-litellm-tags': 'known,unknown', 'user-agent': 'a-client/1.0' };
    const answer = await place.ask(body, { key, headers });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`It answered ${answer.status}: ${text}`);
  };
  await ask(false);
  await ask(true);
  asked.length = 0;
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 10 }, (_, at) => ask(at % 2 === 0)));
  }
  expect(asked.length).toBeGreaterThan(0); // The writer has been seen, so this does count.
  expect(asked.filter((sql) => !isOfTheWriter(sql))).toEqual([]);
});
