/** What is known of a deployment's model, under the names of LiteLLM's `/model/info`. */
import type { DeploymentConfig } from '../config/config.ts';
import type { Catalog } from '../pricing/catalog.ts';
import type { Target } from '../providers/adapter.ts';
import { supportedParams } from '../providers/supported-params.ts';

/** Facts that stand in every answer, known or not. */
const ALWAYS = {
  max_tokens: null,
  max_input_tokens: null,
  max_output_tokens: null,
  input_cost_per_token: null,
  output_cost_per_token: null,
  litellm_provider: null,
  mode: null,
  supports_vision: null,
  supports_function_calling: null,
  supports_tool_choice: null,
  supports_response_schema: null,
  supports_prompt_caching: null,
  supports_reasoning: null,
  supports_audio_input: null,
  supports_audio_output: null,
  supports_pdf_input: null,
  supports_web_search: null,
} as const;

/** @param target of the deployment; `undefined` when none can be made of it */
export function factsOf(target: Target | undefined, catalog: Catalog): Record<string, unknown> {
  if (target === undefined) return { ...ALWAYS, supported_openai_params: null, key: null };
  const { adapter, upstreamModel, baseModel, customPrices } = target;
  const reference = { provider: adapter.id, model: upstreamModel, baseModel };
  const known = catalog.abilities(reference);
  const region = adapter.billing?.(target).listRegion;
  const rates = catalog.rateCard({ ...reference, customPrices, region });
  const facts = Object.entries(known?.fields ?? {}).filter(([name]) => !name.includes('cost'));
  return {
    ...ALWAYS,
    ...Object.fromEntries(facts),
    ...known?.flags,
    ...rates?.prices,
    key: baseModel ?? upstreamModel,
    litellm_provider: adapter.id,
    mode: known?.mode ?? null,
    max_tokens: known?.maxOutputTokens ?? null,
    max_input_tokens: known?.maxInputTokens ?? null,
    max_output_tokens: known?.maxOutputTokens ?? null,
    supported_openai_params: supportedParams(target),
    ...(known?.deprecationDate !== undefined && { deprecation_date: known.deprecationDate }),
  };
}

/** `litellm_params` of a deployment of the configuration file, as far as it may be shown. */
export function paramsOf(deployment: DeploymentConfig): Record<string, unknown> {
  const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
  const params: Record<string, unknown> = {
    model: deployment.model,
    custom_llm_provider: deployment.customProvider,
    api_base: deployment.apiBase,
    api_version: deployment.apiVersion,
    organization: deployment.organization,
    litellm_credential_name: deployment.credentialName,
    timeout: seconds(deployment.timeoutMs),
    stream_timeout: seconds(deployment.streamTimeoutMs),
    num_retries: deployment.numRetries,
    weight: deployment.weight,
    rpm: deployment.rpm,
    tpm: deployment.tpm,
    max_parallel_requests: deployment.maxParallelRequests,
    max_budget: deployment.maxBudgetUsd,
    budget_duration: deployment.budgetDuration,
    mock_response: deployment.mockResponse,
    fake_stream: deployment.fakeStream,
    drop_params: deployment.dropParams,
    ...deployment.providerSettings,
    ...deployment.defaults,
    ...deployment.customPrices,
  };
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}
