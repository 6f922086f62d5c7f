/**
 * `model_name: "*"` with `model: "*"`, LiteLLM's way to serve whatever its clients ask for: one wildcard for each provider
 * whose key is there, as without a configuration file. Source: LiteLLM's documentation of wildcard routing.
 */
import { BARE_NAMES } from '../config/built-in.ts';
import type { DeploymentConfig } from '../config/config.ts';
import { DEFAULT_PROVIDER_ID, registry } from '../providers/registry.ts';

const ANY = '*';

/**
 * Any other deployment comes back as it is.
 * @throws Error in plain words when no provider's key is there
 */
export function withoutCatchAll(
  deployment: DeploymentConfig,
  lookUp: (name: string) => string | undefined,
): readonly DeploymentConfig[] {
  const { modelName, model, apiBase, customProvider, mockResponse, apiKey } = deployment;
  const hasProvider = apiBase !== undefined || customProvider !== undefined || mockResponse !== undefined;
  if (modelName !== ANY || model !== ANY || hasProvider) return [deployment];
  const isReachable = ({ apiKeyEnv, baseUrlEnv, defaultBaseUrl }: Provider): boolean =>
    (apiKey !== undefined || apiKeyEnv.some((name) => lookUp(name) !== undefined)) &&
    (defaultBaseUrl !== '' || baseUrlEnv.some((name) => lookUp(name) !== undefined));
  const reachable = [...registry.values()].filter(isReachable).map(({ id }) => id);
  if (reachable.length === 0) {
    throw new Error(
      'model "*" stands for every provider whose API key is in the environment, and there is none. Set OPENAI_API_KEY or another.',
    );
  }
  const patterns = reachable.map((id) => [`${id}/*`, `${id}/*`] as const);
  // What OpenAI's own clients write has no prefix.
  const bare = reachable.includes(DEFAULT_PROVIDER_ID)
    ? BARE_NAMES.map((name) => [name, `${DEFAULT_PROVIDER_ID}/${name}`] as const)
    : [];
  return [...patterns, ...bare].map(([name, target]) => ({
    ...deployment,
    id: `${deployment.id}:${name}`,
    modelName: name,
    model: target,
  }));
}

type Provider = NonNullable<ReturnType<typeof registry.get>>;
