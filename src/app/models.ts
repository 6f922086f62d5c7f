/** `GET /v1/models`, in OpenAI's shape. Source: OpenAI API reference, "List models" and "Retrieve model". */
import { GatewayError } from '../errors.ts';
import { visibleModels } from '../features/model-access.ts';
import type { Caller } from '../gateway/call.ts';
import type { Runtime } from './runtime.ts';
import { teamModelsOf } from './team-models.ts';

/** LiteLLM lists every model with this date and owner; clients sort by them. */
const CREATED = 1_677_610_602;

/** LiteLLM's words for sets of models, such as `all-proxy-models`. */
const SPECIAL_NAME = /^(all|no)-\w+-models$/;

const entry = (id: string): Record<string, unknown> => ({ id, object: 'model', created: CREATED, owned_by: 'openai' });

/** @throws GatewayError 404 when `one` is no model of the caller's. */
export function modelList(caller: Caller, runtime: Runtime, one: string | undefined): Record<string, unknown> {
  const listed = runtime.groups.names.filter((name) => isListed(name, caller, runtime));
  const names = visibleModels(caller, [...listed, ...matchedNames(caller, runtime)], runtime.models);
  if (one === undefined) return { data: names.map(entry), object: 'list' };
  if (!names.includes(one) && !isServedTo(caller, one, runtime)) {
    throw new GatewayError(
      'not_found',
      `The model '${one.slice(0, 200)}' does not exist or is not available for this API key.`,
      {
        param: 'model',
        code: 'model_not_found',
      },
    );
  }
  return entry(one);
}

/** Whether the caller may ask for a model of this name, and there is one. */
export function isServedTo(caller: Caller, name: string, runtime: Runtime): boolean {
  const group = runtime.models.resolveAlias(name);
  return (
    visibleModels(caller, [name], runtime.models).includes(name) &&
    runtime.models.has(group) &&
    teamModelsOf(runtime)?.isAnyFor(group, caller.teamId) !== false
  );
}

/** What is another team's own is not there. What an operator hides is served all the same, and admins see it. */
function isListed(name: string, caller: Caller, runtime: Runtime): boolean {
  const owned = teamModelsOf(runtime);
  if (!owned || caller.kind === 'master') return true;
  const group = runtime.models.resolveAlias(name);
  return owned.isAnyFor(group, caller.teamId) && owned.isListed(group);
}

/** Models that the key names one by one and that only a wildcard serves. Access groups and patterns are no models. */
function matchedNames({ models }: Caller, { groups, models: catalogue }: Runtime): readonly string[] {
  const accessGroups = new Set(groups.names.flatMap((name) => catalogue.accessGroups(name)));
  const isModel = (name: string): boolean =>
    !name.includes('*') && !SPECIAL_NAME.test(name) && !accessGroups.has(name) && catalogue.has(name);
  return models.filter(isModel);
}
