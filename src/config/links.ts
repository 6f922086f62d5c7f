/** Names that point to model groups: aliases and fallbacks. A name that points to nothing, or in a circle, is an error. */

import { didYouMean, nearestNames, suggestionLimit } from '../lib/near-name.ts';
import type { Config, ModelAlias, Position } from './config.ts';
import type { Findings } from './findings.ts';
import { ALIAS } from './schema.ts';
import { openSection } from './section.ts';
import type { Sections } from './settings.ts';
import { describeValue } from './values.ts';
import { join, type Tree } from './yaml-tree.ts';

export interface Served {
  /** Every `model_name`; wildcards among them. */
  readonly groupNames: readonly string[];
  readonly deploymentIds: readonly string[];
}

export interface Links {
  readonly aliases: Config['aliases'];
  readonly fallbacks: Config['router']['fallbacks'];
  readonly contextWindowFallbacks: Config['router']['fallbacks'];
  readonly contentPolicyFallbacks: Config['router']['fallbacks'];
  readonly defaultFallbacks: readonly string[];
}

/** One written arrow from a name to another. */
interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly path: string;
  readonly position: Position;
}

export function readLinks(sections: Sections, served: Served, findings: Findings): Links {
  const { router, litellm } = sections;
  const aliases = readAliases(router.read('model_group_alias'), join(router.path, 'model_group_alias'), findings);
  const names = nameFinder(served, [...aliases.keys(), ...Object.keys(litellm.read('model_alias_map') ?? {})]);
  const aliasArrows = [...aliases.values()].map(({ arrow }) => arrow);
  checkTargets([...aliasArrows, ...aliasMapArrows(litellm)], names, findings);
  const looped = checkCircles(aliasArrows, findings, 'is an alias of itself');

  const listed = (name: FallbackList): Arrow[] => fallbackArrows(sections, name, findings);
  const [everywhere, specific] = split(listed('fallbacks'), ({ from }) => from === ANY);
  const typed = {
    contextWindow: listed('context_window_fallbacks'),
    contentPolicy: listed('content_policy_fallbacks'),
  };
  const defaults =
    router.read('default_fallbacks') === undefined
      ? readDefaults(litellm, litellm.read('default_fallbacks'))
      : readDefaults(router, router.read('default_fallbacks'));
  checkTargets(
    [...everywhere, ...specific, ...typed.contextWindow, ...typed.contentPolicy, ...defaults],
    names,
    findings,
  );
  for (const arrows of [specific, typed.contextWindow, typed.contentPolicy]) {
    warnOfUnusedSources(arrows, names, findings);
    checkCircles(arrows, findings, 'falls back to itself');
  }
  return {
    aliases: looped ? {} : flatten(aliases),
    fallbacks: grouped(specific),
    contextWindowFallbacks: grouped(typed.contextWindow),
    contentPolicyFallbacks: grouped(typed.contentPolicy),
    defaultFallbacks: [...new Set([...everywhere, ...defaults].map(({ to }) => to))],
  };
}

type FallbackList = 'fallbacks' | 'context_window_fallbacks' | 'content_policy_fallbacks';

/** `router_settings` win over `litellm_settings`. */
function fallbackArrows({ router, litellm }: Sections, name: FallbackList, findings: Findings): Arrow[] {
  const owner = router.read(name) === undefined ? litellm : router;
  return readFallbacks(router.read(name) ?? litellm.read(name), join(owner.path, name), findings);
}

const ANY = '*';

function split<T>(items: readonly T[], belongs: (item: T) => boolean): [T[], T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))];
}

interface ReadAlias {
  readonly arrow: Arrow;
  readonly hidden: boolean;
}

function readAliases(tree: Tree | undefined, path: string, findings: Findings): Map<string, ReadAlias> {
  const aliases = new Map<string, ReadAlias>();
  if (tree === undefined) return aliases;
  if (tree.kind !== 'map') {
    findings.error(path, `must be a mapping of aliases to model groups, not ${describeValue(tree)}`, tree.position);
    return aliases;
  }
  for (const [from, { value }] of tree.entries) {
    const aliasPath = join(path, from);
    const alias = readAlias(value, aliasPath, findings);
    if (alias === undefined) continue;
    const arrow = { from, to: alias.to, path: aliasPath, position: value.position };
    aliases.set(from, { arrow, hidden: alias.hidden });
  }
  return aliases;
}

function readAlias(value: Tree, path: string, findings: Findings): { to: string; hidden: boolean } | undefined {
  if (value.kind === 'scalar' && typeof value.value === 'string') return { to: value.value, hidden: false };
  if (value.kind !== 'map') {
    findings.error(path, `must be a model group or {model, hidden}, not ${describeValue(value)}`, value.position);
    return undefined;
  }
  const section = openSection({ tree: value, path, rules: ALIAS }, findings);
  const to = section.read('model');
  if (to === undefined && !value.entries.has('model'))
    findings.error(join(path, 'model'), 'is missing', value.position);
  return to === undefined ? undefined : { to, hidden: section.read('hidden') ?? false };
}

