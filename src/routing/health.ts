/**
 * Which deployments are worth trying: cooldowns by consecutive failures or by their share, with one probe when a cooldown
 * ends. State is kept by deployment id, so it outlives a reload of the configuration.
 * Source: LiteLLM's documentation of cooldowns; where it would take the last deployment out, Tollgate does not.
 */
import { LRUCache } from 'lru-cache';
import type { GatewayError } from '../errors.ts';
import { blameOf, classOf, type ErrorClass, isCredentialRefused } from './error-class.ts';

export interface HealthSettings {
  /** `disable_cooldowns`. */
  readonly disabled: boolean;
  /** `cooldown_time`, of the deployment or else of the router. 0: this deployment never cools down. */
  readonly cooldownMs: number;
  /** `allowed_fails`: so many failures within a cooldown time are borne. `undefined`: judged by rows and shares. */
  readonly allowedFails: number | undefined;
  readonly allowedFailsPolicy: Readonly<Partial<Record<ErrorClass, number>>>;
}

export interface HealthEvent {
  readonly deploymentId: string;
  readonly kind: 'cooled_down' | 'recovered' | 'credential_refused';
  /** Epoch milliseconds, for a cooldown. */
  readonly untilMs?: number;
}

/** `probe`: its cooldown is over; one call at a time may find out. */
export type HealthState = 'up' | 'probe' | 'probing' | 'down';

/** What traffic has shown of a deployment. Times in epoch milliseconds; `null`: never. */
export interface Sighting {
  readonly state: HealthState;
  readonly downUntilMs: number | null;
  readonly lastSuccessAtMs: number | null;
  readonly lastFailureAtMs: number | null;
  /** Kind of the last failure that was its own fault. */
  readonly lastFailure: string | null;
}

interface Deployment {
  consecutive: number;
  /** Of the minute that began at `minuteMs`. */
  minuteMs: number;
  asked: number;
  failed: number;
  /** Failures by class since `countedFromMs`, for policies. */
  counted: Map<ErrorClass, number>;
  countedFromMs: number;
  /** When the latest cooldown began; what was asked before it says nothing of afterwards. */
  downSinceMs: number;
  downUntilMs: number;
  /** In a row, without a success between them. */
  ejections: number;
  /** When the latest probe began; `null`: none is under way. */
  probedAtMs: number | null;
  /** When it was last said that our credential is refused. */
  refusalToldMs: number;
  lastSuccessAtMs: number | null;
  lastFailureAtMs: number | null;
  lastFailure: string | null;
}

const MINUTE_MS = 60_000;
const MAX_IN_A_ROW = 5;
const MAX_SHARE = 0.5;
const FEWEST_FOR_A_SHARE = 10;
/** Cooldowns grow up to this, so that traffic is back so soon after its deployment; a longer `cooldown_time` stays. */
const LONGEST_GROWN_MS = 10_000;
/** A probe that has said nothing for so long does not keep the next one out: what hung may answer by now. */
const PROBE_PATIENCE_MS = 10_000;
/** A provider's own reset time is believed up to this. */
const LONGEST_RESET_MS = 3_600_000;
const MAX_DEPLOYMENTS = 10_000;

export class Health {
  readonly #now: () => number;
  readonly #tell: (event: HealthEvent) => void;
  readonly #deployments = new LRUCache<string, Deployment>({ max: MAX_DEPLOYMENTS });

  constructor(now: () => number, tell: (event: HealthEvent) => void = () => {}) {
    this.#now = now;
    this.#tell = tell;
  }

