/** OpenAI itself. Source: OpenAI API reference; LiteLLM's documentation of `openai/`. */
import { textOf } from '../lib/json.ts';
import type { Billing, Target } from './adapter.ts';
import { openAiCompatible } from './openai-compatible.ts';
import { completionTokens, effortAsWord, reasoningRefusals } from './reasoning-models.ts';
import { withoutForeignFields, withoutMarks, withoutReasoningContent } from './request-rewrites.ts';

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
  refuses: (edit, { upstreamModel, knownModel }) => reasoningRefusals(edit, upstreamModel, knownModel?.(upstreamModel)),
  rewrites: [
    effortAsWord,
    (edit, changes, { baseUrl }) => {
      if (OPENAI.test(baseUrl)) withoutMarks(edit, changes);
    },
  ],
  // Servers of one's own are reached by this prefix, too, and want to know what they thought; gateways know marks.
  messageRewrites: ({ baseUrl }) => [withoutForeignFields, ...(OPENAI.test(baseUrl) ? [withoutReasoningContent] : [])],
  billing,
});

const OPENAI = /^https:\/\/([a-z]+\.)?api\.openai\.com(?:[:/]|$)/;
const REGION = /^https:\/\/(us|eu)\.api\.openai\.com(?:[:/]|$)/;
/** They search before every answer, and a search costs money. Source: OpenAI's guide "Web search" and its price list. */
const SEARCHES = /-search-(preview|api)(-\d|$)/;

function billing({ baseUrl, upstreamModel, baseModel }: Target): Billing {
  const region = REGION.exec(baseUrl)?.[1];
  return { ...(region !== undefined && { region }), ...(SEARCHES.test(baseModel ?? upstreamModel) && { searches: 1 }) };
}
