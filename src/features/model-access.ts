/**
 * From the name asked for to the group that serves it, and whether this key may use it.
 * Source: LiteLLM's documentation of model access, wildcards, access groups and aliases.
 */
import { GatewayError } from '../errors.ts';
import type { Caller } from '../gateway/call.ts';
import type { Feature } from '../gateway/feature.ts';
import type { ChatRequest } from '../wire/openai.ts';

export interface ModelCatalogue {
  /** After global and group aliases. */
  resolveAlias(name: string): string;
  has(group: string): boolean;
  /** `model_info.access_groups` of the group's deployments. */
  accessGroups(group: string): readonly string[];
}

export function modelAccess(models: () => ModelCatalogue): Feature {
  return {
    name: 'model-access',
    admit(call) {
      const catalogue = models();
      const { caller } = call;
      if (!caller) throw new GatewayError('internal', 'Internal server error');
      call.modelGroup = groupFor(call.requestedModel, caller, catalogue);
      for (const name of call.controls.fallbacks ?? []) groupFor(name, caller, catalogue);
      for (const name of modelsForUpstream(call.request)) if (!allows(caller, [name], [])) throw denied(name);
      return undefined;
    },
  };
}

function groupFor(name: string, caller: Caller, catalogue: ModelCatalogue): string {
  const named = aliased(caller, name);
  const group = catalogue.resolveAlias(named);
  if (!allows(caller, [name, named, group], catalogue.accessGroups(group))) throw denied(name);
  if (!catalogue.has(group)) {
    throw new GatewayError(
      'model_not_found',
      `/chat/completions: Invalid model name passed in model=${name.slice(0, 200)}. Call \`/v1/models\` to view available models for your key.`,
      { param: 'model' },
    );
  }
  return group;
}

/** Some providers take a list of models to fall back to; a key's own list holds there too. */
function modelsForUpstream(request: ChatRequest): readonly string[] {
  const extra = request['extra_body'];
  const lists = [
    request['models'],
    typeof extra === 'object' && extra !== null ? Reflect.get(extra, 'models') : undefined,
  ];
  return lists.flatMap((list) => (Array.isArray(list) ? list.filter((name) => typeof name === 'string') : []));
}

/** Clients choose the name, so it must not find what every object inherits. */
const aliased = ({ aliases }: Caller, name: string): string =>
  (Object.hasOwn(aliases, name) ? aliases[name] : undefined) ?? name;

const denied = (name: string): GatewayError =>
  new GatewayError(
    'model_access_denied',
    `The requested model '${name.slice(0, 200)}' is not available for this API key, or the model name is invalid. Check the models available to you and try again.`,
    { param: 'model' },
  );

const ALL_MODELS: ReadonlySet<string> = new Set(['*', 'all-proxy-models', 'all-team-models']);

/** An empty list allows every model. */
export function allows(caller: Caller, names: readonly string[], accessGroups: readonly string[]): boolean {
  const { models } = caller;
  if (models.length === 0) return true;
  return models.some(
    (entry) =>
      ALL_MODELS.has(entry) ||
      names.includes(entry) ||
      accessGroups.includes(entry) ||
      (entry.endsWith('*') && names.some((name) => name.startsWith(entry.slice(0, -1)))),
  );
}

/** For `/v1/models`: the names of `all` that the caller may use. */
export function visibleModels(caller: Caller, all: readonly string[], catalogue: ModelCatalogue): string[] {
  const names = [...all, ...Object.keys(caller.aliases)];
  return [...new Set(names)].filter((name) => {
    const group = catalogue.resolveAlias(aliased(caller, name));
    return allows(caller, [name, group], catalogue.accessGroups(group));
  });
}
