/**
 * Parameters of OpenAI's reasoning models, which OpenAI and Azure share. Source: OpenAI API reference, "Create chat
 * completion", and its reasoning guide; LiteLLM's documentation of o-series and GPT-5 parameters.
 */

import { isObject, textOf } from '../lib/json.ts';
import type { KnownModel } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import type { Refusal } from './parameters.ts';
import type { RequestRewrite } from './request-rewrites.ts';

interface Family {
  readonly matches: (model: string) => boolean;
  readonly unsupported: readonly string[];
  /** Not while the model reasons. */
  readonly unreasonedOnly: readonly string[];
  /** From this family on, effort `none` turns reasoning off. */
  readonly canStopReasoning: (model: string) => boolean;
}

const SAMPLING = ['top_p', 'logprobs', 'top_logprobs'];
const PENALTIES = ['presence_penalty', 'frequency_penalty'];
const never = (): boolean => false;

/** First match wins; a model of no family takes every parameter. */
const FAMILIES: readonly Family[] = [
  {
    // o1, o3-mini, o4-mini-2025-04-16 …
    matches: (model) => /^o\d/.test(model),
    unsupported: [...SAMPLING, ...PENALTIES],
    unreasonedOnly: ['temperature'],
    canStopReasoning: never,
  },
  {
    // Search models have a short list of their own, and do not reason.
    matches: (model) => isGpt5(model) && model.includes('search'),
    unsupported: [
      ...SAMPLING,
      ...PENALTIES,
      ...['temperature', 'n', 'stop', 'seed', 'logit_bias', 'modalities', 'prediction', 'audio', 'reasoning_effort'],
      ...['tools', 'tool_choice', 'parallel_tool_calls', 'functions', 'function_call'],
    ],
    unreasonedOnly: [],
    canStopReasoning: never,
  },
  {
    matches: (model) => isGpt5(model) && !model.includes('chat'),
    unsupported: [...PENALTIES, 'stop', 'logit_bias', 'modalities', 'prediction', 'audio', 'web_search_options'],
    unreasonedOnly: ['temperature', ...SAMPLING],
    canStopReasoning: (model) => !/^gpt-5(?![.\d])|-pro\b/.test(model),
  },
];

const isGpt5 = (model: string): boolean => /^gpt-([5-9]|\d\d)/.test(model);

const ONLY_ONE = 'only 1 is accepted';
const ONLY_UNREASONED = 'accepted only with reasoning_effort none';

/** `models/…`, `ft:…` and the like do not change the rules. */
const ownName = (model: string): string => model.slice(model.lastIndexOf('/') + 1).replace(/^ft:/, '');

export const isReasoningModel = (model: string): boolean => FAMILIES.some(({ matches }) => matches(ownName(model)));

const families = new Map<string, Family | undefined>();
const MAX_REMEMBERED = 1000;

function familyOf(model: string): Family | undefined {
  if (families.has(model)) return families.get(model);
  const name = ownName(model);
  const family = FAMILIES.find(({ matches }) => matches(name));
  // A wildcard deployment serves any name a client thinks of.
  if (families.size >= MAX_REMEMBERED) families.clear();
  families.set(model, family);
  return family;
}

/** They answer at once, and refuse to be told how long to think. */
const ANSWERS_AT_ONCE = /^(?:chatgpt-4o|gpt-[34])/;

function effortRefusals(edit: BodyEdit, name: string, known: KnownModel | undefined): Refusal[] {
  const effort = effortOf(edit.get('reasoning_effort'));
  if (effort === undefined) return [];
  const field = 'reasoning_effort';
  if (ANSWERS_AT_ONCE.test(name)) return [{ field, why: 'the model does not reason' }];
  const isMissing = known?.flags[`supports_${effort}_reasoning_effort`] === false;
  return isMissing ? [{ field, why: 'the model does not have this level' }] : [];
}

/** What of this request the model does not take. */
export function reasoningRefusals(edit: BodyEdit, model: string, known?: KnownModel): readonly Refusal[] {
  const refused = familyRefusals(edit, model);
  const isSaid = refused.some(({ field }) => field === 'reasoning_effort');
  return isSaid ? refused : [...refused, ...effortRefusals(edit, ownName(model), known)];
}

function familyRefusals(edit: BodyEdit, model: string): Refusal[] {
  const family = familyOf(model);
  if (!family) return [];
  const refused = family.unsupported
    .filter((field) => edit.get(field) !== undefined)
    .map((field): Refusal => ({ field }));
  if (!reasons(edit, family, ownName(model))) return refused;
  const canStop = family.canStopReasoning(ownName(model));
  for (const field of family.unreasonedOnly) {
    const value = edit.get(field);
    if (value === undefined || (field === 'temperature' && value === 1)) continue;
    const onlyOne = field === 'temperature' && !canStop;
    refused.push({ field, ...((onlyOne || canStop) && { why: onlyOne ? ONLY_ONE : ONLY_UNREASONED }) });
  }
  return refused;
}

/** Unsaid effort is the model's own matter where it can be `none`: then the upstream decides. */
function reasons(edit: BodyEdit, family: Family, name: string): boolean {
  if (!family.canStopReasoning(name)) return true;
  const effort = effortOf(edit.get('reasoning_effort'));
  return effort !== undefined && effort !== 'none';
}

const effortOf = (value: unknown): string | undefined => textOf(isObject(value) ? value['effort'] : value);

/** `max_tokens` is the older name, which reasoning models refuse. */
export function completionTokens(edit: BodyEdit, model: string): readonly (readonly [string, string])[] {
  return familyOf(model) && edit.get('max_tokens') !== undefined ? RENAMED : NONE;
}
const RENAMED = [['max_tokens', 'max_completion_tokens']] as const;
const NONE: readonly (readonly [string, string])[] = [];

/** Chat takes the effort as a word; the object form is the Responses API's. */
export const effortAsWord: RequestRewrite = (edit, changes) => {
  const given = edit.get('reasoning_effort');
  if (!isObject(given)) return;
  const effort = effortOf(given);
  if (effort === undefined) edit.remove('reasoning_effort');
  else edit.set('reasoning_effort', effort);
  changes.push({ field: 'reasoning_effort', action: 'clamped', note: 'only its effort' });
};
