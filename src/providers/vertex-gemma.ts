/**
 * Gemma at an endpoint of one's own: OpenAI's request as the one instance of a prediction. Source: LiteLLM's documentation of
 * `vertex_ai/gemma/`; Google's Model Garden samples for vLLM containers (`@requestFormat`).
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject } from '../lib/json.ts';
import type { ProviderAdapter, UpstreamRequest } from './adapter.ts';

/** @param chat OpenAI's dialect, with the address of the endpoint */
export const gemmaAdapter = (chat: ProviderAdapter): Pick<ProviderAdapter, 'buildRequest' | 'parseResponse'> => ({
  buildRequest(input, target, changes) {
    if (input.request.stream === true) {
      throw invalidRequest(
        'This endpoint predicts and does not stream; ask it without stream, or name it openai/ID.',
        'stream',
      );
    }
    return asInstance(chat.buildRequest(input, target, changes));
  },
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
