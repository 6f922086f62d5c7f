/**
 * What else Bedrock speaks beside Converse: Claude's own messages by InvokeModel, OpenAI's chat completions by InvokeModel
 * and under an address of their own, and both at its newer endpoint. Sources: AWS's "Anthropic Claude Messages API",
 * "InvokeModelWithResponseStream", "Invoke your imported model" and "OpenAI Chat Completions API"; Anthropic's and OpenAI's
 * documents on their clients for Amazon Bedrock; LiteLLM's documentation of `bedrock/` and `bedrock_mantle/`.
 */

import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import { patchJson } from '../lib/json-members.ts';
import type { Change, ProviderAdapter, StreamDecoder, Target, UpstreamRequest } from './adapter.ts';
import { anthropicAdapter } from './anthropic.ts';
import { awsError } from './aws-error.ts';
import { bedrockModel, familyOf, mantleUrl } from './bedrock-model.ts';
import { bearerOf, settingsOf } from './bedrock-settings.ts';
import { type ServedSwitches, servedSwitches } from './claude-switches.ts';
import { openAiCompatible } from './openai-compatible.ts';
import { reasoningAsContent } from './reply-differences.ts';
import { eventObject } from './stream-event.ts';
import { withTaggedThoughts } from './tagged-thoughts.ts';
import { refuseAddresses } from './vertex-claude.ts';

export type Dialect = 'converse' | 'messages' | 'imported' | 'chat' | 'mantle-messages' | 'mantle-chat';

/** InvokeModel wants each maker's own words; Converse asks the same models in one way, but Claude has more to say in its own. */
export function dialectOf({ upstreamModel, baseModel }: Target): Dialect {
  const isClaude = familyOf(upstreamModel, baseModel) === 'claude';
  switch (bedrockModel(upstreamModel).route) {
    case 'invoke':
      return isClaude ? 'messages' : 'converse';
    case 'openai':
      return 'imported';
    case 'chat_completions':
      return 'chat';
    case 'mantle':
      return isClaude ? 'mantle-messages' : 'mantle-chat';
    default:
      return 'converse';
  }
}

type Named = Exclude<Dialect, 'converse'>;

export function dialects(id: string): Readonly<Record<Named, ProviderAdapter>> {
  const facts = { id, defaultBaseUrl: '', apiKeyEnv: [], baseUrlEnv: [] } as const;
  const open = { ...facts, headers: credentials, parseError: awsError };
  const chat = {
    ...open,
    modelOf,
    renames: TO_MAX_COMPLETION_TOKENS,
    unsupported: ['n', 'functions', 'function_call', 'audio', 'modalities', 'prediction'],
    reply: { message: reasoningAsContent },
  };
  const mantle = { ...chat, url: mantleChatUrl, headers: mantleCredentials('openai-project') };
  return {
    messages: invoked(
      anthropicAdapter({
        ...facts,
        headers: credentials,
        url: invokeUrl,
        finish(edit) {
          refuseAddresses(edit.get('messages'), 'Bedrock');
          edit.remove('model');
          edit.remove('stream');
          edit.set('anthropic_version', 'bedrock-2023-05-31');
        },
      }),
    ),
    imported: imported(
      openAiCompatible({ ...chat, renames: TO_MAX_TOKENS, url: (target) => invokeUrl(target, false) }),
    ),
    chat: guarded(withTaggedThoughts(openAiCompatible({ ...chat, url: chatUrl }), REASONING_TAGS)),
    'mantle-messages': mantleMessages(
      anthropicAdapter({
        ...facts,
        url: mantleMessagesUrl,
        headers: mantleCredentials('anthropic-workspace-id', { 'anthropic-version': '2023-06-01' }),
        finish(edit, target) {
          refuseAddresses(edit.get('messages'), 'Bedrock');
          edit.set('model', modelOf(target));
        },
      }),
    ),
    'mantle-chat': withTaggedThoughts(openAiCompatible(mantle), REASONING_TAGS),
  };
}

