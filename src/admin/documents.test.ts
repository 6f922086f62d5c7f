import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type AppPlace, startAppPlace } from '../../test/support/app-place.ts';
import { MANAGEMENT_ROUTES, ROUTES } from '../auth/routes.ts';
import { createRouter, SERVED_PATHS } from '../http/routes.ts';
import { pathPattern } from '../lib/path-pattern.ts';

let place: AppPlace;
let document: Document;

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': Body } };
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Body {
  readonly schema: Schema;
  readonly example?: object;
}

interface Schema {
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  readonly additionalProperties: unknown;
}

interface Document {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string }[];
  readonly security: unknown;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

beforeAll(async () => {
  place = await startAppPlace({ model_list: [] });
  document = (await (await place.fetch('/openapi.json')).json()) as Document;
});
afterAll(() => place.stop());

const operations = (): { path: string; method: string; operation: Operation }[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

/** Routes that are served and not described. */
function missingFrom(paths: Document['paths']): string[] {
  const isDescribed = (method: string, path: string): boolean =>
    Object.entries(paths).some(
      ([known, item]) => Object.hasOwn(item, method.toLowerCase()) && (known === path || pathPattern(known).test(path)),
    );
  return [...SERVED_PATHS, ...MANAGEMENT_ROUTES]
    .filter(({ method, path }) => !isDescribed(method, path))
    .map(({ method, path }) => `${method} ${path}`);
}

describe('the OpenAPI document', () => {
  test('describes every route that is served', () => {
    expect(missingFrom(document.paths)).toEqual([]);
  });

  test.each(['/v1/chat/completions', '/customer/new', '/audit/{id}', '/docs'])(
    'would be found out without %s',
    (path) => {
      const { [path]: left, ...others } = document.paths;
      expect(left).toBeDefined();
      expect(missingFrom(others)).not.toEqual([]);
    },
  );

  test('describes nothing else', () => {
    const router = createRouter(MANAGEMENT_ROUTES);
    for (const { path, method } of operations()) {
      expect([path, router.match(path.replace(/\{[a-z_]+\}/g, 'x'))?.methods]).toEqual([
        path,
        expect.arrayContaining([method]),
      ]);
    }
    expect(operations().length).toBeGreaterThanOrEqual(ROUTES.length);
  });

  test('is of version 3.1 and needs no other document: all that it refers to is in it', () => {
    expect(document.openapi).toBe('3.1.0');
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, ref = '']) => ref);
    expect(refs.length).toBeGreaterThan(0);
    for (const ref of new Set(refs)) {
      const found = ref
        .replace(/^#\//, '')
        .split('/')
        .reduce<unknown>((node, part) => Reflect.get(Object(node), part), document);
      expect([ref, typeof found]).toEqual([ref, 'object']);
    }
    expect(JSON.stringify(document)).not.toContain('"$schema"');
  });

  test('names each operation once, with a line that says what it does, in a known section', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const sections = document.tags.map(({ name }) => name);
    expect(new Set(sections).size).toBe(sections.length);
    for (const { operation } of operations()) {
      expect(operation.operationId).toMatch(/^[a-z0-9_]+$/i);
      expect(operation.summary).toMatch(/\.$/);
      expect(sections).toEqual(expect.arrayContaining([...operation.tags]));
      expect(Object.keys(operation.responses).every((status) => /^[1-5](\d\d|XX)$/.test(status))).toBe(true);
    }
  });

  test('declares each part of a path', () => {
    for (const { path, operation } of operations()) {
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect([path, inPath.map(({ name }) => name)]).toEqual([
        path,
        Array.from(path.matchAll(/\{([a-z_]+)\}/g), ([, name = '']) => name),
      ]);
      expect(inPath.every(({ required }) => required === true)).toBe(true);
      const names = (operation.parameters ?? []).map((parameter) => `${parameter.in} ${parameter.name}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test('says which routes are open to all', () => {
    expect(document.security).toEqual([{ bearer: [] }]);
    const open = operations()
      .filter(({ operation }) => operation.security?.length === 0)
      .map(({ path }) => path);
    const permitted = ROUTES.filter(({ permission }) => permission === 'probe' || permission === 'documents');
    expect(open.sort()).toEqual(permitted.map(({ path }) => path.replace('/docs/*', '/docs/{file}')).sort());
  });

  test('shows what is accepted: the schema that checks a body', async () => {
    const schema = document.paths['/customer/new']?.['post']?.requestBody?.content['application/json'].schema;
    expect(schema).toMatchObject({ type: 'object', required: ['user_id'], additionalProperties: false });
    expect(Object.keys(schema?.properties ?? {})).toEqual(expect.arrayContaining(['max_budget', 'default_model']));
    expect(schema?.properties).not.toHaveProperty('spend');
    const { parameters } = document.paths['/audit']?.['get'] ?? {};
    expect(parameters).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'start_date', in: 'query' })]));
  });

  test('gives a body for every route that asks for one, and the route takes it', async () => {
    const asking = operations().flatMap(({ path, method, operation }) => {
      const { schema, example } = operation.requestBody?.content['application/json'] ?? {};
      const isManaged = MANAGEMENT_ROUTES.some((route) => route.path === path && route.method === method);
      return isManaged && Object.keys(schema?.properties ?? {}).length > 0 ? [{ path, method, example }] : [];
    });
    expect(asking.length).toBeGreaterThan(60);
    for (const { path, method, example } of asking) {
      expect([method, path, typeof example]).toEqual([method, path, 'object']);
      const answer = await place.fetch(path.replace(/\{[a-z_]+\}/g, 'x'), { method, body: JSON.stringify(example) });
      // What it names may not be there; what it is made of is.
      const said = answer.ok ? '' : ((await answer.json()) as { error: { message: string } }).error.message;
      expect([method, path, answer.status < 500, said]).toEqual([
        method,
        path,
        true,
        expect.not.stringMatching(
          /nknown field|known field|missing|expected|must (be|have|not)|Invalid(?! model name)/,
        ),
      ]);
    }
  });

  test('can be read by tools of other languages: its patterns need no flag, and an amount is a number', () => {
    const patterns = [...JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\\\]|\\\\.)*")/g)].map(
      ([, text = '""']) => JSON.parse(text) as string, // A JSON text by its pattern.
    );
    expect(patterns.length).toBeGreaterThan(0);
    for (const pattern of patterns) expect([pattern, /\\[pP]\{|\(\?</.test(pattern)]).toEqual([pattern, false]);
    const fields =
      document.paths['/key/generate']?.['post']?.requestBody?.content['application/json'].schema.properties;
    expect(fields).toMatchObject({ max_budget: { anyOf: [{ type: 'number', minimum: 0 }, { type: 'null' }] } });
    expect(fields).toMatchObject({ rpm_limit: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'null' }] } });
  });

  test('is sent once, and then only said to be the same', async () => {
    const first = await place.fetch('/openapi.json');
    const etag = first.headers.get('etag') ?? '';
    const again = await place.fetch('/openapi.json', { headers: { 'if-none-match': `W/"other", ${etag}` } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await place.fetch('/openapi.json', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });
});

describe('the docs page', () => {
  const anonymous = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(place.url + path, { headers });

  test.each(['/', '/docs', '/docs/'])('is at %s, for everybody', async (path) => {
    const answer = await anonymous(path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await answer.text()).toContain('swagger-ui');
  });

  test('and every file of it come from here, and no other place is named', async () => {
    const html = await (await anonymous('/docs')).text();
    const files = Array.from(html.matchAll(/(?:src|href)="([^"]*)"/g), ([, file = '']) => file);
    expect(files.length).toBeGreaterThanOrEqual(4);
    expect(html).not.toMatch(/https?:|\/\/[a-z]|<script>|<style/);
    for (const file of files) {
      expect(file).toMatch(/^\/docs\//);
      const answer = await anonymous(file);
      expect([file, answer.status]).toEqual([file, 200]);
      expect(answer.headers.get('cache-control')).toBeTruthy();
      const text = await answer.text();
      expect(text.length).toBeGreaterThan(100);
      const loaded = Array.from(text.matchAll(/url\(\s*["']?([^"')]{1,20})/g), ([, url = '']) => url);
      if (file.endsWith('.css')) expect(loaded.filter((url) => !url.startsWith('data:'))).toEqual([]);
      if (file.endsWith('.css')) expect(text.includes('@import')).toBe(false);
      if (file.endsWith('start.js')) expect(text).toContain('validatorUrl: null');
    }
  });

  test('may load and ask nothing of another origin', async () => {
    for (const path of ['/', '/docs', '/docs/swagger-ui-bundle.js']) {
      const { headers } = await anonymous(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src[^;]*unsafe/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  test.each(['/docs/package.json', '/docs/..%2fpackage.json', '/docs/constructor', '/docs/swagger-ui.js.map'])(
    'holds no other file: %s',
    async (path) => {
      expect((await anonymous(path)).status).toBeGreaterThanOrEqual(400);
    },
  );

  test('is a line of JSON for clients that accept nothing else', async () => {
    const answer = await anonymous('/', { accept: 'application/json' });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toMatchObject({ message: expect.stringContaining('running') });
    const browser = await anonymous('/', { accept: 'text/html,application/json;q=0.9' });
    expect(browser.headers.get('content-type')).toContain('text/html');
  });

  test('answers HEAD, and no other method', async () => {
    expect((await fetch(`${place.url}/docs`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${place.url}/docs`, { method: 'POST' })).status).toBe(405);
  });
});

test('the list of routes has LiteLLM’s shape', async () => {
  const { routes } = (await (await place.fetch('/routes')).json()) as { routes: object[] };
  expect(routes).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ path: '/v1/chat/completions', methods: ['POST'] }),
      expect.objectContaining({ path: '/v1/access_group/{access_group_id}', methods: ['GET', 'PUT', 'DELETE'] }),
    ]),
  );
  expect(Object.keys(routes[0] ?? {})).toEqual(['path', 'methods', 'name', 'endpoint']);
});
