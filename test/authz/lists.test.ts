/** Lists, counts, filters, orders, tables and suggestions obey the same scope as reading one thing. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { digest } from '../../src/auth/digest.ts';
import { ORACLE, type RoleName } from './oracle.ts';
import { createWorld, marksOf, type TenantIds, type World } from './world.ts';

let world: World;
let acme: TenantIds;
beforeAll(async () => {
  world = await createWorld();
  acme = world.tenants.acme;
}, 60_000);
afterAll(() => world?.stop());

const ROLES = ['key', 'service', 'viewer', 'user', 'team_admin', 'org_admin'] as const;
type ListRole = (typeof ROLES)[number];

/** Secrets of the keys whose use each role may read. */
function visibleKeys(role: ListRole): string[] {
  const { plain, service, mateKey, otherKey, personal } = acme;
  const ofTeam = [plain, service, mateKey];
  const visible: Record<ListRole, string[]> = {
    key: [plain],
    service: ofTeam,
    viewer: [personal.viewer],
    user: [personal.user],
    team_admin: [personal.lead, ...ofTeam],
    org_admin: [...ofTeam, otherKey, ...Object.values(personal)],
  };
  return visible[role];
}

const allKeys = (): string[] => [...acme.requests.keys()];

function hiddenFrom(role: ListRole): string[] {
  const visible = new Set(visibleKeys(role));
  const hidden = allKeys().filter((key) => !visible.has(key));
  const requests = hidden.flatMap((key) => acme.requests.get(key) ?? []);
  const others = role === 'org_admin' ? [] : [acme.otherTeam, acme.otherProject];
  return [...hidden.map(digest), ...requests, ...others, ...marksOf(world.tenants.globex, 'globex')];
}

/** Every parameter that could turn a list into another one. */
const DAYS = 'start_date=2020-01-01&end_date=2099-12-31';
const VARIANTS: readonly string[] = [
  '',
  'session_id=globex',
  DAYS,
  'format=csv',
  `${DAYS}&format=csv`,
  `${DAYS}&summarize=false`,
  'page_size=100',
  'size=100',
  'limit=100',
  'size=100&return_full_object=true&expand=user&include_team_keys=true&include_created_by_keys=true',
  'include_created_by_keys=true&user_id=default_user_id&return_full_object=true',
  'include_team_keys=true&user_id=globex-lead&return_full_object=true',
  'status=deleted&return_full_object=true',
  'sort_by=spend&sort_order=desc',
  'sort_by=created_at&sort_order=asc&page_size=100',
  'sort_by=user_id&sort_order=desc&page_size=100',
  'sort_by=team_id&sort_order=desc&page_size=100',
  'search=globex',
  'search=',
  'key_alias=globex',
  'team_alias=globex',
  'user_alias=globex',
  'user_email=globex',
  'org_alias=globex',
  'organization_id=globex-organization',
  'org_id=globex-organization',
  'team=globex-team',
  'team_id=globex-team',
  'team_ids=globex-team,acme-other-team',
  'tags=globex-tag',
  'user_id=globex-user',
  'user_ids=globex-user,globex-mate',
  'user_id=',
  'end_user=globex-customer',
  'end_user_ids=globex-customer',
  'organization_ids=globex-organization',
  'request_tags=globex-tag',
  'model=globex-model',
  'model_group=globex-model',
  'min_spend=0&page_size=100',
  'page=2&page_size=1',
  'object_id=globex-team',
  'changed_by=default_user_id&page_size=100',
];

const LISTS = Object.entries(ORACLE).filter(
  ([route, { answers, group }]) => /^GET [^*]+$/.test(route) && (answers === 'list' || group === 5),
);

/** All of them for two roles, and the plainest for the others. */
const variantsFor = (role: ListRole): readonly string[] =>
  role === 'user' || role === 'org_admin' ? VARIANTS : VARIANTS.slice(0, PLAINEST);
const PLAINEST = 6;

async function faultsOf(path: string, role: ListRole): Promise<{ faults: string[]; answered: number }> {
  const hidden = hiddenFrom(role);
  const faults: string[] = [];
  let answered = 0;
  for (const variant of variantsFor(role)) {
    const { status, text } = await world.send({ method: 'GET', path: `${path}?${variant}` }, world.actor(role).key);
    if (status === 200) answered++;
    const found = hidden.find((mark) => !variant.includes(mark) && text.includes(mark));
    if (found === undefined && status < 500) continue;
    faults.push(`${role}: ?${variant}: ${status} ${found} ${text.slice(0, 200)}`);
  }
  return { faults, answered };
}

describe('no variant of a list holds what is not to be seen', () => {
  test.each(LISTS)('%s', async (route, { may }) => {
    const roles = ROLES.filter((role) => may[role] !== undefined);
    const found = await Promise.all(roles.map((role) => faultsOf(route.slice('GET '.length), role)));
    expect(found.flatMap(({ faults }) => faults)).toEqual([]);
    for (const { answered } of found) expect(answered).toBeGreaterThan(0);
  });
});

interface Counted {
  readonly path: string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
  readonly count: (body: any) => number;
  readonly expected: Partial<Record<RoleName, (role: ListRole) => number>>;
}

const usage = Object.fromEntries(ROLES.map((role) => [role, (r: ListRole) => visibleKeys(r).length]));
/** The key itself is told to a service too, but not the others of its team. */
const rows = { ...usage, service: () => 1 };
const people = ROLES.length;

