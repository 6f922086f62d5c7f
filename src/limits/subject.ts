/** What stands over one call: its scopes and every limit on them, put together from those it acts for. */
import { isAgentTag, joined, mirrorScopes, ownerScopes, servedScopes, tagsPerKey } from '../db/usage-scopes.ts';
import type {
  Allowance,
  EndUser,
  Organization,
  OrganizationMember,
  Project,
  Tag,
  Team,
  TeamMember,
  User,
} from '../gateway/entities.ts';
import { type CompileSettings, limitsOf, modelLimitsOf, tracking } from './compile.ts';
import type { Limit, Part, Scope, ScopeKind } from './types.ts';
import { parseWindow } from './window.ts';

/** A budget that the configuration sets. */
export interface ConfiguredBudget {
  readonly maxNanoUsd: number;
  readonly duration: string | null;
}

export interface SubjectSettings extends CompileSettings {
  /** `litellm_settings.max_budget`: all calls together. */
  readonly globalBudget: ConfiguredBudget | null;
  readonly providerBudgets: ReadonlyMap<string, ConfiguredBudget>;
  /** `general_settings.apply_user_budget_to_team_keys`: a user's limits hold for keys in a team too. */
  readonly userLimitsInTeams: boolean;
}

export interface SubjectOwners {
  readonly keyHash: string | null;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly organizationId: string | null;
  readonly projectId: string | null;
  readonly endUser: string | null;
  readonly tags: readonly string[];
}

export interface SubjectEntities {
  readonly allowance: Allowance | null;
  /** What the key gives to end users without a budget of their own. */
  readonly endUserAllowance?: Allowance | null;
  readonly team: Team | null;
  readonly member: TeamMember | null;
  readonly user: User | null;
  readonly organization: Organization | null;
  readonly organizationMember?: OrganizationMember | null;
  readonly project: Project | null;
}

/** Who serves an attempt, and what its deployment may take. */
export interface Serving {
  readonly modelGroup: string;
  readonly deploymentId: string;
  readonly provider: string;
  readonly allowance: Allowance | null;
}

export interface Subject {
  readonly owners: SubjectOwners;
  readonly base: Part;
  /** Calendar of temporary increases: compile anew after it. Epoch milliseconds. */
  readonly validUntilMs: number;
  /**
   * Limits on models, by owner; the deployment's and provider's come with `serving`.
   * @param alias another name under which the client asked for the group: what is limited under it holds too
   */
  servedBy(modelGroup: string, serving?: Serving, alias?: string): Part;
}

interface Holder {
  readonly kind: ScopeKind;
  readonly perModel: ScopeKind | undefined;
  readonly id: string | null;
  readonly allowance: Allowance | null | undefined;
}

/** What holds of a key and of those behind it; end users and tags come with each request. */
export function subjectOf(
  owners: SubjectOwners,
  entities: SubjectEntities & { readonly endUserEntity: EndUser | null; readonly tagEntities: readonly Tag[] },
  settings: SubjectSettings,
  nowMs: number,
): Subject {
  const scopes = ownerScopes(owners);
  const holders = holdersOf(owners, entities, settings);
  const limits: Limit[] = [...globalLimits(settings)];
  for (const { kind, id, allowance } of holders) {
    if (id !== null && allowance) limits.push(...limitsOf(scopeIn(scopes, kind, id), allowance, settings, nowMs));
  }
  if (owners.keyHash !== null) {
    limits.push(tracking({ kind: 'api_key', id: owners.keyHash }, entities.allowance, settings));
  }
  const rates = tagRates(owners, entities.allowance, settings);
  limits.push(...rates);
  // Only these are looked at: a key without such a limit has no counters for its tags.
  scopes.push(...rates.map(({ scope }) => scope));
  const parts = new Map<string, Part>();

  function modelPart(modelGroup: string, alias: string): Part {
    const name = joined(modelGroup, alias);
    const known = parts.get(name);
    if (known) return known;
    const model = { modelGroup, alias };
    const perModel = holders.flatMap(({ perModel: kind, id, allowance }) =>
      kind !== undefined && id !== null && allowance ? modelLimitsOf({ kind, id }, allowance, model, settings) : [],
    );
    const part: Part = {
      scopes: servedScopes(owners, { modelGroup, deploymentId: null, provider: null }),
      limits: perModel,
    };
    if (parts.size > MAX_REMEMBERED_MODELS) parts.clear();
    parts.set(name, part);
    return part;
  }

  return {
    owners,
    base: { scopes, limits },
    validUntilMs: Math.min(...holders.map(({ allowance }) => increaseEnds(allowance, nowMs))),
    servedBy(modelGroup, serving, alias = modelGroup) {
      const part = modelPart(modelGroup, alias);
      if (!serving) return part;
      const { deploymentId, provider } = serving;
      return {
        scopes: [...part.scopes, { kind: 'deployment', id: deploymentId }, { kind: 'provider', id: provider }],
        limits: [...part.limits, ...servingLimits(serving, settings)],
      };
    },
  };
}

