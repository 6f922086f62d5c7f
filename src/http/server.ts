/** Bytes in, bytes out: from a socket's request to the route that answers it. */
import type { Server } from 'bun';
import { GatewayError, toGatewayError } from '../errors.ts';
import type { HeaderBag } from '../gateway/call.ts';
import type { Incoming } from '../gateway/new-call.ts';
import type { Answer, Pipeline } from '../gateway/pipeline.ts';
import { Presence } from '../gateway/presence.ts';
import type { HeaderMaker } from '../gateway/reply-headers.ts';
import { type Cors, createCors } from './cors.ts';
import { boundedBody, frameFault } from './guard.ts';
import { errorResponse, jsonResponse, refusalResponse } from './reply.ts';
import { type Match, pathOf, type Router } from './routes.ts';
import { streamResponse } from './sse.ts';

export interface HttpSettings {
  readonly maxRequestBytes: number;
  readonly corsOrigins: readonly string[];
  readonly includeCallIdInErrors: boolean;
  readonly keepAlivePingMs: number | undefined;
}

export interface Ready {
  readonly ok: boolean;
  readonly body: Record<string, unknown>;
}

export interface HttpParts {
  readonly router: Router;
  readonly pipeline: Pipeline;
  readonly headerMaker: HeaderMaker;
  settings(): HttpSettings;
  newId(): string;
  /** The management API; loaded when it is first asked for. */
  admin(request: Request): Response | Promise<Response>;
  /** @throws GatewayError 401, or 403 for a key that may not call this path */
  listModels(headers: HeaderBag, one: string | undefined, path: string): unknown;
  /** What readiness answers; `ok: false` is a 503. */
  readiness(): Ready;
  /** @throws GatewayError 401 or 403 */
  readinessDetails(headers: HeaderBag): Promise<Ready>;
  /** Something unforeseen; the client gets a plain 500. */
  onBug(error: unknown): void;
}

const LONGEST_QUIET_SECONDS = 30;
/** Bodies are bounded by `boundedBody`, with an answer in the right shape; the server's own limit only stops absurdity. */
const SERVER_BODY_LIMIT = 1024 * 1024 * 1024;

export interface Listener {
  readonly url: string;
  readonly port: number;
  /** Requests being answered. */
  pending(): number;
  stop(closeActive: boolean): Promise<void>;
}

export function listen(parts: HttpParts, address: { readonly host: string; readonly port: number }): Listener {
  const frontDoor = new FrontDoor(parts);
  const server = Bun.serve({
    hostname: address.host,
    port: address.port,
    // Two programs on one port would share its requests by chance.
    reusePort: false,
    idleTimeout: LONGEST_QUIET_SECONDS,
    maxRequestBodySize: SERVER_BODY_LIMIT,
    development: false,
    fetch: (request, self) => frontDoor.answer(request, self),
    error: (error) => {
      parts.onBug(error);
      return refusalResponse(new GatewayError('internal', 'Internal server error'));
    },
  });
  return {
    url: `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${server.port}`,
    port: server.port ?? address.port,
    pending: () => server.pendingRequests,
    stop: (closeActive) => server.stop(closeActive),
  };
}

class FrontDoor {
  readonly #parts: HttpParts;
  #cors: Cors;
  #corsOrigins: readonly string[];

  constructor(parts: HttpParts) {
    this.#parts = parts;
    this.#corsOrigins = parts.settings().corsOrigins;
    this.#cors = createCors(this.#corsOrigins);
  }

  async answer(request: Request, server: Server<undefined>): Promise<Response> {
    // Bun gives plain objects with lower-case names here, at a fraction of a Headers look-up each.
    const headers: HeaderBag = request.headers.toJSON();
    const { origin } = headers;
    if (request.method === 'OPTIONS' && headers['access-control-request-method'] !== undefined) {
      return this.#currentCors().preflight(request);
    }
    const response = await this.#route(request, headers, server);
    if (origin !== undefined) this.#currentCors().decorate(response.headers, origin);
    return response;
  }

