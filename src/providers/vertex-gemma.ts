/**
 * Gemma at an endpoint of one's own: OpenAI's request as the one instance of a prediction. Source: LiteLLM's documentation of
 * `vertex_ai/gemma/`; Google's Model Garden samples for vLLM containers (`@requestFormat`).
 */
import { isObject, type JsonObject } from '../lib/json.ts';
import type { ProviderAdapter, UpstreamRequest } from './adapter.ts';

/** @param chat OpenAI's dialect, with the address of the endpoint */
export const gemmaAdapter = (
  chat: ProviderAdapter,
): Pick<ProviderAdapter, 'streamsAt' | 'buildRequest' | 'parseResponse'> => ({
  // Predictions are whole.
  streamsAt: () => false,
  buildRequest: (input, target, changes) => asInstance(chat.buildRequest(input, target, changes)),
  parseResponse: (body, target, memo) => chat.parseResponse(predictionIn(body), target, memo),
});

function asInstance(request: UpstreamRequest): UpstreamRequest {
  // The dialect has just written it.
  const { model: _, stream: __, ...members } = JSON.parse(request.body) as JsonObject;
  return { ...request, body: JSON.stringify({ instances: [{ '@requestFormat': 'chatCompletions', ...members }] }) };
}

function predictionIn(body: unknown): unknown {
  const predictions = isObject(body) ? body['predictions'] : undefined;
  return (Array.isArray(predictions) ? predictions[0] : predictions) ?? body;
}
