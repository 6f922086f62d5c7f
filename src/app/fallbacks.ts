/** Which groups follow one that has failed. Source: LiteLLM's documentation of fallbacks. */
import type { Config } from '../config/config.ts';
import type { GatewayError } from '../errors.ts';
import { aliased, type ModelCatalogue } from '../features/model-access.ts';
import type { Call } from '../gateway/call.ts';
import type { Target } from '../providers/adapter.ts';
import { type Group, type Groups, wildcardPattern } from '../routing/groups.ts';

interface Served {
  readonly groups: Groups;
  readonly models: ModelCatalogue;
  readonly router: Config['router'];
}

export type FallbacksOf = (call: Call, group: Group, error: GatewayError) => readonly Group[];

/** The request's own list for what it asked for, else the configured one for such a failure, else the default list. */
export function createFallbacks({ groups, models, router }: Served): FallbacksOf {
  const lists = {
    any: new Lists(router.fallbacks),
    contextWindow: new Lists(router.contextWindowFallbacks),
    contentPolicy: new Lists(router.contentPolicyFallbacks),
  };

  /** The request's own were held against the caller's rights as a whole; of the configured ones some may not be theirs. */
  const ownGroups = (names: readonly string[], { caller, controls }: Call): readonly Group[] =>
    names.flatMap((name) => {
      const found = groups.find(models.resolveAlias(caller ? aliased(caller, name) : name));
      return found === undefined ? [] : [changed(found, controls.fallbackChanges?.get(name))];
    });

  const configuredGroups = (names: readonly string[], call: Call): readonly Group[] =>
    names.flatMap((name) => {
      const found = groups.find(models.resolveAlias(name));
      return found === undefined || call.mayUse?.(name, found.name) === false ? [] : [found];
    });

  /** An alias may have fallbacks of its own. Where an end user's default model stands in, it is not what was asked for. */
  function namesOf({ requestedModel, caller }: Call, { name }: Group): readonly string[] {
    const group = models.resolveAlias(caller ? aliased(caller, requestedModel) : requestedModel);
    return group === name ? [requestedModel, name] : [name];
  }

  function configuredFor(names: readonly string[], type: FailureType | undefined): readonly string[] | undefined {
    return (type && lists[type].of(names)) ?? lists.any.of(names);
  }

  return (call, group, error) => {
    if (call.controls.disableFallbacks || call.caller?.metadata['disable_fallbacks'] === true) return [];
    const type = typeOf(error);
    const isOther = ({ name }: Group): boolean => name !== group.name;
    if (groups.find(call.modelGroup)?.name !== group.name)
      return configuredGroups(configuredFor([group.name], type) ?? [], call).filter(isOther);
    const own = (type && call.controls.typedFallbacks?.[type]) ?? call.controls.fallbacks;
    if (own !== undefined) return ownGroups(own, call).filter(isOther);
    const names = configuredFor(namesOf(call, group), type) ?? router.defaultFallbacks;
    return configuredGroups(names, call).filter(isOther);
  };
}

type FailureType = 'contextWindow' | 'contentPolicy';

/** Failures that have fallbacks of their own. */
function typeOf({ kind }: GatewayError): FailureType | undefined {
  if (kind === 'context_window_exceeded') return 'contextWindow';
  return kind === 'content_policy_violation' ? 'contentPolicy' : undefined;
}

/** For this call only: what it says of the request stands in for the request's own. */
const changed = (group: Group, requestChanges: Target['requestChanges']): Group =>
  requestChanges === undefined
    ? group
    : { ...group, targets: group.targets.map((target) => ({ ...target, requestChanges })) };

/** A name → what follows it. A wildcard stands for the names that match it, the most literal one first. */
class Lists {
  readonly #exact: ReadonlyMap<string, readonly string[]>;
  readonly #wildcards: readonly { readonly pattern: RegExp; readonly names: readonly string[] }[];

  constructor(lists: Readonly<Record<string, readonly string[]>>) {
    this.#exact = new Map(Object.entries(lists));
    this.#wildcards = [...this.#exact]
      .filter(([name]) => name.includes('*'))
      .toSorted(([a], [b]) => b.length - a.length)
      .map(([name, names]) => ({ pattern: wildcardPattern(name), names }));
  }

  of(names: readonly string[]): readonly string[] | undefined {
    const exact = names.find((name) => this.#exact.has(name));
    if (exact !== undefined) return this.#exact.get(exact);
    return this.#wildcards.find(({ pattern }) => names.some((name) => pattern.test(name)))?.names;
  }
}
