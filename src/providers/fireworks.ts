/**
 * Fireworks AI. Sources: Fireworks API reference, "Create chat completion"; Fireworks, "Document inlining" and "Structured
 * responses"; LiteLLM's documentation of `fireworks_ai/`.
 */
import { isObject, type JsonObject } from '../lib/json.ts';
import type { Change, Target } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import { withJsonTool } from './json-tool.ts';
import { knowsOf } from './known-flags.ts';
import { openAiCompatible } from './openai-compatible.ts';
import type { Refusal } from './parameters.ts';
import { mapParts, plainEffort, requiredAsAny, withoutMarks } from './request-rewrites.ts';

const MODELS = 'accounts/fireworks/models/';

/** Short names are models of Fireworks; other accounts and their deployments (`…#…`) are written out. */
function modelOf({ upstreamModel }: Target): string {
  const isWrittenOut = upstreamModel.startsWith('accounts/') || upstreamModel.includes('#');
  return isWrittenOut ? upstreamModel : MODELS + upstreamModel;
}

function refusals(edit: BodyEdit, target: Target): Refusal[] {
  const given = (field: string): boolean => edit.get(field) !== undefined;
  const lacksTools = knowsOf(target, 'supports_function_calling') === false;
  const lacking = lacksTools ? ['tools', 'tool_choice', 'parallel_tool_calls'].filter(given) : [];
  const refused: Refusal[] = lacking.map((field) => ({ field, why: 'the model takes no tools' }));
  if (given('thinking') && given('reasoning_effort')) {
    refused.push({ field: 'thinking', why: 'only one of thinking and reasoning_effort can be given' });
  }
  return refused;
}

const INLINE = '#transform=inline';

/** Images and documents are read for models that cannot see, when their address asks for it. */
function inlined(edit: BodyEdit, changes: Change[], target: Target): void {
  if (knowsOf(target, 'supports_vision') !== false) return;
  const isInlined = mapParts(edit, 'user', (part) => {
    const image = part['image_url'];
    if (!isObject(image) || typeof image['url'] !== 'string' || image['url'].includes(INLINE)) return part;
    return { ...part, image_url: { ...image, url: image['url'] + INLINE } };
  });
  if (isInlined)
    changes.push({ field: 'messages', action: 'emulated', note: 'images read by the host, not the model' });
}

const chat = openAiCompatible({
  id: 'fireworks_ai',
  defaultBaseUrl: 'https://api.fireworks.ai/inference/v1',
  apiKeyEnv: ['FIREWORKS_API_KEY', 'FIREWORKS_AI_API_KEY', 'FIREWORKSAI_API_KEY', 'FIREWORKS_AI_TOKEN'],
  baseUrlEnv: ['FIREWORKS_API_BASE', 'FIREWORKS_AI_API_BASE'],
  modelOf,
  renames: { max_completion_tokens: 'max_tokens' },
  refuses: refusals,
  rewrites: [withoutMarks, requiredAsAny, plainEffort, inlined],
});

const asksForJson = ({ type }: JsonObject): boolean => type === 'json_schema' || type === 'json_object';

/** It takes a format or tools, not both. */
export const fireworks = withJsonTool(
  chat,
  (format, _, { tools }) => asksForJson(format) && Array.isArray(tools) && tools.length > 0,
);
