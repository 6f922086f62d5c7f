/**
 * A provider that speaks OpenAI's chat completions, its differences given as data. Source: OpenAI API reference, "Create
 * chat completion"; LiteLLM's documentation of input parameters for what happens to each of them.
 */
import { isObject, type JsonObject } from '../lib/json.ts';
import { topLevelMembers } from '../lib/json-members.ts';
import type { Change, ChatInput, ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import { BodyEdit } from './body-edit.ts';
import { extraMembers, THE_GATEWAYS } from './extra-body.ts';
import { chunkDecoder, completionReader, type ReplyDifferences } from './openai-decoder.ts';
import { applyDefaults, applyParameterRules, type Default, type ParameterRules } from './parameters.ts';
import { withExtraHeaders } from './request-headers.ts';
import {
  developerAsSystem,
  imageUrlObjects,
  type MessageRewrite,
  onlyAllowedTools,
  plainToolChoice,
  type RequestRewrite,
  rewriteMessages,
} from './request-rewrites.ts';
import { withoutThoughtSignatures } from './thought-signatures.ts';

/** An edit of the whole body that depends on the model. */
type TargetRewrite = RequestRewrite | ((edit: BodyEdit, changes: Change[], target: Target) => void);

export interface OpenAiCompatible {
  readonly id: string;
  /** No trailing slash; empty when every deployment must bring its own. */
  readonly defaultBaseUrl: string;
  readonly apiKeyEnv: readonly string[];
  /** `<ID>_API_BASE` when absent. */
  readonly baseUrlEnv?: readonly string[];
  /** The model's name in the body; the target's own when absent. */
  readonly modelOf?: (target: Target) => string;
  /** OpenAI's name → its own. */
  readonly renames?: Readonly<Record<string, string>> | ParameterRules['renames'];
  /** OpenAI's parameters that it takes for no model. */
  readonly unsupported?: readonly string[];
  readonly refuses?: ParameterRules['refuses'];
  readonly rewrites?: readonly TargetRewrite[];
  readonly messageRewrites?: readonly MessageRewrite[] | ((target: Target) => readonly MessageRewrite[]);
  /** It knows what is OpenAI's alone: the role `developer`, and a choice among some of the tools. */
  readonly takesDeveloperRole?: boolean;
  /** It hands thought signatures on to Gemini; elsewhere they are taken out of the history. */
  readonly takesThoughtSignatures?: boolean;
  /** `always`: streams carry usage unasked, and `stream_options` is not understood. */
  readonly streamUsage?: 'on request' | 'always';
  /** How its answers differ; absent: not at all, so that their bytes may be relayed. */
  readonly reply?: ReplyDifferences;
  readonly reportsCost?: boolean;
  readonly billing?: ProviderAdapter['billing'];
  /** Where chat completions are; `{base}/chat/completions` when absent. */
  readonly url?: (target: Target) => string;
  /** Credentials and other headers, lower case; `authorization: Bearer` when absent. */
  readonly headers?: (target: Target) => Readonly<Record<string, string>>;
  readonly organizationOf?: (target: Target) => string | undefined;
  readonly settingsEnv?: ProviderAdapter['settingsEnv'];
  readonly parseSettings?: ProviderAdapter['parseSettings'];
  readonly baseUrlOf?: ProviderAdapter['baseUrlOf'];
  readonly authorize?: ProviderAdapter['authorize'];
  readonly parseError?: ProviderAdapter['parseError'];
  readonly secretsOf?: ProviderAdapter['secretsOf'];
}

/** What is the same for every request of a target. */
interface Prepared {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  readonly modelText: string;
  readonly defaults: readonly Default[];
  readonly messageRewrites: readonly MessageRewrite[];
}

/** Everything about a provider that a request needs, made once. */
interface Recipe {
  readonly rules: ParameterRules;
  readonly rewrites: readonly TargetRewrite[];
  readonly asksForUsage: boolean;
  prepare(target: Target): Prepared;
}

export function openAiCompatible(provider: OpenAiCompatible): ProviderAdapter {
  const { id, defaultBaseUrl, apiKeyEnv, reply, reportsCost, billing, settingsEnv } = provider;
  const { parseSettings, baseUrlOf, authorize, parseError, secretsOf } = provider;
  const recipe = recipeOf(provider);
  return {
    id,
    defaultBaseUrl,
    apiKeyEnv,
    baseUrlEnv: provider.baseUrlEnv ?? [`${id.toUpperCase().replaceAll('-', '_')}_API_BASE`],
    relaysBytes: reply === undefined,
    ...(reportsCost !== undefined && { reportsCost }),
    ...(billing && { billing }),
    ...(settingsEnv && { settingsEnv }),
    ...(parseSettings && { parseSettings }),
    ...(baseUrlOf && { baseUrlOf }),
    ...(authorize && { authorize }),
    ...(parseError && { parseError }),
    ...(secretsOf && { secretsOf }),
    buildRequest: (input, target, changes) => buildRequest(input, target, changes, recipe),
    parseResponse: completionReader(reply ?? {}),
    createStreamDecoder: () => chunkDecoder(reply ?? {}),
  };
}

function renamesOf(renames: OpenAiCompatible['renames']): ParameterRules['renames'] {
  if (typeof renames === 'function') return renames;
  const pairs = Object.entries(renames ?? {});
  return () => pairs;
}

function recipeOf(provider: OpenAiCompatible): Recipe {
  const { id, renames, unsupported, refuses, rewrites = [] } = provider;
  const known = new WeakMap<Target, Prepared>();
  return {
    rules: {
      id,
      renames: renamesOf(renames),
      unsupported: new Set(unsupported),
      refuses,
    },
    rewrites: [plainToolChoice, ...(provider.takesDeveloperRole ? [] : [onlyAllowedTools]), ...rewrites],
    asksForUsage: provider.streamUsage !== 'always',
    prepare(target) {
      const prepared = known.get(target) ?? preparedFor(target, provider);
      known.set(target, prepared);
      return prepared;
    },
  };
}

/** Google's own OpenAI-compatible API and gateways like this one know what to do with thought signatures. */
function messageRewritesOf(provider: OpenAiCompatible, target: Target): readonly MessageRewrite[] {
  const { messageRewrites = [], takesDeveloperRole, takesThoughtSignatures } = provider;
  const isGoogle = /^https:\/\/[^/]*\.googleapis\.com(\/|$)/.test(target.baseUrl);
  const own = typeof messageRewrites === 'function' ? messageRewrites(target) : messageRewrites;
  return [
    imageUrlObjects,
    ...(takesDeveloperRole ? [] : [developerAsSystem]),
    ...(takesThoughtSignatures || isGoogle ? [] : [withoutThoughtSignatures]),
    ...(isGoogle ? [] : own),
  ];
}

function preparedFor(target: Target, provider: OpenAiCompatible): Prepared {
  const { modelOf, url = chatUrl, headers = bearer, organizationOf } = provider;
  const model = modelOf ? modelOf(target) : target.upstreamModel;
  const organization = organizationOf ? organizationOf(target) : target.organization;
  const operators = Object.entries(target.extraHeaders).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    url: url(target),
    // Shared by all requests of the target.
    headers: Object.freeze({
      'content-type': 'application/json',
      ...headers(target),
      ...(organization !== undefined && { 'openai-organization': organization }),
      ...Object.fromEntries(operators),
    }),
    model,
    modelText: JSON.stringify(model),
    defaults: Object.entries(target.defaults)
      .filter(([name]) => !THE_GATEWAYS.has(name))
      .map(([name, value]) => [name, value, JSON.stringify(value)] as const),
    messageRewrites: messageRewritesOf(provider, target),
  };
}

