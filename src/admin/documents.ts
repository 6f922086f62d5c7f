/** `/`, `/docs`, `/openapi.json`, `/routes`: what the gateway says of itself, to everybody. Source: LiteLLM's documentation of its proxy. */
import type { Hono } from 'hono';
import { docsFile, docsPage, textAnswer } from './docs-page.ts';
import { openApiDocument } from './openapi.ts';
import type { Paths } from './openapi-inference.ts';
import type { AdminRoute } from './route.ts';

const JSON_TYPE = 'application/json';

const GREETING = JSON.stringify({
  message: 'Tollgate is running. POST /v1/chat/completions to talk to a model; GET /v1/models lists them.',
  docs: '/docs',
});

export function serveDocuments(app: Hono, routes: readonly AdminRoute[], version: string): void {
  const document = once(() => openApiDocument(routes, version));
  const openApi = once(() => JSON.stringify(document()));
  const routeList = once(() => JSON.stringify({ routes: routesIn(document().paths) }));
  app.get('/', (c) => {
    const accepted = c.req.header('accept') ?? '';
    const wantsJson = accepted.includes(JSON_TYPE) && !accepted.includes('text/html');
    return wantsJson ? textAnswer(c.req.raw, GREETING, JSON_TYPE) : docsPage(c.req.raw);
  });
  app.get('/docs', (c) => docsPage(c.req.raw));
  app.get('/docs/:file', (c) => docsFile(c.req.raw, c.req.param('file')) ?? c.notFound());
  app.get('/openapi.json', (c) => textAnswer(c.req.raw, openApi(), JSON_TYPE));
  app.get('/routes', (c) => textAnswer(c.req.raw, routeList(), JSON_TYPE));
}

/** LiteLLM's shape of `/routes`. */
function routesIn(paths: Paths): object[] {
  return Object.entries(paths).map(([path, operations]) => {
    const name = Object.values(operations)[0]?.operationId ?? path;
    return { path, methods: Object.keys(operations).map((method) => method.toUpperCase()), name, endpoint: name };
  });
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
