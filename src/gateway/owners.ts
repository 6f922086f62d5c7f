/** Who a call is counted for: its log row and its limits must name the same ones. */
import type { Call, Caller } from './call.ts';

/** The same fields as a row's. */
export interface CallOwners {
  readonly keyHash: string | null;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly organizationId: string | null;
  readonly projectId: string | null;
  readonly endUser: string | null;
  readonly tags: readonly string[];
}

export interface OwnerSettings {
  readonly userAgentTags: boolean;
  readonly endUserTracking: boolean;
}

export function ownersOf(call: Call, caller: Caller, settings: OwnerSettings): CallOwners {
  const { keyHash, teamId, userId, organizationId, projectId } = caller;
  const endUser = settings.endUserTracking ? call.controls.endUser : null;
  return { keyHash, teamId, userId, organizationId, projectId, endUser, tags: tagsOf(call, settings) };
}

/** The request's tags, then the key's, team's and project's, then the user agent's (`User-Agent: curl`, `User-Agent: curl/8.5`). */
export function tagsOf(call: Call, settings: OwnerSettings): readonly string[] {
  call.tags ??= gathered(call, settings);
  return call.tags;
}

function gathered({ caller, controls, headers }: Call, settings: OwnerSettings): readonly string[] {
  const owned = [caller, caller?.team, caller?.project].flatMap((owner) => listOf(owner?.metadata['tags']));
  const agent = settings.userAgentTags ? headers['user-agent'] : undefined;
  if (owned.length === 0 && agent === undefined) return controls.tags;
  if (owned.length === 0 && controls.tags.length === 0) return agentTags(agent);
  const tags = new Set(controls.tags);
  for (const tag of owned) if (typeof tag === 'string') tags.add(tag);
  for (const tag of agentTags(agent)) tags.add(tag);
  return [...tags];
}

const NOTHING: readonly unknown[] = [];
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : NOTHING);

/** Few programs call; each names itself in the same words every time. */
const tagsOfAgents = new Map<string, readonly string[]>();
const MAX_AGENTS = 1_000;
/** A longer name is made up, and not worth the memory. */
const LONGEST_AGENT = 256;

function agentTags(agent: string | undefined): readonly string[] {
  if (agent === undefined || agent === '') return [];
  const known = tagsOfAgents.get(agent);
  if (known) return known;
  const slash = agent.indexOf('/');
  const tags =
    slash === -1 ? [`User-Agent: ${agent}`] : [`User-Agent: ${agent.slice(0, slash)}`, `User-Agent: ${agent}`];
  if (agent.length > LONGEST_AGENT) return tags;
  if (tagsOfAgents.size >= MAX_AGENTS) tagsOfAgents.clear();
  tagsOfAgents.set(agent, tags);
  return tags;
}
