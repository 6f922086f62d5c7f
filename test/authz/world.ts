/**
 * Two tenants in one gateway, made through its management API: the organizations `acme` and `globex`, each with the same
 * teams, people, keys, customers, tags and requests. Everything that belongs to a tenant has its name in it, so whatever
 * an answer lets slip can be seen by looking for the name.
 */
import { digest } from '../../src/auth/digest.ts';
import { type AppPlace, MASTER_KEY, startAppPlace } from '../support/app-place.ts';
import { deployment } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import type { RoleName } from './oracle.ts';

export const TENANTS = ['acme', 'globex'] as const;
export type Tenant = (typeof TENANTS)[number];

/** Of a provider, a credential and a user: no answer may ever hold one. */
export const SECRETS = {
  providerKey: 'sk-upstream-7Kq2Zt9wXb4Lm8Rp',
  modelKey: 'sk-dbmodel-3Hn6Vc1yGd5Js0Tf',
  credential: 'sk-credential-8Pw4Nx2eQr7Ua9Mk',
  password: 'Correct-horse-91-battery',
} as const;

export interface Actor {
  readonly role: RoleName;
  readonly tenant: Tenant;
  /** `null`: without any key. */
  readonly key: string | null;
  readonly userId: string | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // What a management route answers is what a test is about: it says itself what it expects.
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
  readonly body: any;
}

