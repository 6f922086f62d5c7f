/** Budgets and rate limits, put together: the tree, the ledger it learns the past from, and what stands over each call. */

import type { BudgetConfig, LimitConfig } from '../config/config.ts';
import type { Database } from '../db/client.ts';
import { recentUsage } from '../db/recent-usage.ts';
import { GatewayError } from '../errors.ts';
import type { LimitParts } from '../features/limits.ts';
import type { Quote } from '../features/meter.ts';
import type { GuestsOf } from '../features/model-access.ts';
import type { Call, Caller } from '../gateway/call.ts';
import type { Directory, Guests } from '../gateway/entities.ts';
import { ownersOf } from '../gateway/owners.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createSeed } from '../ledger/seed.ts';
import { usdText } from '../lib/usd.ts';
import { createLimitTree } from '../limits/memory.ts';
import { createPromptMemory } from '../limits/prompt-memory.ts';
import {
  type ConfiguredBudget,
  mirrorLimits,
  mirrorSubject,
  type Subject,
  type SubjectSettings,
  servingLimits,
  subjectOf,
} from '../limits/subject.ts';
import type { Limit, LimitEvent, LimitTree } from '../limits/types.ts';
import { createWaitingRoom } from '../limits/waiting-room.ts';
import type { Target } from '../providers/adapter.ts';
import type { Log } from './log.ts';
import type { Runtime } from './runtime.ts';

export interface LimitsOptions {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly directory: Directory;
  readonly quote: Quote;
  readonly log: Log;
  /** Those a request names, who come with no key. */
  readonly guestsOf: GuestsOf;
  runtime(): Runtime;
  now(): number;
  random(): number;
}

export interface Limits {
  readonly tree: LimitTree;
  readonly parts: LimitParts;
  /** Whether a deployment's own limits, and its provider's budget, let it take a call now. */
  hasRoom(target: Target): boolean;
  /** The same for mirrored requests, which are on nobody's account. */
  readonly mirrorParts: LimitParts;
  /** Nothing is left of the mirrors' budget. */
  isMirrorSpent(): boolean;
}

/** A database that does not answer must not hold a request for long. */
const SEED_TIMEOUT_MS = 2_000;

export async function createLimits(options: LimitsOptions): Promise<Limits> {
  const { db, ledger, directory, guestsOf, quote, log, runtime, now, random } = options;
  const windowMs = runtime().config.limits.rateWindowMs;
  const startedAtMs = now();
  const tree = createLimitTree({
    now,
    seed: createSeed({ db, ledger, timeoutMs: SEED_TIMEOUT_MS }),
    recordedRows: () => ledger.recordedRows(),
    replay: { untilMs: startedAtMs + windowMs, entries: await recentUsage(db, startedAtMs - windowMs) },
    onEvent: (event) => tell(event, log),
    thresholds: runtime().config.limits.budgetAlerts,
  });
  const salt = BigInt(Math.floor(random() * Number.MAX_SAFE_INTEGER));
  const waitingRoom = createWaitingRoom({
    now,
    maxWaiting: runtime().config.limits.maxWaiting,
    wake: () => tree.freed(),
  });
  const parts: LimitParts = {
    tree,
    waitingRoom,
    quote,
    prompts: createPromptMemory((text) => Bun.hash(text, salt)),
    limitSettings: () => runtime().config.limits,
    subject: createSubjects({ directory, guestsOf, runtime, now }),
    targets: (group) => runtime().groups.find(group)?.targets ?? [],
    allowanceOf: (target) => runtime().allowanceOf(target),
    now,
  };
  return {
    tree,
    parts,
    hasRoom: (target) => hasRoom(tree, ownLimits(target, runtime())),
    mirrorParts: {
      ...parts,
      // Nobody waits for them, so they do not wait either.
      limitSettings: () => ({ ...runtime().config.limits, budgetWaitMs: 0, queueMs: 0 }),
      subject: () => mirrorFor(runtime().config.limits).subject,
    },
    isMirrorSpent: () => !hasRoom(tree, mirrorFor(runtime().config.limits).limits),
  };
}

function ownLimits(target: Target, { config, allowanceOf }: Runtime): readonly Limit[] {
  return servingLimits(
    { ...target, provider: target.adapter.id, allowance: allowanceOf(target) },
    settingsFor(config.limits),
  );
}