  stateOf(deploymentId: string): HealthState {
    const known = this.#deployments.get(deploymentId);
    if (known === undefined || known.downUntilMs === 0) return 'up';
    if (this.#now() < known.downUntilMs) return 'down';
    const { probedAtMs } = known;
    return probedAtMs !== null && this.#now() < probedAtMs + PROBE_PATIENCE_MS ? 'probing' : 'probe';
  }

  sightingOf(deploymentId: string): Sighting {
    const known = this.#deployments.peek(deploymentId);
    return {
      state: this.stateOf(deploymentId),
      downUntilMs: known === undefined || known.downUntilMs === 0 ? null : known.downUntilMs,
      lastSuccessAtMs: known?.lastSuccessAtMs ?? null,
      lastFailureAtMs: known?.lastFailureAtMs ?? null,
      lastFailure: known?.lastFailure ?? null,
    };
  }

  /** Epoch milliseconds; 0 when it is not cooling down. */
  downUntilMs(deploymentId: string): number {
    return this.#deployments.get(deploymentId)?.downUntilMs ?? 0;
  }

  /** Those worth trying; when none is, those that come back first: the last one is never taken out. */
  usable<One extends { readonly deploymentId: string }>(deployments: readonly One[]): readonly One[] {
    const up = deployments.filter(({ deploymentId }) => {
      const state = this.stateOf(deploymentId);
      return state === 'up' || state === 'probe';
    });
    if (up.length > 0 || deployments.length === 0) return up;
    const first = Math.min(...deployments.map(({ deploymentId }) => this.downUntilMs(deploymentId)));
    return deployments.filter(({ deploymentId }) => this.downUntilMs(deploymentId) === first);
  }

  /** An attempt begins. */
  asked(deploymentId: string): void {
    const deployment = this.#of(deploymentId);
    this.#turnMinute(deployment);
    deployment.asked += 1;
    if (this.stateOf(deploymentId) === 'probe') deployment.probedAtMs = this.#now();
  }

  /**
   * An answer has begun: where it was a probe, others need not wait for its end. Until that has come, one failure is as bad
   * as the last of a row.
   * @param askedAtMs when the attempt began, here and below
   */
  begun(deploymentId: string, askedAtMs: number): void {
    const deployment = this.#of(deploymentId);
    if (!isProbe(deployment, askedAtMs)) return;
    this.#recover(deploymentId, deployment);
    deployment.consecutive = MAX_IN_A_ROW - 1;
  }

  succeeded(deploymentId: string, askedAtMs = this.#now()): void {
    const deployment = this.#of(deploymentId);
    const wasDown = deployment.downUntilMs > 0;
    deployment.lastSuccessAtMs = this.#now();
    // An answer to what was asked before the cooldown says nothing about now.
    if (wasDown && (this.#now() < deployment.downUntilMs || askedAtMs < deployment.downSinceMs)) return;
    Object.assign(deployment, { consecutive: 0, ejections: 0 });
    deployment.counted.clear();
    if (wasDown) this.#recover(deploymentId, deployment);
  }

  /** What the minute saw before must not take it out again at its next failure. */
  #recover(deploymentId: string, deployment: Deployment): void {
    Object.assign(deployment, { downUntilMs: 0, probedAtMs: null, asked: 0, failed: 0 });
    deployment.refusalToldMs = Number.NEGATIVE_INFINITY;
    this.#tell({ deploymentId, kind: 'recovered' });
  }

  /** Neither a success nor the deployment's fault: a client that left, a request that was wrong. */
  ended(deploymentId: string, askedAtMs = this.#now()): void {
    const deployment = this.#of(deploymentId);
    if (isProbe(deployment, askedAtMs)) deployment.probedAtMs = null;
  }

  failed(deploymentId: string, error: GatewayError, settings: HealthSettings, askedAtMs = this.#now()): void {
    const blame = blameOf(error);
    const deployment = this.#of(deploymentId);
    // What was asked before a cooldown that is over has failed with those that began it.
    if (askedAtMs < deployment.downSinceMs && this.#now() >= deployment.downUntilMs) return;
    const wasProbe = isProbe(deployment, askedAtMs);
    if (wasProbe) deployment.probedAtMs = null;
    if (blame === 'none') {
      this.#excuse(deploymentId, error, settings);
      return;
    }
    this.#turnMinute(deployment);
    if (isCredentialRefused(error)) this.#tellOfCredential(deploymentId, deployment, wasProbe);
    deployment.consecutive += 1;
    deployment.failed += 1;
    deployment.lastFailureAtMs = this.#now();
    deployment.lastFailure = error.kind;
    if (settings.disabled || settings.cooldownMs === 0) return;
    if (wasProbe || this.#isTooMuch(deployment, error, settings, blame)) this.#coolDown(deploymentId, error, settings);
  }

  /** What clients do wrong counts only where the operator's policy says how often. */
  #excuse(deploymentId: string, error: GatewayError, settings: HealthSettings): void {
    const errorClass = classOf(error);
    const allowed = errorClass && settings.allowedFailsPolicy[errorClass];
    if (allowed === undefined || errorClass === undefined || settings.disabled || settings.cooldownMs === 0) return;
    if (this.#count(this.#of(deploymentId), errorClass, settings) > allowed)
      this.#coolDown(deploymentId, error, settings);
  }

  /** Once for a cooldown; once a minute where there is none. */
  #tellOfCredential(deploymentId: string, deployment: Deployment, wasProbe: boolean): void {
    const nowMs = this.#now();
    if (nowMs < Math.max(deployment.downUntilMs, deployment.refusalToldMs + MINUTE_MS) && !wasProbe) return;
    deployment.refusalToldMs = nowMs;
    this.#tell({ deploymentId, kind: 'credential_refused' });
  }

  #isTooMuch(
    deployment: Deployment,
    error: GatewayError,
    settings: HealthSettings,
    blame: 'counted' | 'at_once',
  ): boolean {
    const errorClass = classOf(error);
    const allowed = (errorClass && settings.allowedFailsPolicy[errorClass]) ?? settings.allowedFails;
    if (allowed !== undefined && errorClass !== undefined)
      return this.#count(deployment, errorClass, settings) > allowed;
    if (blame === 'at_once') return true;
    const isMostly = deployment.asked >= FEWEST_FOR_A_SHARE && deployment.failed / deployment.asked > MAX_SHARE;
    return deployment.consecutive >= MAX_IN_A_ROW || isMostly;
  }

  /** LiteLLM forgets failures after a cooldown time without another. */
  #count(deployment: Deployment, errorClass: ErrorClass, { cooldownMs }: HealthSettings): number {
    const nowMs = this.#now();
    if (nowMs - deployment.countedFromMs > cooldownMs) deployment.counted.clear();
    deployment.countedFromMs = nowMs;
    const count = (deployment.counted.get(errorClass) ?? 0) + 1;
    deployment.counted.set(errorClass, count);
    return count;
  }

  /** A new cooldown never shortens an old one. */
  #coolDown(deploymentId: string, error: GatewayError, { cooldownMs }: HealthSettings): void {
    const deployment = this.#of(deploymentId);
    const nowMs = this.#now();
    // Calls that were under way when it went down tell nothing new.
    const isNew = nowMs >= deployment.downUntilMs;
    if (isNew) Object.assign(deployment, { ejections: deployment.ejections + 1, downSinceMs: nowMs });
    const { retryAfterMs } = error.details;
    const reset =
      error.kind === 'upstream_busy' && retryAfterMs !== undefined && retryAfterMs > 0 ? retryAfterMs : undefined;
    const lastsMs =
      reset === undefined
        ? Math.max(cooldownMs, Math.min(LONGEST_GROWN_MS, cooldownMs * deployment.ejections))
        : Math.min(LONGEST_RESET_MS, reset);
    deployment.downUntilMs = Math.max(deployment.downUntilMs, nowMs + lastsMs);
    deployment.consecutive = 0;
    if (isNew) this.#tell({ deploymentId, kind: 'cooled_down', untilMs: deployment.downUntilMs });
  }

  #turnMinute(deployment: Deployment): void {
    const nowMs = this.#now();
    if (nowMs - deployment.minuteMs < MINUTE_MS) return;
    Object.assign(deployment, { minuteMs: nowMs, asked: 0, failed: 0 });
  }

  #of(deploymentId: string): Deployment {
    const known = this.#deployments.get(deploymentId);
    if (known) return known;
    const fresh: Deployment = {
      consecutive: 0,
      minuteMs: this.#now(),
      asked: 0,
      failed: 0,
      counted: new Map(),
      countedFromMs: 0,
      downSinceMs: Number.NEGATIVE_INFINITY,
      downUntilMs: 0,
      ejections: 0,
      probedAtMs: null,
      refusalToldMs: Number.NEGATIVE_INFINITY,
      lastSuccessAtMs: null,
      lastFailureAtMs: null,
      lastFailure: null,
    };
    this.#deployments.set(deploymentId, fresh);
    return fresh;
  }
}

/** It was asked after a cooldown that nothing has ended yet. */
const isProbe = ({ downUntilMs }: Deployment, askedAtMs: number): boolean =>
  downUntilMs > 0 && askedAtMs >= downUntilMs;
