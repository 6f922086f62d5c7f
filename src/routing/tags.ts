/** Which deployments a request's tags lead to. Source: LiteLLM's documentation of tag routing. */
import { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';

export interface TagQuestion {
  /** `!x`: not those with x. `&x`: only those with x. Of the plain ones, any or all. */
  readonly tags: readonly string[];
  readonly matchAny: boolean;
  readonly userAgent: string | null;
  /** Tags that count as known, though no deployment may have them; without marks. */
  readonly declaredTags?: readonly string[] | undefined;
  /** Of the key, the team and the project: what they demand is never given up. */
  readonly ownersTags?: readonly string[] | undefined;
  /** Those of the group that nothing else speaks against; all when absent. */
  readonly among?: readonly Target[] | undefined;
}

type Filter = (target: Target) => boolean;

const DEFAULT_TAG = 'default';
const isDefault: Filter = ({ tags }) => tags.includes(DEFAULT_TAG);
/** A pattern may be slow on a long text, and a client writes this one. */
const LONGEST_USER_AGENT = 512;

/** The first deployment of a group that has a word on it decides for the group. */
export const filtersByTags = (targets: readonly Target[], byDefault: boolean): boolean =>
  targets.find(({ tagFiltering }) => tagFiltering !== undefined)?.tagFiltering ?? byDefault;

/** @param all of the group, whatever else speaks against them */
export function tagFilter(all: readonly Target[], question: TagQuestion): Filter {
  const filter = strictFilter(all, question);
  const { among = all } = question;
  if (among.some(filter) || !all.some(({ failsOpen }) => failsOpen === true)) return filter;
  return openFilter(all, question);
}

/**
 * Where nobody is left and the group prefers any answer to none (`allow_fail_open`): the default ones, else all, of those that
 * the owners' tags allow. A tag that nobody has must not undo others that somebody does have.
 */
function openFilter(all: readonly Target[], question: TagQuestion): Filter {
  const { ownersTags = [], declaredTags = [], tags, among = all } = question;
  const { required, excluded } = split(tags);
  const known = required.filter((tag) => declaredTags.includes(tag) || all.some((target) => target.tags.includes(tag)));
  const isInvented = known.length > 0 && known.length < required.length;
  if (isInvented && among.some(allowing({ required: known, excluded }))) return nobody;
  const isOwners = allowing(split(ownersTags));
  const pool = among.filter(isOwners);
  return pool.some(isDefault) ? (target) => isOwners(target) && isDefault(target) : isOwners;
}

const allowing =
  ({ required, excluded }: Pick<Split, 'required' | 'excluded'>): Filter =>
  ({ tags }) =>
    !excluded.some((tag) => tags.includes(tag)) && required.every((tag) => tags.includes(tag));

function strictFilter(all: readonly Target[], question: TagQuestion): Filter {
  const { required, excluded, plain } = split(question.tags);
  const isAllowed = allowing({ required, excluded });
  const allowed = all.filter(isAllowed);
  // What must be there leaves no room for a preference by the client's name.
  const byAgent = required.length === 0 ? agentFilter(question) : nobody;
  const byTags = plainFilter(plain, question.matchAny);
  const matches: Filter = (target) => byTags(target) || byAgent(target);
  if (allowed.some(matches)) return (target) => isAllowed(target) && matches(target);
  const { declaredTags = [] } = question;
  const others = rest({ all, allowed, plain, declaredTags, isBound: required.length > 0 });
  return (target) => isAllowed(target) && others(target);
}

const nobody: Filter = () => false;
const anybody: Filter = () => true;

interface Unmatched {
  readonly all: readonly Target[];
  readonly allowed: readonly Target[];
  readonly plain: readonly string[];
  readonly declaredTags: readonly string[];
  /** Some tag had to be there, and it is. */
  readonly isBound: boolean;
}

/** No tag or pattern has matched: the default ones, unless the group knows a tag of the request and cannot follow it. */
function rest({ all, allowed, plain, declaredTags, isBound }: Unmatched): Filter {
  const isKnown = plain.some((tag) => declaredTags.includes(tag) || all.some(({ tags }) => tags.includes(tag)));
  if (isKnown) return nobody;
  if (plain.length > 0) return isDefault;
  if (isBound) return anybody;
  if (all.some(isDefault)) return isDefault;
  // Those for certain clients serve others only where nobody else is there.
  return allowed.every(({ tagPatterns = [] }) => tagPatterns.length > 0) ? anybody : isForEverybody;
}

const isForEverybody: Filter = ({ tagPatterns = [] }) => tagPatterns.length === 0;

type Split = Record<'required' | 'excluded' | 'plain', readonly string[]>;

function split(tags: readonly string[]): Split {
  const marked = (mark: string): string[] =>
    tags.filter((tag) => tag.startsWith(mark) && tag.length > 1).map((tag) => tag.slice(1));
  return {
    required: marked('&'),
    excluded: marked('!'),
    plain: tags.filter((tag) => !tag.startsWith('&') && !tag.startsWith('!')),
  };
}

function plainFilter(plain: readonly string[], matchAny: boolean): Filter {
  if (plain.length === 0) return nobody;
  return ({ tags }) => (matchAny ? plain.some((tag) => tags.includes(tag)) : plain.every((tag) => tags.includes(tag)));
}

/** `tag_regex`. Where all tags must match, a deployment that has some is not reached by the client's name alone. */
function agentFilter({ userAgent, matchAny }: TagQuestion): Filter {
  if (userAgent === null) return nobody;
  const text = `User-Agent: ${userAgent.slice(0, LONGEST_USER_AGENT)}`;
  return ({ tags, tagPatterns = [] }) =>
    (matchAny || tags.length === 0) && tagPatterns.some((pattern) => pattern.test(text));
}

export const notForTags = (): GatewayError =>
  new GatewayError(
    'no_eligible_deployment',
    'Not allowed to access model due to tags configuration: no deployment of it has the tags of this request.',
    { param: 'tags', status: 401 },
  );
