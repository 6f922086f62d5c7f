/** Who a request is counted for: one list of scopes, used by limits before a call and by stored totals after it. */

/** LiteLLM's own words, as they stand in its limiter's names and headers. The order is stored: only add at the end. */
export const SCOPE_KINDS = [
  'global',
  'api_key',
  'team',
  'team_member',
  'user',
  'organization',
  'project',
  'end_user',
  'tag',
  'model_per_key',
  'model_per_team',
  'model_per_user',
  'model_per_organization',
  'model_per_project',
  'model_per_end_user',
  'deployment',
  'provider',
  'mirror',
  'model_per_tag',
  'organization_member',
  'tag_per_key',
] as const;

export type ScopeKind = (typeof SCOPE_KINDS)[number];

export interface Scope {
  readonly kind: ScopeKind;
  /** Digest of the key, id of the team …; two names joined by `joined` for a pair; empty for `global` and `mirror`. */
  readonly id: string;
}

/** No id holds this character, so a pair can be read in one way only. */
const SEPARATOR = '\u001f';

export const joined = (first: string, second: string): string => `${first}${SEPARATOR}${second}`;

/** What `joined` was given. */
export function parted(pair: string): readonly [string, string] {
  const at = pair.indexOf(SEPARATOR);
  return at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}

const PAIRS: ReadonlySet<ScopeKind> = new Set([
  'team_member',
  'model_per_key',
  'model_per_team',
  'model_per_user',
  'model_per_organization',
  'model_per_project',
  'model_per_end_user',
  'model_per_tag',
  'organization_member',
  'tag_per_key',
]);

/** The names in a scope's id: two for a pair. */
export function scopeParts({ kind, id }: Scope): readonly [first: string, second?: string] {
  const at = PAIRS.has(kind) ? id.indexOf(SEPARATOR) : -1;
  return at === -1 ? [id] : [id.slice(0, at), id.slice(at + 1)];
}

export interface Owners {
  readonly keyHash: string | null;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly organizationId: string | null;
  readonly projectId: string | null;
  readonly endUser: string | null;
  readonly tags: readonly string[];
}

/**
 * Stands for the route in rows of mirrored requests, which only the gateway itself makes: what they cost is not their
 * owner's to pay.
 */
export const MIRROR_ROUTE = 'mirror';

export interface Served {
  readonly modelGroup: string;
  readonly deploymentId: string | null;
  readonly provider: string | null;
}

/** Scopes that a call has whatever model serves it. */
export function ownerScopes(owners: Owners): Scope[] {
  const { keyHash, teamId, userId, organizationId, projectId, endUser, tags } = owners;
  const scopes: Scope[] = [{ kind: 'global', id: '' }];
  if (keyHash !== null) scopes.push({ kind: 'api_key', id: keyHash });
  if (teamId !== null) scopes.push({ kind: 'team', id: teamId });
  if (teamId !== null && userId !== null) scopes.push({ kind: 'team_member', id: joined(teamId, userId) });
  if (userId !== null) scopes.push({ kind: 'user', id: userId });
  if (organizationId !== null) scopes.push({ kind: 'organization', id: organizationId });
  if (organizationId !== null && userId !== null) {
    scopes.push({ kind: 'organization_member', id: joined(organizationId, userId) });
  }
  if (projectId !== null) scopes.push({ kind: 'project', id: projectId });
  if (endUser !== null) scopes.push({ kind: 'end_user', id: endUser });
  for (const tag of tags) scopes.push({ kind: 'tag', id: tag });
  return scopes;
}

/** Scopes that change when another model, deployment or provider serves. */
export function servedScopes(owners: Owners, { modelGroup, deploymentId, provider }: Served): Scope[] {
  const scopes: Scope[] = [];
  const perModel = (kind: ScopeKind, owner: string | null): void => {
    if (owner !== null) scopes.push({ kind, id: joined(owner, modelGroup) });
  };
  perModel('model_per_key', owners.keyHash);
  perModel('model_per_team', owners.teamId);
  perModel('model_per_user', owners.userId);
  perModel('model_per_organization', owners.organizationId);
  perModel('model_per_project', owners.projectId);
  perModel('model_per_end_user', owners.endUser);
  for (const tag of owners.tags) if (!isAgentTag(tag)) perModel('model_per_tag', tag);
  if (deploymentId !== null) scopes.push({ kind: 'deployment', id: deploymentId });
  if (provider !== null) scopes.push({ kind: 'provider', id: provider });
  return scopes;
}

const AGENT_TAG = 'User-Agent: ';

/**
 * Every request has two of these, one of them with a version: they are counted as tags, and not for each model besides,
 * so none of them can have limits on models.
 */
export const isAgentTag = (tag: string): boolean => tag.startsWith(AGENT_TAG);

/** What is counted for a key's requests under a tag. Only rates stand there, so it is in no stored total. */
export const tagsPerKey = ({ keyHash, tags }: Pick<Owners, 'keyHash' | 'tags'>): Scope[] =>
  keyHash === null ? [] : tags.map((tag) => ({ kind: 'tag_per_key', id: joined(keyHash, tag) }));

/** Scopes of a mirrored request, whoever sent the request it copies. */
export function mirrorScopes({ deploymentId, provider }: Pick<Served, 'deploymentId' | 'provider'>): Scope[] {
  const scopes: Scope[] = [
    { kind: 'global', id: '' },
    { kind: 'mirror', id: '' },
  ];
  if (deploymentId !== null) scopes.push({ kind: 'deployment', id: deploymentId });
  if (provider !== null) scopes.push({ kind: 'provider', id: provider });
  return scopes;
}

/** Scopes in which a recorded request counts for the rates of the last minute. */
export const rateScopes = (owners: Owners, served: Served & { readonly route: string }): Scope[] =>
  served.route === MIRROR_ROUTE ? mirrorScopes(served) : [...countedScopes(owners, served), ...tagsPerKey(owners)];

/** Scopes that a recorded request is counted for. One that got no model is nobody's use of a model. */
export function countedScopes(owners: Owners, served: Served & { readonly route: string }): Scope[] {
  if (served.route === MIRROR_ROUTE) return mirrorScopes(served);
  return served.modelGroup === '' ? ownerScopes(owners) : [...ownerScopes(owners), ...servedScopes(owners, served)];
}
