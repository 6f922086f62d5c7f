/**
 * From the name asked for to the group that serves it, and whether this key may use it.
 * Source: LiteLLM's documentation of model access, wildcards, access groups and aliases.
 */
import { GatewayError } from '../errors.ts';
import type { Call, Caller } from '../gateway/call.ts';
import type { Guests, Tag } from '../gateway/entities.ts';
import type { Feature } from '../gateway/feature.ts';
import { fallbackNames } from '../gateway/request-fallbacks.ts';
import { putInPlace, servedName } from '../gateway/stand-in.ts';
import { allowanceOfEndUser } from '../limits/subject.ts';
import type { Target } from '../providers/adapter.ts';

export interface ModelCatalogue {
  /** After global and group aliases. */
  resolveAlias(name: string): string;
  has(group: string): boolean;
  /** It is there, and all its deployments are blocked. */
  isBlocked?(group: string): boolean;
  /** `model_info.access_groups` of the group's deployments. */
  accessGroups(group: string): readonly string[];
  /** Ids of the group's deployments. */
  deployments?(group: string): readonly string[];
  /** Whether a deployment of the group is in LiteLLM's region `eu` or `us`. */
  isIn?(group: string, region: string): boolean;
}

/** Those whom a call names, as they are now. */
export type GuestsOf = (call: Call) => Guests | Promise<Guests>;

export function modelAccess(models: () => ModelCatalogue, guestsOf: GuestsOf): Feature {
  return {
    name: 'model-access',
    admit(call) {
      const catalogue = models();
      const { caller } = call;
      if (!caller) throw new GatewayError('internal', 'Internal server error');
      call.modelGroup = groupFor(call.requestedModel, caller, catalogue);
      for (const name of fallbackNames(call.controls)) groupFor(name, caller, catalogue);
      for (const name of modelsForUpstream(call)) if (!allows(caller, [name], [])) throw denied(name, 'key');
      const guests = guestsOf(call);
      if (!(guests instanceof Promise)) return holdGuests({ call, caller, catalogue, guests });
      return guests.then((found) => holdGuests({ call, caller, catalogue, guests: found }));
    },
  };
}

function groupFor(name: string, caller: Caller, catalogue: ModelCatalogue): string {
  const named = aliased(caller, name);
  const group = catalogue.resolveAlias(named);
  const denier = denierOf(caller, [name, named, group], catalogue.accessGroups(group));
  if (denier) throw denied(name, denier);
  if (catalogue.isBlocked?.(group)) {
    throw new GatewayError('permission_denied', 'Model is blocked', {
      param: 'model',
      reason:
        'An admin has blocked every deployment of this model. Ask for another model, or have it unblocked with /model/unblock.',
    });
  }
  if (!catalogue.has(group)) {
    throw new GatewayError(
      'model_not_found',
      `/chat/completions: Invalid model name passed in model=${name.slice(0, 200)}. Call \`/v1/models\` to view available models for your key.`,
      { param: 'model' },
    );
  }
  return group;
}

interface Visit {
  readonly call: Call;
  readonly caller: Caller;
  readonly catalogue: ModelCatalogue;
  readonly guests: Guests;
}

/** What an end user and the tags of a request may use holds for every model that may serve them. */
function holdGuests(visit: Visit): undefined {
  const { call, caller, catalogue, guests } = visit;
  call.guests = guests;
  const lists = guestLists(visit);
  const denierFor = (names: readonly string[], group: string): Denier | undefined =>
    lists.find(({ models }) => !listAllows(models, names, wordsFor(group, catalogue)))?.denier;
  call.mayUse = (name, group) =>
    allows(caller, [name, group], catalogue.accessGroups(group)) && denierFor([name, group], group) === undefined;
  call.groupOf = (name) => {
    const named = aliased(caller, name);
    const group = catalogue.resolveAlias(named);
    const names = [name, named, group];
    const isTheirs = allows(caller, names, catalogue.accessGroups(group)) && denierFor(names, group) === undefined;
    return isTheirs && catalogue.has(group) && !catalogue.isBlocked?.(group) ? group : undefined;
  };
  const deny = (name: string): Denier | undefined => {
    const named = aliased(caller, name);
    const group = catalogue.resolveAlias(named);
    return denierFor([name, named, group], group);
  };
  holdDeployments(visit);
  for (const name of [...fallbackNames(call.controls), ...modelsForUpstream(call)]) {
    const denier = deny(name);
    if (denier !== undefined) throw denied(name, denier);
  }
  return standIn(visit, deny(call.requestedModel));
}

