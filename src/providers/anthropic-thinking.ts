/**
 * `reasoning_effort` and `thinking`. Sources: Anthropic's guides "Extended thinking", "Adaptive thinking" and "Effort";
 * LiteLLM's documentation of reasoning content for the budgets.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf } from '../lib/json.ts';
import type { ChatMessage } from '../wire/openai.ts';
import type { Change, KnownModel } from './adapter.ts';
import { signedThoughts } from './anthropic-messages.ts';
import type { BodyEdit } from './body-edit.ts';
import type { Refusal } from './parameters.ts';

/** Tokens of thought for each effort, as LiteLLM has them for Claude. */
export const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 2048,
  high: 4096,
  xhigh: 8192,
  max: 16_384,
};
const EFFORTS = [...Object.keys(BUDGETS), 'none', 'default'];
export const LEAST_BUDGET = 1024;
/** What is left for the answer when the client sets no limit. */
export const ANSWER_TOKENS = 4096;

export interface ThinkingContext {
  readonly known: KnownModel | undefined;
  readonly changes: Change[];
}

const isAdaptive = (known: KnownModel | undefined): boolean => known?.flags['supports_adaptive_thinking'] === true;

const knowsBudgetsOnly = (known: KnownModel | undefined): boolean =>
  known?.flags['supports_reasoning'] === true && !isAdaptive(known);

const effortOf = (value: unknown): unknown => (isObject(value) ? value['effort'] : value);

/** Whether the request asks the model to think. */
export function asksToThink(edit: BodyEdit): boolean {
  const thinking = edit.get('thinking');
  if (isObject(thinking)) return thinking['type'] === 'enabled' || thinking['type'] === 'adaptive';
  const effort = effortOf(edit.get('reasoning_effort'));
  return effort !== undefined && effort !== null && effort !== 'none' && effort !== 'default';
}

const ONLY_ONE = 'only 1 is accepted';
/** Of a model that thinks. */
const LEAST_TOP_P = 0.95;

/** What a model does not take beside its thoughts, or at all. */
export function samplingRefusals(edit: BodyEdit, known: KnownModel | undefined): Refusal[] {
  const thinks = asksToThink(edit);
  if (thinks && known?.flags['supports_reasoning'] === false) {
    const asked = ['reasoning_effort', 'thinking'].filter((field) => edit.has(field));
    return asked.map((field) => ({ field, why: 'the model does not think' }));
  }
  const takesNone = known?.flags['supports_sampling_params'] === false;
  if (!takesNone && !thinks) return [];
  const why = takesNone ? ONLY_ONE : `${ONLY_ONE} while the model thinks`;
  const topP = numberOf(edit.get('top_p')) ?? 1;
  return [
    ...(edit.has('temperature') && edit.get('temperature') !== 1 ? [{ field: 'temperature', why }] : []),
    ...(topP < (takesNone ? 1 : LEAST_TOP_P) ? [{ field: 'top_p', why }] : []),
    ...(edit.has('top_k') ? [{ field: 'top_k', why: 'not accepted by this model or while it thinks' }] : []),
  ];
}

/** @returns whether the model will think */
export function applyThinking(edit: BodyEdit, context: ThinkingContext): boolean {
  const given = edit.get('thinking');
  const effort = effortOf(edit.get('reasoning_effort'));
  edit.remove('reasoning_effort');
  if (isObject(given)) applyGiven(edit, given, context);
  else if (effort !== undefined && effort !== null) applyEffort(edit, effort, context);
  if (isObject(given) && effort !== undefined && effort !== null) applyBesides(edit, effort, context);
  dropWhereForeign(edit, context);
  const { type } = thinkingOf(edit);
  return type === 'enabled' || type === 'adaptive';
}

const thinkingOf = (edit: BodyEdit): JsonObject => {
  const thinking = edit.get('thinking');
  return isObject(thinking) ? thinking : {};
};

function applyGiven(edit: BodyEdit, given: JsonObject, { known, changes }: ThinkingContext): void {
  const { type } = given;
  const budget = numberOf(given['budget_tokens']);
  if (type === 'adaptive' && knowsBudgetsOnly(known)) {
    changes.push({ field: 'thinking', action: 'emulated', note: 'adaptive as a budget' });
    setBudget(edit, BUDGETS['medium'] ?? LEAST_BUDGET, { known, changes });
  } else if (type === 'enabled' && isAdaptive(known) && known?.flags['supports_legacy_thinking'] !== true) {
    changes.push({ field: 'thinking', action: 'emulated', note: 'a budget as adaptive' });
    edit.set('thinking', { type: 'adaptive', display: 'summarized' });
    setOutputEffort(edit, levelOf(budget));
  } else if (type === 'enabled' && budget !== undefined && !edit.has('max_tokens')) {
    edit.set('max_tokens', roomFor(budget, known));
  }
}

