/**
 * A provider is a pair of translations. No sockets, clocks, retries or logging in here: `gateway/send.ts` does all I/O,
 * so an adapter's test needs no server.
 */
import type { GatewayError } from '../errors.ts';
import type { ChatChunk, ChatCompletion, ChatRequest } from '../wire/openai.ts';
import type { Billing } from '../wire/usage.ts';

export type { Billing } from '../wire/usage.ts';

/** One deployment of one provider: everything that is needed to call it. */
export interface Target {
  readonly deploymentId: string;
  /** The public name it is served under (`model_name`). */
  readonly modelGroup: string;
  readonly adapter: ProviderAdapter;
  /** As configured, with the provider prefix: `openai/gpt-4o-mini`. */
  readonly litellmModel: string;
  /** The name sent upstream: `gpt-4o-mini`. */
  readonly upstreamModel: string;
  /** That name is a caller's own, which a wildcard lets through. */
  readonly isNamedByCaller?: boolean;
  /** No trailing slash. */
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly apiVersion: string | undefined;
  readonly organization: string | undefined;
  readonly extraHeaders: Readonly<Record<string, string>>;
  /** Parameters used when the request does not set them (`litellm_params.temperature` …). */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** What `parseSettings` returned. */
  readonly settings: unknown;
  readonly dropParams: boolean;
  readonly additionalDropParams: readonly string[];
  readonly allowedParams: readonly string[];
  /** The operator lets callers bring a provider key of their own. */
  readonly takesCallerKey?: boolean;
  readonly timeoutMs: number | undefined;
  readonly streamTimeoutMs: number | undefined;
  readonly numRetries: number | undefined;
  readonly weight: number;
  /** Tier: the lowest is tried first; `undefined` comes last. */
  readonly order: number | undefined;
  readonly tags: readonly string[];
  /** `tag_regex`: clients whose `User-Agent: …` matches one of these are led here. */
  readonly tagPatterns?: readonly RegExp[];
  /** `model_info.enable_tag_filtering`: whether tags choose among the deployments of its group. */
  readonly tagFiltering?: boolean | undefined;
  /** `model_info.allow_fail_open`: tags that lead to nobody do not leave its group without an answer. */
  readonly failsOpen?: boolean | undefined;
  readonly region: string | undefined;
  /** A canned answer instead of an upstream (`litellm_params.mock_response`). */
  readonly mockResponse: string | undefined;
  /** `fake_stream`: clients get whole answers in pieces. `false`: they get the model's own streams, whatever is known of it. */
  readonly fakeStream?: boolean | undefined;
  /** What the caller's own fallback object says in place of the request's fields; for this call only. */
  readonly requestChanges?: Readonly<Record<string, unknown>> | undefined;
  /** Catalog entry to price with (`model_info.base_model`). */
  readonly baseModel: string | undefined;
  /** `model_info.max_input_tokens`; the catalog's stands otherwise. */
  readonly maxInputTokens: number | undefined;
  /** What is known of a model by its upstream name: the deployment's own `model_info`, else the catalog. */
  readonly knownModel?: ((model: string) => KnownModel | undefined) | undefined;
  /** Price fields given in the config, by catalog name; `undefined` when none were. */
  readonly customPrices: Readonly<Record<string, number>> | undefined;
}

export interface KnownModel {
  readonly maxOutputTokens: number | undefined;
  /** `supports_vision` and the like, by catalog name. A flag that is not there is unknown, not `false`. */
  readonly flags: Readonly<Record<string, boolean>>;
}

/** What an adapter dropped, renamed or emulated. The caller sees it in `x-tollgate-changed`; the log row keeps it. */
export interface Change {
  readonly field: string;
  readonly action: 'dropped' | 'renamed' | 'emulated' | 'clamped' | 'added';
  /** One short plain phrase: the new name, or why. No values from the request. */
  readonly note: string;
}

/** A chat request on its way out. */
export interface ChatInput {
  /** Parsed body without the gateway's own keys. Treat as read-only. */
  readonly request: ChatRequest;
  /** The client's exact JSON text, when `request` still says the same; edits are then spliced into it. */
  readonly text: string | undefined;
  /** Top-level keys present in `text` that are the gateway's own and must not reach the upstream. */
  readonly gatewayKeys: readonly string[];
  /** Request-level `drop_params`; `undefined` leaves the target's setting. */
  readonly dropParams: boolean | undefined;
  /** Request-level `additional_drop_params`. */
  readonly additionalDropParams: readonly string[];
  /** Request-level `allowed_openai_params`. */
  readonly allowedParams: readonly string[];
}