/** Where an end user has a default model, it stands in for what they may not use and for what is not in their region. */
function standIn({ call, caller, catalogue, guests: { endUser } }: Visit, denier: Denier | undefined): undefined {
  const isAway = endUser?.allowedModelRegion != null && !isIn(catalogue, call.modelGroup, endUser.allowedModelRegion);
  if (denier === undefined && !isAway) return undefined;
  const name = endUser?.defaultModel ?? null;
  if (name === null || (denier !== undefined && denier !== 'end_user')) {
    if (denier !== undefined) throw denied(call.requestedModel, denier);
    return undefined; // Where nobody is in the region, routing says so.
  }
  putInPlace(call, { name, group: groupFor(name, caller, catalogue) }, "to the end user's default model");
  return undefined;
}

const isIn = (catalogue: ModelCatalogue, group: string, region: string): boolean =>
  catalogue.isIn?.(group, region) !== false;

interface GuestList {
  readonly denier: Denier;
  readonly models: readonly string[];
}

/** Those that allow less than everything: their own, and those of the budgets they are under. */
function guestLists({ call, caller, guests: { endUser, tags } }: Visit): readonly GuestList[] {
  const isNamed = endUser !== null || (caller.endUserAllowance != null && call.controls.endUser !== null);
  const ofEndUser = isNamed ? [endUser?.models, allowanceOfEndUser(endUser, caller.endUserAllowance)?.models] : [];
  return [
    ...ofEndUser.flatMap((models) => (models?.length ? [{ denier: 'end_user' as const, models }] : [])),
    ...tags.flatMap(({ models, allowance }) =>
      [models, allowance.models ?? []].flatMap((list) =>
        list.length > 0 ? [{ denier: 'tag' as const, models: list }] : [],
      ),
    ),
  ];
}

/** A tag's list may name deployments besides groups. */
const wordsFor = (group: string, catalogue: ModelCatalogue): readonly string[] => [
  ...catalogue.accessGroups(group),
  ...(catalogue.deployments?.(group) ?? []),
];

/** A tag that names single deployments of a group is served by those only. */
function holdDeployments({ call, catalogue, guests: { tags } }: Visit): void {
  const listed = tags.filter(({ models }) => models.length > 0);
  if (listed.length === 0) return;
  call.mayServe = (target) => listed.every((tag) => isNamedBy(tag, target, call, catalogue));
}

function isNamedBy({ models }: Tag, target: Target, call: Call, catalogue: ModelCatalogue): boolean {
  const { modelGroup, deploymentId } = target;
  if (models.includes(deploymentId)) return true;
  const names = modelGroup === call.modelGroup ? [modelGroup, servedName(call)] : [modelGroup];
  return listAllows(models, names, catalogue.accessGroups(modelGroup));
}

/** Some providers take a list of models to fall back to; a key's own list holds there too. */
function modelsForUpstream({ request, controls }: Call): readonly string[] {
  return [request, ...(controls.fallbackChanges?.values() ?? [])].flatMap(modelsIn);
}

function modelsIn(request: Readonly<Record<string, unknown>>): readonly string[] {
  const extra = request['extra_body'];
  const lists = [
    request['models'],
    typeof extra === 'object' && extra !== null ? Reflect.get(extra, 'models') : undefined,
  ];
  return lists.flatMap((list) => (Array.isArray(list) ? list.filter((name) => typeof name === 'string') : []));
}

/** The team's aliases, then the key's. Clients choose the name, so it must not find what every object inherits. */
export function aliased({ team, aliases }: Caller, name: string): string {
  const ofTeam = aliasIn(team?.aliases ?? {}, name);
  return aliasIn(aliases, ofTeam);
}

const aliasIn = (aliases: Readonly<Record<string, string>>, name: string): string =>
  (Object.hasOwn(aliases, name) ? aliases[name] : undefined) ?? name;

