/**
 * Hosts that speak OpenAI's chat completions and have little to say beyond an address and a key. Sources: the hosts' API
 * references; LiteLLM's provider pages for ids, addresses and environment variables.
 */
import type { ProviderAdapter } from './adapter.ts';
import { openAiCompatible } from './openai-compatible.ts';
import { reasoningAsContent } from './reply-differences.ts';

/** Of each line: id, address, key variables in the order in which they are looked for. */
type Line = readonly [string, string, ...string[]];

/** They serve open models: `max_tokens` is the name that all of them know, and reasoning may come as `reasoning`. */
const MODEL_HOSTS: readonly Line[] = [
  ['abliteration', 'https://api.abliteration.ai/v1', 'ABLITERATION_API_KEY'],
  ['ai21', 'https://api.ai21.com/studio/v1', 'AI21_API_KEY'],
  ['ai21_chat', 'https://api.ai21.com/studio/v1', 'AI21_API_KEY'],
  ['aiand', 'https://api.aiand.com/v1', 'AIAND_API_KEY'],
  ['amazon_nova', 'https://api.nova.amazon.com/v1', 'AMAZON_NOVA_API_KEY'],
  ['anyscale', 'https://api.endpoints.anyscale.com/v1', 'ANYSCALE_API_KEY'],
  ['apertis', 'https://api.stima.tech/v1', 'STIMA_API_KEY'],
  ['charity_engine', 'https://api.charityengine.services/remotejobs/v2/inference', 'CHARITY_ENGINE_API_KEY'],
  ['chutes', 'https://llm.chutes.ai/v1', 'CHUTES_API_KEY'],
  ['cognition', 'https://api.cognition.ai/v1', 'COGNITION_API_KEY'],
  ['compactifai', 'https://api.compactif.ai/v1', 'COMPACTIFAI_API_KEY'],
  ['coralbricks', 'https://inference.coralbricks.ai/v1', 'CORALBRICKS_API_KEY'],
  ['crusoe', 'https://api.inference.crusoecloud.com/v1', 'CRUSOE_API_KEY'],
  ['darkbloom', 'https://api.darkbloom.dev/v1', 'DARKBLOOM_API_KEY'],
  ['empiriolabs', 'https://api.empiriolabs.ai/v1', 'EMPIRIOLABS_API_KEY'],
  ['empower', 'https://app.empower.dev/api/v1', 'EMPOWER_API_KEY'],
  ['featherless_ai', 'https://api.featherless.ai/v1', 'FEATHERLESS_AI_API_KEY', 'FEATHERLESS_API_KEY'],
  ['galadriel', 'https://api.galadriel.com/v1', 'GALADRIEL_API_KEY'],
  ['gmi', 'https://api.gmi-serving.com/v1', 'GMI_API_KEY'],
  ['hyperbolic', 'https://api.hyperbolic.xyz/v1', 'HYPERBOLIC_API_KEY'],
  ['inception', 'https://api.inceptionlabs.ai/v1', 'INCEPTION_API_KEY'],
  ['inferenceapis', 'https://api.inferenceapis.com/v1', 'INFERENCEAPIS_API_KEY'],
  ['libertai', 'https://api.libertai.io/v1', 'LIBERTAI_API_KEY'],
  ['llamagate', 'https://api.llamagate.dev/v1', 'LLAMAGATE_API_KEY'],
  ['maritalk', 'https://chat.maritaca.ai/api', 'MARITALK_API_KEY'],
  ['morph', 'https://api.morphllm.com/v1', 'MORPH_API_KEY'],
  ['nadir', 'https://api.getnadir.com/v1', 'NADIR_API_KEY'],
  ['nebius', 'https://api.studio.nebius.ai/v1', 'NEBIUS_API_KEY'],
  ['neosantara', 'https://api.neosantara.xyz/v1', 'NEOSANTARA_API_KEY'],
  ['novita', 'https://api.novita.ai/v3/openai', 'NOVITA_API_KEY'],
  ['nscale', 'https://inference.api.nscale.com/v1', 'NSCALE_API_KEY'],
  ['nvidia_nim', 'https://integrate.api.nvidia.com/v1', 'NVIDIA_NIM_API_KEY'],
  ['openinfer', 'https://api.openinfer.ai/v1', 'OPENINFER_API_KEY'],
  ['ovhcloud', 'https://oai.endpoints.kepler.ai.cloud.ovh.net/v1', 'OVHCLOUD_API_KEY'],
  ['parasail', 'https://api.parasail.io/v1', 'PARASAIL_API_KEY'],
  ['pinstripes', 'https://pinstripes.io/v1', 'PINSTRIPES_API_KEY'],
  ['prism', 'https://api.prisminference.com/v1', 'PRISM_API_KEY'],
  ['refuseless', 'https://api.refuseless.com/v1', 'REFUSELESS_API_KEY'],
  ['reka', 'https://api.reka.ai/v1', 'REKA_API_KEY'],
  ['sail', 'https://api.sailresearch.com/v1', 'SAIL_API_KEY'],
  ['sambanova', 'https://api.sambanova.ai/v1', 'SAMBANOVA_API_KEY'],
  ['scaleway', 'https://api.scaleway.ai/v1', 'SCW_SECRET_KEY'],
  ['scx-ai', 'https://api.scx.ai/v1', 'SCX_API_KEY'],
  ['synthetic', 'https://api.synthetic.new/openai/v1', 'SYNTHETIC_API_KEY'],
  ['veniceai', 'https://api.venice.ai/api/v1', 'VENICE_AI_API_KEY'],
  ['volcengine', 'https://ark.cn-beijing.volces.com/api/v3', 'VOLCENGINE_API_KEY', 'ARK_API_KEY'],
  ['wally', 'https://inference.runanywhere.ai/v1', 'WALLY_API_KEY'],
  ['wandb', 'https://api.inference.wandb.ai/v1', 'WANDB_API_KEY'],
  ['xiaomi_mimo', 'https://api.xiaomimimo.com/v1', 'XIAOMI_MIMO_API_KEY'],
  ['zerogpu', 'https://api.zerogpu.ai/v1', 'ZEROGPU_API_KEY'],
];

