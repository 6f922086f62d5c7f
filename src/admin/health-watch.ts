/** What the management API asks of the health of deployments: the composition root answers. */
import type { Caller } from '../auth/authenticate.ts';

/** What traffic has shown of one deployment. Times in epoch milliseconds; `null`: never. */
export interface DeploymentHealth {
  readonly id: string;
  readonly modelGroup: string;
  /** `openai/gpt-4o-mini`. */
  readonly model: string;
  readonly provider: string;
  /** `null` where it holds a login. */
  readonly apiBase: string | null;
  readonly state: 'up' | 'probe' | 'probing' | 'down';
  readonly downUntilMs: number | null;
  readonly lastSuccessAtMs: number | null;
  readonly lastFailureAtMs: number | null;
  /** Kind of error. */
  readonly lastFailure: string | null;
}

/** What asking a deployment itself has shown. */
export interface ProbeResult {
  readonly id: string;
  readonly isHealthy: boolean;
  /** Kind of error; `null` when it answered. */
  readonly error: string | null;
  readonly durationMs: number;
}

export interface HealthEvent {
  readonly atMs: number;
  readonly deploymentId: string;
  readonly modelGroup: string | null;
  readonly model: string | null;
  readonly kind: 'cooled_down' | 'recovered' | 'credential_refused' | 'probe_answered' | 'probe_failed';
  /** Epoch milliseconds, for a cooldown. */
  readonly untilMs: number | null;
  readonly error: string | null;
  readonly durationMs: number | null;
}

export interface HealthWatch {
  deployments(): readonly DeploymentHealth[];
  /** Whether the configuration lets anybody ask the deployments themselves. */
  mayProbe(): boolean;
  /** How many of them may still be asked this hour. */
  probesLeft(): number;
  /** Asks these, at the cost of the caller. Those that cannot be asked, or no longer this hour, are left out. */
  probe(ids: readonly string[], caller: Caller): Promise<readonly ProbeResult[]>;
  /** Since the start, oldest first; only the last ones are kept. */
  events(): readonly HealthEvent[];
}
