/** From the name a client asks for to the deployments that can serve it: aliases, groups, wildcards. */
import type { Target } from '../providers/adapter.ts';

export interface Group {
  /** Public name, as listed by `/v1/models`. */
  readonly name: string;
  readonly targets: readonly Target[];
}

export interface Groups {
  /** The group's name after aliases; the name itself when it is no alias. */
  resolveAlias(name: string): string;
  /** `undefined` when nothing serves the name. */
  find(name: string): Group | undefined;
  /** The name is that of a group whose deployments are all blocked: it is not served, not by a wildcard either. */
  isBlocked(name: string): boolean;
  /** All of them, as configured. */
  readonly targets: readonly Target[];
  /** Names to list: groups and visible aliases; wildcards stay as written. */
  readonly names: readonly string[];
}

export interface GroupAlias {
  readonly group: string;
  readonly hidden: boolean;
}

interface Wildcard {
  readonly pattern: RegExp;
  readonly name: string;
  readonly targets: readonly Target[];
}

/** A wildcard's deployments are made for the model that matched. Bounded, because clients choose the names. */
const MAX_MATCHED_NAMES = 1000;
/** Longer names are no model's: they would fill the memory and keep a pattern with several `*` busy. */
const LONGEST_MATCHED_NAME = 256;
/** No model's name either, but a way to elsewhere once it stands in an address. */
const LEADS_ELSEWHERE = /\.\.|(?:^|[/:@])\.(?:$|[/:@])|[\p{Cc}\\]/u;

/** @param blocked names of groups and wildcards that have blocked deployments */
export function createGroups(
  targets: readonly Target[],
  aliases: Readonly<Record<string, GroupAlias>>,
  blocked: readonly string[] = [],
): Groups {
  const exact = new Map<string, Group>();
  const wildcards: Wildcard[] = [];
  for (const [name, members] of byGroup(targets)) {
    if (name.includes('*')) wildcards.push({ name, targets: members, pattern: wildcardPattern(name) });
    else exact.set(name, { name, targets: members });
  }
  // The most specific pattern wins: the one with the most literal characters.
  wildcards.sort((a, b) => b.name.length - a.name.length);
  const byId = new Map(
    // A wildcard's deployment has no model of its own to send.
    targets.filter((target) => !target.upstreamModel.includes('*')).map((target) => [target.deploymentId, target]),
  );
  const aliasOf = new Map(Object.entries(aliases));
  const matched = new Map<string, Group>();
  const closed = new Set(blocked.filter((name) => !exact.has(name) && !name.includes('*')));
  const closedPatterns = blocked.filter((name) => name.includes('*')).map(wildcardPattern);
  const find = (name: string): Group | undefined => {
    if (closed.has(name)) return undefined;
    return exact.get(name) ?? byDeploymentId(name) ?? matchWildcard(name);
  };

  function matchWildcard(name: string): Group | undefined {
    const known = matched.get(name);
    if (known || name.length > LONGEST_MATCHED_NAME || LEADS_ELSEWHERE.test(name)) return known;
    const group = firstMatch(name);
    if (!group || group.targets.length === 0) return undefined;
    if (matched.size >= MAX_MATCHED_NAMES) matched.clear();
    matched.set(name, group);
    return group;
  }

  function firstMatch(name: string): Group | undefined {
    for (const { pattern, targets: wild } of wildcards) {
      const captures = pattern.exec(name);
      if (captures) return { name, targets: wild.flatMap((target) => specialise(target, name, captures.slice(1))) };
    }
    return undefined;
  }

  function byDeploymentId(name: string): Group | undefined {
    const target = byId.get(name);
    return target && { name: target.modelGroup, targets: [target] };
  }

  return {
    resolveAlias: (name) => (exact.has(name) ? name : (aliasOf.get(name)?.group ?? name)),
    find,
    isBlocked: (name) =>
      closed.has(name) ||
      (closedPatterns.length > 0 &&
        name.length <= LONGEST_MATCHED_NAME &&
        find(name) === undefined &&
        closedPatterns.some((pattern) => pattern.test(name))),
    targets,
    names: [...exact.keys(), ...visible(aliases), ...wildcards.map(({ name }) => name)],
  };
}

const visible = (aliases: Readonly<Record<string, GroupAlias>>): string[] =>
  Object.keys(aliases).filter((name) => aliases[name]?.hidden === false);

function byGroup(targets: readonly Target[]): Map<string, Target[]> {
  const groups = new Map<string, Target[]>();
  for (const target of targets) {
    const members = groups.get(target.modelGroup);
    if (members) members.push(target);
    else groups.set(target.modelGroup, [target]);
  }
  return groups;
}

/** `openai/*` → /^openai\/(.*)$/. Only `*` is special, so no user text reaches the pattern unescaped. */
export function wildcardPattern(name: string): RegExp {
  const literal = name.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('(.*)')}$`, 's');
}

/**
 * `*` in the deployment's model takes the captures in turn; without one the model is used as it is.
 * @returns none when what comes of it is no model's name
 */
function specialise(target: Target, name: string, captures: readonly string[]): readonly Target[] {
  const stars = target.upstreamModel.split('*').length - 1;
  if (stars === 0) return [{ ...target, modelGroup: name }];
  const parts = captures.length > stars ? [name] : captures;
  let taken = 0;
  const fill = (): string => parts[taken++] ?? '';
  const upstreamModel = target.upstreamModel.replaceAll('*', fill);
  if (upstreamModel === '' || LEADS_ELSEWHERE.test(upstreamModel)) return [];
  const prefix = target.litellmModel.slice(0, target.litellmModel.length - target.upstreamModel.length);
  const litellmModel = `${prefix}${upstreamModel}`;
  return [{ ...target, modelGroup: name, upstreamModel, litellmModel, isNamedByCaller: true }];
}
