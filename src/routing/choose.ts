/**
 * Which deployment of a group is tried next, and why not the others: candidates are narrowed down step by step, then a
 * strategy picks. Source: LiteLLM's documentation of routing, tag routing and pre-call checks.
 */
import { GatewayError, invalidRequest } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import { FOR_ANOTHER_TEAM } from '../wire/passed-over.ts';
import type { Affinity } from './affinity.ts';
import type { Group } from './groups.ts';
import type { Health, HealthState } from './health.ts';
import type { Load, Loads } from './load.ts';
import { type Candidate, pick, SCORELESS, type Strategy, scoreOf } from './pick.ts';
import { filtersByTags, notForTags, tagFilter } from './tags.ts';

/** What of a call decides where it goes. */
export interface CallFacts {
  readonly stream: boolean;
  /** Of the request, its key, its team and its project; not those of its user agent. */
  readonly tags: readonly string[];
  /** Those of them that are meant for this, whether anybody has them or not; without marks. */
  readonly declaredTags?: readonly string[] | undefined;
  /** Those of its key, team and project. */
  readonly ownersTags?: readonly string[] | undefined;
  /** For `tag_regex`. */
  readonly userAgent: string | null;
  /** The end user's `allowed_model_region`. */
  readonly region: string | null;
  /** It has a provider key of the caller's own, for the model that was asked for. */
  readonly bringsKey: boolean;
  /** A fair guess. */
  readonly promptTokens: number;
  /** Where stored tags of the request name the deployments for it. */
  readonly mayServe?: ((target: Target) => boolean) | undefined;
  /** Where deployments are for some teams: whether one is for the caller's, now. */
  readonly isTheirs?: ((target: Target) => boolean) | undefined;
  /** Names under which earlier calls of the same kind may be pinned. */
  readonly affinity: readonly string[];
}

export interface ChooseSettings {
  readonly strategy: Strategy;
  readonly preCallChecks: boolean;
  readonly tagFiltering: boolean;
  readonly tagMatchAny: boolean;
  /** `undefined`: unknown, and taken for enough. */
  maxInputTokens(target: Target): number | undefined;
  usdPerToken(target: Target): number | undefined;
  /** Whether its own limits let it take a call now. */
  hasRoom(target: Target): boolean;
}

export interface RoutingState {
  readonly health: Health;
  readonly loads: Loads;
  readonly affinity: Affinity;
  random(): number;
}

/** One decision, as it is told to whoever asks why. */
export interface Choice {
  readonly group: string;
  readonly strategy: Strategy;
  readonly candidates: readonly {
    readonly deploymentId: string;
    readonly score: number;
    readonly health: HealthState;
  }[];
  readonly passedOver: readonly { readonly deploymentId: string; readonly reason: string }[];
  readonly picked: string | null;
  readonly pinned: boolean;
}

export interface Chosen {
  readonly choice: Choice;
  readonly target: Target | undefined;
  /** Why there is none. */
  readonly error: GatewayError | undefined;
}

export interface Question {
  readonly group: Group;
  readonly call: CallFacts;
  /** Deployments that have failed this call. */
  readonly failed: ReadonlySet<string>;
  /** Deployments of this `order` and lower ones have had their turn. */
  readonly triedOrder?: number | undefined;
  readonly settings: ChooseSettings;
}

export function choose(question: Question, state: RoutingState): Chosen {
  const [only, ...others] = question.group.targets;
  if (only && others.length === 0 && isPlain(question, only, state)) return onlyOne(question, only);
  return chooseAmong(question, state);
}

/** Nothing could speak against the only one there is, which is most groups' case. */
function isPlain({ call, settings }: Question, target: Target, { health }: RoutingState): boolean {
  const isFree = call.region === null && !call.isTheirs && !call.mayServe && !settings.preCallChecks;
  const isOpen = isFree && !filtersByTags([target], settings.tagFiltering);
  return isOpen && takesKey(target, call) && health.stateOf(target.deploymentId) === 'up';
}

const plainChoices = new WeakMap<Target, Chosen>();

