/**
 * Who may do what, as the project's authorization matrix says it: one entry for each route that is served, and for each
 * role what it may with things of its own, of its team, of its organization and of another tenant. Written from the matrix
 * and from LiteLLM's documentation of its management API, never from `src/auth/permissions.ts`: a mistake there must not
 * be able to change what it is held against. A role that is not named may nothing; what no letter names does not exist
 * for it (404).
 *
 * Where the matrix leaves a choice, the stricter one is taken: only admins of the platform delete people, reset what
 * members have spent and define customers, budgets, tags, models and credentials. Two deviations are
 * documented decisions: a person's key may infer, and so may the master key.
 */

export const ROLE_NAMES = [
  'anonymous',
  'key',
  'service',
  'viewer',
  'user',
  'team_admin',
  'org_admin',
  'platform_viewer',
  'platform_admin',
  'root',
] as const;
export type RoleName = (typeof ROLE_NAMES)[number];

/** `platform`: of nobody, or of everybody. */
export const RELATIONS = ['own', 'team', 'organization', 'foreign', 'platform'] as const;
export type Relation = (typeof RELATIONS)[number];

/** What a route is aimed at. `log`: what was used, which is read through filters. */
export const KINDS = {
  key: ['own', 'team', 'organization', 'foreign'],
  team: ['team', 'organization', 'foreign'],
  user: ['own', 'team', 'organization', 'foreign'],
  organization: ['organization', 'foreign'],
  project: ['team', 'organization', 'foreign'],
  log: ['own', 'team', 'organization', 'foreign'],
  audit: ['organization', 'foreign'],
  platform: ['platform'],
} as const satisfies Record<string, readonly Relation[]>;
export type Kind = keyof typeof KINDS;

/** A: all; O: own; T: of the same team; G: of the same organization. An empty text: the function, but of nothing here. */
export type Cell = '' | 'A' | 'O' | 'T' | 'G' | 'OT' | 'TG' | 'OTG';
type Cells = Partial<Record<RoleName, Cell>>;

export interface Expected {
  /** Number of the group in the matrix. */
  readonly group: number;
  readonly on: Kind;
  readonly may: Cells;
  /**
   * `list`: answers to everybody who has the function, with what they may see. `each`: tells of each thing whether it was
   * done. In both nothing is refused as a whole.
   */
  readonly answers?: 'list' | 'each';
  /** Refused for another reason than being foreign, by role and relation. */
  readonly also?: Partial<Record<RoleName, Partial<Record<Relation, 400 | 403 | 404 | 422>>>>;
}

const ADMINS = { platform_admin: 'A', root: 'A' } as const;
const PLATFORM = { platform_viewer: 'A', ...ADMINS } as const;
const EVERYBODY = Object.fromEntries(ROLE_NAMES.map((role) => [role, 'A'])) as Record<RoleName, Cell>;
const { anonymous, ...KNOWN } = EVERYBODY;

const PUBLIC = { group: 1, on: 'platform', may: EVERYBODY } as const;
const DETAILS = { group: 2, on: 'platform', may: PLATFORM } as const;
const DOCUMENTS = { group: 30, on: 'platform', may: EVERYBODY } as const;
const INFERENCE = { group: 3, on: 'platform', may: KNOWN } as const;
const MODELS = { group: 5, on: 'platform', may: KNOWN } as const;

/** Their users', those of administered teams and organizations. */
const KEYS = { user: 'O', team_admin: 'OT', org_admin: 'OTG', ...ADMINS } as const;
const KEY_WRITE = { group: 10, on: 'key', may: KEYS } as const;
const KEY_REVOKE = { group: 11, on: 'key', may: KEYS } as const;
const KEY_LIST = {
  group: 9,
  on: 'key',
  may: { viewer: 'O', user: 'O', team_admin: 'OT', org_admin: 'OTG', ...PLATFORM },
} as const;
/** Whoever is limited by a budget does not reset it; keys of the organization's admin are the organization's. */
const RESET_KEY: Expected = {
  ...KEY_WRITE,
  may: { user: '', team_admin: 'T', org_admin: 'OTG', ...ADMINS },
  also: { user: { own: 403 }, team_admin: { own: 403 } },
};
/** In a body, a team or an organization that one has nothing to do with is as unknown as one that is not there: 400. */
const MAKE_KEY: Expected = {
  group: 8,
  on: 'key',
  may: KEYS,
  also: {
    user: { team: 403, organization: 400, foreign: 400 },
    team_admin: { organization: 400, foreign: 400 },
    org_admin: { foreign: 400 },
  },
};
const MAKE_SERVICE_KEY: Expected = {
  group: 8,
  on: 'team',
  may: { user: '', team_admin: 'T', org_admin: 'TG', ...ADMINS },
  also: MAKE_KEY.also ?? {},
};