/** The level whose usual budget it reaches. */
const levelOf = (budget: number | undefined): string =>
  budget === undefined ? 'medium' : budget >= 4096 ? 'high' : budget >= 2048 ? 'medium' : 'low';

const roomFor = (budget: number, known: KnownModel | undefined): number =>
  Math.min(budget + ANSWER_TOKENS, known?.maxOutputTokens ?? Number.POSITIVE_INFINITY);

function applyEffort(edit: BodyEdit, given: unknown, context: ThinkingContext): void {
  const { known, changes } = context;
  const effort = wordOf(given);
  if (effort === 'none' || effort === 'default') {
    changes.push({ field: 'reasoning_effort', action: 'dropped', note: 'the model is left to itself' });
    return;
  }
  changes.push({ field: 'reasoning_effort', action: 'renamed', note: 'thinking' });
  if (isAdaptive(known)) {
    edit.set('thinking', { type: 'adaptive', display: 'summarized' });
    setOutputEffort(edit, possibleEffort(effort, context));
  } else setBudget(edit, BUDGETS[effort] ?? LEAST_BUDGET, context);
}

function wordOf(effort: unknown): string {
  if (typeof effort === 'string' && EFFORTS.includes(effort)) return effort;
  throw invalidRequest(`'reasoning_effort' must be one of ${EFFORTS.join(', ')}.`, 'reasoning_effort');
}

/** The highest level that the model has and that is not above the one asked for. */
export function possibleEffort(effort: string, { known, changes }: ThinkingContext): string {
  if (effort === 'minimal') return 'low';
  const isThere = effort !== 'xhigh' && effort !== 'max' ? true : known?.flags[`supports_${effort}_reasoning_effort`];
  if (isThere !== false && (isThere || known === undefined)) return effort;
  changes.push({ field: 'reasoning_effort', action: 'clamped', note: 'high is the model’s highest' });
  return 'high';
}

function setOutputEffort(edit: BodyEdit, effort: string): void {
  const config = edit.get('output_config');
  edit.set('output_config', { effort, ...(isObject(config) && config) });
}

/** `thinking` says how; the effort is a word of its own where the model has it. */
function applyBesides(edit: BodyEdit, given: unknown, context: ThinkingContext): void {
  const effort = wordOf(given);
  const takesEffort = context.known?.flags['supports_output_config'] === true;
  if (takesEffort && effort !== 'none' && effort !== 'default') {
    setOutputEffort(edit, possibleEffort(effort, context));
    context.changes.push({ field: 'reasoning_effort', action: 'renamed', note: 'output_config' });
  } else context.changes.push({ field: 'reasoning_effort', action: 'dropped', note: 'thinking says it' });
}

/** A budget of our own making gives way to the client's limit, which holds thoughts and answer. */
function setBudget(edit: BodyEdit, wanted: number, { known, changes }: ThinkingContext): void {
  const most = numberOf(edit.get('max_tokens'));
  if (most === undefined) edit.set('max_tokens', roomFor(wanted, known));
  const budget = most === undefined ? wanted : Math.min(wanted, most - 1);
  if (budget >= LEAST_BUDGET) {
    if (budget < wanted) changes.push({ field: 'thinking', action: 'clamped', note: 'below max_tokens' });
    edit.set('thinking', { type: 'enabled', budget_tokens: budget });
    return;
  }
  edit.remove('thinking');
  changes.push({ field: 'thinking', action: 'dropped', note: 'max_tokens leaves no room for it' });
}

function dropWhereForeign(edit: BodyEdit, { changes }: ThinkingContext): void {
  if (thinkingOf(edit)['type'] !== 'enabled' || !endsInForeignCall(edit.request.messages)) return;
  edit.remove('thinking');
  changes.push({ field: 'thinking', action: 'dropped', note: 'the last tool call was made without it' });
}

/** With a budget Claude refuses to go on with a call that was made without thoughts, as other models make them. */
export function endsInForeignCall(messages: readonly ChatMessage[]): boolean {
  const last = messages.findLastIndex(({ role }) => role === 'assistant');
  const message = messages[last];
  const calls = message?.['tool_calls'];
  if (!message || !Array.isArray(calls) || calls.length === 0) return false;
  const isAnswered = messages.slice(last + 1).some(({ role }) => role === 'tool');
  return isAnswered && signedThoughts(message).length === 0;
}
