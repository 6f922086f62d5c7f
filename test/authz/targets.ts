/** What a call is aimed at: things that stand still, or new ones for calls that will succeed. */
import { digest } from '../../src/auth/digest.ts';
import { MASTER_KEY } from '../support/app-place.ts';
import type { Kind, Relation } from './oracle.ts';
import type { Actor, Tenant, TenantIds, World } from './world.ts';

export interface Target {
  readonly relation: Relation;
  readonly tenant: Tenant;
  /** Of the thing itself: a key's digest, a request's id. `null`: of the caller, without being named. */
  readonly id: string | null;
  readonly organizationId: string;
  readonly teamId: string;
  readonly userId: string;
  readonly isFresh: boolean;
}

export interface Wanted {
  readonly kind: Kind;
  readonly relation: Relation;
  readonly actor: Actor;
  /** Something new that may be changed, in place of what stands still. */
  readonly isFresh: boolean;
}

export async function targetOf(world: World, wanted: Wanted): Promise<Target> {
  const { kind, relation, actor, isFresh } = wanted;
  const place = placeOf(world, actor, relation);
  const id = isFresh ? await freshId(world, wanted, place) : await standingId(world, wanted, place);
  const team = kind === 'team' && id !== null ? { teamId: id } : {};
  const user = kind === 'user' && id !== null ? { userId: id } : {};
  return { relation, id, isFresh, ...place, ...team, ...user };
}

interface Place {
  readonly tenant: Tenant;
  readonly organizationId: string;
  readonly teamId: string;
  readonly userId: string;
}

/** Where something stands that the actor is so related to. */
function placeOf(world: World, actor: Actor, relation: Relation): Place {
  const tenant = relation === 'foreign' ? other(actor.tenant) : actor.tenant;
  const ids = world.tenants[tenant];
  const isOther = relation === 'organization';
  const someone = isOther ? ids.people.other : ids.people.mate;
  return {
    tenant,
    organizationId: ids.organization,
    teamId: isOther ? ids.otherTeam : ids.team,
    userId: relation === 'own' ? (actor.userId ?? ids.people.user) : someone,
  };
}

const other = (tenant: Tenant): Tenant => (tenant === 'acme' ? 'globex' : 'acme');

async function standingId(world: World, { kind, relation, actor }: Wanted, place: Place): Promise<string | null> {
  const ids = world.tenants[place.tenant];
  switch (kind) {
    case 'key':
      return digest(keyOf(ids, relation, actor));
    case 'log':
      return ids.requests.get(loggedKeyOf(ids, relation, actor)) ?? null;
    case 'team':
      return place.teamId;
    case 'user':
      return relation === 'own' && actor.role === 'key' ? null : place.userId;
    case 'organization':
      return ids.organization;
    case 'project':
      return relation === 'organization' ? ids.otherProject : ids.project;
    case 'audit':
      return String((await world.made('GET', `/audit?object_id=${ids.team}`)).body.audit_logs[0].id);
    case 'platform':
      return null;
  }
}

function keyOf(ids: TenantIds, relation: Relation, actor: Actor): string {
  if (relation === 'organization') return ids.otherKey;
  if (relation !== 'own') return ids.mateKey;
  const isNobody = actor.key === null || actor.key === MASTER_KEY;
  return isNobody ? ids.personal.user : (actor.key ?? '');
}

/** Nobody of the platform has asked anything. */
export function loggedKeyOf(ids: TenantIds, relation: Relation, actor: Actor): string {
  const key = keyOf(ids, relation, actor);
  return ids.requests.has(key) ? key : ids.personal.user;
}

async function freshId(world: World, wanted: Wanted, place: Place): Promise<string | null> {
  const { kind } = wanted;
  if (kind === 'key') return await freshKey(world, wanted, place);
  if (kind === 'team') return await freshTeam(world, wanted, place);
  if (kind === 'user') return await freshUser(world, wanted, place);
  if (kind === 'project') {
    const project_id = world.name(place.tenant, 'project');
    await world.made('POST', '/project/new', { project_id, team_id: place.teamId });
    return project_id;
  }
  return await standingId(world, wanted, place);
}

/** People's own keys are of their organization, as those are that they were made with. */
async function freshKey(world: World, { relation }: Wanted, place: Place): Promise<string> {
  const { tenant, teamId, userId, organizationId } = place;
  const fields = { key_alias: world.name(tenant, 'key'), models: [world.tenants[tenant].model], user_id: userId };
  const owner = relation === 'own' ? { organization_id: organizationId } : { team_id: teamId };
  return (await world.made('POST', '/key/generate', { ...fields, ...owner })).body.token;
}

async function freshTeam(world: World, { relation, actor }: Wanted, place: Place): Promise<string> {
  const ids = world.tenants[place.tenant];
  const team_id = world.name(place.tenant, 'team');
  const isIn = relation === 'team' && actor.userId?.startsWith(actor.tenant) === true && actor.role !== 'org_admin';
  const role = actor.role === 'team_admin' ? 'admin' : 'user';
  await world.made('POST', '/team/new', {
    team_id,
    organization_id: place.organizationId,
    models: [ids.model],
    members_with_roles: [
      { user_id: ids.people.mate, role: 'user' },
      ...(isIn ? [{ user_id: actor.userId, role }] : []),
    ],
  });
  return team_id;
}

async function freshUser(world: World, { relation, actor }: Wanted, place: Place): Promise<string> {
  if (relation === 'own' && actor.userId !== null) return place.userId;
  const user_id = world.name(place.tenant, 'user');
  await world.made('POST', '/user/new', {
    user_id,
    organizations: [place.organizationId],
    teams: [place.teamId],
    auto_create_key: false,
  });
  return user_id;
}

/** Things of the platform. */
export type Thing = 'customer' | 'budget' | 'tag' | 'accessGroup' | 'modelGroup' | 'model' | 'credential';

export async function thing(world: World, what: Thing, tenant: Tenant, isFresh: boolean): Promise<string> {
  const ids = world.tenants[tenant];
  const standing = what === 'model' ? ids.modelId : ids[what];
  return isFresh ? await freshThing(world, what, tenant) : standing;
}

async function freshThing(world: World, what: Thing, tenant: Tenant): Promise<string> {
  const name = world.name(tenant, what.toLowerCase());
  const params = { model: 'openai/gpt-4o', api_key: 'sk-nothing-in-particular' };
  switch (what) {
    case 'customer':
      await world.made('POST', '/customer/new', { user_id: name });
      return name;
    case 'budget':
      await world.made('POST', '/budget/new', { budget_id: name, max_budget: 5 });
      return name;
    case 'tag':
      await world.made('POST', '/tag/new', { name });
      return name;
    case 'accessGroup':
      return (await world.made('POST', '/v1/access_group', { access_group_name: name })).body.access_group_id;
    case 'modelGroup':
      await world.made('POST', '/access_group/new', { access_group: name, model_names: [world.tenants[tenant].model] });
      return name;
    case 'model':
      await world.made('POST', '/model/new', { model_name: name, litellm_params: params, model_info: { id: name } });
      return name;
    case 'credential':
      await world.made('POST', '/credentials', { credential_name: name, credential_values: { api_key: 'sk-nothing' } });
      return name;
  }
}