export const chatUrl = ({ baseUrl }: Pick<Target, 'baseUrl'>): string =>
  baseUrl.endsWith('/chat/completions') ? baseUrl : `${baseUrl}/chat/completions`;

/** For servers whose address people give with and without its version. */
export const versionedChatUrl = ({ baseUrl }: Pick<Target, 'baseUrl'>): string =>
  /\/v\d+$|\/chat\/completions$/.test(baseUrl) ? chatUrl({ baseUrl }) : `${baseUrl}/v1/chat/completions`;

export const bearer = ({ apiKey }: Target): Readonly<Record<string, string>> =>
  apiKey === undefined || apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` };

function buildRequest(input: ChatInput, target: Target, changes: Change[], recipe: Recipe): UpstreamRequest {
  const prepared = recipe.prepare(target);
  const edit = new BodyEdit(input.request);
  if (prepared.defaults.length > 0) applyDefaults(edit, prepared.defaults);
  applyParameterRules(edit, { rules: recipe.rules, input, target, changes });
  rewriteMessages(edit, prepared.messageRewrites, changes);
  for (const rewrite of recipe.rewrites) rewrite(edit, changes, target);
  const headers = takeExtras(edit, prepared, changes, input.text);
  setStreamOptions(edit, recipe.asksForUsage);
  edit.set('model', prepared.model, prepared.modelText);
  return { url: prepared.url, headers, body: edit.toText(input.text, input.gatewayKeys) };
}

/** `extra_headers` and `extra_body` leave the body and take effect. Returns the headers to send. */
export function takeExtras(
  edit: BodyEdit,
  prepared: Pick<Prepared, 'headers'>,
  changes: Change[],
  text?: string,
): Record<string, string> {
  const extraBody = edit.get('extra_body');
  if (extraBody !== undefined) {
    edit.remove('extra_body');
    const isUntouched = extraBody === edit.request['extra_body'];
    mergeExtraBody(edit, extraBody, changes, isUntouched ? memberTexts(text, 'extra_body') : undefined);
  }
  const extraHeaders = edit.get('extra_headers');
  if (extraHeaders === undefined) return prepared.headers;
  edit.remove('extra_headers');
  return withExtraHeaders(prepared.headers, extraHeaders, changes);
}

/** The members of an object in a JSON text, each as it was written: numbers beyond a double and escapes survive. */
function memberTexts(text: string | undefined, name: string): ReadonlyMap<string, string> | undefined {
  const outer = text === undefined ? undefined : topLevelMembers(text)?.findLast(({ key }) => key === name);
  const inner = outer && text?.slice(outer.valueStart, outer.valueEnd);
  const members = inner === undefined ? undefined : topLevelMembers(inner);
  return (
    members && new Map(members.map(({ key, valueStart, valueEnd }) => [key, inner?.slice(valueStart, valueEnd) ?? '']))
  );
}

function mergeExtraBody(
  edit: BodyEdit,
  extra: unknown,
  changes: Change[],
  texts: ReadonlyMap<string, string> | undefined,
): void {
  for (const [name, value] of Object.entries(extraMembers(extra, changes))) edit.set(name, value, texts?.get(name));
}

/** Usage is always obtained, because calls cost money whether or not the client wants to know. */
function setStreamOptions(edit: BodyEdit, asksForUsage: boolean): void {
  const given = edit.get('stream_options');
  if (!asksForUsage) {
    if (given !== undefined) edit.remove('stream_options');
    return;
  }
  if (edit.request.stream !== true) {
    // A deployment's default, which only a stream can have.
    if (given !== undefined && edit.request.stream_options == null) edit.remove('stream_options');
    return;
  }
  if (!isObject(given)) edit.set('stream_options', { include_usage: true }, '{"include_usage":true}');
  else if ((given as JsonObject)['include_usage'] !== true)
    edit.set('stream_options', { ...given, include_usage: true });
}
