/** `/health` in LiteLLM's shapes. Source: LiteLLM's documentation of health checks. */
import { GatewayError } from '../errors.ts';
import type { DeploymentHealth, HealthEvent, HealthWatch, ProbeResult } from './health-watch.ts';

type View = Record<string, unknown>;

export interface HealthFilter {
  /** A model group, or a deployment's model. */
  readonly model?: string | undefined;
  readonly modelId?: string | undefined;
}

/** @throws GatewayError 404 when the filter names something that is not served */
export function chosen(health: HealthWatch, { model, modelId }: HealthFilter): readonly DeploymentHealth[] {
  const found = health
    .deployments()
    .filter((one) => model === undefined || one.modelGroup === model || one.model === model)
    .filter((one) => modelId === undefined || one.id === modelId);
  if (found.length > 0 || (model === undefined && modelId === undefined)) return found;
  const [param, name] = modelId === undefined ? ['model', model] : ['model_id', modelId];
  throw new GatewayError('not_found', `No deployment is served for ${param} "${name}". See /model/info.`, {
    param,
    type: 'not_found_error',
  });
}

/** What traffic has shown last; nobody is asked. One that nobody has asked for is taken for well. */
export function isWell({ state, lastSuccessAtMs, lastFailureAtMs }: DeploymentHealth): boolean {
  if (state !== 'up') return false;
  return lastFailureAtMs === null || (lastSuccessAtMs !== null && lastSuccessAtMs >= lastFailureAtMs);
}

export function healthView(
  deployments: readonly DeploymentHealth[],
  probed: readonly ProbeResult[],
  budget: { readonly isOn: boolean; readonly left: number },
): View {
  const results = new Map(probed.map((result) => [result.id, result]));
  const healthy: View[] = [];
  const unhealthy: View[] = [];
  for (const deployment of deployments) {
    const result = results.get(deployment.id);
    const isHealthy = result?.isHealthy ?? isWell(deployment);
    (isHealthy ? healthy : unhealthy).push(endpointView(deployment, result, isHealthy));
  }
  return {
    healthy_endpoints: healthy,
    unhealthy_endpoints: unhealthy,
    healthy_count: healthy.length,
    unhealthy_count: unhealthy.length,
    tollgate: { probes: budget.isOn, probed: probed.length, probes_left_this_hour: budget.isOn ? budget.left : 0 },
  };
}

function endpointView(deployment: DeploymentHealth, result: ProbeResult | undefined, isHealthy: boolean): View {
  return {
    model: deployment.model,
    model_id: deployment.id,
    model_name: deployment.modelGroup,
    custom_llm_provider: deployment.provider,
    api_base: deployment.apiBase,
    ...(!isHealthy && { error: result?.error ?? deployment.lastFailure ?? 'cooling down' }),
    tollgate: {
      source: result === undefined ? sourceOf(deployment) : 'probe',
      state: deployment.state,
      cooling_until: isoOrNull(deployment.downUntilMs),
      last_success_at: isoOrNull(deployment.lastSuccessAtMs),
      last_failure_at: isoOrNull(deployment.lastFailureAtMs),
      last_failure: deployment.lastFailure,
      response_time_ms: result === undefined ? null : Math.round(result.durationMs),
    },
  };
}

const sourceOf = ({ lastSuccessAtMs, lastFailureAtMs }: DeploymentHealth): string =>
  lastSuccessAtMs === null && lastFailureAtMs === null ? 'untried' : 'traffic';

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** By deployment; those that nobody has asked yet are not there. */
export function latestView(health: HealthWatch): View {
  const seen = health.deployments().flatMap((deployment): [string, View][] => {
    const atMs = Math.max(deployment.lastSuccessAtMs ?? 0, deployment.lastFailureAtMs ?? 0);
    if (atMs === 0) return [];
    const isHealthy = isWell(deployment);
    const check = checkView({
      ...{ id: deployment.id, group: deployment.modelGroup, isHealthy, atMs, checkedBy: 'traffic' },
      error: isHealthy ? null : deployment.lastFailure,
      durationMs: null,
    });
    return [[deployment.id, check]];
  });
  return { latest_health_checks: Object.fromEntries(seen), total_models: seen.length };
}

export interface HistoryFilter {
  readonly model?: string | undefined;
  readonly status?: 'healthy' | 'unhealthy' | undefined;
  readonly limit: number;
  readonly offset: number;
}

/** Changes of health and probes since the start, newest first. */
export function historyView(health: HealthWatch, { model, status, limit, offset }: HistoryFilter): View {
  const events = health
    .events()
    .filter((event) => model === undefined || event.modelGroup === model || event.model === model)
    .filter((event) => status === undefined || (status === 'healthy') === isGood(event))
    .toReversed();
  return {
    health_checks: events.slice(offset, offset + limit).map(eventView),
    total_records: events.length,
    limit,
    offset,
  };
}

const isGood = ({ kind }: HealthEvent): boolean => kind === 'recovered' || kind === 'probe_answered';

function eventView(event: HealthEvent): View {
  const { deploymentId, modelGroup, kind, atMs, untilMs, error, durationMs } = event;
  const isProbe = kind === 'probe_answered' || kind === 'probe_failed';
  return {
    ...checkView({
      ...{ id: deploymentId, group: modelGroup, isHealthy: isGood(event), atMs, error, durationMs },
      checkedBy: isProbe ? 'probe' : 'traffic',
    }),
    details: { event: kind, cooling_until: isoOrNull(untilMs) },
  };
}

interface Check {
  readonly id: string;
  readonly group: string | null;
  readonly isHealthy: boolean;
  readonly atMs: number;
  readonly checkedBy: string;
  readonly error: string | null;
  readonly durationMs: number | null;
}

/** LiteLLM's row of a health check. */
function checkView({ id, group, isHealthy, atMs, checkedBy, error, durationMs }: Check): View {
  return {
    model_name: group,
    model_id: id,
    status: isHealthy ? 'healthy' : 'unhealthy',
    healthy_count: isHealthy ? 1 : 0,
    unhealthy_count: isHealthy ? 0 : 1,
    error_message: error,
    response_time_ms: durationMs === null ? null : Math.round(durationMs),
    details: null,
    checked_by: checkedBy,
    checked_at: isoOrNull(atMs),
  };
}
