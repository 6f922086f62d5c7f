/** Every path that is served, as a list. Sources: OpenAI's and Azure's API references, LiteLLM's list of routes. */

export type RouteName = 'chat' | 'models' | 'model' | 'liveliness' | 'readiness' | 'root' | 'admin';

interface Route {
  readonly name: RouteName;
  readonly methods: readonly string[];
  /** An exact path, or a pattern whose only group is a model name (which may hold slashes, encoded or not). */
  readonly path: string | RegExp;
}

const ROUTES: readonly Route[] = [
  { name: 'chat', methods: ['POST'], path: '/v1/chat/completions' },
  { name: 'chat', methods: ['POST'], path: '/chat/completions' },
  { name: 'chat', methods: ['POST'], path: /^\/engines\/(.+)\/chat\/completions$/ },
  { name: 'chat', methods: ['POST'], path: /^\/openai\/deployments\/(.+)\/chat\/completions$/ },
  { name: 'models', methods: ['GET'], path: '/v1/models' },
  { name: 'models', methods: ['GET'], path: '/models' },
  { name: 'model', methods: ['GET'], path: /^\/v1\/models\/(.+)$/ },
  { name: 'model', methods: ['GET'], path: /^\/models\/(.+)$/ },
  { name: 'liveliness', methods: ['GET', 'HEAD'], path: '/health/liveliness' },
  { name: 'liveliness', methods: ['GET', 'HEAD'], path: '/health/liveness' },
  { name: 'readiness', methods: ['GET', 'HEAD'], path: '/health/readiness' },
  { name: 'root', methods: ['GET', 'HEAD'], path: '/' },
];

export interface Match {
  readonly name: RouteName;
  readonly methods: readonly string[];
  readonly model: string | undefined;
}

export interface Router {
  match(path: string): Match | undefined;
}

/** @param adminPaths paths of the management API, each with the methods it answers */
export function createRouter(adminPaths: ReadonlyMap<string, readonly string[]>): Router {
  const exact = new Map<string, Match>();
  const patterns: (Route & { readonly path: RegExp })[] = [];
  for (const { name, methods, path } of ROUTES) {
    if (typeof path === 'string') exact.set(path, { name, methods, model: undefined });
    else patterns.push({ name, methods, path });
  }
  for (const [path, methods] of adminPaths) exact.set(path, { name: 'admin', methods, model: undefined });

  function matchPattern(path: string): Match | undefined {
    for (const { name, methods, path: pattern } of patterns) {
      const model = pattern.exec(path)?.[1];
      if (model !== undefined) return { name, methods, model: decoded(model) };
    }
    return undefined;
  }

  return { match: (path) => exact.get(path) ?? matchPattern(path) };
}

/** A stray `%` is left as it is: it will then be an unknown model, with an answer that says so. */
function decoded(model: string): string {
  try {
    return decodeURIComponent(model);
  } catch {
    return model;
  }
}

/** Path without query, from an absolute URL; cheaper than parsing the whole URL. */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  if (start === -1) return '/';
  const query = url.indexOf('?', start);
  const end = query === -1 ? url.length : query;
  return end > start + 1 && url.charCodeAt(end - 1) === 47 ? url.slice(start, end - 1) : url.slice(start, end);
}