const NOBODY: SubjectOwners = {
  keyHash: null,
  teamId: null,
  userId: null,
  organizationId: null,
  projectId: null,
  endUser: null,
  tags: [],
};

/** A mirrored request is on nobody's account: it has a budget of its own beside that of all requests together. */
export function mirrorSubject(budget: ConfiguredBudget | null, settings: SubjectSettings): Subject {
  const scopes = mirrorScopes({ deploymentId: null, provider: null });
  return {
    owners: NOBODY,
    base: { scopes, limits: [...globalLimits(settings), ...mirrorLimits(budget, settings)] },
    validUntilMs: Number.POSITIVE_INFINITY,
    servedBy(_modelGroup, serving) {
      if (!serving) return { scopes: [], limits: [] };
      const served = mirrorScopes(serving).filter((scope) => !scopes.some(({ kind }) => kind === scope.kind));
      return { scopes: served, limits: servingLimits(serving, settings) };
    },
  };
}

export const mirrorLimits = (budget: ConfiguredBudget | null, { timeZone }: SubjectSettings): readonly Limit[] =>
  budget ? [budgetLimit({ kind: 'mirror', id: '' }, budget, timeZone)] : [];

/** What the deployment itself may take, and what may be spent with its provider. */
export function servingLimits(
  { deploymentId, provider, allowance }: Pick<Serving, 'deploymentId' | 'provider' | 'allowance'>,
  settings: SubjectSettings,
): readonly Limit[] {
  const own = allowance ? limitsOf({ kind: 'deployment', id: deploymentId }, allowance, settings, 0) : [];
  return [...own, ...providerLimits(provider, settings)];
}

const MAX_REMEMBERED_MODELS = 100;

function holdersOf(
  owners: SubjectOwners,
  entities: SubjectEntities & { readonly endUserEntity: EndUser | null; readonly tagEntities: readonly Tag[] },
  settings: SubjectSettings,
): Holder[] {
  const { team, member, user, organization, project, endUserEntity, tagEntities } = entities;
  const memberAllowance = overDefaults(member?.allowance, team?.memberAllowance);
  const endUserAllowance = allowanceOfEndUser(endUserEntity, entities.endUserAllowance);
  const isMember = owners.teamId !== null && owners.userId !== null;
  const isInOrganization = owners.organizationId !== null && owners.userId !== null;
  const userHolds = owners.teamId === null || settings.userLimitsInTeams;
  return [
    { kind: 'api_key', perModel: 'model_per_key', id: owners.keyHash, allowance: entities.allowance },
    { kind: 'team', perModel: 'model_per_team', id: owners.teamId, allowance: team?.allowance },
    { kind: 'team_member', perModel: undefined, id: isMember ? '' : null, allowance: memberAllowance },
    { kind: 'user', perModel: 'model_per_user', id: userHolds ? owners.userId : null, allowance: user?.allowance },
    {
      kind: 'organization',
      perModel: 'model_per_organization',
      id: owners.organizationId,
      allowance: organization?.allowance,
    },
    {
      kind: 'organization_member',
      perModel: undefined,
      id: isInOrganization ? '' : null,
      allowance: entities.organizationMember?.allowance,
    },
    { kind: 'project', perModel: 'model_per_project', id: owners.projectId, allowance: project?.allowance },
    { kind: 'end_user', perModel: 'model_per_end_user', id: owners.endUser, allowance: endUserAllowance },
    ...tagEntities.map(tagHolder),
  ];
}

