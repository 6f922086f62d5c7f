/**
 * Azure's model router: a deployment that chooses a model for each request. Who answered is named in the answer, and is what
 * it costs beside the router's own fee. Sources: Microsoft's "Model router for Microsoft Foundry"; LiteLLM's documentation
 * of `azure_ai/model_router`.
 */
import type { Billing } from '../wire/usage.ts';
import type { ProviderAdapter, StreamDecoder, Target } from './adapter.ts';

/** LiteLLM tells routers by their name too. */
const ROUTER = /model[_-]router/i;
/** The fee's place in the price list. */
const FEE = 'model-router';

const isRouter = ({ upstreamModel, baseModel }: Target): boolean =>
  ROUTER.test(upstreamModel) || ROUTER.test(baseModel ?? '');

/** Nothing more than that the answer has to be read: it cannot be relayed as it is. */
const READ = Object.freeze({ readsModel: true });

const memoOf = (memo: unknown): unknown => (memo === READ ? undefined : memo);

/** The adapter with the model that answered as `served_model` in the usage of its routers' answers. */
export function withModelRouter(adapter: ProviderAdapter): ProviderAdapter {
  return {
    ...adapter,
    billing: (target) => ({ ...adapter.billing?.(target), ...routerBilling(target) }),
    buildRequest(input, target, changes) {
      const request = adapter.buildRequest(input, target, changes);
      return request.memo === undefined && isRouter(target) ? { ...request, memo: READ } : request;
    },
    parseResponse(body, target, memo) {
      const completion = adapter.parseResponse(body, target, memoOf(memo));
      const { usage, model } = completion;
      return usage && isRouter(target) && isModel(model)
        ? { ...completion, usage: { ...usage, served_model: model } }
        : completion;
    },
    createStreamDecoder(target, memo) {
      const decode = adapter.createStreamDecoder(target, memoOf(memo));
      return isRouter(target) ? namingModel(decode) : decode;
    },
  };
}

/** Prices of the operator's own stand for all it may choose. */
function routerBilling(target: Target): Billing {
  if (!isRouter(target) || target.customPrices !== undefined) return {};
  const { baseModel } = target;
  return { router: { feeAs: FEE, dearest: baseModel !== undefined && ROUTER.test(baseModel) ? undefined : baseModel } };
}

/** Before it has chosen, a router calls itself by its own name. */
const isModel = (model: string): boolean => model !== '' && !ROUTER.test(model);

function namingModel(decode: StreamDecoder): StreamDecoder {
  let served: string | undefined;
  return (data) =>
    decode(data).map((chunk) => {
      if (isModel(chunk.model)) served = chunk.model;
      const { usage } = chunk;
      return usage && served !== undefined ? { ...chunk, usage: { ...usage, served_model: served } } : chunk;
    });
}