export interface Sending {
  readonly method: string;
  readonly path: string;
  /** A text goes as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What stands still while the tests run. */
export interface TenantIds {
  readonly organization: string;
  readonly team: string;
  readonly otherTeam: string;
  readonly project: string;
  readonly otherProject: string;
  readonly people: Readonly<Record<Person, string>>;
  /** Secrets of the people's own keys. */
  readonly personal: Readonly<Record<Person, string>>;
  /** Secrets: of the team and nobody in it, and of its service. */
  readonly plain: string;
  readonly service: string;
  /** Of `mate` in the team, and of `other` in the other team. */
  readonly mateKey: string;
  readonly otherKey: string;
  readonly customer: string;
  readonly budget: string;
  readonly tag: string;
  readonly accessGroup: string;
  readonly credential: string;
  readonly model: string;
  readonly modelId: string;
  readonly modelGroup: string;
  /** Key secret → id of a request that it made. */
  readonly requests: ReadonlyMap<string, string>;
}

/** `lead` is the admin of the team, `owner` of the organization; `other` is in the other team. */
export const PEOPLE = ['viewer', 'user', 'mate', 'lead', 'owner', 'other'] as const;
export type Person = (typeof PEOPLE)[number];

const PERSON_OF: Partial<Record<RoleName, Person>> = {
  viewer: 'viewer',
  user: 'user',
  team_admin: 'lead',
  org_admin: 'owner',
};

export interface World {
  readonly place: AppPlace;
  readonly tenants: Readonly<Record<Tenant, TenantIds>>;
  readonly platform: { readonly boss: string; readonly auditor: string };
  actor(role: RoleName, tenant?: Tenant): Actor;
  send(sending: Sending, key: string | null): Promise<Answer>;
  /** As root. @throws Error unless it succeeds */
  made(method: string, path: string, body?: object): Promise<Answer>;
  /** A name that was never used, with the tenant's in it. */
  name(tenant: Tenant, what: string): string;
  stop(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  const upstream = await startUpstream(() => ({ usage: { prompt_tokens: 10, completion_tokens: 20 } }));
  const config = {
    model_list: [
      deployment(upstream, 'shared', {
        api_key: SECRETS.providerKey,
        input_cost_per_token: 1e-7,
        output_cost_per_token: 1e-6,
      }),
    ],
  };
  const place = await startAppPlace(config);
  let serial = 0;

  async function send({ method, path, body, headers }: Sending, key: string | null): Promise<Answer> {
    const init: RequestInit = { method, headers: { ...headers } };
    if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await place.fetch(path, { ...init, key: key ?? '' });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  }

  async function made(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await send({ method, path, body }, MASTER_KEY);
    if (answer.status < 300) return answer;
    throw new Error(`${method} ${path} was refused: ${answer.status} ${answer.text.slice(0, 500)}`);
  }

  const tenants = {
    acme: await settle('acme', { made, send, upstream }),
    globex: await settle('globex', { made, send, upstream }),
  };
  const platform = {
    boss: await person(made, 'platform-boss', { user_role: 'proxy_admin' }),
    auditor: await person(made, 'platform-auditor', { user_role: 'proxy_admin_viewer' }),
  };
  const logged = async (): Promise<number> => (await made('GET', '/spend/logs/v2?page_size=1')).body.total;
  await until(logged, (total) => total >= [...tenants.acme.requests, ...tenants.globex.requests].length);

  return {
    place,
    tenants,
    platform,
    actor(role, tenant = 'acme') {
      const ids = tenants[tenant];
      const who = PERSON_OF[role];
      if (who !== undefined) return { role, tenant, key: ids.personal[who], userId: ids.people[who] };
      const keys: Partial<Record<RoleName, [string | null, string | null]>> = {
        anonymous: [null, null],
        key: [ids.plain, null],
        service: [ids.service, null],
        platform_viewer: [platform.auditor, 'platform-auditor'],
        platform_admin: [platform.boss, 'platform-boss'],
      };
      const [key, userId] = keys[role] ?? [MASTER_KEY, null];
      return { role, tenant, key, userId };
    },
    send,
    made,
    name: (tenant, what) => `${tenant}-${what}-${++serial}`,
    async stop() {
      await place.stop();
      await upstream.stop();
    },
  };
}

type Made = World['made'];

interface Parts {
  readonly made: Made;
  readonly send: World['send'];
  readonly upstream: Upstream;
}

/** @returns the secret of the person's own key */
async function person(made: Made, userId: string, fields: object = {}): Promise<string> {
  const user_email = `${userId}@example.com`;
  return (await made('POST', '/user/new', { user_id: userId, user_email, ...fields })).body.key;
}

async function settle(tenant: Tenant, { made, send, upstream }: Parts): Promise<TenantIds> {
  const names = namesOf(tenant);
  const { organization, team, otherTeam, model, modelId } = names;
  const models = ['shared', model];
  await made('POST', '/credentials', {
    credential_name: names.credential,
    credential_values: { api_key: SECRETS.credential, api_base: upstream.url },
  });
  await made('POST', '/model/new', {
    model_name: model,
    litellm_params: { model: 'openai/gpt-4o', api_base: upstream.url, api_key: SECRETS.modelKey },
    model_info: { id: modelId },
  });
  await made('POST', '/access_group/new', { access_group: names.modelGroup, model_names: [model] });
  await made('POST', '/budget/new', { budget_id: names.budget, max_budget: 1_000 });
  await made('POST', '/customer/new', { user_id: names.customer, alias: `${tenant} customer` });
  await made('POST', '/tag/new', { name: names.tag, description: `Of ${tenant}` });
  await made('POST', '/organization/new', {
    organization_id: organization,
    organization_alias: `The ${tenant} organization`,
    models,
    max_budget: 10_000,
    rpm_limit: 10_000,
  });
  for (const id of [team, otherTeam]) {
    await made('POST', '/team/new', {
      team_id: id,
      team_alias: `Alias ${id}`,
      organization_id: organization,
      models,
      max_budget: 1_000,
      rpm_limit: 1_000,
    });
  }
  await made('POST', '/project/new', { project_id: names.project, team_id: team });
  await made('POST', '/project/new', { project_id: names.otherProject, team_id: otherTeam });
  const personal: Partial<Record<Person, string>> = {};
  for (const who of PEOPLE) personal[who] = await member(made, names, who, models);
  const keyFor = async (what: string, fields: object, path = '/key/generate'): Promise<string> =>
    (await made('POST', path, { key_alias: `${tenant} ${what}`, models, ...fields })).body.key;
  const keys = {
    plain: await keyFor('plain key', { team_id: team }),
    service: await keyFor(
      'service key',
      { team_id: team, metadata: { service_account_id: `${tenant}-service` } },
      '/key/service-account/generate',
    ),
    mateKey: await keyFor('mate key', { team_id: team, user_id: names.people.mate }),
    otherKey: await keyFor('other key', { team_id: otherTeam, user_id: names.people.other }),
  };
  const groupBody = { access_group_name: `${tenant} access group`, access_model_names: [model] };
  const { body: group } = await made('POST', '/v1/access_group', groupBody);
  const requests = new Map<string, string>();
  const every = { ...keys, ...personal } as Record<string, string>; // All people have one by now.
  for (const key of Object.values(every)) {
    requests.set(key, await asked(send, key, { model, user: names.customer, metadata: { tags: [names.tag] } }));
  }
  return {
    ...names,
    ...keys,
    personal: personal as Record<Person, string>,
    accessGroup: String(group.access_group_id),
    requests,
  };
}

const namesOf = (tenant: Tenant) => ({
  organization: `${tenant}-organization`,
  team: `${tenant}-team`,
  otherTeam: `${tenant}-other-team`,
  project: `${tenant}-project`,
  otherProject: `${tenant}-other-project`,
  customer: `${tenant}-customer`,
  budget: `${tenant}-budget`,
  tag: `${tenant}-tag`,
  credential: `${tenant}-credential`,
  model: `${tenant}-model`,
  modelId: `${tenant}-model-id`,
  modelGroup: `${tenant}-model-group`,
  people: Object.fromEntries(PEOPLE.map((who) => [who, `${tenant}-${who}`])) as Record<Person, string>,
});

async function member(
  made: Made,
  names: ReturnType<typeof namesOf>,
  who: Person,
  models: readonly string[],
): Promise<string> {
  const userId = names.people[who];
  const key = await person(made, userId, {
    user_role: who === 'viewer' ? 'internal_user_viewer' : 'internal_user',
    organizations: [names.organization],
    ...(who === 'user' && { password: SECRETS.password }),
    models,
    key_alias: `Key of ${userId}`,
    metadata: { note: `private note of ${userId}` },
  });
  if (who === 'owner') {
    const organization_id = names.organization;
    await made('PATCH', '/organization/member_update', { organization_id, user_id: userId, role: 'org_admin' });
  } else {
    const team_id = who === 'other' ? names.otherTeam : names.team;
    const role = who === 'lead' ? 'admin' : 'user';
    await made('POST', '/team/member_add', { team_id, member: { user_id: userId, role } });
  }
  return key;
}

/** @returns id of the request */
async function asked(send: World['send'], key: string, fields: object): Promise<string> {
  const body = { messages: [{ role: 'user', content: 'Hi' }], ...fields };
  const answer = await send({ method: 'POST', path: '/v1/chat/completions', body }, key);
  const id = answer.headers.get('x-litellm-call-id');
  if (answer.status === 200 && id !== null) return id;
  throw new Error(`A request was refused: ${answer.status} ${answer.text}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Everything by which a tenant could be recognised: its name, and the digests of its keys. */
export function marksOf(
  { plain, service, mateKey, otherKey, personal, requests }: TenantIds,
  tenant: Tenant,
): string[] {
  const secrets = [plain, service, mateKey, otherKey, ...Object.values(personal)];
  return [tenant, ...secrets, ...secrets.map(digest), ...requests.values()];
}
