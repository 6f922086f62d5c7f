/** What asking after the health of deployments may cost, and who may see the details of our own. */
import type { HealthConfig } from './config.ts';
import type { Findings } from './findings.ts';
import type { Sections } from './settings.ts';
import { join } from './yaml-tree.ts';

const MOST_TOKENS = 16;
const DEFAULT_PROBES_AN_HOUR = 60;

export function healthSettings({ general, tollgate }: Sections, findings: Findings): HealthConfig {
  return {
    probes: tollgate.read('health_checks') ?? general.read('background_health_checks') ?? false,
    maxTokens: maxTokensOf(tollgate, findings),
    probesPerHour: tollgate.read('health_checks_per_hour') ?? DEFAULT_PROBES_AN_HOUR,
    publicDetails: general.read('allow_public_health_readiness_details') ?? false,
  };
}

function maxTokensOf(tollgate: Sections['tollgate'], findings: Findings): number {
  const tokens = tollgate.read('health_check_max_tokens') ?? MOST_TOKENS;
  if (tokens >= 1 && tokens <= MOST_TOKENS) return tokens;
  const path = join(tollgate.path, 'health_check_max_tokens');
  findings.error(path, `must be 1 to ${MOST_TOKENS}`, tollgate.positionOf('health_check_max_tokens'));
  return MOST_TOKENS;
}
