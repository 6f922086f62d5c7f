/** Whether requests would be served, from memory: asking the database would make a probe as slow as it is. */
import type { Ledger } from '../ledger/ledger.ts';
import type { Runtime } from './runtime.ts';

export interface ReadinessParts {
  readonly ledger: Pick<Ledger, 'state' | 'pending'>;
  readonly version: string;
  runtime(): Runtime;
  /** When the configuration that is served was put together. Epoch milliseconds. */
  loadedAtMs(): number;
}

export interface Readiness {
  /** For everybody. */
  brief(): { readonly ok: boolean; readonly body: Record<string, unknown> };
  /** For those who run the gateway. */
  details(): { readonly ok: boolean; readonly body: Record<string, unknown> };
  /** From now on it is not ready: what arrives should go elsewhere. */
  stop(): void;
}

export function createReadiness({ ledger, version, runtime, loadedAtMs }: ReadinessParts): Readiness {
  let isStopping = false;
  /** Rows that wait for the database do not stop requests; a full journal does. */
  const brief: Readiness['brief'] = () => {
    const state = ledger.state();
    const ok = state !== 'refusing' && !isStopping;
    const db = state === 'storing' ? 'connected' : 'Not connected';
    return { ok, body: { status: ok ? 'healthy' : 'unhealthy', db } };
  };
  return {
    brief,
    details() {
      const { ok, body } = brief();
      const { config } = runtime();
      const loadedAt = new Date(loadedAtMs()).toISOString();
      const models = new Set(config.deployments.map(({ modelName }) => modelName)).size;
      return {
        ok,
        body: {
          ...body,
          cache: null,
          litellm_version: version,
          success_callbacks: [],
          last_updated: loadedAt,
          version,
          stopping: isStopping,
          pending_rows: ledger.pending(),
          config: { models, deployments: config.deployments.length, loaded_at: loadedAt, files: config.files.length },
          routing_strategy: config.router.strategy,
        },
      };
    },
    stop() {
      isStopping = true;
    },
  };
}
