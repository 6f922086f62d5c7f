/**
 * The OpenAPI document (3.1), made of the routes themselves: the schema that accepts a body is the one that is shown, so the
 * two cannot differ. Source: the OpenAPI specification 3.1.
 */
import { z } from '@hono/zod-openapi';
import { permissionOfRoute } from '../auth/routes.ts';
import { exampleFor } from './openapi-examples.ts';
import { INFERENCE_PATHS, type Operation, type Paths } from './openapi-inference.ts';
import type { AdminRoute } from './route.ts';

type Json = Readonly<Record<string, unknown>>;

export interface OpenApiDocument extends Json {
  readonly openapi: string;
  readonly paths: Paths;
}

const ERROR_REF = { $ref: '#/components/schemas/Error' };
const REFUSAL = {
  description: 'A refusal that says what was wrong.',
  content: { 'application/json': { schema: ERROR_REF } },
};

const ERROR_SCHEMA = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: ['string', 'null'], description: 'The field at fault.' },
        code: { type: 'string' },
        reason: { type: 'string', description: 'Which case it was and what to do.' },
        limit: {
          type: 'object',
          description: 'The limit that refused.',
          properties: {
            scope: { type: 'string' },
            unit: { type: 'string' },
            used: { type: 'number' },
            max: { type: 'number' },
            resets_at: { type: ['string', 'null'] },
          },
        },
      },
    },
  },
};

export function openApiDocument(routes: readonly AdminRoute[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const [path, operations] of Object.entries(INFERENCE_PATHS)) paths[path] = { ...operations };
  for (const route of routes) {
    const [method = '', path = ''] = route.name.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(route, method, path) };
  }
  const sections = new Set(Object.values(paths).flatMap((item) => Object.values(item).flatMap(({ tags }) => tags)));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tollgate',
      version,
      description:
        'LLM gateway: one OpenAI-compatible door in front of every model provider, with keys, teams, budgets, rate limits and a log of every request. Send your key as `Authorization: Bearer sk-…`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...sections].map((name) => ({ name })),
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A virtual key, or the master key.' },
      },
      schemas: { Error: ERROR_SCHEMA },
    },
  };
}

function operationOf(route: AdminRoute, method: string, path: string): Operation {
  const { summary, section, body, query, answer } = route;
  const parameters = [...pathParameters(path), ...(query === undefined ? [] : queryParameters(query))];
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^a-z0-9]+/gi, '_').replace(/_$/, '')}`,
    summary,
    description: `Needs the right \`${permissionOfRoute(route.name)}\`.`,
    tags: [section],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: bodyOf(route.name, body),
    }),
    responses: {
      [route.status]: {
        description: 'Done.',
        ...(route.status !== 204 && {
          content: { 'application/json': { schema: answer === undefined ? {} : schemaOf(answer, 'output') } },
        }),
      },
      '4XX': REFUSAL,
    },
  };
}

/** Without an example the docs page would make one of every field that there is. */
function bodyOf(name: AdminRoute['name'], body: z.ZodObject): Json {
  const example = exampleFor(name);
  return {
    required: Object.keys(body.shape).length > 0,
    content: { 'application/json': { schema: schemaOf(body), ...(example !== undefined && { example }) } },
  };
}

const pathParameters = (path: string): Json[] =>
  Array.from(path.matchAll(/\{([a-z_]+)\}/g), ([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

function queryParameters(query: z.ZodObject): Json[] {
  const { properties = {}, required = [] } = schemaOf(query) as { properties?: Json; required?: readonly string[] };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

/** What cannot be told in JSON Schema is anything. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output' = 'input'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
