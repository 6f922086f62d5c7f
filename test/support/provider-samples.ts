/**
 * Whom each provider is examined as: by default a model of no particular name, reached without settings. A provider that
 * tells models apart, or that cannot be reached without settings, has its line here; all others need none.
 */
import type { KnownModel, ProviderAdapter, Target } from '../../src/providers/adapter.ts';
import { registry } from '../../src/providers/registry.ts';
import { API_KEY, ask, targetFor } from './provider-parts.ts';
import { fixturesOf, type Recording } from './recordings.ts';

export interface Sample {
  readonly adapter: ProviderAdapter;
  /** Unique; the id, and what tells this sample from the provider's others: `bedrock-nova`. */
  readonly name: string;
  readonly model: string;
  /** `litellm_params` beside model, key and address. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Which of `litellm_params` is the credential; a key that is exchanged for a token would have to be sent somewhere. */
  readonly keyParam: string;
  readonly known: KnownModel | undefined;
  /** Its answers count all tokens, whole and streamed; otherwise they are estimated where they are metered. */
  readonly tellsUsage: boolean;
  readonly recordings: readonly Recording[];
  /** They are not OpenAI's, which stand in where a provider has none. */
  readonly hasOwnRecordings: boolean;
}

interface SampleLine {
  /** Tells it from the provider's other samples. */
  readonly suffix?: string;
  readonly model?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly keyParam?: string;
  readonly tellsUsage?: boolean;
  /** What the catalog says of the model. */
  readonly flags?: Readonly<Record<string, boolean>>;
  readonly maxOutputTokens?: number;
  /** Folder of test/fixtures; the one with the provider's id when absent. */
  readonly recordings?: string;
}

const CLAUDE = { supports_reasoning: true, supports_native_structured_output: true };

const VERTEX = { vertex_project: 'project-1', vertex_location: 'us-central1' };
const AWS = { aws_access_key_id: 'AKIAEXAMPLE', aws_region_name: 'us-east-1' };