const COUNTED: readonly Counted[] = [
  { path: '/spend/logs/v2', count: (body) => body.total, expected: rows },
  { path: '/spend/logs/ui', count: (body) => body.total, expected: rows },
  { path: '/spend/logs', count: (body) => body.length, expected: rows },
  { path: '/global/activity', count: (body) => body.sum_api_requests, expected: usage },
  { path: '/global/activity/model', count: (body) => body[0].sum_api_requests, expected: usage },
  {
    path: '/global/activity/cache_hits',
    count: (body) => body.reduce((sum: number, row: { total_rows: number }) => sum + row.total_rows, 0),
    expected: usage,
  },
  {
    path: `/tag/daily/activity?${DAYS}&tags=acme-tag`,
    count: (body) => body.metadata.total_api_requests,
    expected: usage,
  },
  {
    path: `/customer/daily/activity?${DAYS}&end_user_ids=acme-customer`,
    count: (body) => body.metadata.total_api_requests,
    expected: usage,
  },
  {
    path: `/tag/daily/activity/aggregated?${DAYS}&tags=acme-tag`,
    count: (body) => body.metadata.total_api_requests,
    expected: usage,
  },
  {
    path: '/key/list',
    count: (body) => body.total_count,
    expected: {
      viewer: () => 1,
      user: () => 1,
      team_admin: () => 4,
      org_admin: () => 10,
    },
  },
  {
    path: '/key/aliases',
    count: (body) => body.total_count,
    expected: {
      key: () => 1,
      service: () => 1,
      viewer: () => 1,
      user: () => 1,
      team_admin: () => 4,
      org_admin: () => 10,
    },
  },
  {
    path: '/v2/team/list',
    count: (body) => body.total,
    expected: { viewer: () => 1, user: () => 1, team_admin: () => 1, org_admin: () => 2 },
  },
  {
    path: '/team/list',
    count: (body) => body.length,
    expected: { user: () => 1, team_admin: () => 1, org_admin: () => 2 },
  },
  { path: '/project/list', count: (body) => body.length, expected: { user: () => 1, org_admin: () => 2 } },
  { path: '/user/list', count: (body) => body.total, expected: { org_admin: () => people } },
  { path: '/organization/list', count: (body) => body.length, expected: { org_admin: () => 1 } },
];

describe('a count is of what may be seen', () => {
  for (const { path, count, expected } of COUNTED) {
    test.each(ROLES.filter((role) => expected[role] !== undefined))(`${path} for %s`, async (role) => {
      const { status, body } = await world.send({ method: 'GET', path }, world.actor(role).key);
      expect(status).toBe(200);
      expect(count(body)).toBe(expected[role]?.(role) ?? Number.NaN);
    });
  }

  test('of all for the platform', async () => {
    for (const role of ['platform_viewer', 'platform_admin', 'root'] as const) {
      const { body } = await world.send({ method: 'GET', path: '/spend/logs/v2' }, world.actor(role).key);
      expect(body.total).toBe(2 * allKeys().length);
    }
  });

  test('and a filter by what is foreign counts as one by what is not there', async () => {
    const foreign: readonly [string, string][] = [
      ['/spend/logs/v2?team_id=', 'globex-team'],
      ['/spend/logs/v2?user_id=', 'globex-user'],
      ['/spend/logs/v2?organization_id=', 'globex-organization'],
      ['/spend/logs/v2?end_user=', 'globex-customer'],
      ['/spend/logs/v2?request_tags=', 'globex-tag'],
      ['/spend/logs/v2?model=', 'globex-model'],
      ['/spend/logs/v2?key_alias=', encodeURIComponent('globex plain key')],
      ['/spend/logs/v2?api_key=', digest(world.tenants.globex.plain)],
      [`/team/daily/activity?${DAYS}&team_ids=`, 'globex-team'],
      [`/user/daily/activity?${DAYS}&user_id=`, 'globex-user'],
      [`/tag/daily/activity?${DAYS}&tags=`, 'globex-tag'],
      [`/customer/daily/activity?${DAYS}&end_user_ids=`, 'globex-customer'],
      [`/user/daily/activity?${DAYS}&api_key=`, digest(world.tenants.globex.plain)],
      ['/key/list?team_id=', 'globex-team'],
      ['/key/list?user_id=', 'globex-user'],
      ['/key/list?key_hash=', digest(world.tenants.globex.plain)],
      ['/key/aliases?search=', 'globex'],
      ['/v2/team/list?organization_id=', 'globex-organization'],
      ['/v2/team/list?user_id=', 'globex-user'],
      ['/v2/team/list?team_alias=', 'globex'],
      ['/user/list?user_ids=', 'globex-user'],
      ['/user/list?user_email=', 'globex'],
      ['/user/list?team=', 'globex-team'],
      ['/audit?object_id=', 'globex-team'],
      ['/audit?organization_id=', 'globex-organization'],
    ];
    const { key } = world.actor('org_admin');
    for (const [path, id] of foreign) {
      const absent = await world.send({ method: 'GET', path: `${path}never-was` }, key);
      const answer = await world.send({ method: 'GET', path: path + id }, key);
      const said = decodeURIComponent(id);
      expect([path, answer.status, answer.text.replaceAll(said, '…')]).toEqual([
        path,
        absent.status,
        absent.text.replaceAll('never-was', '…'),
      ]);
    }
  });
});