function hasRoom(tree: LimitTree, limits: readonly Limit[]): boolean {
  if (limits.length === 0) return true;
  return tree
    .standing(limits)
    .every(({ limit, posted, held }) => posted + held < limit.max || limit.strength !== 'hard');
}

/** Names of what passed, for a reader of the log; the callbacks that deliver it come with them. */
function tell({ kind, standing, threshold }: LimitEvent, log: Log): void {
  const { limit, posted } = standing;
  const isMoney = limit.unit === 'usd';
  log.warn('a limit was passed', {
    event: kind,
    scope: limit.scope.kind,
    id: limit.scope.kind === 'api_key' ? limit.scope.id.slice(0, 12) : limit.scope.id.replace('\u001f', '/'),
    unit: limit.unit,
    used: isMoney ? (usdText(posted) ?? null) : posted,
    max: isMoney ? (usdText(limit.max) ?? null) : limit.max,
    ...(threshold !== undefined && { threshold }),
  });
}

interface SubjectSource {
  readonly directory: Pick<Directory, 'version'>;
  readonly guestsOf: GuestsOf;
  runtime(): Runtime;
  now(): number;
}

interface Known {
  readonly version: number;
  readonly settings: SubjectSettings;
  readonly subject: Subject;
}

const MOST_SUBJECTS_A_CALLER = 64;

/** Compiled once for each caller with the same end user and tags, until anything behind them changes. */
function createSubjects({ directory, guestsOf, runtime, now }: SubjectSource): LimitParts['subject'] {
  const known = new WeakMap<Caller, Map<string, Known>>();
  function compile(call: Call, caller: Caller, guests: Guests): Subject {
    const { log, config } = runtime();
    const owners = ownersOf(call, caller, log);
    const settings = settingsFor(config.limits);
    const name = [owners.endUser ?? '', ...owners.tags].join('\u0000');
    const mine = known.get(caller) ?? new Map<string, Known>();
    known.set(caller, mine);
    const found = mine.get(name);
    const version = directory.version();
    if (found?.version === version && found.settings === settings && now() < found.subject.validUntilMs) {
      return found.subject;
    }
    const entities = { ...caller, endUserEntity: guests.endUser, tagEntities: guests.tags };
    const subject = subjectOf(owners, entities, settings, now());
    if (mine.size >= MOST_SUBJECTS_A_CALLER) mine.clear();
    // Guests may have been looked up before a change that came meanwhile.
    mine.set(name, { version: guests.version ?? version, settings, subject });
    return subject;
  }

  return (call) => {
    const { caller } = call;
    if (!caller) throw new GatewayError('internal', 'Internal server error');
    const guests = call.guests ?? guestsOf(call);
    return guests instanceof Promise
      ? guests.then((found) => compile(call, caller, found))
      : compile(call, caller, guests);
  };
}

const configuredBudget = (given: BudgetConfig | null): ConfiguredBudget | null =>
  given && { maxNanoUsd: Math.round(given.maxUsd * 1e9), duration: given.duration };

function settingsOf(limits: LimitConfig): SubjectSettings {
  const providers = Object.entries(limits.providerBudgets).flatMap(([name, given]) => {
    const found = configuredBudget(given);
    return found ? [[name, found] as const] : [];
  });
  return {
    timeZone: limits.timeZone,
    rateWindowMs: limits.rateWindowMs,
    globalBudget: configuredBudget(limits.globalBudget),
    providerBudgets: new Map(providers),
    userLimitsInTeams: limits.userLimitsInTeams,
  };
}

/** A reload brings another object, and with it other settings. */
function memoized<From extends object, To>(make: (from: From) => To): (from: From) => To {
  const made = new WeakMap<From, To>();
  return (from) => {
    const known = made.get(from);
    if (known !== undefined) return known;
    const value = make(from);
    made.set(from, value);
    return value;
  };
}

const settingsFor = memoized(settingsOf);

const mirrorFor = memoized((config: LimitConfig): { readonly subject: Subject; readonly limits: readonly Limit[] } => {
  const settings = settingsFor(config);
  const budget = configuredBudget(config.mirrorBudget);
  return { subject: mirrorSubject(budget, settings), limits: mirrorLimits(budget, settings) };
});