export interface UpstreamRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** What reading the answer takes to know of the request, such as renamed tools; the adapter gets it back. */
  readonly memo?: unknown;
}

/** Where an answer will be that was not there yet. Asked for with GET, and with these headers only. */
export interface FollowUp {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Time to leave it before it is asked for. */
  readonly waitMs: number;
}

/**
 * One server-sent event's `data`, one line of NDJSON, or one message of a binary stream as `{type: payload}`; of named
 * events as `{event: data}`, where the data is a text.
 */
export type StreamDecoder = (data: string) => ChatChunk[];

/** A variable of the environment by its name. */
export type LookUp = (name: string) => string | undefined;

export interface ProviderAdapter {
  /** The prefix in `provider/model`. Spelled nowhere outside `providers/`. */
  readonly id: string;
  readonly defaultBaseUrl: string;
  /** Environment variables that hold the key, first match wins. Empty: the provider needs none. */
  readonly apiKeyEnv: readonly string[];
  /** Environment variables that hold the base URL, first match wins. */
  readonly baseUrlEnv: readonly string[];
  /** Headers of the client, lower case, that belong to this provider's API and always go on to it. */
  readonly forwards?: readonly string[];
  /** True when answers are OpenAI's own bytes and may be relayed without translation, but for requests that leave a memo. */
  readonly relaysBytes: boolean;
  /** How its streams are cut into events; server-sent events when absent. */
  readonly framing?: 'aws-event-stream' | 'aws-payload-parts' | 'named-events' | 'ndjson';
  /** In place of `framing`, where the model decides. */
  framingFor?(target: Target): ProviderAdapter['framing'];
  /** False where it cannot stream: it is then asked for whole answers. Absent: all of its models can. */
  streamsAt?(target: Target): boolean;
  /** True when the provider's own `usage.cost` (USD) is what it bills. */
  readonly reportsCost?: boolean;
  /** Absent: its prices hold for all its answers alike. */
  billing?(target: Target): Billing;
  /** Settings that an environment variable gives where the config does not: setting → variables, first match wins. */
  readonly settingsEnv?: Readonly<Record<string, readonly string[]>>;
  /** At boot: a typo fails the start, not a request. Throws Error with a plain message. */
  parseSettings?(raw: Readonly<Record<string, unknown>>, lookUp?: LookUp): unknown;
  /** The address where the deployment gives none and it depends on settings or model. At boot; throws Error with a plain message. */
  baseUrlOf?(settings: unknown, upstreamModel: string): string | undefined;
  /** Throws GatewayError('invalid_request') for a parameter that the provider does not support. */
  buildRequest(input: ChatInput, target: Target, changes: Change[]): UpstreamRequest;
  /** For credentials that must be fetched or computed: the request with them, or `undefined` where it needs none. Throws GatewayError. */
  authorize?(request: UpstreamRequest, target: Target, nowMs: number): Promise<UpstreamRequest> | undefined;
  /**
   * Of a successful answer that is JSON: where to go on, or `undefined` when it is the answer, a whole one also where a stream
   * was asked for. Throws GatewayError.
   */
  followUp?(body: unknown, target: Target, isStream: boolean): FollowUp | undefined;
  /** Asks how many tokens the prompt of such a request is; it is authorized like one. `undefined`: not for this model. */
  countRequest?(input: ChatInput, target: Target): UpstreamRequest | undefined;
  /** Tokens in the answer to that; `undefined`: it does not say. */
  readCount?(body: unknown): number | undefined;
  /** @param memo that of the request; absent when there was none */
  parseResponse(body: unknown, target: Target, memo?: unknown): ChatCompletion;
  createStreamDecoder(target: Target, memo?: unknown): StreamDecoder;
  /** `undefined` leaves it to the common table. `body` is parsed JSON or, when it is not JSON, text. */
  parseError?(status: number, body: unknown, headers?: Headers): GatewayError | undefined;
  /** Secrets in `target.settings`, which must never be echoed; `target.apiKey` need not be listed. */
  secretsOf?(target: Target): readonly string[];
}
