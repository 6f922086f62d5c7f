/**
 * `reasoning_effort` and `thinking` → Gemini's `thinkingConfig`. Sources: Google's "Thinking"; LiteLLM's documentation of
 * reasoning for the budgets behind the words.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf } from '../lib/json.ts';
import type { Change } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import type { GeminiModel } from './gemini-model.ts';

const BUDGETS: Readonly<Record<string, number>> = { low: 1024, medium: 2048, high: 4096, xhigh: 8192, max: 16_384 };
const OFF: ReadonlySet<unknown> = new Set(['none', 'disable', 'disabled', false]);
const ACCEPTED = 'none, minimal, low, medium, high, xhigh, max';

/** @throws GatewayError 400 for unknown words and for two wishes at once */
export function thinkingConfig(edit: BodyEdit, model: GeminiModel, changes: Change[]): JsonObject | undefined {
  const effort = wordOf(edit.get('reasoning_effort'));
  const thinking = edit.get('thinking');
  const native = edit.get('thinkingConfig') ?? edit.get('thinking_config');
  const given = [effort, isObject(thinking) ? thinking : undefined, isObject(native) ? native : undefined];
  if (given.filter((wish) => wish !== undefined).length > 1) {
    throw invalidRequest("Give one of 'reasoning_effort', 'thinking' and 'thinkingConfig'.", 'reasoning_effort');
  }
  if (isObject(native)) return native;
  if (isObject(thinking)) return byBudget(thinking, model, changes);
  return effort === undefined ? undefined : byEffort(effort, model, changes);
}

/** `{effort, summary}`, the word alone, or a number of tokens. */
function wordOf(given: unknown): unknown {
  const word = isObject(given) ? given['effort'] : given;
  return word === null || word === undefined || word === 'default' ? undefined : word;
}

function byEffort(effort: unknown, model: GeminiModel, changes: Change[]): JsonObject {
  if (OFF.has(effort)) return off(model, 'reasoning_effort', changes);
  const tokens = numberOf(effort);
  if (tokens !== undefined) return byBudget({ budget_tokens: tokens }, model, changes);
  if (typeof effort !== 'string' || (effort !== 'minimal' && !Object.hasOwn(BUDGETS, effort))) {
    throw invalidRequest(`'reasoning_effort' must be one of ${ACCEPTED}.`, 'reasoning_effort');
  }
  if (model.thinking === 'level') {
    return { thinkingLevel: nearest(effort, model, 'reasoning_effort', changes), includeThoughts: true };
  }
  return { thinkingBudget: effort === 'minimal' ? model.minimalBudget : BUDGETS[effort], includeThoughts: true };
}

const ORDER = ['minimal', 'low', 'medium', 'high'];

/** The same level, the next one above it, or the highest. */
function nearest(word: string, { levels }: GeminiModel, field: string, changes: Change[]): string {
  const wanted = ORDER.indexOf(word);
  const above = wanted === -1 ? undefined : levels.find((level) => ORDER.indexOf(level) >= wanted);
  const level = above ?? levels.at(-1) ?? 'high';
  if (level !== word) changes.push({ field, action: 'clamped', note: `${level} is the nearest that the model has` });
  return level;
}

/** Some models always think a little. */
function off(model: GeminiModel, field: string, changes: Change[]): JsonObject {
  const noteLeast = (): void => {
    changes.push({ field, action: 'clamped', note: 'the model thinks at least a little' });
  };
  if (model.thinking === 'level') {
    noteLeast();
    return { thinkingLevel: model.levels[0], includeThoughts: false };
  }
  if (model.leastBudget > 0) noteLeast();
  return { thinkingBudget: model.leastBudget, includeThoughts: false };
}

/** Anthropic's shape: `{type: "enabled", budget_tokens}`, `{type: "adaptive"}` or `{type: "disabled"}`. */
function byBudget({ type, budget_tokens: given }: JsonObject, model: GeminiModel, changes: Change[]): JsonObject {
  const budget = numberOf(given);
  if (type === 'disabled' || budget === 0) return off(model, 'thinking', changes);
  if (model.thinking !== 'level') return { thinkingBudget: budget ?? -1, includeThoughts: true };
  if (budget === undefined) return { includeThoughts: true };
  const word = budget >= 4096 ? 'high' : budget >= 2048 ? 'medium' : 'low';
  changes.push({ field: 'thinking', action: 'emulated', note: `thinkingLevel ${word}` });
  return { thinkingLevel: nearest(word, model, 'thinking', changes), includeThoughts: true };
}
