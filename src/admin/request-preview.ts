/** What the management API asks of the request path without sending a request: the composition root answers. */
import type { Caller } from '../auth/authenticate.ts';

type Json = Readonly<Record<string, unknown>>;

export interface Prompt {
  /** As a request would name it. */
  readonly model: string;
  /** Counted alone, without the frame of a conversation, unless there is anything beside it. */
  readonly text: string | undefined;
  /** In OpenAI's form. */
  readonly messages: readonly Json[] | undefined;
  readonly tools: readonly Json[] | undefined;
  readonly toolChoice: unknown;
}

export interface TokenCount {
  readonly tokens: number;
  /** The deployment's own name for its model. */
  readonly model: string;
  /** Id of the provider that counted; `null`: the gateway did, with the nearest tokenizer it has. */
  readonly provider: string | null;
  /** The provider's own answer. */
  readonly answer: unknown;
  /** Why the provider was asked and did not count. */
  readonly failure: { readonly message: string; readonly status: number | undefined } | undefined;
}

/** A request as the provider would get it, secrets blotted out. */
export interface ShownRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface ModelFacts {
  readonly provider: string | null;
  readonly facts: Json;
}

/** Every one refuses what the caller may not use as a chat would. @throws GatewayError */
export interface RequestPreview {
  /** @param asksProvider where the provider of the deployment counts itself */
  count(prompt: Prompt, asksProvider: boolean, caller: Caller): Promise<TokenCount>;
  /** @param inFull shows addresses that the operator has chosen */
  transform(body: Json, inFull: boolean, caller: Caller): Promise<ShownRequest>;
  supportedParams(model: string, caller: Caller): Promise<readonly string[]>;
  /** Of any model of the price list, served or not; `undefined`: it is not in there. */
  modelFacts(model: string, provider: string | undefined): ModelFacts | undefined;
}