  async #route(request: Request, headers: HeaderBag, server: Server<undefined>): Promise<Response> {
    const path = pathOf(request.url);
    const fault = frameFault(headers, path);
    if (fault) return refusalResponse(fault);
    const match = this.#parts.router.match(path);
    const { method } = request;
    if (!match)
      return refusalResponse(
        new GatewayError(
          'not_found',
          `There is no ${path.slice(0, 200)} here. See /v1/models and the documentation for what is.`,
        ),
      );
    if (!match.methods.includes(method)) return wrongMethod(method, match);
    try {
      return await this.#serve(match, request, headers, server);
    } catch (thrown) {
      return this.#failed(thrown);
    }
  }

  #failed(thrown: unknown): Response {
    const error = toGatewayError(thrown);
    if (error.kind === 'internal') this.#parts.onBug(thrown);
    return refusalResponse(error);
  }

  #serve(match: Match, request: Request, headers: HeaderBag, server: Server<undefined>): Response | Promise<Response> {
    const parts = this.#parts;
    switch (match.name) {
      case 'chat':
        return this.#infer(match, request, headers, server);
      case 'models':
      case 'model':
        return this.#models(headers, match.model, pathOf(request.url));
      case 'liveliness':
        return jsonResponse("I'm alive!");
      case 'readiness':
        return readyResponse(parts.readiness());
      case 'readiness_details':
        return parts.readinessDetails(headers).then(readyResponse);
      case 'admin':
        return parts.admin(request);
      default:
        return match.name satisfies never;
    }
  }

  async #models(headers: HeaderBag, one: string | undefined, path: string): Promise<Response> {
    return jsonResponse(await this.#parts.listModels(headers, one, path));
  }

  async #infer(match: Match, request: Request, headers: HeaderBag, server: Server<undefined>): Promise<Response> {
    const client = new Presence();
    request.signal.addEventListener('abort', () => client.leave(), { once: true });
    const incoming: Incoming = {
      id: this.#parts.newId(),
      route: pathOf(request.url),
      pathModel: match.model,
      apiVersion: apiVersionOf(request.url),
      headers,
      clientIp: server.requestIP(request)?.address ?? null,
      client,
      readBody: async () => {
        const body = await boundedBody(request, headers, this.#parts.settings().maxRequestBytes);
        // An upload that stands still is closed by the server; an answer may take minutes, under the gateway's own limits.
        server.timeout(request, 0);
        return body;
      },
    };
    return this.#respond(await this.#parts.pipeline.handle(incoming));
  }

  #respond(answer: Answer): Response {
    const { headerMaker } = this.#parts;
    const { call, outcome } = answer;
    if ('error' in answer) {
      if (answer.error.kind === 'internal') this.#parts.onBug(answer.error.cause);
      const callId = this.#parts.settings().includeCallIdInErrors ? call.callId : undefined;
      return errorResponse(answer.error, headerMaker.failure(call, answer.error, answer.outcome), callId);
    }
    const { reply } = answer;
    const headers = headerMaker.success(call, reply.target, outcome, reply.upstreamHeaders);
    if (reply.kind === 'full') return new Response(reply.text, { headers });
    return streamResponse(reply.body, headers, this.#parts.settings().keepAlivePingMs);
  }

  /** Follows a configuration reload. */
  #currentCors(): Cors {
    const { corsOrigins } = this.#parts.settings();
    if (corsOrigins !== this.#corsOrigins) {
      this.#corsOrigins = corsOrigins;
      this.#cors = createCors(corsOrigins);
    }
    return this.#cors;
  }
}

const readyResponse = ({ ok, body }: Ready): Response => jsonResponse(body, ok ? 200 : 503);

function wrongMethod(method: string, match: Match): Response {
  const allowed = match.methods.join(', ');
  const response = refusalResponse(
    new GatewayError('method_not_allowed', `${method} is not accepted here; use ${allowed}.`),
  );
  response.headers.set('allow', allowed);
  return response;
}

/** Rarely there, so it is looked for before the address is taken apart. */
function apiVersionOf(url: string): string | undefined {
  if (!url.includes('api-version=')) return undefined;
  return new URL(url).searchParams.get('api-version') || undefined;
}
