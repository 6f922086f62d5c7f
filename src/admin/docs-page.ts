/** The docs page: Swagger UI as LiteLLM serves it, from files of this installation, asking nothing of anywhere else. */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tollgate API</title>
<link rel="icon" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The same is in /openapi.json.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** `validatorUrl: null`: the document is shown to nobody. Keys that are typed in are gone with the page. */
const START = `window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  validatorUrl: null,
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
});
`;

/** Styles in attributes are Swagger UI's own; nothing may be loaded from or sent to another origin. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const SAFE_HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** Files of the package, by the name they are asked for. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  'swagger-ui.css': ['swagger-ui.css', 'text/css; charset=utf-8'],
  'swagger-ui-bundle.js': ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  'favicon.png': ['favicon-32x32.png', 'image/png'],
};

/** They change with the version of the package only; after a day a browser asks again. */
const FILE_CACHE = 'public, max-age=86400';

const { resolve } = createRequire(import.meta.url);

export const docsPage = (request: Request): Response => textAnswer(request, PAGE, 'text/html; charset=utf-8');

/** `undefined`: there is no such file. */
export function docsFile(request: Request, name: string): Response | undefined {
  if (name === 'start.js') return textAnswer(request, START, 'text/javascript; charset=utf-8');
  const known = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (known === undefined) return undefined;
  const [file, type] = known;
  return new Response(Bun.file(resolve(`swagger-ui-dist/${file}`)), {
    headers: { ...SAFE_HEADERS, 'content-type': type, 'cache-control': FILE_CACHE },
  });
}

/** Asked for anew each time, and sent only when it is not what the client has. */
export function textAnswer(request: Request, text: string, type: string): Response {
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  const headers = { ...SAFE_HEADERS, 'content-type': type, 'cache-control': 'no-cache', etag };
  const known = (request.headers.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag)) return new Response(null, { status: 304, headers });
  return new Response(text, { headers });
}
