/** The nouns of the request path: Call, Caller, Target (in providers/adapter), Reply, Outcome. */
import type { GatewayError } from '../errors.ts';
import type { Change, Target } from '../providers/adapter.ts';
import type { Choice } from '../routing/plan.ts';
import type { ChatCompletion, ChatRequest, Usage } from '../wire/openai.ts';
import type { Cost, TokenBuckets } from '../wire/usage.ts';
import type {
  Allowance,
  Guests,
  Organization,
  OrganizationMember,
  Project,
  Team,
  TeamMember,
  User,
} from './entities.ts';
import type { Presence } from './presence.ts';

export type HeaderBag = Readonly<Record<string, string | undefined>>;

/** Whose key it is. Immutable: a changed key makes a new Caller. */
export interface Caller {
  readonly kind: 'master' | 'key';
  /**
   * Under which name its requests are counted: SHA-256 hex of the secret, of the first one when it has had several. The
   * master key's own digest for `master`.
   */
  readonly keyHash: string;
  readonly keyAlias: string | null;
  /** `sk-...abcd`, safe to show. */
  readonly keyName: string | null;
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly organizationId: string | null;
  readonly projectId: string | null;
  /** Model access list; empty allows every model. */
  readonly models: readonly string[];
  readonly aliases: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly maxBudgetUsd: number | null;
  readonly rpmLimit: number | null;
  readonly tpmLimit: number | null;
  /** What the key itself may use; `null`: as much as it likes. */
  readonly allowance: Allowance | null;
  /** `end_user_budget_id` of the key: for end users without a budget of their own, in place of the gateway's default. */
  readonly endUserAllowance?: Allowance | null;
  /** Those it acts for, as they are now; `null` where there is none. */
  readonly team: Team | null;
  readonly member: TeamMember | null;
  readonly user: User | null;
  readonly organization: Organization | null;
  /** What the user is in the organization. */
  readonly organizationMember?: OrganizationMember | null;
  /** Model → those to use in its place, in order, when the key's budget for it is spent. */
  readonly budgetFallbacks?: Readonly<Record<string, readonly string[]>>;
  readonly project: Project | null;
}

/** What the client asked of the gateway itself, taken out of the body and the headers. */
export interface Controls {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly endUser: string | null;
  readonly sessionId: string | null;
  readonly timeoutMs: number | undefined;
  readonly streamTimeoutMs: number | undefined;
  readonly numRetries: number | undefined;
  readonly fallbacks: readonly string[] | undefined;
  /** The request's own for a prompt that was too long, or content that was refused. */
  readonly typedFallbacks?:
    | {
        readonly contextWindow: readonly string[] | undefined;
        readonly contentPolicy: readonly string[] | undefined;
      }
    | undefined;
  /** What a fallback given as an object says in place of the request's own fields, by its `model`. */
  readonly fallbackChanges?: ReadonlyMap<string, Readonly<Record<string, unknown>>> | undefined;
  readonly maxFallbacks?: number | undefined;
  readonly disableFallbacks: boolean;
  readonly mockResponse: string | undefined;
  readonly mockTimeout: boolean;
  /** The failure that a user's test asks for. */
  readonly mockFailure?: MockFailure | undefined;
  /** Wait this long before an attempt. */
  readonly mockDelayMs: number;
  /** The caller's own provider key, used in place of the deployment's. */
  readonly apiKey: string | undefined;
}

/** Of the first group, or of the first attempt alone (`rate_limit_error`). */
export type MockFailure = 'fallbacks' | 'context_fallbacks' | 'content_policy_fallbacks' | 'rate_limit_error';

/** One request to one target. */
export interface Attempt {
  readonly target: Target;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly error?: GatewayError;
  /**
   * It ran beside another one, which answered first, and was cancelled: what its provider may bill for it. The call's cost
   * contains it.
   */
  readonly lost?: Cost;
}

