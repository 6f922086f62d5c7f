/** Who stands behind a call besides its key: teams, users, organizations … as the request path needs them. Immutable. */

/** What an entity imposes on the calls made in its name. Money is nano-dollars; `null` means not limited. */
export interface Allowance {
  readonly maxBudgetNanoUsd: number | null;
  /** Passing it is told, never refused. */
  readonly softBudgetNanoUsd: number | null;
  /** LiteLLM's text: `30d`, `1mo` …; `null`: for ever. */
  readonly budgetDuration: string | null;
  readonly rpmLimit: number | null;
  readonly tpmLimit: number | null;
  /** Tokens a day. */
  readonly tpdLimit: number | null;
  readonly maxParallelRequests: number | null;
  /** Several windows at once (`budget_limits`). */
  readonly budgetWindows: readonly { readonly duration: string; readonly maxNanoUsd: number }[];
  /** By model group or name without provider. */
  readonly perModel: Readonly<Record<string, ModelAllowance>>;
  /** `tollgate_limits`: any unit over any window. */
  readonly custom: readonly CustomLimit[];
  /** Added to the budget until then (`temp_budget_increase`). */
  readonly temporaryIncrease: { readonly nanoUsd: number; readonly untilMs: number } | null;
  /** An admin set the spend by hand: it was `nanoUsd` at `atMs`. */
  readonly spendSet: { readonly nanoUsd: number; readonly atMs: number } | null;
  /** It was deleted and made anew: what was used before then, in epoch milliseconds, does not count. */
  readonly countsFromMs?: number | null;
  /** `allowed_models` of the budget it refers to; empty or left out: every model. */
  readonly models?: readonly string[];
  /** `tag_rpm_limit` of a key: requests a minute by tag. */
  readonly tagRates?: Readonly<Record<string, number>>;
}

export const UNLIMITED: Allowance = {
  maxBudgetNanoUsd: null,
  softBudgetNanoUsd: null,
  budgetDuration: null,
  rpmLimit: null,
  tpmLimit: null,
  tpdLimit: null,
  maxParallelRequests: null,
  budgetWindows: [],
  perModel: {},
  custom: [],
  temporaryIncrease: null,
  spendSet: null,
};

export interface ModelAllowance {
  readonly maxBudgetNanoUsd: number | null;
  readonly budgetDuration: string | null;
  readonly rpmLimit: number | null;
  readonly tpmLimit: number | null;
}

export interface CustomLimit {
  readonly unit: 'usd' | 'requests' | 'tokens' | 'parallel';
  /** `60s`, `1d`, `1mo` …; `null`: for ever. */
  readonly window: string | null;
  /** Dollars for `usd`. */
  readonly max: number;
  readonly mode: 'enforce' | 'shadow' | 'soft';
  /** Only for this model group. */
  readonly model: string | null;
}

export type EntityKind =
  | 'team'
  | 'team_member'
  | 'user'
  | 'organization'
  | 'organization_member'
  | 'project'
  | 'end_user'
  | 'tag';

interface EntityBase {
  /** For a team's or an organization's member `joined(teamId, userId)`. */
  readonly id: string;
  /** Alias, where it has one. */
  readonly name: string | null;
  readonly blocked: boolean;
  /** Model access list; empty allows every model. */
  readonly models: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Its own, over those of the budget it refers to. */
  readonly allowance: Allowance;
}

export interface Team extends EntityBase {
  readonly kind: 'team';
  readonly organizationId: string | null;
  readonly aliases: Readonly<Record<string, string>>;
  /** `metadata.team_member_budget_id` and the like, resolved: for members without a budget of their own. */
  readonly memberAllowance: Allowance | null;
}

export interface TeamMember extends EntityBase {
  readonly kind: 'team_member';
  readonly role: 'admin' | 'user';
}

/** LiteLLM's `user_role`. */
export type UserRole =
  | 'proxy_admin'
  | 'proxy_admin_viewer'
  | 'org_admin'
  | 'internal_user'
  | 'internal_user_viewer'
  | 'team'
  | 'customer';

export interface User extends EntityBase {
  readonly kind: 'user';
  readonly role: UserRole | null;
}

export interface Organization extends EntityBase {
  readonly kind: 'organization';
}

export interface OrganizationMember extends EntityBase {
  readonly kind: 'organization_member';
}

export interface Project extends EntityBase {
  readonly kind: 'project';
  readonly teamId: string | null;
}

export interface EndUser extends EntityBase {
  readonly kind: 'end_user';
  /** Its own limits alone, where its budget is only a default; without it, it has a budget of its own. */
  readonly ownAllowance?: Allowance;
  readonly defaultModel: string | null;
  readonly allowedModelRegion: string | null;
}

export interface Tag extends EntityBase {
  readonly kind: 'tag';
}

/** Those a request itself names, who come with no key. */
export interface Guests {
  readonly endUser: EndUser | null;
  /** Those of its tags that are stored. */
  readonly tags: readonly Tag[];
  /** The directory's, when they were looked up; left out where nobody is named. */
  readonly version?: number;
}

export const NO_GUESTS: Guests = { endUser: null, tags: [] };

export interface EntityOf {
  readonly team: Team;
  readonly team_member: TeamMember;
  readonly user: User;
  readonly organization: Organization;
  readonly organization_member: OrganizationMember;
  readonly project: Project;
  readonly end_user: EndUser;
  readonly tag: Tag;
}

/** Entities in memory: a warm request never waits for the database. */
export interface Directory {
  /** `null`: known not to exist. `undefined`: not in memory, ask `fetch`. */
  peek<Kind extends EntityKind>(kind: Kind, id: string): EntityOf[Kind] | null | undefined;
  /** @throws GatewayError `unavailable` when the database cannot be asked */
  fetch<Kind extends EntityKind>(kind: Kind, id: string): Promise<EntityOf[Kind] | null>;
  /** Call it after a change is stored. */
  invalidate(kind: EntityKind, id: string): void;
  /** After a change to a budget that others refer to. */
  invalidateAll(): void;
  /** Grows with every change: what was resolved under an old number is resolved again. */
  version(): number;
}
