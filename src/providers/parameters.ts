/**
 * Which parameters of a request reach a provider: the deployment's defaults, what is to be dropped, renamed or refused.
 * Source: OpenAI API reference, "Create chat completion"; LiteLLM's documentation of `drop_params`,
 * `additional_drop_params` and `allowed_openai_params`.
 */
import { GatewayError } from '../errors.ts';
import type { Change, ChatInput, Target } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import { pathSteps, withoutPath } from './field-paths.ts';

/** A parameter that this request may not carry to this model. */
export interface Refusal {
  readonly field: string;
  /** What is accepted, in a short phrase without the request's values. */
  readonly why?: string;
}

export interface ParameterRules {
  readonly id: string;
  /** OpenAI's name and the provider's, for those that this request may need. */
  readonly renames: (edit: BodyEdit, target: Target) => readonly (readonly [string, string])[];
  /** OpenAI's parameters that the provider takes for no model. */
  readonly unsupported: ReadonlySet<string>;
  /** Those that depend on the model or on other parameters. */
  readonly refuses: ((edit: BodyEdit, target: Target) => readonly Refusal[]) | undefined;
}

/** They say who asks or how to bill, not what to answer: leaving one out changes no answer, so it is never refused. */
const HINTS: ReadonlySet<string> = new Set([
  'user',
  'store',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'stream_options',
]);

/** @throws GatewayError 400 that names the parameters and says how to drop them */
export function applyParameterRules(edit: BodyEdit, context: ParameterContext): void {
  dropPaths(edit, context);
  const { rules, target, changes } = context;
  for (const [from, to] of rules.renames(edit, target)) rename(edit, from, to, changes);
  refuse(edit, context);
}

export interface ParameterContext {
  readonly rules: ParameterRules;
  readonly input: ChatInput;
  readonly target: Target;
  readonly changes: Change[];
}

/** A default as `[name, value, its JSON text]`. */
export type Default = readonly [string, unknown, string];

/** Tools of the deployment are added to the client's; anything else only stands in for what was not given. */
export function applyDefaults(edit: BodyEdit, defaults: readonly Default[]): void {
  for (const [name, value, text] of defaults) {
    const given = edit.get(name);
    if (given === undefined || given === null) edit.set(name, value, text);
    else if (name === 'tools' && Array.isArray(given) && Array.isArray(value)) edit.set(name, [...given, ...value]);
  }
}

const UNTOUCHABLE: ReadonlySet<string> = new Set(['model', 'messages', 'stream']);

function dropPaths(edit: BodyEdit, { input, target, changes }: ParameterContext): void {
  if (input.additionalDropParams.length + target.additionalDropParams.length === 0) return;
  for (const path of new Set([...target.additionalDropParams, ...input.additionalDropParams])) {
    if (dropPath(edit, path)) changes.push({ field: path, action: 'dropped', note: 'additional_drop_params' });
  }
}

/** @returns whether there was anything to drop */
function dropPath(edit: BodyEdit, path: string): boolean {
  const [name, ...rest] = pathSteps(path);
  if (typeof name !== 'string') return false;
  const value = edit.get(name);
  if (value === undefined) return false;
  if (rest.length === 0) {
    if (UNTOUCHABLE.has(name)) return false;
    edit.remove(name);
    return true;
  }
  const kept = withoutPath(value, rest);
  if (kept === value) return false;
  edit.set(name, kept);
  return true;
}

function rename(edit: BodyEdit, from: string, to: string, changes: Change[]): void {
  if (edit.get(from) === undefined) return;
  if (edit.has(to) || !edit.has(from)) {
    edit.remove(from);
    changes.push({ field: from, action: 'dropped', note: `${to} says it` });
    return;
  }
  edit.rename(from, to);
  changes.push({ field: from, action: 'renamed', note: to });
}

function refuse(edit: BodyEdit, context: ParameterContext): void {
  const refused = refusalsOf(edit, context);
  if (refused.length === 0) return;
  const { input, target, rules, changes } = context;
  const drops = input.dropParams ?? target.dropParams;
  // A default is the operator's word: the client who did not send it is not told off for it.
  const askedFor = ({ field }: Refusal): boolean => isGiven(input.request[field]) && !HINTS.has(field);
  const offending = drops ? [] : refused.filter(askedFor);
  if (offending.length > 0) throw unsupported(rules.id, target, offending);
  for (const refusal of refused) {
    const { field } = refusal;
    if (!drops && edit.has(field) && !askedFor(refusal) && !HINTS.has(field)) continue;
    edit.remove(field);
    changes.push({ field, action: 'dropped', note: refusal.why ?? `not supported by ${rules.id}` });
  }
}

function refusalsOf(edit: BodyEdit, { rules, input, target }: ParameterContext): Refusal[] {
  const found: Refusal[] = [];
  if (rules.unsupported.size > 0) {
    for (const field of rules.unsupported) if (edit.get(field) !== undefined) found.push({ field });
  }
  if (rules.refuses) found.push(...rules.refuses(edit, target));
  if (found.length === 0) return found;
  const allowed = (field: string): boolean =>
    input.allowedParams.includes(field) || target.allowedParams.includes(field);
  // One answer is what every provider gives.
  return found.filter(({ field }) => !allowed(field) && !(field === 'n' && edit.get('n') === 1));
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

function unsupported(id: string, target: Target, refusals: readonly Refusal[]): GatewayError {
  const names = refusals.map(({ field }) => `'${field}'`).join(', ');
  const reasons = refusals.flatMap(({ field, why }) => (why === undefined ? [] : [`${field}: ${why}.`]));
  const message = [
    `${id} does not support parameters: [${names}], for model=${target.upstreamModel}.`,
    ...reasons,
    'To drop them, set drop_params to true in the request, the deployment or litellm_settings;',
    'to send them all the same, name them in allowed_openai_params.',
  ].join(' ');
  return new GatewayError('invalid_request', message, { param: refusals[0]?.field ?? 'model' });
}