function onlyOne({ group, settings: { strategy } }: Question, target: Target): Chosen {
  const known = plainChoices.get(target);
  if (known?.choice.strategy === strategy && known.choice.group === group.name) return known;
  const { deploymentId } = target;
  const candidates = [{ deploymentId, score: 0, health: 'up' as const }];
  const choice: Choice = {
    group: group.name,
    strategy,
    candidates,
    passedOver: [],
    picked: deploymentId,
    pinned: false,
  };
  const chosen: Chosen = { choice, target, error: undefined };
  plainChoices.set(target, chosen);
  return chosen;
}

const IDLE: Load = {
  inFlight: 0,
  firstContentMs: undefined,
  answerMs: undefined,
  requests: 0,
  tokens: 0,
  expectedTokens: 0,
};

function chooseAmong(question: Question, state: RoutingState): Chosen {
  const { group, call, settings } = question;
  const narrowing = new Narrowing(group.targets);
  const error = narrowByCall(narrowing, question) ?? narrowByState(narrowing, question, state);
  const candidates = narrowing.left.map(
    (target): Candidate => ({
      target,
      load: SCORELESS.has(settings.strategy) ? IDLE : state.loads.of(target.deploymentId),
      usdPerToken: settings.usdPerToken(target),
    }),
  );
  const pinnedId = candidates.length > 1 ? state.affinity.find(call.affinity) : undefined;
  const pinned = candidates.find(({ target }) => target.deploymentId === pinnedId);
  const picked = pinned ?? pick(settings.strategy, candidates, call, state.random);
  const choice: Choice = {
    group: group.name,
    strategy: settings.strategy,
    candidates: candidates.map((candidate) => ({
      deploymentId: candidate.target.deploymentId,
      score: scoreOf(settings.strategy, candidate, call),
      health: state.health.stateOf(candidate.target.deploymentId),
    })),
    passedOver: narrowing.passedOver,
    picked: picked?.target.deploymentId ?? null,
    pinned: pinned !== undefined,
  };
  return { choice, target: error ? undefined : picked?.target, error };
}

const isWell = (health: Health, { deploymentId }: Target): boolean => {
  const state = health.stateOf(deploymentId);
  return state === 'up' || state === 'probe';
};

/** Whether a deployment is left for the call that has not failed it, is well and has room. */
export function isAnyFresh(question: Question, { health }: RoutingState): boolean {
  const { group, failed, settings } = question;
  const narrowing = new Narrowing(group.targets);
  narrowByCall(narrowing, question);
  return narrowing.left.some(
    (target) =>
      isAfter(question, target) &&
      !failed.has(target.deploymentId) &&
      isWell(health, target) &&
      settings.hasRoom(target),
  );
}

/** Whether all that may serve the call are cooling down. Where none may, something else is the matter. */
export function isDown(question: Question, { health }: RoutingState): boolean {
  const narrowing = new Narrowing(question.group.targets);
  narrowByCall(narrowing, question);
  return narrowing.left.length > 0 && !narrowing.left.some((target) => isWell(health, target));
}

/** Targets that are left, and why the others are not. */
class Narrowing {
  left: readonly Target[];
  readonly passedOver: { readonly deploymentId: string; readonly reason: string }[] = [];

  constructor(targets: readonly Target[]) {
    this.left = targets;
  }

  /** @param ifAny keeps everything when nothing would be left */
  keep(reason: string, isKept: (target: Target) => boolean, ifAny = false): void {
    if (this.left.every(isKept)) return;
    const kept = this.left.filter(isKept);
    if (ifAny && kept.length === 0) return;
    for (const target of this.left) {
      if (!isKept(target)) this.passedOver.push({ deploymentId: target.deploymentId, reason });
    }
    this.left = kept;
  }
}

/** @returns whether any is left */
function narrowByTags(narrowing: Narrowing, { group, call, settings }: Omit<Question, 'failed'>): boolean {
  const { tags, mayServe } = call;
  if (mayServe) narrowing.keep('a tag of the request does not name it', mayServe);
  // A request all of whose tags name its deployments asks for no others.
  if (filtersByTags(group.targets, settings.tagFiltering) && !(mayServe && tags.length === 0)) {
    const question = { ...call, matchAny: settings.tagMatchAny, among: narrowing.left };
    narrowing.keep('its tags do not match', tagFilter(group.targets, question));
  }
  return narrowing.left.length > 0;
}

