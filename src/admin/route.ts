/**
 * What a management route is made of. One zod schema per route validates its input, types its handler and describes it in
 * `/openapi.json`; the permission comes from the table in `auth/management-routes.ts`, so a route without one does not compile.
 */
import type { z } from '@hono/zod-openapi';
import type { Caller } from '../auth/authenticate.ts';
import type { Access } from '../auth/principal.ts';
import type { ManagementRoute } from '../auth/routes.ts';
import type { Refusals } from './body.ts';

type Schema = z.ZodObject;
type Output<S extends Schema | undefined> = S extends Schema ? z.output<S> : undefined;

/** Everything a handler is given. */
export interface Input<Body extends Schema | undefined = undefined, Query extends Schema | undefined = undefined> {
  readonly body: Output<Body>;
  readonly query: Output<Query>;
  /** Parts of the path in braces. */
  readonly params: Readonly<Record<string, string>>;
  /** What of this route's objects the caller may see or change. */
  readonly access: Access;
  readonly caller: Caller;
  /** `litellm-changed-by`: in whose name, for the audit. */
  readonly changedBy: string | null;
  /** Header value in lower case, `accept` for a CSV. */
  header(name: string): string | undefined;
}

export interface RouteSpec<Body extends Schema | undefined, Query extends Schema | undefined> {
  /** One line for the docs page. */
  readonly summary: string;
  /** Section of the docs page, such as `Keys`. */
  readonly section: string;
  readonly body?: Body;
  readonly query?: Query;
  /** Why a field that LiteLLM knows is not accepted. */
  readonly refusals?: Refusals;
  /** What it answers, for the docs page. */
  readonly answer?: z.ZodType;
  /** Of its body, where that may be as long as a prompt; 1 MB unless it says otherwise. */
  readonly largestBytes?: number;
  /** Of success, for the docs page; 200 unless it says otherwise. */
  readonly status?: number;
  /** A `Response` goes out as it is, anything else as JSON. */
  readonly handle: (input: Input<Body, Query>) => Promise<unknown>;
}

/** A route whose schema types have been checked against its handler and are then forgotten. */
export interface AdminRoute {
  readonly name: ManagementRoute;
  readonly summary: string;
  readonly section: string;
  readonly body: Schema | undefined;
  readonly query: Schema | undefined;
  readonly refusals: Refusals;
  readonly answer: z.ZodType | undefined;
  readonly largestBytes: number | undefined;
  readonly status: number;
  readonly handle: (input: Input<Schema | undefined, Schema | undefined>) => Promise<unknown>;
}

export function route<Body extends Schema | undefined = undefined, Query extends Schema | undefined = undefined>(
  name: ManagementRoute,
  spec: RouteSpec<Body, Query>,
): AdminRoute {
  return {
    name,
    summary: spec.summary,
    section: spec.section,
    body: spec.body,
    query: spec.query,
    refusals: spec.refusals ?? {},
    answer: spec.answer,
    largestBytes: spec.largestBytes,
    status: spec.status ?? 200,
    // The app gives a handler what its own schemas have made, so the forgotten types are the right ones.
    handle: spec.handle as AdminRoute['handle'],
  };
}

/** JSON with headers of its own. */
export class Answer {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;

  constructor(body: unknown, headers: Readonly<Record<string, string>> = {}, status = 200) {
    this.body = body;
    this.headers = headers;
    this.status = status;
  }
}
