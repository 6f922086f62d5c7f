/** Browser access across origins, answered as LiteLLM's middleware does: any origin unless a list is configured. */

const METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';
const MAX_AGE_SECONDS = '600';

export interface Cors {
  /** The answer to a preflight request. */
  preflight(request: Request): Response;
  /** Adds what a browser needs to a plain answer. */
  decorate(headers: Headers, origin: string): void;
}

/** @param origins allowed origins; `*` allows all */
export function createCors(origins: readonly string[]): Cors {
  const all = origins.includes('*');
  const allows = (origin: string): boolean => all || origins.includes(origin);

  return {
    preflight(request) {
      const origin = request.headers.get('origin') ?? '';
      const headers = new Headers({
        vary: 'Origin',
        'access-control-allow-methods': METHODS,
        'access-control-max-age': MAX_AGE_SECONDS,
        'access-control-allow-credentials': 'true',
      });
      const asked = request.headers.get('access-control-request-headers');
      if (asked !== null) headers.set('access-control-allow-headers', asked);
      if (!allows(origin)) return new Response('Disallowed CORS origin', { status: 400, headers });
      headers.set('access-control-allow-origin', origin);
      return new Response('OK', { status: 200, headers });
    },
    decorate(headers, origin) {
      if (!allows(origin)) return;
      headers.set('access-control-allow-origin', all ? '*' : origin);
      headers.set('access-control-allow-credentials', 'true');
      headers.set('access-control-expose-headers', '*');
    },
  };
}
