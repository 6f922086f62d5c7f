/** Answers → Responses. */
import { errorBody, type GatewayError, retryHeaders } from '../errors.ts';
import { plainHeaders } from '../gateway/reply-headers.ts';

export function jsonResponse(value: unknown, status = 200): Response {
  const headers = plainHeaders();
  headers.set('content-type', 'application/json');
  return new Response(JSON.stringify(value), { status, headers });
}

/** @param callId shown as `error.litellm_call_id` when the operator wants it in bodies */
export function errorResponse(error: GatewayError, headers: Headers, callId?: string): Response {
  headers.set('content-type', 'application/json');
  const body = errorBody(error);
  if (callId !== undefined) body.error['litellm_call_id'] = callId;
  return new Response(JSON.stringify(body), { status: error.status, headers });
}

export function refusalResponse(error: GatewayError): Response {
  const headers = plainHeaders();
  for (const [name, value] of Object.entries(retryHeaders(error))) headers.set(name, value);
  return errorResponse(error, headers);
}