/** They hand requests on to others, OpenAI among them: parameters pass as they are. */
const GATEWAYS: readonly Line[] = [
  ['aihubmix', 'https://aihubmix.com/v1', 'AIHUBMIX_API_KEY'],
  ['aiml', 'https://api.aimlapi.com/v1', 'AIML_API_KEY'],
  ['assemblyai', 'https://llm-gateway.assemblyai.com/v1', 'ASSEMBLYAI_API_KEY'],
  ['clf_ai_gateway', 'https://api.clfaigateway.dev/v1', 'CLF_AI_GATEWAY_API_KEY'],
  ['cometapi', 'https://api.cometapi.com/v1', 'COMETAPI_KEY', 'COMETAPI_API_KEY'],
  ['cortecs', 'https://api.cortecs.ai/v1', 'CORTECS_API_KEY'],
  ['helicone', 'https://ai-gateway.helicone.ai', 'HELICONE_API_KEY'],
  ['hostinger_router', 'https://router.hostinger.com/v1', 'HOSTINGER_ROUTER_API_KEY'],
  ['kyma', 'https://kymaapi.com/v1', 'KYMA_API_KEY'],
  ['nano-gpt', 'https://nano-gpt.com/api/v1', 'NANOGPT_API_KEY'],
  ['poe', 'https://api.poe.com/v1', 'POE_API_KEY'],
  ['vercel_ai_gateway', 'https://ai-gateway.vercel.sh/v1', 'VERCEL_AI_GATEWAY_API_KEY', 'VERCEL_OIDC_TOKEN'],
];

/** Their answers are OpenAI's own, so that the bytes are relayed. */
const ALIKE: readonly Line[] = [
  ['github', 'https://models.inference.ai.azure.com', 'GITHUB_API_KEY'],
  ['lambda_ai', 'https://api.lambda.ai/v1', 'LAMBDA_API_KEY'],
  ['meta', 'https://api.meta.ai/v1', 'META_API_KEY'],
  ['v0', 'https://api.v0.dev/v1', 'V0_API_KEY'],
];

/** Variables of the address that are not called after the id. */
const BASE_URL_ENV: Readonly<Record<string, readonly string[]>> = {
  ai21_chat: ['AI21_API_BASE'],
  featherless_ai: ['FEATHERLESS_AI_API_BASE', 'FEATHERLESS_API_BASE'],
  lambda_ai: ['LAMBDA_API_BASE'],
};

const host = (
  [id, defaultBaseUrl, ...apiKeyEnv]: Line,
  differences: Partial<Parameters<typeof openAiCompatible>[0]>,
): ProviderAdapter => {
  const baseUrlEnv = BASE_URL_ENV[id];
  return openAiCompatible({ id, defaultBaseUrl, apiKeyEnv, ...(baseUrlEnv && { baseUrlEnv }), ...differences });
};

export const PLAIN_HOSTS: readonly ProviderAdapter[] = [
  ...MODEL_HOSTS.map((line) =>
    host(line, { renames: { max_completion_tokens: 'max_tokens' }, reply: { message: reasoningAsContent } }),
  ),
  ...GATEWAYS.map((line) => host(line, { reply: { message: reasoningAsContent } })),
  ...ALIKE.map((line) => host(line, {})),
];
