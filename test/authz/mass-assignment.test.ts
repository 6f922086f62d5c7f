/** Fields that nobody may set, or not these: at the top, nested, twice, in a list. None is taken, and nothing changes. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { RoleName } from './oracle.ts';
import { createWorld, type Sending, type TenantIds, type World } from './world.ts';

let world: World;
let acme: TenantIds;
beforeAll(async () => {
  world = await createWorld();
  acme = world.tenants.acme;
}, 60_000);
afterAll(() => world?.stop());

type Fields = Readonly<Record<string, unknown>>;

/** What the gateway notes itself: not even an admin sets it. */
const NOTED: Fields = {
  token: 'f'.repeat(64),
  key_hash: 'f'.repeat(64),
  created_by: 'platform-boss',
  updated_by: 'platform-boss',
  created_at: '2020-01-01T00:00:00Z',
  updated_at: '2020-01-01T00:00:00Z',
  request_id: 'x',
  total_spend: 0,
  spend_set_nano_usd: 0,
  password_hash: '$argon2id$x',
  rotation_count: 0,
  last_active: '2020-01-01T00:00:00Z',
  budget_reset_at: '2999-01-01T00:00:00Z',
  litellm_budget_table: { max_budget: 1e6 },
  isAdmin: true,
  is_admin: true,
  role: 'proxy_admin',
  roles: ['proxy_admin'],
  scopes: ['*'],
  tenant_id: 'globex',
  constructor: { prototype: { blocked: false } },
};

/** Metadata that loosens what admins impose. */
const RESERVED: Fields = {
  '_gw.role': 'admin',
  _gw: { role: 'admin' },
  allow_client_pricing_override: true,
  allow_client_mock_response: true,
  allow_client_message_redaction_opt_out: true,
  allowed_teams: ['globex-team'],
  callback_settings: { x: 1 },
  disable_fallbacks: true,
  disable_global_guardrails: true,
  end_user_budget_id: 'globex-budget',
  enforced_params: [],
  guardrails: [],
  litellm_disabled_callbacks: ['*'],
  logging: [{ callback_name: 'x' }],
  policies: ['x'],
  priority: 'high',
  scim_active: true,
  service_account_id: 'globex-service',
  temp_budget_increase: 1e6,
  temp_budget_expiry: '2999-01-01T00:00:00Z',
  throttle_on_budget_exceeded: false,
  team_member_budget_id: 'globex-budget',
};

/** Of the platform's admins, of all that have them. */
const PLATFORM: Fields = {
  spend: 0,
  budget_id: 'globex-budget',
  object_permission: { vector_stores: ['*'] },
  access_group_ids: ['any'],
};

/** Foreign, or more than the team and the organization have. */
const BEYOND: Fields = {
  organization_id: 'globex-organization',
  team_id: 'globex-team',
  project_id: 'globex-project',
  max_budget: 1e6,
  rpm_limit: 1e6,
  models: ['globex-model'],
};

interface Write {
  readonly name: string;
  readonly role: RoleName;
  /** Something that the role may do, each time with something new. */
  readonly plain: () => Promise<Sending & { readonly body: object }>;
  readonly privileged: Fields;
  /** What stands in the database of what was aimed at. */
  readonly stored: () => Promise<unknown>;
}

const infoOf = (path: string) => async (): Promise<unknown> => (await world.made('GET', path)).body;
/** Something that was refused is not there either. */
const count = (path: string, field: string) => async (): Promise<unknown> =>
  (await world.made('GET', path)).body[field];

const keysMade = count('/key/list?size=1', 'total_count');
const teamsMade = count('/v2/team/list?page_size=1', 'total');
const usersMade = count('/user/list?page_size=1', 'total');
const keyInfo = (secret: () => string) => async (): Promise<unknown> =>
  (await world.made('GET', `/key/info?key=${secret()}`)).body;

const KEY_FIELDS: Fields = { ...NOTED, ...PLATFORM, ...BEYOND, user_role: 'proxy_admin', new_master_key: 'sk-x' };
const OWN_KEY_FIELDS: Fields = {
  ...KEY_FIELDS,
  allowed_routes: ['*'],
  permissions: { allow_pii_controls: true },
  user_id: 'globex-user',
};

