/** How much a model thinks, in the words of its family. Source: AWS's guides on the models; LiteLLM's documentation of `reasoning_effort`. */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf } from '../lib/json.ts';
import type { Target } from './adapter.ts';
import { type Family, thinksAdaptively } from './bedrock-model.ts';

/** LiteLLM's budgets. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 2048,
  high: 4096,
  xhigh: 8192,
  max: 16_384,
};
const ANSWER_TOKENS = 4096;

export interface Thinking {
  /** For `additionalModelRequestFields`. */
  readonly fields: JsonObject;
  readonly isOn: boolean;
  /** A cap on the output where the request has none: thinking counts against it. */
  readonly maxTokens: number | undefined;
}

const OFF: Thinking = { fields: {}, isOn: false, maxTokens: undefined };

/** Families that can be told. */
export const takesEffort = (family: Family): boolean => family !== 'other' && family !== 'nova';

/** @throws GatewayError 400 for a level that nobody knows */
export function thinkingOf(effort: unknown, thinking: unknown, family: Family, target: Target): Thinking {
  if (family === 'claude' && isObject(thinking)) return claudes(thinking);
  const level = isObject(effort) ? effort['effort'] : effort;
  if (level === undefined || level === null || !takesEffort(family)) return OFF;
  if (typeof level !== 'string' || (level !== 'none' && !Object.hasOwn(BUDGETS, level))) {
    const known = ['none', ...Object.keys(BUDGETS)].join(', ');
    throw invalidRequest(`'reasoning_effort' must be one of ${known}.`, 'reasoning_effort');
  }
  switch (family) {
    case 'claude':
      return level === 'none' ? OFF : claudesLevel(level, target);
    case 'nova-2':
      return novas(level);
    case 'gpt':
      return { ...OFF, fields: { reasoning: { effort: level } } };
    default:
      return { ...OFF, fields: { reasoning_effort: level } };
  }
}

function claudes(thinking: JsonObject): Thinking {
  const isOn = thinking['type'] !== 'disabled';
  const budget = isOn ? numberOf(thinking['budget_tokens']) : undefined;
  return { fields: { thinking }, isOn, maxTokens: budget === undefined ? undefined : budget + ANSWER_TOKENS };
}

function claudesLevel(level: string, { upstreamModel, baseModel, knownModel }: Target): Thinking {
  const isAdaptive =
    knownModel?.(upstreamModel)?.flags['supports_adaptive_thinking'] ?? thinksAdaptively(upstreamModel, baseModel);
  if (!isAdaptive) return claudes({ type: 'enabled', budget_tokens: BUDGETS[level] });
  const effort = level === 'minimal' ? 'low' : level;
  return {
    fields: { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort } },
    isOn: true,
    maxTokens: undefined,
  };
}

function novas(level: string): Thinking {
  if (level === 'none') return { ...OFF, fields: { reasoningConfig: { type: 'disabled' } } };
  const effort = level === 'minimal' ? 'low' : level === 'xhigh' || level === 'max' ? 'high' : level;
  return { ...OFF, fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: effort } } };
}