function aliasMapArrows(litellm: Sections['litellm']): Arrow[] {
  const path = join(litellm.path, 'model_alias_map');
  const tree = litellm.entries.get('model_alias_map')?.value;
  if (tree?.kind !== 'map') return [];
  return Object.entries(litellm.read('model_alias_map') ?? {}).map(([from, to]) => ({
    from,
    to,
    path: join(path, from),
    position: tree.entries.get(from)?.value.position ?? tree.position,
  }));
}

/** LiteLLM's shape: a list of mappings from a group to the list of groups tried after it. */
function readFallbacks(tree: Tree | undefined, path: string, findings: Findings): Arrow[] {
  if (tree === undefined) return [];
  const wrong = (at: Tree, where: string): Arrow[] => {
    findings.error(where, `must be a list such as [{group: [other-group]}], not ${describeValue(at)}`, at.position);
    return [];
  };
  if (tree.kind !== 'list') return wrong(tree, path);
  return tree.items.flatMap((item, index) => {
    const itemPath = join(path, String(index));
    if (item.kind !== 'map') return wrong(item, itemPath);
    return [...item.entries].flatMap(([from, { value }]) => targetsOf(from, value, join(itemPath, from), findings));
  });
}

function targetsOf(from: string, value: Tree, path: string, findings: Findings): Arrow[] {
  const items = value.kind === 'list' ? value.items : [value];
  return items.flatMap((item) => {
    if (item.kind === 'scalar' && typeof item.value === 'string')
      return [{ from, to: item.value, path, position: item.position }];
    findings.error(path, `must be a list of model groups, not ${describeValue(item)}`, item.position);
    return [];
  });
}

function readDefaults(owner: Sections['router'] | Sections['litellm'], names: readonly string[] = []): Arrow[] {
  const tree = owner.entries.get('default_fallbacks')?.value;
  if (tree === undefined) return [];
  const items = tree.kind === 'list' ? tree.items : [tree];
  const path = join(owner.path, 'default_fallbacks');
  return names.map((to, index) => ({ from: ANY, to, path, position: items[index]?.position ?? tree.position }));
}

export interface Names {
  isServed(name: string): boolean;
  near(name: string): string[];
}

export function nameFinder(served: Served, aliases: readonly string[]): Names {
  const exact = new Set([...served.groupNames, ...served.deploymentIds, ...aliases]);
  const patterns = served.groupNames.filter((name) => name.includes('*')).map(wildcard);
  const listed = [...served.groupNames, ...aliases];
  return {
    isServed: (name) => exact.has(name) || patterns.some((pattern) => pattern.test(name)),
    near: (name) => nearestNames(name, listed, suggestionLimit(name)),
  };
}

const wildcard = (name: string): RegExp =>
  new RegExp(
    `^${name
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
    's',
  );

function checkTargets(arrows: readonly Arrow[], names: Names, findings: Findings): void {
  for (const { to, path, position } of arrows) {
    if (names.isServed(to)) continue;
    findings.error(
      path,
      `points to "${to}", and no model of that name is in model_list.${didYouMean(names.near(to))}`,
      position,
    );
  }
}

export const isNeverUsed = (name: string, names: Names): string =>
  `no model "${name}" is in model_list, so this is never used.${didYouMean(names.near(name))}`;

/** LiteLLM accepts them; a request for that name never arrives, so it is only worth a word. */
function warnOfUnusedSources(arrows: readonly Arrow[], names: Names, findings: Findings): void {
  const said = new Set<string>();
  for (const { from, path, position } of arrows) {
    if (names.isServed(from) || said.has(from)) continue;
    said.add(from);
    findings.warn(path, isNeverUsed(from, names), position);
  }
}

/** Each circle once, at the first of its arrows that was written. True when there was one. */
function checkCircles(arrows: readonly Arrow[], findings: Findings, what: string): boolean {
  const next = new Map<string, Arrow[]>();
  for (const arrow of arrows) next.set(arrow.from, [...(next.get(arrow.from) ?? []), arrow]);
  const done = new Set<string>();
  let found = false;
  const walk = (name: string, trail: readonly Arrow[]): void => {
    const start = trail.findIndex(({ from }) => from === name);
    const first = trail[start];
    if (first) {
      const circle = [...trail.slice(start).map(({ from }) => from), name].join(' → ');
      findings.error(first.path, `"${name}" ${what}: ${circle}`, first.position);
      found = true;
    } else if (!done.has(name)) {
      for (const arrow of next.get(name) ?? []) walk(arrow.to, [...trail, arrow]);
      done.add(name);
    }
  };
  for (const name of next.keys()) walk(name, []);
  return found;
}

/** An alias of an alias leads straight to the group. */
function flatten(aliases: ReadonlyMap<string, ReadAlias>): Record<string, ModelAlias> {
  const groupOf = (name: string): string => {
    const alias = aliases.get(name);
    return alias ? groupOf(alias.arrow.to) : name;
  };
  return Object.fromEntries([...aliases].map(([name, { hidden }]) => [name, { group: groupOf(name), hidden }]));
}

function grouped(arrows: readonly Arrow[]): Record<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { from, to } of arrows) groups.set(from, [...(groups.get(from) ?? []), to]);
  return Object.fromEntries(groups);
}
