/** Looks at requests without sending them: what they count, what of them is sent, what may be in them. */
import type { Prompt, RequestPreview, TokenCount } from '../admin/request-preview.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { Caller } from '../gateway/call.ts';
import { type ParsedChat, parseChatRequest } from '../gateway/parse-chat-request.ts';
import { askAside } from '../gateway/side-question.ts';
import { inputFor, targetFor } from '../gateway/target-for.ts';
import type { Target } from '../providers/adapter.ts';
import { supportedParams } from '../providers/supported-params.ts';
import { upstreamError } from '../providers/upstream-error.ts';
import { encodingOf } from '../tokens/encodings.ts';
import type { TokenCounter } from '../tokens/token-counter.ts';
import type { PriceListModels } from './price-list-models.ts';
import { createRehearsals, type Rehearsal, type RehearsalParts } from './rehearsals.ts';
import type { Runtime } from './runtime.ts';
import { shownRequest } from './shown-request.ts';

export interface RequestPreviewParts {
  readonly pipeline: RehearsalParts['pipeline'];
  readonly priceList: PriceListModels;
  readonly counter: TokenCounter;
  runtime(): Runtime;
  newId(): string;
}

type Counted = Pick<TokenCount, 'tokens' | 'answer'>;

export function createRequestPreview(parts: RequestPreviewParts): RequestPreview {
  const rehearsals = createRehearsals({ ...parts, parse: () => parts.runtime().parse });
  const countHere = async ({ text, messages, tools, toolChoice }: Prompt, target: Target): Promise<number> => {
    const model = target.baseModel ?? target.upstreamModel;
    return await parts.counter.count({ model, text, messages, tools, toolChoice }, encodingOf(model));
  };
  return {
    async count(prompt, asksProvider, caller) {
      const rehearsal = await rehearsals.model(prompt.model, caller, '/utils/token_counter');
      const target = servedBy(rehearsal);
      const model = target.upstreamModel;
      const counted = asksProvider ? await countThere(prompt, rehearsal, parts) : undefined;
      if (counted !== undefined && 'tokens' in counted)
        return { ...counted, model, provider: target.adapter.id, failure: undefined };
      return { tokens: await countHere(prompt, target), model, provider: null, answer: null, failure: counted };
    },
    async transform(body, inFull, caller) {
      const { call, target } = await rehearsals.request(body, caller, '/utils/transform_request');
      if (target === undefined || target.mockResponse !== undefined || call.controls.mockResponse !== undefined) {
        throw invalidRequest('A canned answer is given to this request: nothing would be sent.', 'mock_response');
      }
      const meant = targetFor(call, target);
      const request = target.adapter.buildRequest(inputFor(call, target), meant, [...call.admittedChanges]);
      return shownRequest(request, meant, inFull);
    },
    supportedParams: (model, caller) => paramsOf(model, caller),
    modelFacts(model, provider) {
      const target = parts.priceList.find(provider === undefined ? model : `${provider}/${model}`);
      return target && { provider: target.adapter.id, facts: parts.priceList.factsOf(target) };
    },
  };

  async function paramsOf(model: string, caller: Caller): Promise<readonly string[]> {
    try {
      const { target } = await rehearsals.model(model, caller, '/utils/supported_openai_params');
      return target === undefined ? [] : supportedParams(target);
    } catch (refusal) {
      const isUnknown = refusal instanceof GatewayError && refusal.kind === 'model_not_found';
      const target = isUnknown ? parts.priceList.find(model) : undefined;
      if (target === undefined) throw refusal;
      return supportedParams(target);
    }
  }
}

function servedBy({ target }: Rehearsal): Target {
  if (target !== undefined) return target;
  throw new GatewayError('unavailable', 'No deployment can serve the model.');
}

/** What the provider says it cannot count; anything else that it refuses, it would refuse of a request too. */
const CANNOT_COUNT: ReadonlySet<GatewayError['kind']> = new Set(['upstream_not_found']);

/** @returns `undefined` where the provider does not count */
async function countThere(
  { model, text, messages, tools, toolChoice }: Prompt,
  { call, target }: Rehearsal,
  { runtime, pipeline }: RequestPreviewParts,
): Promise<Counted | NonNullable<TokenCount['failure']> | undefined> {
  if (target?.adapter.countRequest === undefined) return undefined;
  const said = messages ?? [{ role: 'user', content: text }];
  const body = {
    model,
    messages: said,
    ...(tools && { tools }),
    ...(toolChoice != null && { tool_choice: toolChoice }),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const parsed: ParsedChat = parseChatRequest(
    { bytes, pathModel: undefined, headers: {} },
    { ...runtime().parse, enforceUserParam: false, completionModel: undefined },
  );
  const request = target.adapter.countRequest(inputFor({ ...call, ...parsed }, target), target);
  if (request === undefined) return undefined;
  try {
    const answer = await askAside(request, target, {
      fetch: (url, init) => fetch(url, init),
      now: pipeline.now,
      settings: () => runtime().send,
      upstreamError,
    });
    const tokens = target.adapter.readCount?.(answer);
    if (tokens === undefined) throw new GatewayError('upstream_protocol', 'The provider did not say how many tokens.');
    return { tokens, answer };
  } catch (failure) {
    if (failure instanceof GatewayError && CANNOT_COUNT.has(failure.kind)) {
      return { message: failure.message, status: failure.details.upstreamStatus };
    }
    throw failure;
  }
}
