/** Every path that is served, as a list. Sources: OpenAI's and Azure's API references, LiteLLM's list of routes. */

import { pathPattern } from '../lib/path-pattern.ts';

export type RouteName = 'chat' | 'models' | 'model' | 'liveliness' | 'readiness' | 'readiness_details' | 'admin';

interface Route {
  readonly name: RouteName;
  readonly methods: readonly string[];
  /** An exact path, or a pattern with one group: a model name (which may hold slashes, encoded or not) or a file. */
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
  { name: 'readiness_details', methods: ['GET', 'HEAD'], path: '/health/readiness/details' },
  { name: 'admin', methods: ['GET', 'HEAD'], path: '/' },
  { name: 'admin', methods: ['GET', 'HEAD'], path: '/docs' },
  { name: 'admin', methods: ['GET', 'HEAD'], path: /^\/docs\/([^/]+)$/ },
  { name: 'admin', methods: ['GET', 'HEAD'], path: '/openapi.json' },
  { name: 'admin', methods: ['GET', 'HEAD'], path: '/routes' },
];

export interface Match {
  readonly name: RouteName;
  readonly methods: readonly string[];
  readonly model: string | undefined;
}

export interface Router {
  match(path: string): Match | undefined;
}

export interface AdminPath {
  readonly method: string;
  /** `{name}` stands for one part of the path. */
  readonly path: string;
}

/** @param adminRoutes routes of the management API */
export function createRouter(adminRoutes: readonly AdminPath[]): Router {
  const exact = new Map<string, Match>();
  const patterns: (Route & { readonly path: RegExp })[] = [];
  for (const { name, methods, path } of ROUTES) {
    if (typeof path === 'string') exact.set(path, { name, methods, model: undefined });
    else patterns.push({ name, methods, path });
  }
  const adminPatterns: { readonly pattern: RegExp; readonly match: Match }[] = [];
  for (const [path, methods] of methodsByPath(adminRoutes)) {
    const match: Match = { name: 'admin', methods, model: undefined };
    if (path.includes('{')) adminPatterns.push({ pattern: pathPattern(path), match });
    else exact.set(path, match);
  }

  function matchPattern(path: string): Match | undefined {
    for (const { name, methods, path: pattern } of patterns) {
      const model = pattern.exec(path)?.[1];
      if (model !== undefined) return { name, methods, model: decoded(model) };
    }
    return adminPatterns.find(({ pattern }) => pattern.test(path))?.match;
  }

  return { match: (path) => exact.get(path) ?? matchPattern(path) };
}

function methodsByPath(routes: readonly AdminPath[]): Map<string, string[]> {
  const byPath = new Map<string, string[]>();
  for (const { method, path } of routes) byPath.set(path, [...(byPath.get(path) ?? []), method]);
  return byPath;
}

/** A path that a pattern matches, with `model` in the place of the model's name. */
const sampleOf = (pattern: RegExp): string =>
  pattern.source
    .slice(1, -1)
    .replaceAll('\\/', '/')
    .replace(/\(.*\)/, 'model');

/** Every path of the data plane, as the table of permissions writes it. */
export const SERVED_PATHS: readonly AdminPath[] = ROUTES.flatMap(({ methods, path }) =>
  methods
    .filter((method) => method !== 'HEAD')
    .map((method) => ({ method, path: typeof path === 'string' ? path : sampleOf(path) })),
);

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
