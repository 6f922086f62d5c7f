/** Which attempts get a second one beside them: those of groups that the configuration names, while they are slow. */
import type { Call } from '../gateway/call.ts';
import type { Hedging } from '../gateway/pipeline-parts.ts';
import type { Target } from '../providers/adapter.ts';
import type { Chosen } from '../routing/choose.ts';
import type { Group } from '../routing/groups.ts';
import type { Health } from '../routing/health.ts';
import { HedgeBudget } from '../routing/hedge-budget.ts';
import type { Loads } from '../routing/load.ts';
import type { Runtime } from './runtime.ts';

export interface HedgingOptions {
  readonly health: Health;
  readonly loads: Loads;
  runtime(): Runtime;
  hasRoom(target: Target): boolean;
  choose(call: Call, group: Group, failed: ReadonlySet<string>): Chosen;
  now(): number;
}

export function createHedging(options: HedgingOptions): Hedging {
  const { health, loads, runtime, hasRoom, choose, now } = options;
  const budget = new HedgeBudget(now);
  return {
    afterMs({ modelGroup, deploymentId }, call) {
      if (!runtime().config.router.hedgedGroups.includes(modelGroup)) return undefined;
      if (!call.attempts.some(({ target }) => target.modelGroup === modelGroup)) budget.called(modelGroup);
      // A provider's key that came with the request is for the provider it was sent to; a deployment's id means that one.
      if (call.controls.apiKey !== undefined || call.modelGroup === deploymentId) return undefined;
      return loads.p95Ms(deploymentId);
    },
    second(first, call) {
      if (!budget.mayHedge(first.modelGroup)) return undefined;
      const group = runtime().groups.find(first.modelGroup);
      if (!group) return undefined;
      const failed = new Set(call.attempts.map(({ target }) => target.deploymentId)).add(first.deploymentId);
      const others = group.targets.filter((target) => {
        const { deploymentId } = target;
        return !failed.has(deploymentId) && health.stateOf(deploymentId) === 'up' && hasRoom(target);
      });
      if (others.length === 0) return undefined;
      const isOther = new Set(others.map(({ deploymentId }) => deploymentId));
      const rest = group.targets.filter(({ deploymentId }) => !isOther.has(deploymentId));
      const { target, choice } = choose(call, group, new Set(rest.map(({ deploymentId }) => deploymentId)));
      if (!target || !isOther.has(target.deploymentId)) return undefined;
      const began = (): void => {
        call.choices.push(choice);
        budget.hedged(first.modelGroup);
      };
      return { target, began };
    },
  };
}