const WRITES: readonly Write[] = [
  {
    name: 'POST /key/generate',
    role: 'user',
    plain: async () => ({ method: 'POST', path: '/key/generate', body: { key_alias: world.name('acme', 'key') } }),
    privileged: { ...OWN_KEY_FIELDS, user_id: 'acme-mate' },
    stored: keysMade,
  },
  {
    name: 'POST /key/generate',
    role: 'team_admin',
    plain: async () => ({ method: 'POST', path: '/key/generate', body: { team_id: acme.team } }),
    privileged: { ...KEY_FIELDS, user_id: 'globex-user' },
    stored: keysMade,
  },
  {
    name: 'POST /key/generate',
    role: 'org_admin',
    plain: async () => ({ method: 'POST', path: '/key/generate', body: { team_id: acme.otherTeam } }),
    privileged: { ...KEY_FIELDS, user_id: 'globex-user' },
    stored: keysMade,
  },
  {
    name: 'POST /key/service-account/generate',
    role: 'team_admin',
    plain: async () => ({ method: 'POST', path: '/key/service-account/generate', body: { team_id: acme.team } }),
    privileged: { ...KEY_FIELDS, user_id: 'acme-mate' },
    stored: keysMade,
  },
  {
    name: 'POST /key/update',
    role: 'user',
    plain: async () => ({ method: 'POST', path: '/key/update', body: { key: acme.personal.user, metadata: {} } }),
    privileged: { ...OWN_KEY_FIELDS, models: ['no-such-model'] },
    stored: keyInfo(() => acme.personal.user),
  },
  {
    name: 'POST /key/update',
    role: 'team_admin',
    plain: async () => ({ method: 'POST', path: '/key/update', body: { key: acme.mateKey, metadata: {} } }),
    privileged: { ...KEY_FIELDS, user_id: 'globex-user' },
    stored: keyInfo(() => acme.mateKey),
  },
  {
    name: 'POST /key/update',
    role: 'org_admin',
    plain: async () => ({ method: 'POST', path: '/key/update', body: { key: acme.otherKey, metadata: {} } }),
    privileged: { ...KEY_FIELDS, user_id: 'globex-user' },
    stored: keyInfo(() => acme.otherKey),
  },
  {
    name: 'POST /key/regenerate',
    role: 'user',
    plain: async () => ({
      method: 'POST',
      path: '/key/regenerate',
      body: { key: acme.personal.user, grace_period: '1h' },
    }),
    privileged: { ...OWN_KEY_FIELDS, models: ['no-such-model'] },
    stored: keyInfo(() => acme.personal.user),
  },
  {
    name: 'POST /team/new',
    role: 'org_admin',
    plain: async () => ({
      method: 'POST',
      path: '/team/new',
      body: { team_id: world.name('acme', 'team'), organization_id: acme.organization },
    }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      ...BEYOND,
      project_id: 'x',
      policies: ['x'],
      guardrails: ['x'],
      router_settings: { num_retries: 9 },
      allow_team_guardrail_config: true,
    },
    stored: teamsMade,
  },
  {
    name: 'POST /team/update',
    role: 'team_admin',
    plain: async () => ({ method: 'POST', path: '/team/update', body: { team_id: acme.team, metadata: {} } }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      organization_id: 'globex-organization',
      blocked: true,
      max_budget: 1_001,
      rpm_limit: 1_001,
      soft_budget: 1,
      budget_duration: '1s',
      model_aliases: { shared: 'globex-model' },
      models: ['globex-model'],
      tags: ['globex-tag'],
      policies: ['x'],
      guardrails: ['x'],
      router_settings: { num_retries: 9 },
      disable_global_guardrails: true,
      members_with_roles: [{ user_id: 'globex-user', role: 'admin' }],
      admins: ['acme-user'],
      members: [],
    },
    stored: async () => (await world.made('GET', `/team/info?team_id=${acme.team}`)).body.team_info,
  },
  {
    name: 'POST /team/update',
    role: 'org_admin',
    plain: async () => ({ method: 'POST', path: '/team/update', body: { team_id: acme.otherTeam, metadata: {} } }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      organization_id: 'globex-organization',
      max_budget: 1e6,
      models: ['globex-model'],
      policies: ['x'],
      guardrails: ['x'],
      router_settings: { num_retries: 9 },
      disable_global_guardrails: true,
    },
    stored: async () => (await world.made('GET', `/team/info?team_id=${acme.otherTeam}`)).body.team_info,
  },
  {
    name: 'POST /team/member_update',
    role: 'team_admin',
    plain: async () => ({
      method: 'POST',
      path: '/team/member_update',
      body: { team_id: acme.team, user_id: acme.people.mate },
    }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      user_role: 'proxy_admin',
      role: 'proxy_admin',
      max_budget_in_team: 1_001,
      rpm_limit: 1_001,
      allowed_models: ['globex-model'],
      metadata: { guardrails: [] },
      organization_id: 'globex-organization',
    },
    stored: infoOf('/team/info?team_id=acme-team'),
  },
  {
    name: 'POST /user/new',
    role: 'org_admin',
    plain: async () => ({
      method: 'POST',
      path: '/user/new',
      body: { user_id: world.name('acme', 'user'), auto_create_key: false },
    }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      user_role: 'proxy_admin',
      organizations: ['globex-organization'],
      organization_id: 'globex-organization',
      teams: ['globex-team'],
      team_id: 'globex-team',
      password: 'A-password-of-length',
      sso_user_id: 'platform-boss',
      policies: ['x'],
      guardrails: ['x'],
      max_budget: 1e6,
      models: ['globex-model'],
      permissions: { x: true },
      allowed_routes: ['*'],
    },
    stored: usersMade,
  },
  {
    name: 'POST /user/update',
    role: 'user',
    plain: async () => ({
      method: 'POST',
      path: '/user/update',
      body: { user_id: acme.people.user, user_alias: 'Alias' },
    }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      user_role: 'proxy_admin',
      user_email: 'platform-boss@example.com',
      sso_user_id: 'platform-boss',
      organization_id: 'globex-organization',
      blocked: false,
      max_budget: 1e6,
      soft_budget: 1e6,
      budget_duration: '1s',
      rpm_limit: 1e6,
      tpm_limit: 1e6,
      max_parallel_requests: 1e6,
      models: [],
      model_max_budget: {},
      model_rpm_limit: {},
      policies: [],
      guardrails: [],
      allowed_cache_controls: ['no-store'],
      tollgate_limits: [],
      teams: ['globex-team'],
    },
    stored: infoOf('/v2/user/info?user_id=acme-user'),
  },
  {
    name: 'POST /user/update',
    role: 'org_admin',
    plain: async () => ({
      method: 'POST',
      path: '/user/update',
      body: { user_id: acme.people.mate, user_alias: 'Alias' },
    }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      user_role: 'proxy_admin',
      user_email: 'platform-boss@example.com',
      sso_user_id: 'platform-boss',
      password: 'A-password-of-length',
      organization_id: 'globex-organization',
      max_budget: 1e6,
      models: ['globex-model'],
      policies: ['x'],
      guardrails: ['x'],
    },
    stored: infoOf('/v2/user/info?user_id=acme-mate'),
  },
  {
    name: 'POST /project/new',
    role: 'team_admin',
    plain: async () => ({ method: 'POST', path: '/project/new', body: { team_id: acme.team } }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      organization_id: 'x',
      team_id: 'globex-team',
      max_budget: 1_001,
      rpm_limit: 1_001,
      models: ['globex-model'],
      tags: ['globex-tag'],
    },
    stored: async () => (await world.made('GET', '/project/list')).body.length,
  },
  {
    name: 'POST /project/update',
    role: 'team_admin',
    plain: async () => ({ method: 'POST', path: '/project/update', body: { project_id: acme.project } }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      team_id: 'acme-other-team',
      max_budget: 1_001,
      models: ['globex-model'],
      tags: ['globex-tag'],
    },
    stored: infoOf('/project/info?project_id=acme-project'),
  },
  {
    name: 'POST /organization/member_add',
    role: 'org_admin',
    plain: async () => ({
      method: 'POST',
      path: '/organization/member_add',
      body: {
        organization_id: acme.organization,
        member: { user_id: world.name('acme', 'member'), role: 'internal_user' },
      },
    }),
    privileged: {
      ...NOTED,
      ...PLATFORM,
      user_role: 'proxy_admin',
      max_budget: 1e6,
      organization_id: 'globex-organization',
    },
    stored: usersMade,
  },
];