function narrowByTeam(narrowing: Narrowing, { isTheirs }: CallFacts): GatewayError | undefined {
  if (isTheirs) narrowing.keep(FOR_ANOTHER_TEAM, isTheirs);
  return narrowing.left.length === 0 ? forOthers() : undefined;
}

/** By what the request is. Nothing left is an answer to the client, or to its fallbacks. */
function narrowByCall(narrowing: Narrowing, { group, call, settings }: Question): GatewayError | undefined {
  if (narrowing.left.length === 0) return undefined;
  const refused = narrowByTeam(narrowing, call);
  if (refused) return refused;
  if (!narrowByTags(narrowing, { group, call, settings })) return notForTags();
  const { region } = call;
  if (region !== null) {
    narrowing.keep(`it is not in the region "${region}"`, (target) => isInRegion(target, region));
    if (narrowing.left.length === 0) return nowhereIn(region);
  }
  narrowing.keep('it takes no provider key of callers', (target) => takesKey(target, call));
  if (narrowing.left.length === 0) return noKeyTaken();
  if (!settings.preCallChecks) return undefined;
  const fits = (target: Target): boolean =>
    call.promptTokens <= (settings.maxInputTokens(target) ?? Number.POSITIVE_INFINITY);
  narrowing.keep('the prompt is too long for it', fits);
  return narrowing.left.length === 0 ? tooLong() : undefined;
}

/** By how the deployments are. Somebody is always left. */
function narrowByState(narrowing: Narrowing, question: Question, { health }: RoutingState): undefined {
  const { failed, settings } = question;
  narrowing.keep('its order has had its turn', (target) => isAfter(question, target), true);
  // One that is well and has failed may yet answer; one that cools down hardly will.
  narrowing.keep('it is cooling down', (target) => isWell(health, target), true);
  narrowing.keep('it is at a limit of its own', settings.hasRoom, true);
  narrowing.keep('it has failed this request', ({ deploymentId }) => !failed.has(deploymentId), true);
  const usable = new Set(health.usable(narrowing.left));
  narrowing.keep('it is cooling down', (target) => usable.has(target), true);
  const lowest = Math.min(...narrowing.left.map(orderOf));
  narrowing.keep('another has a lower order', (target) => orderOf(target) === lowest);
}

/** Those without one come last. */
export const orderOf = ({ order }: Target): number => order ?? Number.POSITIVE_INFINITY;

const isAfter = ({ triedOrder = Number.NEGATIVE_INFINITY }: Question, target: Target): boolean =>
  orderOf(target) > triedOrder;

/** LiteLLM's two regions are the beginnings of providers' own names (`eu-west-1`, `us-east-2`). */
export const isInRegion = ({ region }: Target, wanted: string): boolean =>
  region?.toLowerCase().startsWith(wanted.toLowerCase()) ?? false;

/** A key that came with a fallback is for that fallback's deployments. */
const takesKey = ({ takesCallerKey, requestChanges }: Target, { bringsKey }: CallFacts): boolean =>
  takesCallerKey === true || !(bringsKey || requestChanges?.['api_key'] !== undefined);

const noKeyTaken = (): GatewayError =>
  invalidRequest(
    "Rejected Request: api_key is not allowed in request body. Leave it out, or let an admin allow it for the model with litellm_params.configurable_clientside_auth_params: ['api_key'].",
    'api_key',
  );

const forOthers = (): GatewayError =>
  new GatewayError('no_eligible_deployment', 'No deployment of this model is for the team of this key.', {
    param: 'model',
  });

const nowhereIn = (region: string): GatewayError =>
  new GatewayError(
    'no_eligible_deployment',
    `No deployment of this model is in the region "${region}" of the end user.`,
    { param: 'user' },
  );

const tooLong = (): GatewayError =>
  new GatewayError('context_window_exceeded', 'The prompt is longer than any deployment of this model can read.', {
    param: 'messages',
    code: 'context_length_exceeded',
  });
