/** A client's own `mock_response`, for keys that are allowed it; from all others it is taken out without a word, as in LiteLLM. */
import type { Call, Reading } from '../gateway/call.ts';
import type { Feature } from '../gateway/feature.ts';
import type { Metered } from '../gateway/full-reply.ts';
import { mockReply } from '../gateway/mock-reply.ts';

export interface MockResponseParts {
  now(): number;
  meter(call: Call, target: undefined, reading: Reading): Metered;
}

export function mockResponse(parts: MockResponseParts): Feature {
  const { now } = parts;
  return {
    name: 'mock-response',
    answer(call) {
      const content = call.controls.mockResponse;
      if (content === undefined || call.caller?.metadata['allow_client_mock_response'] !== true) return undefined;
      const meter = (outputChars: number): Metered => parts.meter(call, undefined, { usage: undefined, outputChars });
      return mockReply({ call, target: undefined, content, now, meter });
    },
  };
}