/** One request's whole life. Fields are filled in the order of the pipeline. */
export interface Call {
  /** UUIDv7, ours: the ledger's primary key. */
  readonly id: string;
  /** `x-litellm-call-id`: the client's own if it sent a usable one, else `id`. */
  readonly callId: string;
  readonly route: string;
  /** Epoch milliseconds with fractions. */
  readonly receivedAtMs: number;
  /** When its limits let it in; `undefined` until then. */
  admittedAtMs: number | undefined;
  readonly headers: HeaderBag;
  readonly clientIp: string | null;
  readonly client: Presence;
  /** Stands in for a deployment's own `api_version`. */
  readonly apiVersion: string | undefined;
  caller: Caller | undefined;
  /** What the client asked for, before aliases; empty until parsed. */
  requestedModel: string;
  /** Group chosen after aliases. */
  modelGroup: string;
  request: ChatRequest;
  /** Client's JSON text; `undefined` once a feature has rewritten `request`. */
  text: string | undefined;
  gatewayKeys: readonly string[];
  dropParams: boolean | undefined;
  additionalDropParams: readonly string[];
  allowedParams: readonly string[];
  controls: Controls;
  /** Name of the model that stands in for the one that was asked for. */
  standIn?: string;
  /** `undefined` until admission. */
  guests?: Guests;
  /** The group that a name leads to; `undefined`: there is none, or somebody behind the call may not use it. */
  groupOf?: (name: string) => string | undefined;
  /** Where tags of the request say which deployments may serve it. */
  mayServe?: (target: Target) => boolean;
  /** Where deployments are for some teams: whether one is for the caller's, now. */
  isTheirs?: (target: Target) => boolean;
  /** Whether the caller and the end user may use a group that is configured under a name; `undefined` until admission. */
  mayUse?: (name: string, group: string) => boolean;
  readonly attempts: Attempt[];
  readonly changes: Change[];
  /** Changes made before any attempt, which every attempt starts from. */
  readonly admittedChanges: Change[];
  /** Of the request, its key, team, project and user agent; `undefined` until they are asked for. */
  tags: readonly string[] | undefined;
  /** Which deployments stood to choose from, each time. */
  readonly choices: Choice[];
  /** Deployments that were chosen and then not asked, because a limit spoke against it. */
  readonly notAsked: NotAsked[];
  readonly waits: Wait[];
  /** How the limits on the call stand now; `undefined` before admission. */
  limits: (() => readonly LimitView[]) | undefined;
  /** What the deployments of the group can take together, where they have limits; `undefined` before admission. */
  groupLimits?: () => readonly LimitView[];
  /** Those that can refuse, also when one of them has; `undefined` while there are none. */
  consulted: (() => readonly LimitView[]) | undefined;
  /** A dry run: decided, and nobody is asked. */
  isRehearsal: boolean;
}

export interface NotAsked {
  readonly deploymentId: string;
  /** Kind of the error that kept it from being asked. */
  readonly reason: string;
}

/** Time that passed before something could go on. */
export interface Wait {
  /** `queue`: for a rate to clear. `budget`: for money that others hold. `backoff`: before a retry. */
  readonly kind: 'queue' | 'budget' | 'backoff';
  readonly durationMs: number;
  /** Attempts made before it. */
  readonly afterAttempts: number;
}

/** One limit as a client may know it. */
export interface LimitView {
  readonly scope: string;
  readonly unit: 'usd' | 'requests' | 'tokens' | 'parallel';
  /** In the unit; nano-dollars for `usd`. `Infinity`: not limited. */
  readonly max: number;
  readonly used: number;
  readonly remaining: number;
  /** Epoch milliseconds. */
  readonly resetsAtMs: number | null;
}

/** What an answer says of its own size. */
export interface Reading {
  readonly usage: Usage | undefined;
  /** Characters produced, for an estimate when `usage` is missing or absurd; a function is only called when needed. */
  readonly outputChars: number | (() => number);
  readonly serviceTier?: string | undefined;
}

/** A whole answer. `text` is what the client gets, byte for byte. */
export interface FullReply {
  readonly kind: 'full';
  readonly target: Target | undefined;
  readonly text: string;
  readonly usage: Usage | undefined;
  readonly responseId: string | null;
  readonly upstreamHeaders: Headers | undefined;
  /** Parsed on demand: only a feature that inspects replies pays for it. */
  body(): ChatCompletion;
  /** What it says of its own size, for metering. */
  reading(): Reading;
}

/** A streamed answer whose first content event has already been read. */
export interface StreamReply {
  readonly kind: 'stream';
  readonly target: Target | undefined;
  readonly upstreamHeaders: Headers | undefined;
  readonly body: StreamBody;
}

export type Reply = FullReply | StreamReply;

/** Server-sent events ready for the wire. */
export interface StreamBody {
  /** The next bytes, or `undefined` after the protocol's own end. Throws GatewayError when the upstream breaks off. */
  next(): Promise<Uint8Array | undefined>;
  /** Closes the upstream socket. Harmless when already ended. */
  cancel(): void;
  readonly tally: StreamTally;
}

/** What is known of a stream so far. */
export interface StreamTally {
  responseId: string | null;
  usage: Usage | undefined;
  /** The tier that serves it, once the upstream has said so. */
  serviceTier: string | undefined;
  firstContentAtMs: number | undefined;
  /** Characters of content, reasoning and tool arguments relayed, for an estimate when no usage arrives. */
  outputChars: number;
  /** Events kept for the log when prompts are stored. */
  stored: string[] | undefined;
}

interface OutcomeBase {
  readonly endedAtMs: number;
  readonly target: Target | undefined;
  readonly responseId: string | null;
  readonly buckets: TokenBuckets | undefined;
  readonly cost: Cost | undefined;
  readonly firstTokenAtMs: number | undefined;
  /** The answer, for rows that store it: JSON text, or the stream's events joined. */
  readonly responseText: string | undefined;
}

/** How a call ended. `aborted`: the client left. `failed` with a target and buckets: cut after it had begun. */
export type Outcome =
  | (OutcomeBase & { readonly status: 'ok' })
  | (OutcomeBase & { readonly status: 'aborted' })
  | (OutcomeBase & { readonly status: 'failed'; readonly error: GatewayError });