type Denier = 'key' | 'team' | 'team_member' | 'user' | 'project' | 'organization' | 'end_user' | 'tag';

/** LiteLLM's `type` of each refusal. */
const DENIED_TYPES: Readonly<Record<Denier, string>> = {
  key: 'key_model_access_denied',
  team: 'team_model_access_denied',
  team_member: 'team_model_access_denied',
  user: 'user_model_access_denied',
  project: 'project_model_access_denied',
  organization: 'org_model_access_denied',
  end_user: 'end_user_model_access_denied',
  tag: 'tag_model_access_denied',
};

const denied = (name: string, denier: Denier): GatewayError =>
  new GatewayError(
    'model_access_denied',
    `The requested model '${name.slice(0, 200)}' is not available for this API key, or the model name is invalid. Check the models available to you and try again.`,
    { param: 'model', type: DENIED_TYPES[denier] },
  );

const ALL_MODELS: ReadonlySet<string> = new Set(['*', 'all-proxy-models', 'all-team-models']);
/** LiteLLM's word for a user who may use no model with keys of his own. */
const NO_MODELS = 'no-default-models';

/** The first of those a caller acts for whose list does not have the model. */
function denierOf(caller: Caller, names: readonly string[], accessGroups: readonly string[]): Denier | undefined {
  const lists = listsOf(caller);
  if (lists.length === 0) return undefined;
  const { team } = caller;
  // What a team calls by another name is the team's.
  const isTeamAlias = team !== null && names.some((name) => Object.hasOwn(team.aliases, name));
  return lists.find(
    ({ denier, models }) => !(denier === 'team' && isTeamAlias) && !listAllows(models, names, accessGroups),
  )?.denier;
}

const known = new WeakMap<Caller, readonly GuestList[]>();

/** Callers do not change: whose lists say anything is found out once for each. */
function listsOf(caller: Caller): readonly GuestList[] {
  const found = known.get(caller);
  if (found) return found;
  const lists = saidOf(caller).filter(({ models }) => models.length > 0);
  known.set(caller, lists);
  return lists;
}

/** A user's own list holds for personal keys. Beside each stands that of the budget it refers to. */
function saidOf(caller: Caller): readonly GuestList[] {
  const { team, member, project, organization } = caller;
  const user = caller.teamId === null ? caller.user : null;
  const list = (denier: Denier, models: readonly string[] | undefined): GuestList => ({ denier, models: models ?? [] });
  const ofMember = [member?.models, member?.allowance.models].filter((models) => models?.length);
  const isMember = team !== null && caller.userId !== null;
  const ofAnyMember = isMember && ofMember.length === 0 ? team.memberAllowance?.models : undefined;
  return [
    list('key', caller.models),
    list('key', caller.allowance?.models),
    list('team', team?.models),
    list('team', team?.allowance.models),
    ...[...ofMember, ofAnyMember].map((models) => list('team_member', models)),
    list('user', user?.models),
    list('user', user?.allowance.models),
    list('project', project?.models),
    list('project', project?.allowance.models),
    list('organization', organization?.models),
    list('organization', organization?.allowance.models),
  ];
}

/** An empty list allows every model. */
function listAllows(models: readonly string[], names: readonly string[], accessGroups: readonly string[]): boolean {
  if (models.length === 0) return true;
  return models.some(
    (entry) =>
      entry !== NO_MODELS &&
      (ALL_MODELS.has(entry) ||
        names.includes(entry) ||
        accessGroups.includes(entry) ||
        (entry.endsWith('*') && names.some((name) => name.startsWith(entry.slice(0, -1))))),
  );
}

/** Whether nobody behind the caller's key forbids the model. */
export const allows = (caller: Caller, names: readonly string[], accessGroups: readonly string[]): boolean =>
  denierOf(caller, names, accessGroups) === undefined;

/** For `/v1/models`: the names of `all` that the caller may use. */
export function visibleModels(caller: Caller, all: readonly string[], catalogue: ModelCatalogue): string[] {
  const names = [...all, ...Object.keys(caller.aliases), ...Object.keys(caller.team?.aliases ?? {})];
  return [...new Set(names)].filter((name) => {
    const group = catalogue.resolveAlias(aliased(caller, name));
    return allows(caller, [name, group], catalogue.accessGroups(group));
  });
}
