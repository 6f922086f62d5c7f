/** How much a model thinks, in the words of its family. Source: AWS's guides on the models; LiteLLM's documentation of `reasoning_effort`. */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf } from '../lib/json.ts';
import type { Change, Target } from './adapter.ts';
import { knownOf } from './anthropic-request.ts';
import { ANSWER_TOKENS, BUDGETS, endsInForeignCall, LEAST_BUDGET, possibleEffort } from './anthropic-thinking.ts';
import { type Family, thinksAdaptively } from './bedrock-model.ts';
import type { BodyEdit } from './body-edit.ts';

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

export interface ThinkingContext {
  readonly family: Family;
  readonly target: Target;
  readonly changes: Change[];
}

/** @throws GatewayError 400 for a level that nobody knows */
export function thinkingOf(edit: BodyEdit, context: ThinkingContext): Thinking {
  const { family } = context;
  if (family === 'claude') return claudes(edit, context);
  const level = levelOf(edit.get('reasoning_effort'));
  if (level === undefined || !takesEffort(family)) return OFF;
  switch (family) {
    case 'nova-2':
      return novas(level);
    case 'gpt':
      return { ...OFF, fields: { reasoning: { effort: level } } };
    default:
      return { ...OFF, fields: { reasoning_effort: level } };
  }
}

function levelOf(effort: unknown): string | undefined {
  const level = isObject(effort) ? effort['effort'] : effort;
  if (level === undefined || level === null) return undefined;
  if (typeof level === 'string' && (level === 'none' || Object.hasOwn(BUDGETS, level))) return level;
  const known = ['none', ...Object.keys(BUDGETS)].join(', ');
  throw invalidRequest(`'reasoning_effort' must be one of ${known}.`, 'reasoning_effort');
}

function claudes(edit: BodyEdit, context: ThinkingContext): Thinking {
  const given = edit.get('thinking');
  const level = isObject(given) ? undefined : levelOf(edit.get('reasoning_effort'));
  const most = numberOf(edit.get('max_tokens'));
  if (isObject(given) && levelOf(edit.get('reasoning_effort')) !== undefined) {
    context.changes.push({ field: 'reasoning_effort', action: 'dropped', note: 'thinking says it' });
  }
  const thinking = isObject(given) ? { thinking: given } : claudesLevel(level, most, context);
  if (!isObject(thinking['thinking'])) return OFF;
  const { type, budget_tokens: tokens } = thinking['thinking'];
  if (type === 'enabled' && endsInForeignCall(edit.request.messages)) {
    context.changes.push({ field: 'thinking', action: 'dropped', note: 'the last tool call was made without it' });
    return OFF;
  }
  const isOn = type !== 'disabled';
  const budget = isOn ? numberOf(tokens) : undefined;
  return { fields: thinking, isOn, maxTokens: budget === undefined ? undefined : budget + ANSWER_TOKENS };
}

/** A budget of our own making gives way to the client's limit, which holds thoughts and answer. */
function claudesLevel(level: string | undefined, most: number | undefined, context: ThinkingContext): JsonObject {
  const { changes, target } = context;
  if (level === undefined || level === 'none') return {};
  const known = knownOf(target);
  const isAdaptive =
    known?.flags['supports_adaptive_thinking'] ?? thinksAdaptively(target.upstreamModel, target.baseModel);
  if (isAdaptive) {
    const effort = possibleEffort(level, { known, changes });
    return { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort } };
  }
  const wanted = BUDGETS[level] ?? LEAST_BUDGET;
  const budget = most === undefined ? wanted : Math.min(wanted, most - 1);
  if (budget < LEAST_BUDGET) {
    changes.push({ field: 'reasoning_effort', action: 'dropped', note: 'max_tokens leaves no room for it' });
    return {};
  }
  if (budget < wanted) changes.push({ field: 'reasoning_effort', action: 'clamped', note: 'below max_tokens' });
  return { thinking: { type: 'enabled', budget_tokens: budget } };
}

function novas(level: string): Thinking {
  if (level === 'none') return { ...OFF, fields: { reasoningConfig: { type: 'disabled' } } };
  const effort = level === 'minimal' ? 'low' : level === 'xhigh' || level === 'max' ? 'high' : level;
  return { ...OFF, fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: effort } } };
}
