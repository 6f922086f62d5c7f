/** The health of what is served: what traffic has shown, and, where it is allowed, what asking shows. */
import type { DeploymentHealth, HealthEvent, HealthWatch, ProbeResult } from '../admin/health-watch.ts';
import { isSecretParam } from '../config/shown-params.ts';
import type { Caller } from '../gateway/call.ts';
import { parseChatRequest } from '../gateway/parse-chat-request.ts';
import { Pipeline, type PipelineParts } from '../gateway/pipeline.ts';
import { Presence } from '../gateway/presence.ts';
import type { Target } from '../providers/adapter.ts';
import type { HealthEvent as RoutingEvent, Sighting } from '../routing/health.ts';
import type { Runtime } from './runtime.ts';

export interface HealthWatchParts {
  /** Of real requests: a probe is one, with its row, its limits and its price. */
  readonly pipeline: Omit<PipelineParts, 'hedging'>;
  sightingOf(deploymentId: string): Sighting;
  runtime(): Runtime;
  now(): number;
  newId(): string;
}

const HOUR_MS = 3_600_000;
const MOST_EVENTS = 1_000;
const MOST_AT_ONCE = 5;
const PROBE_TIMEOUT_SECONDS = 15;
const ROUTE = '/health';
/** A probe says as little as it can, and nobody gets a copy of it. */
const NOT_OF_PROBES: ReadonlySet<string> = new Set(['mirror', 'enforced-params']);
const NOTHING_ASKED = { enforceUserParam: false, completionModel: undefined };

type Noted = Omit<HealthEvent, 'atMs' | 'modelGroup' | 'model'>;

/** What happened to deployments since the start. Outlives a reload. */
export class HealthEvents {
  readonly #now: () => number;
  readonly #events: (Noted & { readonly atMs: number })[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  get all(): readonly (Noted & { readonly atMs: number })[] {
    return this.#events;
  }

  note(event: Noted): void {
    this.#events.push({ ...event, atMs: this.#now() });
    if (this.#events.length > MOST_EVENTS) this.#events.shift();
  }

  /** As routing tells it. */
  heard = ({ deploymentId, kind, untilMs }: RoutingEvent): void =>
    this.note({ deploymentId, kind, untilMs: untilMs ?? null, error: null, durationMs: null });
}

export function createHealthWatch(parts: HealthWatchParts, events: HealthEvents): HealthWatch {
  const { runtime, now } = parts;
  const settings = () => runtime().config.health;
  const budget = new HourlyBudget(now);
  const targets = (): readonly Target[] => runtime().groups.targets;
  return {
    deployments: () => targets().map((target) => healthOf(target, parts.sightingOf(target.deploymentId))),
    mayProbe: () => settings().probes,
    probesLeft: () => budget.left(settings().probesPerHour),
    async probe(ids, caller) {
      const wanted = new Set(ids);
      const waiting = targets().filter((target) => wanted.has(target.deploymentId) && isAskable(target));
      const results: ProbeResult[] = [];
      const worker = async (): Promise<void> => {
        for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
          if (!budget.take(settings().probesPerHour)) return;
          const result = await ask(target, caller, parts);
          if (!result) continue;
          results.push(result);
          events.note(noteOf(result));
        }
      };
      await Promise.all(Array.from({ length: MOST_AT_ONCE }, worker));
      return results;
    },
    events() {
      const byId = new Map(targets().map((target) => [target.deploymentId, target]));
      return events.all.map((event) => {
        const target = byId.get(event.deploymentId);
        return { ...event, modelGroup: target?.modelGroup ?? null, model: target?.litellmModel ?? null };
      });
    },
  };
}

const noteOf = ({ id, isHealthy, error, durationMs }: ProbeResult): Noted => ({
  deploymentId: id,
  kind: isHealthy ? 'probe_answered' : 'probe_failed',
  untilMs: null,
  error,
  durationMs,
});

function healthOf(target: Target, sighting: Sighting): DeploymentHealth {
  const { deploymentId: id, modelGroup, litellmModel: model, adapter, baseUrl } = target;
  const apiBase = isSecretParam('api_base', baseUrl) ? null : baseUrl;
  return { id, modelGroup, model, provider: adapter.id, apiBase, ...sighting };
}

/** A wildcard names no model to ask, and a canned answer nobody. */
const isAskable = ({ mockResponse, upstreamModel }: Target): boolean =>
  mockResponse === undefined && !upstreamModel.includes('*');

/** `undefined`: it was refused before the deployment was asked, which says nothing of its health. */
async function ask(target: Target, caller: Caller, parts: HealthWatchParts): Promise<ProbeResult | undefined> {
  const startedAtMs = parts.now();
  const pipeline = new Pipeline({
    ...parts.pipeline,
    authenticate: () => caller,
    // A probe asks one deployment: no copy of it goes anywhere else.
    features: parts.pipeline.features.filter(({ name }) => !NOT_OF_PROBES.has(name)),
    // What the configuration asks of clients is nothing that a probe has to say.
    parse: (source) => parseChatRequest(source, { ...parts.runtime().parse, ...NOTHING_ASKED }),
    *plan() {
      yield { target, delayMs: 0 };
      return undefined;
    },
  });
  const body = {
    model: target.modelGroup,
    messages: [{ role: 'user', content: 'Say hello.' }],
    max_tokens: parts.runtime().config.health.maxTokens,
    timeout: PROBE_TIMEOUT_SECONDS,
  };
  const answer = await pipeline.handle({
    id: parts.newId(),
    route: ROUTE,
    pathModel: undefined,
    apiVersion: undefined,
    headers: {},
    clientIp: null,
    client: new Presence(),
    readBody: () => Promise.resolve(new TextEncoder().encode(JSON.stringify(body))),
  });
  if (answer.call.attempts.length === 0) return undefined;
  const error = 'error' in answer ? answer.error.kind : null;
  return { id: target.deploymentId, isHealthy: error === null, error, durationMs: parts.now() - startedAtMs };
}

/** So many in any hour. */
class HourlyBudget {
  readonly #now: () => number;
  #taken: number[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  left(most: number): number {
    this.#taken = this.#taken.filter((atMs) => this.#now() - atMs < HOUR_MS);
    return Math.max(0, most - this.#taken.length);
  }

  take(most: number): boolean {
    if (this.left(most) === 0) return false;
    this.#taken.push(this.#now());
    return true;
  }
}
