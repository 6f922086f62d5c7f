/**
 * `/utils/*`: what a request counts, what of it a provider would get, what may be in it. Source: LiteLLM's documentation of these
 * routes; Google's "Gemini API" reference for `contents`.
 */
import { z } from '@hono/zod-openapi';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { record } from './fields.ts';
import { messagesOfContents } from './gemini-contents.ts';
import type { Prompt, RequestPreview, TokenCount } from './request-preview.ts';
import { type AdminRoute, route } from './route.ts';

const section = 'Requests';
/** As long as a prompt may be. */
const LARGEST_BYTES = 32 * 1024 * 1024;
const MOST_MESSAGES = 100_000;

const model = z.string().min(1).max(1_000);
const objects = z.array(record).max(MOST_MESSAGES).nullish();

const COUNT_BODY = z.strictObject({
  model,
  prompt: z.string().nullish(),
  messages: objects,
  contents: objects,
  tools: objects,
  tool_choice: z.unknown().optional(),
  system: z.union([z.string(), z.array(record)]).nullish(),
  call_endpoint: z.boolean().nullish(),
});
type CountBody = z.output<typeof COUNT_BODY>;

const TOKEN_COUNT = z.object({
  total_tokens: z.number(),
  request_model: z.string(),
  model_used: z.string(),
  tokenizer_type: z.string(),
  count_source: z.enum(['provider', 'local_estimate']),
  original_response: z.unknown(),
  error: z.boolean(),
  error_message: z.string().nullable(),
  status_code: z.number().nullable(),
});

export function previewRoutes({ preview }: AdminContext): readonly AdminRoute[] {
  return [
    route('POST /utils/token_counter', {
      summary: 'How many tokens a prompt is; with call_endpoint=true as the provider itself counts, where it does.',
      section,
      body: COUNT_BODY,
      query: z.strictObject({ call_endpoint: z.stringbool().optional() }),
      largestBytes: LARGEST_BYTES,
      answer: TOKEN_COUNT,
      async handle({ body, query, caller }) {
        const asksProvider = query.call_endpoint ?? body.call_endpoint ?? false;
        return countView(body.model, await preview.count(promptOf(body), asksProvider, caller));
      },
    }),
    route('GET /utils/supported_openai_params', {
      summary: "Which of OpenAI's parameters a model takes.",
      section,
      query: z.strictObject({ model }),
      answer: z.object({ supported_openai_params: z.array(z.string()) }),
      handle: async ({ query, caller }) => ({
        supported_openai_params: await preview.supportedParams(query.model, caller),
      }),
    }),
    route('POST /utils/transform_request', {
      summary: 'What the provider would be sent for a request, secrets blotted out. Nothing is sent.',
      section,
      body: z.strictObject({ call_type: z.string().max(64), request_body: record }),
      largestBytes: LARGEST_BYTES,
      answer: z.object({
        raw_request_api_base: z.string(),
        raw_request_body: z.unknown(),
        raw_request_headers: z.record(z.string(), z.string()),
      }),
      async handle({ body, access, caller }) {
        refuseCallType(body.call_type);
        const { url, headers, body: sent } = await preview.transform(body.request_body, access.isUnlimited, caller);
        return { raw_request_api_base: url, raw_request_body: sent, raw_request_headers: headers };
      },
    }),
    route('GET /utils/model_info', {
      summary: 'What the price list knows of a model, whether it is served or not.',
      section,
      query: z.strictObject({ model, custom_llm_provider: z.string().min(1).max(64).optional() }),
      handle: async ({ query }) => modelView(preview, query.model, query.custom_llm_provider),
    }),
  ];
}

/** @throws GatewayError 400 for a prompt that is missing or said twice */
function promptOf(body: CountBody): Prompt {
  const { model: named, prompt, system, tools, tool_choice: toolChoice } = body;
  const conversation = conversationOf(body);
  const before = system == null || system === '' ? [] : [{ role: 'system', content: system }];
  const common = { model: named, tools: tools ?? undefined, toolChoice };
  const isPlain = conversation === undefined && before.length === 0 && !tools?.length;
  if (isPlain) return { ...common, text: prompt ?? '', messages: undefined };
  const said = conversation ?? [{ role: 'user', content: prompt }];
  return { ...common, text: undefined, messages: [...before, ...said] };
}

/** `undefined`: a prompt stands in its place. */
function conversationOf({ prompt, messages, contents }: CountBody): Prompt['messages'] {
  if (messages != null && contents != null) {
    throw invalidRequest("Send either 'messages' or 'contents': they say the same thing.", 'contents');
  }
  const conversation = messages ?? (contents == null ? undefined : messagesOfContents(contents));
  if (prompt == null && conversation === undefined) {
    throw invalidRequest("Send 'messages', 'prompt' or 'contents'.", 'messages');
  }
  if (prompt == null || conversation === undefined) return conversation;
  if (conversation.length === 0) return undefined;
  throw invalidRequest("Send either 'prompt' or 'messages': one request has one of them.", 'prompt');
}

function countView(
  asked: string,
  { tokens, model: used, provider, answer, failure }: TokenCount,
): z.output<typeof TOKEN_COUNT> {
  return {
    total_tokens: tokens,
    request_model: asked,
    model_used: used,
    // LiteLLM's words: a provider's own is named by who it is, all that is counted here is one of OpenAI's.
    tokenizer_type: provider === null ? 'openai_tokenizer' : `${provider}_api`,
    count_source: provider === null ? 'local_estimate' : 'provider',
    original_response: answer,
    error: failure !== undefined,
    error_message: failure?.message ?? null,
    status_code: provider === null ? (failure?.status ?? null) : 200,
  };
}

const SERVED_CALLS: ReadonlySet<string> = new Set(['completion', 'acompletion']);
/** Of LiteLLM's `CallTypes`. */
const KNOWN_CALL =
  /^a?(text_completion|embedding|image_(generation|edit|variation)|moderation|speech|transcription|rerank|responses|anthropic_messages|generate_content(_stream)?|(create|retrieve|list|cancel)_batch(es)?|(create|file|retrieve|list)_\w+|realtime|vector_store_\w+|search|ocr|pass_through\w*|allm_passthrough_route|call_mcp_tool|(create|get|delete|list)_\w+)$/;

function refuseCallType(type: string): void {
  if (SERVED_CALLS.has(type)) return;
  const why = KNOWN_CALL.test(type) ? 'is not served here yet' : 'is not known';
  throw invalidRequest(`This call_type ${why}; "completion" and "acompletion" are served.`, 'call_type');
}

function modelView(preview: RequestPreview, named: string, provider: string | undefined): unknown {
  const found = preview.modelFacts(named, provider);
  if (found !== undefined) return { model: named, custom_llm_provider: found.provider, model_info: found.facts };
  throw new GatewayError('not_found', 'The price list has no such model.', { param: 'model', type: 'not_found_error' });
}
