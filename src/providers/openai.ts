/** OpenAI itself. Source: OpenAI API reference; LiteLLM's documentation of `openai/`. */
import { textOf } from '../lib/json.ts';
import { openAiCompatible } from './openai-compatible.ts';
import { completionTokens, effortAsWord, reasoningRefusals } from './reasoning-models.ts';

interface OpenAiSettings {
  readonly organization: string | undefined;
}

export const openai = openAiCompatible({
  id: 'openai',
  defaultBaseUrl: 'https://api.openai.com/v1',
  apiKeyEnv: ['OPENAI_API_KEY'],
  baseUrlEnv: ['OPENAI_BASE_URL', 'OPENAI_API_BASE'],
  settingsEnv: { organization: ['OPENAI_ORGANIZATION', 'OPENAI_ORG_ID'] },
  parseSettings: (raw): OpenAiSettings => ({ organization: textOf(raw['organization']) }),
  organizationOf: ({ organization, settings }) =>
    organization ?? (settings as OpenAiSettings | undefined)?.organization,
  takesDeveloperRole: true,
  unsupported: ['thinking'],
  renames: (edit, { upstreamModel }) => completionTokens(edit, upstreamModel),
  refuses: (edit, { upstreamModel }) => reasoningRefusals(edit, upstreamModel),
  rewrites: [effortAsWord],
});