const LINES: Readonly<Record<string, readonly SampleLine[]>> = {
  anthropic: [
    { model: 'claude-sonnet-4-5', flags: CLAUDE, maxOutputTokens: 64_000 },
    {
      suffix: 'adaptive',
      model: 'claude-opus-4-7',
      flags: { ...CLAUDE, supports_adaptive_thinking: true, supports_sampling_params: false },
      maxOutputTokens: 128_000,
    },
  ],
  bedrock: [
    { model: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', flags: CLAUDE, maxOutputTokens: 64_000 },
    { suffix: 'nova', model: 'amazon.nova-pro-v1:0' },
    {
      suffix: 'invoke',
      model: 'invoke/us.anthropic.claude-sonnet-4-5-20250929-v1:0',
      flags: CLAUDE,
      maxOutputTokens: 64_000,
      recordings: 'bedrock_invoke',
    },
    {
      suffix: 'mantle',
      model: 'mantle/anthropic.claude-sonnet-4-5',
      flags: CLAUDE,
      maxOutputTokens: 64_000,
      recordings: 'anthropic',
    },
    { suffix: 'chat', model: 'chat_completions/openai.gpt-oss-20b-1:0', recordings: 'openai' },
  ],
  bedrock_converse: [{ model: 'amazon.nova-pro-v1:0', recordings: 'bedrock' }],
  gemini: [{ model: 'gemini-2.5-flash' }, { suffix: '3', model: 'gemini-3-pro-preview' }],
  cohere: [{ model: 'command-a-03-2025' }],
  cohere_chat: [{ model: 'command-a-03-2025', recordings: 'cohere' }],
  ollama: [{ model: 'qwen3:8b' }],
  ollama_chat: [{ model: 'qwen3:8b', recordings: 'ollama' }],
  replicate: [{ tellsUsage: false }],
  sagemaker: [{ params: AWS, keyParam: 'aws_secret_access_key', tellsUsage: false }],
  sagemaker_chat: [{ params: AWS, keyParam: 'aws_secret_access_key' }],
  vertex_ai: [
    { model: 'gemini-2.5-flash', params: VERTEX, recordings: 'gemini' },
    {
      suffix: 'claude',
      model: 'claude-sonnet-4-5@20250929',
      params: VERTEX,
      flags: CLAUDE,
      maxOutputTokens: 64_000,
      recordings: 'anthropic',
    },
    { suffix: 'mistral', model: 'mistral-large-2411', params: VERTEX, recordings: 'mistral' },
    { suffix: 'llama', model: 'meta/llama-3.3-70b-instruct-maas', params: VERTEX, recordings: 'openai' },
  ],
  vertex_ai_beta: [{ model: 'gemini-2.5-flash', params: VERTEX, recordings: 'gemini' }],
  watsonx: [{ model: 'ibm/granite-4-h-small', params: { project_id: 'project-1' }, keyParam: 'token' }],
};

/** Recordings of OpenAI itself, for providers that have none of their own. */
const OPENAI = 'openai';

function samplesOf(adapter: ProviderAdapter): Sample[] {
  return (LINES[adapter.id] ?? [{}]).map(({ suffix, model = 'some-model', params = {}, ...line }) => {
    const own = fixturesOf(line.recordings ?? adapter.id);
    return {
      adapter: framedFor(adapter, model),
      name: suffix === undefined ? adapter.id : `${adapter.id}-${suffix}`,
      model,
      params,
      keyParam: line.keyParam ?? 'api_key',
      tellsUsage: line.tellsUsage ?? true,
      known: line.flags && { maxOutputTokens: line.maxOutputTokens, flags: line.flags },
      recordings: own.length > 0 ? own : fixturesOf(OPENAI),
      hasOwnRecordings: own.length > 0,
    };
  });
}

/** Some models of a provider stream in another framing than its others. */
function framedFor(adapter: ProviderAdapter, upstreamModel: string): ProviderAdapter {
  if (!adapter.framingFor) return adapter;
  const { framing: _, ...rest } = adapter;
  const framing = adapter.framingFor(targetFor(adapter, { upstreamModel }));
  return framing === undefined ? rest : { ...rest, framing };
}

/** Every provider of the registry, once or more. */
export const samples: readonly Sample[] = [...registry.values()].flatMap(samplesOf);

export function targetOfSample(sample: Sample, over: Partial<Target> = {}): Target {
  const { adapter, model, params, keyParam, known } = sample;
  const settings = settingsOf(adapter, keyParam === 'api_key' ? params : { ...params, [keyParam]: API_KEY });
  const baseUrl = baseUrlOf(adapter, settings, model);
  return targetFor(adapter, {
    upstreamModel: model,
    litellmModel: `${adapter.id}/${model}`,
    settings,
    ...(baseUrl !== undefined && { baseUrl }),
    ...(known && { knownModel: () => known }),
    ...over,
  });
}

/** `undefined`: it depends on an account of the operator's, and any address will do. */
function baseUrlOf(adapter: ProviderAdapter, settings: unknown, model: string): string | undefined {
  try {
    return adapter.baseUrlOf?.(settings, model);
  } catch {
    return undefined;
  }
}

function settingsOf(adapter: ProviderAdapter, params: Sample['params']): unknown {
  try {
    return adapter.parseSettings?.(params);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${adapter.id} cannot do without settings: add its line to test/support/provider-samples.ts. ${why}`,
    );
  }
}

const MESSAGES = [{ role: 'user', content: 'Hi' }];

/** Told by what it does: it sends the model and messages as they came and reads OpenAI's answer. */
export function speaksOpenAi(sample: Sample): boolean {
  const target = targetOfSample(sample);
  const { sent } = ask(target, { body: { messages: MESSAGES } });
  const isSentSo = Bun.deepEquals(sent['messages'], MESSAGES, true) && String(sent['model']).endsWith(sample.model);
  if (!isSentSo) return false;
  const text = fixturesOf(OPENAI).find(({ name }) => name === 'text')?.whole ?? '';
  try {
    return target.adapter.parseResponse(JSON.parse(text), target).choices.length > 0;
  } catch {
    return false;
  }
}