const TO_MAX_COMPLETION_TOKENS = { max_tokens: 'max_completion_tokens' } as const;
const TO_MAX_TOKENS = { max_completion_tokens: 'max_tokens' } as const;
/** gpt-oss begins its text with its thoughts. */
const REASONING_TAGS = ['reasoning', 'think'];

const modelOf = ({ upstreamModel }: Target): string => bedrockModel(upstreamModel).id;

function credentials(target: Target): Readonly<Record<string, string>> {
  const bearer = bearerOf(target);
  return bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
}

/** A project of the operator's, under the name that the dialect has for it. */
const mantleCredentials =
  (projectHeader: string, others: Readonly<Record<string, string>> = {}) =>
  (target: Target): Readonly<Record<string, string>> => {
    const { project } = settingsOf(target);
    return { ...credentials(target), ...others, ...(project !== undefined && { [projectHeader]: project }) };
  };

const invokeUrl = (target: Target, isStream: boolean): string =>
  `${target.baseUrl}/model/${encodeURIComponent(modelOf(target))}/invoke${isStream ? STREAMED : ''}`;

const STREAMED = '-with-response-stream';

const chatUrl = ({ baseUrl }: Target): string =>
  `${baseUrl.replace(/\/(openai\/)?v1$/, '')}/openai/v1/chat/completions`;

const RUNTIME = /^https:\/\/bedrock-runtime\.([a-z0-9-]+)\.amazonaws\.com$/;

/** A caller's own model of a wildcard may be there too, in the same region. */
const mantleRoot = ({ baseUrl }: Target): string => {
  const region = RUNTIME.exec(baseUrl)?.[1];
  return region === undefined ? baseUrl : mantleUrl(region);
};

const MESSAGES = '/anthropic/v1/messages';

function mantleMessagesUrl(target: Target): string {
  const root = mantleRoot(target);
  return root.endsWith(MESSAGES) ? root : `${root.replace(/\/(?:openai\/v1|v1|anthropic)$/, '')}${MESSAGES}`;
}

/** Models whose OpenAI API is below this path; all others have it without it. */
const BELOW_OPENAI = /^(?:openai\.gpt-(?!oss)|google\.gemma-4|xai\.)/;

function mantleChatUrl(target: Target): string {
  const root = mantleRoot(target).replace(/\/chat\/completions$/, '');
  const path = BELOW_OPENAI.test(modelOf(target)) ? '/openai/v1' : '/v1';
  return `${root}${root.endsWith('/v1') ? '' : path}/chat/completions`;
}

const SWITCHES: ServedSwitches = {
  at: 'Bedrock',
  refused:
    /^(advisor-tool|agent-memory|bash_|cache-diagnosis|code-execution|extended-cache-ttl|fast-mode|files-api|managed-agents|mcp-client|mcp-servers|message-batches|oauth|output-300k|pdfs|prompt-caching|skills|structured-output|text_editor_|web-fetch|web-search|webhooks)/,
  renamed: { 'advanced-tool-use-2025-11-20': 'tool-search-tool-2025-10-19' },
};

/** The newer endpoint reads Anthropic's header as Anthropic does, and knows more of its switches. */
const MANTLE_SWITCHES: ServedSwitches = {
  ...SWITCHES,
  refused:
    /^(advisor-tool|bash_|code-execution|fast-mode|files-api|mcp-client|mcp-servers|oauth|prompt-caching-scope|skills|structured-outputs?-2024|text_editor_|web-fetch)/,
  headerOnly: /./,
};

function mantleMessages(messages: ProviderAdapter): ProviderAdapter {
  const { countRequest: _, readCount: __, ...adapter } = messages;
  return {
    ...adapter,
    buildRequest: (input, target, changes) =>
      servedSwitches(adapter.buildRequest(input, target, changes), MANTLE_SWITCHES, changes),
    parseError: errorOf(adapter),
  };
}