/** One body as a text, with the field put into it in a way that some parser might read. */
const WAYS: Readonly<Record<string, (body: Fields, field: string, value: unknown) => string>> = {
  'at the top': (body, field, value) => JSON.stringify({ ...body, [field]: value }),
  'twice, the last one plain': (body, field, value) => {
    const plain = Object.hasOwn(body, field) ? body[field] : null;
    return `${JSON.stringify({ ...body, [field]: value }).slice(0, -1)},${JSON.stringify(field)}:${JSON.stringify(plain)}}`;
  },
  'twice, the first one plain': (body, field, value) => {
    const first = `${JSON.stringify(field)}:null`;
    return `{${first},${JSON.stringify({ ...body, [field]: value }).slice(1)}`;
  },
  'with an escape in its name': (body, field, value) =>
    JSON.stringify({ ...body, [field]: value }).replace(
      `"${field}"`,
      `"\\u${field.charCodeAt(0).toString(16).padStart(4, '0')}${field.slice(1)}"`,
    ),
  'in a list': (body, field, value) => JSON.stringify([{ ...body, [field]: value }]),
  'in a list as its value': (body, field, value) => JSON.stringify({ ...body, [field]: [[value]] }),
  'under data': (body, field, value) => JSON.stringify({ ...body, data: { [field]: value } }),
  'under extra_body': (body, field, value) => JSON.stringify({ ...body, extra_body: { [field]: value } }),
  'under __proto__': (body, field, value) =>
    `${JSON.stringify(body).slice(0, -1)},"__proto__":${JSON.stringify({ [field]: value })}}`,
};