const tagHolder = ({ id, allowance }: Tag): Holder => ({
  kind: 'tag',
  perModel: isAgentTag(id) ? undefined : 'model_per_tag',
  id,
  allowance,
});

/** `tag_rpm_limit` of a key: each tag has a rate of its own. */
function tagRates(owners: SubjectOwners, allowance: Allowance | null, settings: SubjectSettings): Limit[] {
  const rates = allowance?.tagRates;
  if (rates === undefined) return [];
  const limited = owners.tags.filter((tag) => Object.hasOwn(rates, tag));
  return tagsPerKey({ keyHash: owners.keyHash, tags: limited }).map((scope, index) => ({
    scope,
    unit: 'requests',
    window: { kind: 'sliding', ms: settings.rateWindowMs },
    max: rates[limited[index] ?? ''] ?? 0,
    strength: 'hard',
  }));
}

/** A budget of their own wins, then the key's for its end users, then the gateway's for all. */
export function allowanceOfEndUser(endUser: EndUser | null, ofKey: Allowance | null | undefined): Allowance | null {
  if (!ofKey) return endUser?.allowance ?? null;
  if (endUser === null) return ofKey;
  return endUser.ownAllowance === undefined ? endUser.allowance : overDefaults(endUser.ownAllowance, ofKey);
}

const anyOr = <Item>(own: readonly Item[], defaults: readonly Item[]): readonly Item[] =>
  own.length > 0 ? own : defaults;

/** Own values win, one by one; the defaults hold for what there is none of. */
function overDefaults(own: Allowance | undefined, defaults: Allowance | null | undefined): Allowance | null {
  if (!own || !defaults) return own ?? defaults ?? null;
  const budget = own.maxBudgetNanoUsd === null ? defaults : own;
  return {
    ...own,
    maxBudgetNanoUsd: budget.maxBudgetNanoUsd,
    budgetDuration: budget.budgetDuration,
    softBudgetNanoUsd: own.softBudgetNanoUsd ?? defaults.softBudgetNanoUsd,
    rpmLimit: own.rpmLimit ?? defaults.rpmLimit,
    tpmLimit: own.tpmLimit ?? defaults.tpmLimit,
    tpdLimit: own.tpdLimit ?? defaults.tpdLimit,
    maxParallelRequests: own.maxParallelRequests ?? defaults.maxParallelRequests,
    perModel: { ...defaults.perModel, ...own.perModel },
    budgetWindows: anyOr(own.budgetWindows, defaults.budgetWindows),
    custom: anyOr(own.custom, defaults.custom),
    temporaryIncrease: own.temporaryIncrease ?? budget.temporaryIncrease,
    models: anyOr(own.models ?? [], defaults.models ?? []),
  };
}

/** The very scope that is posted to: a member's id is a pair that only the list of scopes spells. */
function scopeIn(scopes: readonly Scope[], kind: ScopeKind, id: string): Scope {
  const found = scopes.find((scope) => scope.kind === kind && (id === '' || scope.id === id));
  return found ?? { kind, id };
}

function globalLimits({ globalBudget, timeZone }: SubjectSettings): Limit[] {
  return globalBudget ? [budgetLimit({ kind: 'global', id: '' }, globalBudget, timeZone)] : [];
}

function providerLimits(provider: string, { providerBudgets, timeZone }: SubjectSettings): Limit[] {
  const budget = providerBudgets.get(provider);
  return budget ? [budgetLimit({ kind: 'provider', id: provider }, budget, timeZone)] : [];
}

const budgetLimit = (scope: Scope, { maxNanoUsd, duration }: ConfiguredBudget, timeZone: string): Limit => ({
  scope,
  unit: 'usd',
  window: parseWindow(duration, timeZone) ?? { kind: 'lifetime' },
  max: maxNanoUsd,
  strength: 'hard',
});

function increaseEnds(allowance: Allowance | null | undefined, nowMs: number): number {
  const untilMs = allowance?.temporaryIncrease?.untilMs;
  return untilMs !== undefined && untilMs > nowMs ? untilMs : Number.POSITIVE_INFINITY;
}