const TEAM_READ = {
  group: 14,
  on: 'team',
  may: { viewer: 'T', user: 'T', team_admin: 'T', org_admin: 'TG', ...PLATFORM },
} as const;
const TEAM_WRITE = { group: 15, on: 'team', may: { team_admin: 'T', org_admin: 'TG', ...ADMINS } } as const;
const TEAM_MEMBERS = { ...TEAM_WRITE, group: 14 } as const;
const TEAM_FROM_ABOVE = { group: 13, on: 'team', may: { org_admin: 'TG', ...ADMINS } } as const;

const USER_READ = {
  group: 17,
  on: 'user',
  may: { key: 'O', viewer: 'O', user: 'O', team_admin: 'O', org_admin: 'OTG', ...PLATFORM },
} as const;
const USER_LIST = { group: 16, on: 'user', may: { org_admin: 'OTG', ...PLATFORM }, answers: 'list' } as const;

const ORGANIZATION_WRITE = { group: 28, on: 'organization', may: ADMINS } as const;
const ORGANIZATION_READ = { group: 15, on: 'organization', may: { org_admin: 'G', ...PLATFORM } } as const;
const ORGANIZATION_MEMBERS = { group: 16, on: 'organization', may: { org_admin: 'G', ...ADMINS } } as const;
const PROJECT_READ = { ...TEAM_READ, on: 'project' } as const;
const PROJECT_WRITE = { ...TEAM_WRITE, on: 'project' } as const;

const ADMIN_ONLY = { group: 24, on: 'platform', may: ADMINS } as const;
const ADMIN_READ = { group: 24, on: 'platform', may: PLATFORM } as const;
const CREDENTIALS = { group: 22, on: 'platform', may: ADMINS } as const;

const READERS = { key: 'O', viewer: 'O', user: 'O', team_admin: 'OT', org_admin: 'OTG', ...PLATFORM } as const;
const LOGS = { group: 19, on: 'log', may: { service: 'O', ...READERS }, answers: 'list' } as const;
const ONE_LOG = { group: 19, on: 'log', may: { service: 'O', ...READERS } } as const;
const SPEND = { group: 18, on: 'log', may: { service: 'OT', ...READERS }, answers: 'list' } as const;
const TOTALS = { group: 18, on: 'platform', may: PLATFORM } as const;

