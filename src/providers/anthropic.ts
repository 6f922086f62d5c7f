/**
 * Anthropic's Messages API. The translation is the same behind any door to these models; what differs is where they are
 * and how one signs in. Sources: Anthropic's API reference, "Authentication", "Versions", "Beta headers" and "Errors";
 * LiteLLM's documentation of `anthropic/`.
 */
import { GatewayError } from '../errors.ts';
import { isObject, textOf, without } from '../lib/json.ts';
import type { Change, ChatInput, ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import { completionOf } from './anthropic-answer.ts';
import { anthropicCount, anthropicTokens, type CountPlace } from './anthropic-count.ts';
import { bodyOf, draftOf, parameterRules } from './anthropic-request.ts';
import { messageDecoder } from './anthropic-stream.ts';
import type { BodyEdit } from './body-edit.ts';
import { takeExtras } from './openai-compatible.ts';

/** A way to the models. */
export interface AnthropicDoor
  extends Pick<
    ProviderAdapter,
    | 'id'
    | 'defaultBaseUrl'
    | 'apiKeyEnv'
    | 'baseUrlEnv'
    | 'settingsEnv'
    | 'parseSettings'
    | 'baseUrlOf'
    | 'secretsOf'
    | 'authorize'
  > {
  url(target: Target, isStream: boolean): string;
  /** Credentials and version, lower case. */
  headers(target: Target): Readonly<Record<string, string>>;
  /** Last edits: the model's name in the body, or what stands there in its place. */
  finish(edit: BodyEdit, target: Target): void;
  /** Where tokens of a prompt are counted, and of which model; beside the messages when absent. */
  count?(target: Target): CountPlace;
}

const BETA = 'anthropic-beta';
const BETA_NAMES = /^[\w.,\s-]{1,2000}$/;

export function anthropicAdapter(door: AnthropicDoor): ProviderAdapter {
  const { url: _, headers: __, finish: ___, count: ____, ...facts } = door;
  const rules = parameterRules(door.id);
  return {
    ...facts,
    forwards: [BETA],
    relaysBytes: false,
    // A workspace may have it so, whatever a request says.
    billing: () => ({ dearestRegion: 'us' }),
    buildRequest: (input, target, changes) => build(input, target, { door, rules, changes }),
    countRequest: (input, target) =>
      anthropicCount(build(input, target, { door, rules, changes: [] }), target, door.count?.(target)),
    readCount: anthropicTokens,
    parseResponse: (body, _target, memo) => completionOf(body, memo),
    createStreamDecoder: (_target, memo) => messageDecoder(memo),
    parseError,
  };
}

interface Building {
  readonly door: AnthropicDoor;
  readonly rules: ReturnType<typeof parameterRules>;
  readonly changes: Change[];
}

function build(input: ChatInput, target: Target, { door, rules, changes }: Building): UpstreamRequest {
  const draft = draftOf(input, target, rules, changes);
  const { edit } = draft;
  const own = ownHeaders(door, target);
  const betas = [...(own[BETA]?.split(',') ?? []), ...draft.betas, ...askedBetas(edit)].map((name) => name.trim());
  const switches = [...new Set(betas.filter((name) => name !== ''))].join(',');
  const headers = { ...own, ...(switches !== '' && { [BETA]: switches }) };
  keepLimit(edit, changes);
  const all = takeExtras(edit, { headers }, changes, input.text);
  door.finish(edit, target);
  const { memo } = draft;
  const needsMemo = memo.names !== undefined || memo.json !== undefined;
  const isStream = input.request.stream === true;
  return { url: door.url(target, isStream), headers: all, body: bodyOf(draft, input), ...(needsMemo && { memo }) };
}

/** What a call may cost was held by the request's own limit: it cannot be raised behind the gateway's back. */
function keepLimit(edit: BodyEdit, changes: Change[]): void {
  const extra = edit.get('extra_body');
  if (!isObject(extra) || extra['max_tokens'] === undefined) return;
  edit.set('extra_body', without(extra, 'max_tokens'));
  changes.push({ field: 'extra_body.max_tokens', action: 'dropped', note: 'max_tokens says it' });
}

function ownHeaders(door: AnthropicDoor, target: Target): Record<string, string> {
  const operators = Object.entries(target.extraHeaders).map(([name, value]) => [name.toLowerCase(), value] as const);
  const made = door.headers(target);
  const all: Record<string, string> = { 'content-type': 'application/json', ...made, ...Object.fromEntries(operators) };
  const both = [made[BETA], Object.fromEntries(operators)[BETA]].filter((value) => value !== undefined);
  return both.length === 0 ? all : { ...all, [BETA]: both.join(',') };
}

/** Switches that a client names in `extra_headers` join the others; they leave that object. */
function askedBetas(edit: BodyEdit): string[] {
  const extra = edit.get('extra_headers');
  if (!isObject(extra)) return [];
  const names = Object.keys(extra).filter((name) => name.toLowerCase() === BETA);
  const asked = names.map((name) => extra[name]).filter((value) => typeof value === 'string' && BETA_NAMES.test(value));
  if (names.length > 0 && asked.length === names.length) edit.set('extra_headers', without(extra, ...names));
  return asked.length === names.length ? asked.flatMap((value) => String(value).split(',')) : [];
}

/** All else is in the common table. Anthropic says in its own way that a prompt does not fit. */
function parseError(status: number, body: unknown): GatewayError | undefined {
  const error = isObject(body) && isObject(body['error']) ? body['error'] : undefined;
  const message = textOf(error?.['message']);
  if (message === undefined || !/prompt: length|prompt is too long|exceed context limit/i.test(message))
    return undefined;
  return new GatewayError('context_window_exceeded', message, { upstreamStatus: status });
}

const API_VERSION = '2023-06-01';
/** Keys of people who signed in, in place of an account's. */
const SIGNED_IN = 'sk-ant-oat';

interface AnthropicSettings {
  readonly authToken: string | undefined;
}

const settingsOf = ({ settings }: Target): AnthropicSettings | undefined =>
  // Made by parseSettings below; a target built without it has none.
  isObject(settings) ? (settings as unknown as AnthropicSettings) : undefined;

function credentials(target: Target): Readonly<Record<string, string>> {
  const { apiKey, apiVersion } = target;
  const version = { 'anthropic-version': apiVersion ?? API_VERSION };
  const token = settingsOf(target)?.authToken;
  if (apiKey?.startsWith(SIGNED_IN)) {
    return { authorization: `Bearer ${apiKey}`, ...version, [BETA]: 'oauth-2025-04-20' };
  }
  if (apiKey !== undefined && apiKey !== '') return { 'x-api-key': apiKey, ...version };
  return { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...version };
}

/** Configs give the address with and without the path of the API. */
function urlOf({ baseUrl }: Target): string {
  if (baseUrl.endsWith('/v1/messages')) return baseUrl;
  return baseUrl.endsWith('/v1') ? `${baseUrl}/messages` : `${baseUrl}/v1/messages`;
}

export const anthropic = anthropicAdapter({
  id: 'anthropic',
  defaultBaseUrl: 'https://api.anthropic.com',
  apiKeyEnv: ['ANTHROPIC_API_KEY'],
  baseUrlEnv: ['ANTHROPIC_API_BASE', 'ANTHROPIC_BASE_URL'],
  settingsEnv: { auth_token: ['ANTHROPIC_AUTH_TOKEN'] },
  parseSettings: (raw): AnthropicSettings => ({ authToken: textOf(raw['auth_token']) }),
  secretsOf: (target) => {
    const token = settingsOf(target)?.authToken;
    return token === undefined ? [] : [token];
  },
  url: urlOf,
  headers: credentials,
  finish: (edit, { upstreamModel }) => edit.set('model', upstreamModel),
});
