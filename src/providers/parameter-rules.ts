/** Which parameters a provider takes, and what becomes of those it does not. */
import { GatewayError } from '../errors.ts';
import type { ChatRequest } from '../wire/openai.ts';
import type { Change, ChatInput, Target } from './adapter.ts';
import { type BodyEdits, pathOf, withoutPath } from './body-edits.ts';

export interface ParameterRules {
  /** Parameter → the provider's name for it. */
  readonly renames?: Readonly<Record<string, string>>;
  /** Parameters that the provider refuses. */
  readonly unsupported?: readonly string[];
  /** Parameters refused only with some values; true means refused. */
  readonly refuses?: (key: string, value: unknown, request: ChatRequest) => boolean;
}

export interface ParameterContext {
  readonly input: ChatInput;
  readonly target: Target;
  readonly edits: BodyEdits;
  readonly changes: Change[];
}

/** @throws GatewayError 400 that names the parameters and how to have them dropped */
export function applyRules(rules: ParameterRules, context: ParameterContext): void {
  const { input, target, edits, changes } = context;
  const allowed = [...target.allowedParams, ...input.allowedParams];
  const refused = refusedKeys(rules, context).filter((key) => !allowed.includes(key));
  if (refused.length > 0 && !(input.dropParams ?? target.dropParams)) throw unsupported(refused, target);
  for (const key of refused) {
    edits.remove(key);
    changes.push({ field: key, action: 'dropped', note: `not supported by ${target.adapter.id}` });
  }
  for (const [from, to] of Object.entries(rules.renames ?? {})) rename(from, to, context);
}

function refusedKeys(rules: ParameterRules, { input, edits }: ParameterContext): string[] {
  const { request } = input;
  const candidates = new Set([...Object.keys(request), ...(rules.unsupported ?? [])]);
  return [...candidates].filter((key) => {
    const value = edits.valueOf(key, request);
    if (value === undefined || value === null) return false;
    return rules.unsupported?.includes(key) || rules.refuses?.(key, value, request);
  });
}

function unsupported(keys: readonly string[], target: Target): GatewayError {
  const names = keys.map((key) => `'${key}'`).join(', ');
  return new GatewayError(
    'invalid_request',
    `${target.adapter.id} does not support parameters: [${names}], for model=${target.upstreamModel}. To drop these, set drop_params to true in the request, the deployment or litellm_settings; to send them anyway, name them in allowed_openai_params.`,
    keys[0] === undefined ? {} : { param: keys[0] },
  );
}

function rename(from: string, to: string, { input, edits, changes }: ParameterContext): void {
  const value = edits.valueOf(from, input.request);
  if (value === undefined || value === null) return;
  edits.remove(from);
  if (edits.valueOf(to, input.request) === undefined) edits.set(to, value);
  changes.push({ field: from, action: 'renamed', note: to });
}

/** `additional_drop_params` of request and deployment: top-level names and nested paths. */
export function dropNamed({ input, target, edits, changes }: ParameterContext): void {
  for (const text of [...target.additionalDropParams, ...input.additionalDropParams]) {
    const [head, ...rest] = pathOf(text);
    if (head === undefined) continue;
    const value = edits.valueOf(head, input.request);
    if (value === undefined) continue;
    if (rest.length === 0) edits.remove(head);
    else {
      const without = withoutPath(value, rest);
      if (without === undefined) continue;
      edits.set(head, without);
    }
    changes.push({ field: text, action: 'dropped', note: 'additional_drop_params' });
  }
}
