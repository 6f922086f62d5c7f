/**
 * Every answer of a provider that tests can have, as the chat answer or stream that it is: those that were really sent,
 * where they lie beside the repository, and our own. Each with the model that it is read and priced as.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { registry } from '../../src/providers/registry.ts';
import { fixturesOf, type Recording, realRecordings } from './recordings.ts';

export interface ChatRecording extends Recording {
  /** `real google` or `own gemini`. */
  readonly source: string;
  /** `gemini/gemini-3.1-pro-preview`. */
  readonly model: string;
}

/** Folder of the recordings → the model they are examined as. */
const REAL: Readonly<Record<string, string>> = {
  alibaba: 'dashscope/qwen3-max',
  'amazon-bedrock': 'bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0',
  anthropic: 'anthropic/claude-sonnet-4-5-20250929',
  cohere: 'cohere/command-a-03-2025',
  deepseek: 'deepseek/deepseek-reasoner',
  google: 'gemini/gemini-3.1-pro-preview',
  groq: 'groq/openai/gpt-oss-120b',
  mistral: 'mistral/mistral-small-latest',
  moonshotai: 'moonshot/kimi-k3',
  openai: 'openai/gpt-4.1-nano',
  'openai-compatible': 'xai/grok-3-mini',
  perplexity: 'perplexity/sonar',
  xai: 'xai/grok-3-mini',
};

const OWN: Readonly<Record<string, string>> = {
  anthropic: 'anthropic/claude-sonnet-4-5-20250929',
  azure: 'azure/gpt-4.1-nano',
  azure_ai: 'azure_ai/gpt-4.1-nano',
  bedrock: 'bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0',
  cohere: 'cohere/command-a-03-2025',
  databricks: 'databricks/databricks-claude-sonnet-4-5',
  deepseek: 'deepseek/deepseek-reasoner',
  gemini: 'gemini/gemini-3.1-pro-preview',
  groq: 'groq/openai/gpt-oss-120b',
  hosted_vllm: 'hosted_vllm/some-model',
  mistral: 'mistral/mistral-small-latest',
  moonshot: 'moonshot/kimi-k3',
  ollama: 'ollama_chat/qwen3:8b',
  openai: 'openai/gpt-4.1-nano',
  openrouter: 'openrouter/some-model',
  perplexity: 'perplexity/sonar',
  watsonx: 'watsonx/ibm/granite-3-8b-instruct',
  xai: 'xai/grok-3-mini',
};

/** What is no chat answer, and why. By folder and the beginning of the name. */
export const NO_CHAT: readonly (readonly [folder: string, prefix: string, why: string])[] = [
  ['amazon-bedrock', 'reranking-', 'an answer of the rerank API'],
  ['azure', '', 'answers of the Responses API'],
  ['google', 'google-429-', 'an error'],
  ['open-responses', '', 'answers of the Responses API'],
  ['openai', 'responses-', 'answers of the Responses API'],
  ['openai', 'completion-', 'answers of the old text completion API'],
  ['openai', 'chat-reasoning-model-legacy-parameter-error', 'an error'],
  ['togetherai', 'reranking-', 'an answer of the rerank API'],
  ['xai', 'responses-', 'answers of the Responses API'],
];

const isNoChat = (folder: string, name: string): boolean =>
  NO_CHAT.some(([where, prefix]) => where === folder && name.startsWith(prefix));

const FIXTURES = join(import.meta.dir, '..', 'fixtures');

/** Folders of our own fixtures that are a provider's; its other dialects are examined beside their adapters. */
export const ownFolders: readonly string[] = readdirSync(FIXTURES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && (entry.name in OWN || registry.has(entry.name)))
  .map(({ name }) => name)
  .sort();

export const realChats: readonly ChatRecording[] = Object.entries(REAL).flatMap(([folder, model]) =>
  realRecordings(folder)
    .filter(({ name }) => !isNoChat(folder, name))
    .map((recording) => ({ ...recording, source: `real ${folder}`, model })),
);

export const ownChats: readonly ChatRecording[] = ownFolders.flatMap((folder) =>
  fixturesOf(folder).map((recording) => ({
    ...recording,
    source: `own ${folder}`,
    model: OWN[folder] ?? `${folder}/some-model`,
  })),
);

/** Files that a recording has: its whole answer, its stream, or both. */
export const filesOf = ({ whole, events }: Recording): number =>
  Number(whole !== undefined) + Number(events !== undefined);
