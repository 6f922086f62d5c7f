/** Which deployments a request's tags lead to. Source: LiteLLM's documentation of tag routing. */
import type { Target } from '../providers/adapter.ts';

export interface TagQuestion {
  /** `!x`: not those with x. `&x`: only those with x. Of the plain ones, any or all. */
  readonly tags: readonly string[];
  readonly matchAny: boolean;
  readonly userAgent: string | null;
}

type Filter = (target: Target) => boolean;

const DEFAULT_TAG = 'default';
const isDefault: Filter = ({ tags }) => tags.includes(DEFAULT_TAG);
/** A pattern may be slow on a long text, and a client writes this one. */
const LONGEST_USER_AGENT = 512;

/** @param all of the group, whatever else speaks against them */
export function tagFilter(all: readonly Target[], question: TagQuestion): Filter {
  const { required, excluded, plain } = split(question.tags);
  const isAllowed: Filter = ({ tags }) =>
    !excluded.some((tag) => tags.includes(tag)) && required.every((tag) => tags.includes(tag));
  const allowed = all.filter(isAllowed);
  // What must be there leaves no room for a preference by the client's name.
  const byAgent = required.length === 0 ? agentFilter(question) : nobody;
  const byTags = plainFilter(plain, question.matchAny);
  const matches: Filter = (target) => byTags(target) || byAgent(target);
  if (allowed.some(matches)) return (target) => isAllowed(target) && matches(target);
  return (target) => isAllowed(target) && rest({ all, allowed, plain, isBound: required.length > 0 })(target);
}

const nobody: Filter = () => false;
const anybody: Filter = () => true;

interface Unmatched {
  readonly all: readonly Target[];
  readonly allowed: readonly Target[];
  readonly plain: readonly string[];
  /** Some tag had to be there, and it is. */
  readonly isBound: boolean;
}

/** No tag or pattern has matched: the default ones, unless the group knows a tag of the request and cannot follow it. */
function rest({ all, allowed, plain, isBound }: Unmatched): Filter {
  const isKnown = all.some(({ tags }) => plain.some((tag) => tags.includes(tag)));
  if (isKnown) return nobody;
  if (plain.length > 0) return isDefault;
  if (isBound) return anybody;
  if (all.some(isDefault)) return isDefault;
  // Those for certain clients serve others only where nobody else is there.
  return allowed.every(({ tagPatterns = [] }) => tagPatterns.length > 0) ? anybody : isForEverybody;
}

const isForEverybody: Filter = ({ tagPatterns = [] }) => tagPatterns.length === 0;

function split(tags: readonly string[]): Record<'required' | 'excluded' | 'plain', readonly string[]> {
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