async function takenOf({ role, plain, privileged, stored }: Write): Promise<string[]> {
  const { key } = world.actor(role);
  const before = JSON.stringify(await stored());
  const taken: string[] = [];
  for (const [field, value] of Object.entries(privileged)) {
    for (const [way, write] of Object.entries(WAYS)) {
      const sending = await plain();
      const answer = await world.send({ ...sending, body: write({ ...sending.body }, field, value) }, key);
      if (answer.status < 400 || answer.status >= 500)
        taken.push(`${field} ${way}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
  }
  if (JSON.stringify(await stored()) !== before)
    taken.push(`stored: ${before} is now ${JSON.stringify(await stored())}`);
  return taken;
}

describe('no privileged field is taken', () => {
  for (const write of WRITES) {
    test(`by ${write.name} from ${write.role}`, async () => {
      expect(await takenOf(write)).toEqual([]);
    });
  }
});

/** Names in the metadata that mean something to the gateway. */
describe('no reserved name is taken in metadata', () => {
  const WITH_METADATA = WRITES.filter(({ name }) => !/member|\/key\/regenerate/.test(name));
  for (const { name, role, plain, stored } of WITH_METADATA) {
    test(`by ${name} from ${role}`, async () => {
      const { key } = world.actor(role);
      const before = JSON.stringify(await stored());
      for (const [field, value] of Object.entries(RESERVED)) {
        const sending = await plain();
        const body = { ...sending.body, metadata: { note: 'mine', [field]: value } };
        const { status, text } = await world.send({ ...sending, body }, key);
        expect([field, status, text.slice(0, 200)]).toEqual([
          field,
          status >= 400 && status < 500 ? status : 403,
          text.slice(0, 200),
        ]);
      }
      expect(JSON.stringify(await stored())).toBe(before);
    });
  }

  test('not even from an admin of the platform, when the gateway keeps it for itself', async () => {
    const { key } = world.actor('platform_admin');
    for (const metadata of [{ _gw: 1 }, { '_gw.role': 'admin' }]) {
      for (const [path, body] of [
        ['/key/generate', {}],
        ['/team/new', {}],
        ['/user/new', {}],
        ['/organization/new', { organization_alias: 'x' }],
        ['/project/new', { team_id: acme.team }],
        ['/customer/new', { user_id: world.name('acme', 'customer') }],
      ] as const) {
        const { status } = await world.send({ method: 'POST', path, body: { ...body, metadata } }, key);
        expect([path, status]).toEqual([path, 403]);
      }
    }
  });
});

describe('what is plain is taken, so the refusals are of the fields', () => {
  for (const { name, role, plain } of WRITES) {
    test(`${name} from ${role}`, async () => {
      const isLast = name === 'POST /key/regenerate';
      const sending = await plain();
      const { status, text } = await world.send(sending, world.actor(role).key);
      expect([status, isLast ? '' : text.slice(0, 200)]).toEqual([200, isLast ? '' : text.slice(0, 200)]);
    });
  }
});
