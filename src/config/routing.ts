/** How deployments are chosen, retried and left alone: the part of `router_settings` that is no name and no time. */
import { didYouMean, nearestNames, suggestionLimit } from '../lib/near-name.ts';
import type { AffinityConfig, Config, DeploymentConfig, ErrorPolicy, RoutingStrategy } from './config.ts';
import { policyOf } from './error-policy.ts';
import type { Findings } from './findings.ts';
import { isNeverUsed, nameFinder, type Served } from './links.ts';
import { ALLOWED_FAILS_POLICY, RETRY_POLICY } from './schema.ts';
import type { KeyKinds, SectionRules } from './section.ts';
import type { Sections } from './settings.ts';
import { describeValue } from './values.ts';
import { join } from './yaml-tree.ts';

type Routing = Pick<
  Config['router'],
  | 'strategy'
  | 'cooldownMs'
  | 'disableCooldowns'
  | 'allowedFails'
  | 'allowedFailsPolicy'
  | 'retryPolicy'
  | 'groupRetryPolicy'
  | 'preCallChecks'
  | 'tagFiltering'
  | 'tagMatchAny'
  | 'tagPrefix'
  | 'affinity'
  | 'hedgedGroups'
>;

const DEFAULT_COOLDOWN_MS = 5_000;
const DEFAULT_AFFINITY_MS = 3_600_000;

export function routingSettings(sections: Sections, served: Served, findings: Findings): Routing {
  const { router, litellm, tollgate } = sections;
  const policyAt = (name: 'allowed_fails_policy' | 'retry_policy', rules: SectionRules<KeyKinds>): ErrorPolicy =>
    policyOf(router.read(name), { path: join(router.path, name), rules }, findings);
  return {
    strategy: strategyOf(router, findings),
    cooldownMs: router.read('cooldown_time') ?? DEFAULT_COOLDOWN_MS,
    disableCooldowns: router.read('disable_cooldowns') ?? false,
    allowedFails: router.read('allowed_fails') ?? litellm.read('allowed_fails'),
    allowedFailsPolicy: policyAt('allowed_fails_policy', ALLOWED_FAILS_POLICY),
    retryPolicy: policyAt('retry_policy', RETRY_POLICY),
    groupRetryPolicy: groupPolicies(sections, served, findings),
    preCallChecks: router.read('enable_pre_call_checks') ?? false,
    tagFiltering: router.read('enable_tag_filtering') ?? false,
    tagMatchAny: router.read('tag_filtering_match_any') ?? true,
    tagPrefix: router.read('tag_routing_prefix') ?? '',
    affinity: affinityOf(router, findings),
    hedgedGroups: hedgedGroups(tollgate, served, findings),
  };
}

function hedgedGroups(tollgate: Sections['tollgate'], served: Served, findings: Findings): readonly string[] {
  const names = nameFinder(served, []);
  const groups = tollgate.read('hedging') ?? [];
  for (const group of groups) {
    if (names.isServed(group)) continue;
    findings.warn(join(tollgate.path, 'hedging'), isNeverUsed(group, names), tollgate.positionOf('hedging'));
  }
  return groups;
}

/** A group that is not in the file may be made at run time. */
export function warnOfSilentModels(
  deployments: readonly DeploymentConfig[],
  served: Served,
  aliases: readonly string[],
  findings: Findings,
): void {
  const names = nameFinder(served, aliases);
  for (const { modelName, silentModels, position } of deployments) {
    for (const name of silentModels) {
      if (names.isServed(name)) continue;
      findings.warn(`model_list entry "${modelName}": silent_model`, isNeverUsed(name, names), position);
    }
  }
}

/** Other words for one that is there. */
const SAME_STRATEGY: Readonly<Record<string, RoutingStrategy>> = { 'usage-based-routing': 'usage-based-routing-v2' };
const SERVED: readonly string[] = [
  'simple-shuffle',
  'least-busy',
  'usage-based-routing-v2',
  'latency-based-routing',
  'cost-based-routing',
] satisfies RoutingStrategy[];

/** LiteLLM has it, and it is not there yet. */
const MISSING = 'lar1';

const isServed = (name: string): name is RoutingStrategy => SERVED.includes(name);

function strategyOf(router: Sections['router'], findings: Findings): RoutingStrategy {
  const written = router.read('routing_strategy');
  if (written === undefined) return 'simple-shuffle';
  const strategy = SAME_STRATEGY[written] ?? written;
  if (isServed(strategy)) return strategy;
  const path = join(router.path, 'routing_strategy');
  const position = router.entries.get('routing_strategy')?.value.position;
  if (written === MISSING) {
    findings.add('ignored', path, 'is not there yet; simple-shuffle is used instead', position);
  } else {
    const names = [...SERVED, ...Object.keys(SAME_STRATEGY)];
    const near = nearestNames(written, names, suggestionLimit(written));
    findings.error(path, `must be one of ${names.join(', ')}.${didYouMean(near)}`, position);
  }
  return 'simple-shuffle';
}

function groupPolicies({ router }: Sections, served: Served, findings: Findings): Record<string, ErrorPolicy> {
  const tree = router.read('model_group_retry_policy');
  const path = join(router.path, 'model_group_retry_policy');
  if (tree === undefined) return {};
  if (tree.kind !== 'map') {
    findings.error(path, `must be a mapping of model groups to policies, not ${describeValue(tree)}`, tree.position);
    return {};
  }
  const names = nameFinder(served, []);
  return Object.fromEntries(
    [...tree.entries].map(([group, { value }]) => {
      const place = { path: join(path, group), rules: RETRY_POLICY };
      if (!names.isServed(group)) findings.warn(place.path, isNeverUsed(group, names), value.position);
      return [group, policyOf(value, place, findings)];
    }),
  );
}

/** LiteLLM's checks that keep calls together. Those of budgets and rates are always on here. */
const AFFINITIES = ['prompt_caching', 'session_affinity', 'deployment_affinity', 'responses_api_deployment_check'];
const ALWAYS_ON = ['router_budget_limiting', 'enforce_model_rate_limits'];
const NOT_THERE = ['forward_client_headers_by_model_group', 'encrypted_content_affinity'];

function affinityOf(router: Sections['router'], findings: Findings): AffinityConfig {
  const checks = router.read('optional_pre_call_checks') ?? [];
  const path = join(router.path, 'optional_pre_call_checks');
  const known = [...AFFINITIES, ...ALWAYS_ON, ...NOT_THERE];
  for (const check of checks) {
    const position = router.positionOf('optional_pre_call_checks');
    if (NOT_THERE.includes(check)) findings.add('ignored', path, `"${check}" is not there yet`, position);
    else if (!known.includes(check)) {
      const near = didYouMean(nearestNames(check, known, suggestionLimit(check)));
      findings.error(path, `"${check}" must be one of ${known.join(', ')}.${near}`, position);
    }
  }
  return {
    prompt: checks.includes('prompt_caching'),
    session: checks.includes('session_affinity'),
    key: checks.includes('deployment_affinity'),
    response: checks.includes('responses_api_deployment_check'),
    ttlMs: router.read('deployment_affinity_ttl_seconds') ?? DEFAULT_AFFINITY_MS,
  };
}
