/**
 * Groq. Sources: Groq API reference, "Create chat completion"; Groq, "Structured outputs" (which models have them, and that
 * they are not streamed) and "Service tiers"; LiteLLM's documentation of `groq/`.
 */
import { isObject, type JsonObject } from '../lib/json.ts';
import type { Change, Target } from './adapter.ts';
import { answerSchema } from './answer-formats.ts';
import type { BodyEdit } from './body-edit.ts';
import { withJsonTool } from './json-tool.ts';
import { knowsOf } from './known-flags.ts';
import { openAiCompatible } from './openai-compatible.ts';
import type { Refusal } from './parameters.ts';
import { ownUsageAsUsage, reasoningAsContent } from './reply-differences.ts';
import {
  reasoningContentAs,
  renamedValues,
  withoutAnswerFields,
  withoutMarks,
  withoutNullFields,
} from './request-rewrites.ts';

const LACKS =
  'thinking modalities audio prediction store verbosity prompt_cache_retention logit_bias logprobs top_logprobs';

/** They search by themselves. */
const COMPOUND = /^(groq\/)?compound(-beta)?(-mini)?$/;

const hasTools = (tools: unknown): boolean => Array.isArray(tools) && tools.length > 0;

function refusals(edit: BodyEdit, target: Target): Refusal[] {
  const refused: Refusal[] = [];
  const searches = COMPOUND.test(target.upstreamModel) || knowsOf(target, 'supports_web_search') === true;
  if (edit.get('web_search_options') !== undefined && !searches) refused.push({ field: 'web_search_options' });
  const lacksSchemas = knowsOf(target, 'supports_response_schema') !== true;
  if (answerSchema(edit) && lacksSchemas && hasTools(edit.get('tools'))) {
    const why = 'this model keeps to a schema by a tool of ours only, which cannot stand beside tools';
    refused.push({ field: 'response_format', why });
  }
  return refused;
}

/** Searching is what compound models do anyway, and a tool of its own for others. */
function search(edit: BodyEdit, changes: Change[], target: Target): void {
  if (edit.get('web_search_options') === undefined) return;
  edit.remove('web_search_options');
  if (COMPOUND.test(target.upstreamModel)) {
    changes.push({ field: 'web_search_options', action: 'dropped', note: 'it searches anyway' });
    return;
  }
  const tools = edit.get('tools');
  const given: readonly unknown[] = Array.isArray(tools) ? tools : [];
  const isThere = given.some((tool) => isObject(tool) && tool['type'] === 'browser_search');
  if (!isThere) edit.set('tools', [...given, { type: 'browser_search' }]);
  changes.push({ field: 'web_search_options', action: 'renamed', note: 'tools' });
}

/** OpenAI's own words for how fast an answer came; Groq's others are `auto`, as in LiteLLM. */
const KNOWN_TIERS: ReadonlySet<unknown> = new Set(['auto', 'default', 'flex']);

function answer(body: JsonObject): JsonObject {
  const counted = ownUsageAsUsage('x_groq')(body);
  const { service_tier: tier } = counted;
  return tier === undefined || KNOWN_TIERS.has(tier) ? counted : { ...counted, service_tier: 'auto' };
}

const chat = openAiCompatible({
  id: 'groq',
  defaultBaseUrl: 'https://api.groq.com/openai/v1',
  apiKeyEnv: ['GROQ_API_KEY'],
  unsupported: LACKS.split(' '),
  refuses: refusals,
  rewrites: [withoutMarks, search, renamedValues('service_tier', { default: 'on_demand', priority: 'performance' })],
  messageRewrites: [withoutNullFields, withoutAnswerFields, reasoningContentAs('reasoning')],
  reply: { whole: answer, message: reasoningAsContent },
});

/** Schemas are asked for by a tool where the model has none, and for streams, which Groq does not keep to a schema. */
export const groq = withJsonTool(
  chat,
  (format, target, { tools, stream }) =>
    (format['type'] === 'json_schema' || format['response_schema'] !== undefined) &&
    !hasTools(tools) &&
    (stream === true || knowsOf(target, 'supports_response_schema') !== true),
);