/** Anthropic's words about a prompt that is too long come through AWS's. */
const errorOf =
  ({ parseError }: ProviderAdapter): NonNullable<ProviderAdapter['parseError']> =>
  (status, body, headers) =>
    awsError(status, body, headers) ?? parseError?.(status, body, headers);

/** Claude by InvokeModel: whether it streams stands in the address, switches in the body. */
function invoked(messages: ProviderAdapter): ProviderAdapter {
  const { countRequest: _, readCount: __, ...adapter } = messages;
  return {
    ...adapter,
    framing: 'aws-event-stream',
    buildRequest(input, target, changes) {
      const request = servedSwitches(adapter.buildRequest(input, target, changes), SWITCHES, changes);
      return withGuardrail(withoutTier(request, changes));
    },
    parseError: errorOf(adapter),
    createStreamDecoder: (target, memo) => unwrapping(adapter.createStreamDecoder(target, memo)),
  };
}

/** Tiers of Anthropic's own accounts. */
function withoutTier(request: UpstreamRequest, changes: Change[]): UpstreamRequest {
  if (parsed(request.body)['service_tier'] === undefined) return request;
  changes.push({ field: 'service_tier', action: 'dropped', note: 'not known to InvokeModel' });
  return { ...request, body: edited(request.body, ['service_tier']) };
}

/** A model that was imported speaks as its server does; the stream's mark is in the address alone. */
function imported(chat: ProviderAdapter): ProviderAdapter {
  return {
    ...chat,
    framing: 'aws-event-stream',
    buildRequest(input, target, changes) {
      const request = withGuardrail(chat.buildRequest(input, target, changes));
      const isStream = input.request.stream === true;
      return { ...request, url: invokeUrl(target, isStream), body: edited(request.body, ['stream']) };
    },
    createStreamDecoder: (target, memo) => unwrapping(chat.createStreamDecoder(target, memo)),
  };
}

const guarded = (chat: ProviderAdapter): ProviderAdapter => ({
  ...chat,
  buildRequest: (input, target, changes) => withGuardrail(chat.buildRequest(input, target, changes)),
});

const GUARDRAIL: Readonly<Record<string, string>> = {
  guardrailIdentifier: 'x-amzn-bedrock-guardrailidentifier',
  guardrailVersion: 'x-amzn-bedrock-guardrailversion',
  trace: 'x-amzn-bedrock-trace',
};

/** Converse has a field for what stands in headers here. */
function withGuardrail(request: UpstreamRequest): UpstreamRequest {
  const config = parsed(request.body)['guardrailConfig'];
  if (!isObject(config)) return request;
  const headers = Object.entries(GUARDRAIL).flatMap(([member, name]) => {
    const value = textOf(config[member]);
    return value === undefined ? [] : [[name, name.endsWith('trace') ? value.toUpperCase() : value]];
  });
  const body = edited(request.body, ['guardrailConfig']);
  return { ...request, headers: { ...request.headers, ...Object.fromEntries(headers) }, body };
}

/** The adapter's own text: always an object. */
const parsed = (body: string): JsonObject => JSON.parse(body) as JsonObject;

const edited = (body: string, remove: readonly string[]): string => patchJson(body, { set: {}, remove }) ?? body;

/** `{"chunk": {"bytes": …}}` holds one event of the dialect's own. */
function unwrapping(decode: StreamDecoder): StreamDecoder {
  return (data) => {
    const bytes = bytesIn(data);
    return bytes === undefined ? [] : decode(Buffer.from(bytes, 'base64').toString('utf8'));
  };
}

/** @throws GatewayError `upstream_protocol` for what is no event */
function bytesIn(data: string): string | undefined {
  const { chunk } = eventObject(data);
  return isObject(chunk) ? textOf(chunk['bytes']) : undefined;
}
