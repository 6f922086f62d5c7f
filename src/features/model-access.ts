/**
 * From the name asked for to the group that serves it, and whether this key may use it.
 * Source: LiteLLM's documentation of model access, wildcards, access groups and aliases.
 */
import { GatewayError } from '../errors.ts';
import type { Call, Caller } from '../gateway/call.ts';
import type { EndUser } from '../gateway/entities.ts';
import type { Feature } from '../gateway/feature.ts';
import { fallbackNames } from '../gateway/request-fallbacks.ts';

export interface ModelCatalogue {
  /** After global and group aliases. */
  resolveAlias(name: string): string;
  has(group: string): boolean;
  /** It is there, and all its deployments are blocked. */
  isBlocked?(group: string): boolean;
  /** `model_info.access_groups` of the group's deployments. */
  accessGroups(group: string): readonly string[];
}

/** Whom a call is made for, as they are now; `null`: nobody, or nobody that is known. */
export type EndUserOf = (call: Call) => EndUser | null | Promise<EndUser | null>;

export function modelAccess(models: () => ModelCatalogue, endUserOf: EndUserOf): Feature {
  return {
    name: 'model-access',
    admit(call) {
      const catalogue = models();
      const { caller } = call;
      if (!caller) throw new GatewayError('internal', 'Internal server error');
      call.modelGroup = groupFor(call.requestedModel, caller, catalogue);
      for (const name of fallbackNames(call.controls)) groupFor(name, caller, catalogue);
      for (const name of modelsForUpstream(call)) if (!allows(caller, [name], [])) throw denied(name, 'key');
      call.mayUse = (name, group) => allows(caller, [name, group], catalogue.accessGroups(group));
      const endUser = endUserOf(call);
      if (!(endUser instanceof Promise)) return holdEndUser(call, caller, endUser, catalogue);
      return endUser.then((found) => holdEndUser(call, caller, found, catalogue));
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

/** An end user's own list holds for every model that may serve them. Where they have a default model, it stands in. */
function holdEndUser(call: Call, caller: Caller, endUser: EndUser | null, catalogue: ModelCatalogue): undefined {
  if (endUser === null || endUser.models.length === 0) return undefined;
  const isAllowed = (name: string): boolean => {
    const named = aliased(caller, name);
    const group = catalogue.resolveAlias(named);
    return listAllows(endUser.models, [name, named, group], catalogue.accessGroups(group));
  };
  const others = [...fallbackNames(call.controls), ...modelsForUpstream(call)];
  const mayCallerUse = call.mayUse;
  call.mayUse = (name, group) =>
    mayCallerUse?.(name, group) !== false && listAllows(endUser.models, [name, group], catalogue.accessGroups(group));
  const refused = others.find((name) => !isAllowed(name));
  if (refused !== undefined) throw denied(refused, 'end_user');
  if (isAllowed(call.requestedModel)) return undefined;
  if (endUser.defaultModel === null) throw denied(call.requestedModel, 'end_user');
  call.modelGroup = groupFor(endUser.defaultModel, caller, catalogue);
  call.admittedChanges.push({ field: 'model', action: 'renamed', note: "to the end user's default model" });
  return undefined;
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

type Denier = 'key' | 'team' | 'team_member' | 'user' | 'project' | 'organization' | 'end_user';

/** LiteLLM's `type` of each refusal. */
const DENIED_TYPES: Readonly<Record<Denier, string>> = {
  key: 'key_model_access_denied',
  team: 'team_model_access_denied',
  team_member: 'team_model_access_denied',
  user: 'user_model_access_denied',
  project: 'project_model_access_denied',
  organization: 'org_model_access_denied',
  end_user: 'end_user_model_access_denied',
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

/** The first of those a caller acts for whose list does not have the model. A user's own list holds for personal keys. */
function denierOf(caller: Caller, names: readonly string[], accessGroups: readonly string[]): Denier | undefined {
  const { team, member, project, organization, user } = caller;
  if (caller.models.length === 0 && !team && !user && !project && !organization) return undefined;
  const lists: readonly (readonly [Denier, readonly string[] | undefined])[] = [
    ['key', caller.models],
    ['team', team?.models],
    ['team_member', member?.models],
    ['user', caller.teamId === null ? user?.models : undefined],
    ['project', project?.models],
    ['organization', organization?.models],
  ];
  // What a team calls by another name is the team's.
  const isTeamAlias = team !== null && names.some((name) => Object.hasOwn(team.aliases, name));
  return lists.find(
    ([denier, models]) => models && !(denier === 'team' && isTeamAlias) && !listAllows(models, names, accessGroups),
  )?.[0];
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
