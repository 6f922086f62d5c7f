/** Which tags say where a call goes. Source: LiteLLM's documentation of tag routing (`tag_routing_prefix`). */
import type { Call } from '../gateway/call.ts';
import type { CallFacts } from '../routing/choose.ts';

export interface TagSettings {
  readonly tagMatchAny: boolean;
  /** Of tags that say where a request goes; empty: all of them do. */
  readonly tagPrefix: string;
}

type TagFacts = Pick<CallFacts, 'tags' | 'declaredTags' | 'ownersTags'>;

const NONE: TagFacts = { tags: [] };

/** Those of the request, its key, its team and its project. With a prefix the request's own count only where they have it. */
export function routingTags(call: Call, { tagMatchAny, tagPrefix }: TagSettings): TagFacts {
  const owners = ownersTagsOf(call);
  const all = new Set([...call.controls.tags, ...owners]);
  if (all.size === 0) return NONE;
  const without = (tag: string): string => (tag.startsWith(tagPrefix) ? tag.slice(tagPrefix.length) : tag);
  const isMarked = (tag: string): boolean => /^[&!]/.test(without(tag));
  // Where any tag is enough, one that names its deployments itself leaves only marked ones.
  const naming = call.mayServe ? namingTags(call) : undefined;
  const counting = [...all]
    .filter((tag) => tag.startsWith(tagPrefix) || owners.includes(tag))
    .filter((tag) => !naming || (!naming.has(tag) && (!tagMatchAny || isMarked(tag))));
  const declared = tagPrefix === '' ? [] : counting.filter((tag) => tag.startsWith(tagPrefix));
  return {
    tags: [...new Set(counting.map(without))],
    declaredTags: declared.map((tag) => without(tag).replace(/^[&!]/, '')),
    ownersTags: owners.map(without),
  };
}

function ownersTagsOf({ caller }: Call): readonly string[] {
  return [caller, caller?.team, caller?.project]
    .flatMap((owner) => owner?.metadata['tags'] ?? [])
    .filter((tag) => typeof tag === 'string');
}

/** Those that say themselves which deployments are for them. */
const namingTags = ({ guests }: Call): ReadonlySet<string> =>
  new Set(guests?.tags.flatMap(({ id, models }) => (models.length > 0 ? [id] : [])));
