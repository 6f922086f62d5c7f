/** Deployments whose health a test sets by hand. */
import type { DeploymentHealth, HealthEvent, HealthWatch, ProbeResult } from '../../src/admin/health-watch.ts';

export const sampleHealth = (over: Partial<DeploymentHealth> = {}): DeploymentHealth => ({
  id: 'deployment-1',
  modelGroup: 'gpt-4o-mini',
  model: 'openai/gpt-4o-mini',
  provider: 'openai',
  apiBase: 'https://api.openai.com/v1',
  state: 'up',
  downUntilMs: null,
  lastSuccessAtMs: null,
  lastFailureAtMs: null,
  lastFailure: null,
  ...over,
});

export class SetHealth implements HealthWatch {
  list: readonly DeploymentHealth[] = [];
  happened: readonly HealthEvent[] = [];
  isOpen = false;
  left = 0;
  /** Deployments that were asked, in order. */
  readonly asked: string[] = [];
  /** Those that do not answer, with the kind of error. */
  faults: Readonly<Record<string, string>> = {};

  deployments = (): readonly DeploymentHealth[] => this.list;
  mayProbe = (): boolean => this.isOpen;
  probesLeft = (): number => this.left;
  events = (): readonly HealthEvent[] => this.happened;

  async probe(ids: readonly string[]): Promise<readonly ProbeResult[]> {
    const taken = ids.slice(0, this.left);
    this.left -= taken.length;
    this.asked.push(...taken);
    return taken.map((id) => {
      const error = this.faults[id] ?? null;
      return { id, isHealthy: error === null, error, durationMs: 12.4 };
    });
  }
}
