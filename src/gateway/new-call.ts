import type { Call, Controls, HeaderBag } from './call.ts';
import type { Presence } from './presence.ts';

/** A request as the HTTP layer hands it over: headers read, body not yet. */
export interface Incoming {
  /** UUIDv7. */
  readonly id: string;
  readonly route: string;
  /** Model named in the path (`/engines/{model}/…`). */
  readonly pathModel: string | undefined;
  /** `?api-version=`, as Azure's clients send it. */
  readonly apiVersion: string | undefined;
  /** Lower-case names. */
  readonly headers: HeaderBag;
  readonly clientIp: string | null;
  readonly client: Presence;
  /** @throws GatewayError 413 when it is larger than allowed. */
  readBody(): Promise<Uint8Array | ArrayBuffer>;
}

const NO_CONTROLS: Controls = Object.freeze({
  metadata: {},
  tags: [],
  endUser: null,
  sessionId: null,
  timeoutMs: undefined,
  streamTimeoutMs: undefined,
  numRetries: undefined,
  fallbacks: undefined,
  disableFallbacks: false,
  mockResponse: undefined,
  mockTimeout: false,
  mockDelayMs: 0,
  apiKey: undefined,
});

const LONGEST_CALL_ID = 256;

/** A client's own call id is echoed when it is printable and short enough; else ours stands in. */
function callIdOf(given: string | undefined, id: string): string {
  return given !== undefined && given.length <= LONGEST_CALL_ID && /^[\x21-\x7e]+$/.test(given) ? given : id;
}

export function newCall(incoming: Incoming, receivedAtMs: number): Call {
  return {
    id: incoming.id,
    callId: callIdOf(incoming.headers['x-litellm-call-id'], incoming.id),
    route: incoming.route,
    receivedAtMs,
    admittedAtMs: undefined,
    headers: incoming.headers,
    clientIp: incoming.clientIp,
    client: incoming.client,
    apiVersion: incoming.apiVersion,
    caller: undefined,
    requestedModel: '',
    modelGroup: '',
    request: { model: '', messages: [] },
    text: undefined,
    gatewayKeys: [],
    dropParams: undefined,
    additionalDropParams: [],
    allowedParams: [],
    controls: NO_CONTROLS,
    attempts: [],
    changes: [],
    admittedChanges: [],
    tags: undefined,
    choices: [],
    notAsked: [],
    waits: [],
    limits: undefined,
    consulted: undefined,
    isRehearsal: false,
  };
}