export const ORACLE: Readonly<Record<string, Expected>> = {
  // Probes, documents, inference
  'GET /health/liveliness': PUBLIC,
  'GET /health/liveness': PUBLIC,
  'GET /health/readiness': PUBLIC,
  'GET /health': DETAILS,
  'GET /health/history': DETAILS,
  'GET /health/latest': DETAILS,
  'GET /health/readiness/details': DETAILS,
  'GET /health/services': {
    group: 23,
    on: 'platform',
    may: ADMINS,
    also: { platform_admin: { platform: 422 }, root: { platform: 422 } }, // None is configured.
  },
  'GET /': DOCUMENTS,
  'GET /docs': DOCUMENTS,
  'GET /docs/*': DOCUMENTS,
  'GET /openapi.json': DOCUMENTS,
  'GET /routes': DOCUMENTS,
  'POST /v1/chat/completions': INFERENCE,
  'POST /chat/completions': INFERENCE,
  'POST /engines/*': INFERENCE,
  'POST /openai/deployments/*': INFERENCE,
  'GET /v1/models': MODELS,
  'GET /models': MODELS,
  'GET /v1/models/*': MODELS,
  'GET /models/*': MODELS,
  // Keys
  'POST /key/generate': MAKE_KEY,
  'POST /key/service-account/generate': MAKE_SERVICE_KEY,
  'POST /key/update': KEY_WRITE,
  'POST /key/bulk_update': { ...KEY_WRITE, answers: 'each' },
  'POST /team/key/bulk_update': {
    group: 10,
    on: 'team',
    may: { user: '', team_admin: 'T', org_admin: 'TG', ...ADMINS },
  },
  'POST /key/delete': KEY_REVOKE,
  'POST /key/block': KEY_REVOKE,
  'POST /key/unblock': KEY_REVOKE,
  'POST /key/regenerate': KEY_REVOKE,
  'POST /key/{key}/regenerate': KEY_REVOKE,
  'POST /key/{key}/reset_spend': RESET_KEY,
  'GET /key/info': { group: 9, on: 'key', may: { key: 'O', service: 'O', ...KEY_LIST.may } },
  'POST /v2/key/info': { ...KEY_LIST, answers: 'list' },
  'GET /key/list': { ...KEY_LIST, answers: 'list' },
  'GET /key/aliases': { ...KEY_LIST, may: { key: 'O', service: 'O', ...KEY_LIST.may }, answers: 'list' },
  'POST /key/health': { group: 7, on: 'platform', may: KNOWN },
  // Teams
  'POST /team/new': { group: 13, on: 'organization', may: { org_admin: 'G', ...ADMINS } },
  'POST /team/update': TEAM_WRITE,
  'PATCH /team/{team_id}': TEAM_WRITE,
  'POST /team/delete': TEAM_FROM_ABOVE,
  'GET /team/info': TEAM_READ,
  'GET /team/list': { ...TEAM_READ, answers: 'list' },
  'GET /v2/team/list': { ...TEAM_READ, answers: 'list' },
  'GET /team/available': {
    ...TEAM_READ,
    on: 'platform',
    may: { viewer: 'A', user: 'A', team_admin: 'A', org_admin: 'A', ...PLATFORM },
  },
  'POST /team/block': TEAM_FROM_ABOVE,
  'POST /team/unblock': TEAM_FROM_ABOVE,
  'POST /team/model/add': TEAM_WRITE,
  'POST /team/model/delete': TEAM_WRITE,
  'GET /team/permissions_list': TEAM_READ,
  'POST /team/permissions_update': TEAM_WRITE,
  'POST /team/permissions_bulk_update': { group: 15, on: 'team', may: ADMINS },
  'POST /team/member_add': TEAM_MEMBERS,
  'POST /team/bulk_member_add': TEAM_MEMBERS,
  'POST /team/member_update': TEAM_MEMBERS,
  'POST /team/member_delete': TEAM_MEMBERS,
  'POST /global/spend/reset': { group: 27, on: 'platform', may: ADMINS },
  'POST /team/{team_id}/member/{user_id}/reset_spend': { group: 27, on: 'team', may: ADMINS },
  'POST /team/{team_id}/member/{user_id}/reset_budget': TEAM_MEMBERS,
  // Users
  'POST /user/new': { group: 16, on: 'organization', may: { org_admin: 'G', ...ADMINS } },
  'POST /user/update': {
    group: 17,
    on: 'user',
    may: { viewer: 'O', user: 'O', team_admin: 'O', org_admin: 'OTG', platform_viewer: 'O', ...ADMINS },
  },
  'POST /user/bulk_update': { group: 16, on: 'user', may: { org_admin: 'OTG', ...ADMINS }, answers: 'each' },
  'POST /user/delete': { group: 16, on: 'user', may: ADMINS, also: { platform_admin: { own: 403 } } },
  'GET /user/info': USER_READ,
  'GET /v2/user/info': { ...USER_READ, also: { key: { own: 404 } } },
  'GET /user/list': USER_LIST,
  'GET /user/filter/ui': USER_LIST,
  'GET /user/available_roles': {
    group: 17,
    on: 'platform',
    may: { key: 'A', viewer: 'A', user: 'A', team_admin: 'A', org_admin: 'A', ...PLATFORM },
  },
  // Organizations and projects
  'POST /organization/new': { group: 28, on: 'platform', may: ADMINS },
  'PATCH /organization/update': ORGANIZATION_WRITE,
  'DELETE /organization/delete': ORGANIZATION_WRITE,
  'GET /organization/list': { ...ORGANIZATION_READ, answers: 'list' },
  'GET /organization/info': ORGANIZATION_READ,
  'POST /organization/info': ORGANIZATION_READ,
  'POST /organization/member_add': ORGANIZATION_MEMBERS,
  'PATCH /organization/member_update': ORGANIZATION_MEMBERS,
  'DELETE /organization/member_delete': ORGANIZATION_MEMBERS,
  'POST /project/new': { ...TEAM_WRITE, group: 15 },
  'POST /project/update': PROJECT_WRITE,
  'DELETE /project/delete': PROJECT_WRITE,
  'GET /project/info': PROJECT_READ,
  'GET /project/list': { ...PROJECT_READ, answers: 'list' },
  // What the platform's admins define for all
  'POST /customer/new': ADMIN_ONLY,
  'POST /customer/update': ADMIN_ONLY,
  'POST /customer/delete': ADMIN_ONLY,
  'POST /customer/block': ADMIN_ONLY,
  'POST /customer/unblock': ADMIN_ONLY,
  'GET /customer/info': ADMIN_READ,
  'GET /customer/list': ADMIN_READ,
  'POST /end_user/new': ADMIN_ONLY,
  'POST /end_user/update': ADMIN_ONLY,
  'POST /end_user/delete': ADMIN_ONLY,
  'POST /end_user/block': ADMIN_ONLY,
  'POST /end_user/unblock': ADMIN_ONLY,
  'GET /end_user/info': ADMIN_READ,
  'GET /end_user/list': ADMIN_READ,
  'POST /budget/new': ADMIN_ONLY,
  'POST /budget/update': ADMIN_ONLY,
  'POST /budget/delete': ADMIN_ONLY,
  'POST /budget/info': ADMIN_READ,
  'GET /budget/list': ADMIN_READ,
  'GET /budget/settings': ADMIN_READ,
  'POST /tag/new': ADMIN_ONLY,
  'POST /tag/update': ADMIN_ONLY,
  'POST /tag/delete': ADMIN_ONLY,
  'POST /tag/info': ADMIN_READ,
  'GET /tag/list': ADMIN_READ,
  'POST /access_group/new': ADMIN_ONLY,
  'GET /access_group/list': ADMIN_READ,
  'GET /access_group/{access_group}/info': ADMIN_READ,
  'PUT /access_group/{access_group}/update': ADMIN_ONLY,
  'DELETE /access_group/{access_group}/delete': ADMIN_ONLY,
  'POST /v1/access_group': ADMIN_ONLY,
  'GET /v1/access_group': ADMIN_READ,
  'GET /v1/access_group/{access_group_id}': ADMIN_READ,
  'PUT /v1/access_group/{access_group_id}': ADMIN_ONLY,
  'DELETE /v1/access_group/{access_group_id}': ADMIN_ONLY,
  // Models and credentials
  'POST /model/new': { ...ADMIN_ONLY, group: 21 },
  'POST /model/update': { ...ADMIN_ONLY, group: 21 },
  'PATCH /model/{model_id}/update': { ...ADMIN_ONLY, group: 21 },
  'POST /model/delete': { ...ADMIN_ONLY, group: 21 },
  'POST /model/block': { ...ADMIN_ONLY, group: 21 },
  'POST /model/unblock': { ...ADMIN_ONLY, group: 21 },
  'GET /model/info': MODELS,
  'GET /v1/model/info': MODELS,
  'GET /v2/model/info': MODELS,
  'GET /model_group/info': MODELS,
  'POST /utils/token_counter': INFERENCE,
  'POST /utils/transform_request': INFERENCE,
  'GET /utils/supported_openai_params': INFERENCE,
  'GET /utils/model_info': INFERENCE,
  'GET /credentials': CREDENTIALS,
  'POST /credentials': CREDENTIALS,
  'POST /credentials/rotate': CREDENTIALS,
  'GET /credentials/by_name/{credential_name}': CREDENTIALS,
  'GET /credentials/by_model/{model_id}': CREDENTIALS,
  'PATCH /credentials/{credential_name}': CREDENTIALS,
  'DELETE /credentials/{credential_name}': CREDENTIALS,
  // Settings
  'GET /router/settings': { ...ADMIN_READ, group: 25 },
  'GET /router/fields': { ...ADMIN_READ, group: 25 },
  'GET /config/yaml': { ...ADMIN_READ, group: 25 },
  'GET /config/list': { ...ADMIN_READ, group: 25 },
  'GET /config/field/info': { ...ADMIN_READ, group: 25 },
  'POST /config/update': { ...ADMIN_ONLY, group: 25 },
  'POST /config/field/update': { ...ADMIN_ONLY, group: 25 },
  'POST /config/field/delete': { ...ADMIN_ONLY, group: 25 },
  // The request log
  'GET /spend/logs': LOGS,
  'GET /spend/logs/v2': LOGS,
  'GET /spend/logs/ui': LOGS,
  'GET /spend/logs/ui/{request_id}': ONE_LOG,
  'GET /spend/logs/session/ui': LOGS,
  'GET /v1/explain/{call_id}': ONE_LOG,
  // Sums of it
  'GET /global/activity': SPEND,
  'GET /global/activity/model': SPEND,
  'GET /global/activity/exceptions': SPEND,
  'GET /global/activity/exceptions/deployment': SPEND,
  'GET /global/activity/cache_hits': SPEND,
  'GET /team/spend/by_user': SPEND,
  'GET /tag/dau': TOTALS,
  'GET /tag/wau': TOTALS,
  'GET /tag/mau': TOTALS,
  'GET /tag/summary': TOTALS,
  'GET /tag/distinct': TOTALS,
  'GET /tag/user-agent/per-user-analytics': TOTALS,
  'GET /user/daily/activity': SPEND,
  'GET /user/daily/activity/aggregated': SPEND,
  'GET /user/daily/activity/export': SPEND,
  'GET /team/daily/activity': SPEND,
  'GET /team/daily/activity/aggregated': SPEND,
  'GET /team/daily/activity/export': SPEND,
  'GET /tag/daily/activity': SPEND,
  'GET /tag/daily/activity/aggregated': SPEND,
  'GET /tag/daily/activity/export': SPEND,
  'GET /organization/daily/activity': SPEND,
  'GET /organization/daily/activity/aggregated': SPEND,
  'GET /organization/daily/activity/export': SPEND,
  'GET /customer/daily/activity': SPEND,
  'GET /customer/daily/activity/aggregated': SPEND,
  'GET /customer/daily/activity/export': SPEND,
  'GET /end_user/daily/activity': SPEND,
  'GET /end_user/daily/activity/aggregated': SPEND,
  'GET /end_user/daily/activity/export': SPEND,
  'POST /spend/calculate': { group: 18, on: 'platform', may: KNOWN },
  'POST /cost/estimate': { group: 18, on: 'platform', may: KNOWN },
  'GET /global/spend': TOTALS,
  'GET /global/spend/keys': TOTALS,
  'GET /global/spend/models': TOTALS,
  'GET /global/spend/provider': TOTALS,
  'GET /global/spend/teams': TOTALS,
  'GET /global/spend/logs': TOTALS,
  'GET /global/spend/tags': TOTALS,
  'GET /global/spend/all_tag_names': TOTALS,
  'POST /global/spend/end_users': TOTALS,
  'GET /global/spend/report': TOTALS,
  'GET /team/spend/report': TOTALS,
  'GET /user/spend/report': TOTALS,
  'GET /key/spend/report': TOTALS,
  'GET /organization/spend/report': TOTALS,
  'GET /spend/tags': TOTALS,
  'GET /spend/keys': TOTALS,
  'GET /spend/users': TOTALS,
  'GET /provider/budgets': TOTALS,
  // The audit log
  'GET /audit': { group: 26, on: 'audit', may: { org_admin: 'G', ...PLATFORM }, answers: 'list' },
  'GET /audit/verify': { group: 26, on: 'platform', may: PLATFORM },
  'GET /audit/{id}': { group: 26, on: 'audit', may: { org_admin: 'G', ...PLATFORM } },
};

export type Outcome = 'allowed' | 'nothing' | 400 | 401 | 403 | 404 | 422;

const LETTER: Readonly<Record<Relation, string>> = {
  own: 'O',
  team: 'T',
  organization: 'G',
  foreign: '',
  platform: '',
};

/** `nothing`: the call succeeds and neither shows nor changes the thing. */
export function expectedOf({ may, also, answers }: Expected, role: RoleName, relation: Relation): Outcome {
  const cell = may[role];
  if (cell === undefined) return role === 'anonymous' ? 401 : 403;
  const other = also?.[role]?.[relation];
  if (other !== undefined) return other;
  if (cell === 'A') return 'allowed';
  const letter = LETTER[relation];
  if (letter !== '' && cell.includes(letter)) return 'allowed';
  return answers === undefined ? 404 : 'nothing';
}
