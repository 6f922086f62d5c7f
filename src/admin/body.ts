/** Bytes → JSON object → fields that a schema has accepted, or a 400 that names the fault without echoing the body. */
import type { z } from '@hono/zod-openapi';
import { GatewayError, invalidRequest } from '../errors.ts';
import { topLevelMembers } from '../lib/json-members.ts';
import { didYouMean, nearestNames, suggestionLimit } from '../lib/near-name.ts';
import { faultIn, wording } from './fault.ts';

/** Management requests are small. */
const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;
/** Each takes its time to look at: megabytes of empty lists would take seconds. */
const MAX_VALUES = 400_000;
const LONE_SURROGATE = /\\ud[89a-f][0-9a-f]{2}/;

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * @param mayBeEmpty nothing at all counts as an object without members: `curl -X POST` on a route that asks for nothing
 * @throws GatewayError 400 or 413
 */
export async function readObject(request: Request, mayBeEmpty = false, mostBytes = MAX_BYTES): Promise<object> {
  const text = await readText(request, mostBytes);
  if (mayBeEmpty && text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the input, so it is neither shown nor kept as a cause.
    throw invalidRequest('The request body must be one JSON object.', 'request_body');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidRequest('The request body must be a JSON object.', 'request_body');
  }
  refuseTwins(text);
  guard(value, 1, { left: MAX_VALUES });
  refuseHalfCharacters(value);
  return value;
}

/**
 * JSON can hold half of a character (a surrogate alone), UTF-8 cannot: the database would keep another text than the one
 * that was checked, answered and sealed in the audit log. Only an escape can bring one in, and JSON's writer escapes it again.
 */
function refuseHalfCharacters(value: object): void {
  if (!LONE_SURROGATE.test(JSON.stringify(value).replaceAll('\\\\', ''))) return;
  throw invalidRequest(
    'The request body holds half of a character: a surrogate such as \\ud83d alone.',
    'request_body',
  );
}

async function readText(request: Request, mostBytes: number): Promise<string> {
  const bytes = await readBytes(request, mostBytes);
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new GatewayError('invalid_request', 'The request body is not valid UTF-8.', { param: 'request_body', cause });
  }
}

/** What says itself that it is too long is not read. */
async function readBytes(request: Request, mostBytes: number): Promise<Uint8Array | ArrayBuffer> {
  const declared = request.headers.get('content-length');
  if (declared !== null && Number(declared) > mostBytes) throw tooLarge(mostBytes);
  if (declared !== null) return await request.arrayBuffer();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of request.body ?? []) {
    size += piece.byteLength;
    if (size > mostBytes) throw tooLarge(mostBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

const tooLarge = (mostBytes: number): GatewayError =>
  new GatewayError('payload_too_large', `The body of this request may have at most ${mostBytes / (1024 * 1024)} MB.`, {
    param: 'request_body',
  });

/** Of two members with one name parsers keep different ones, so what was checked might not be what was meant. */
function refuseTwins(text: string): void {
  const seen = new Set<string>();
  for (const { key } of topLevelMembers(text) ?? []) {
    if (seen.has(key)) throw invalidRequest('A field stands twice in the request body.', key);
    seen.add(key);
  }
}

/** @param values how many there may be yet */
function guard(node: object, depth: number, values: { left: number }): void {
  if (depth > MAX_DEPTH) {
    throw invalidRequest(`The request body is nested more than ${MAX_DEPTH} levels deep.`, 'request_body');
  }
  if (Object.hasOwn(node, '__proto__')) {
    throw invalidRequest('The key "__proto__" is not accepted in a request.', '__proto__');
  }
  const members = Object.values(node);
  values.left -= members.length;
  if (values.left < 0) {
    throw invalidRequest(`The request body has more than ${MAX_VALUES} JSON values.`, 'request_body');
  }
  for (const value of members) if (typeof value === 'object' && value !== null) guard(value, depth + 1, values);
}

/** Fields of LiteLLM that are not here, and what to say instead of "unknown". */
export type Refusals = Readonly<Record<string, string>>;

/**
 * @param refusals why a field that LiteLLM knows is not accepted
 * @throws GatewayError 400 that names the field, and for an unknown one the likely meaning
 */
export function accept<Shape extends z.ZodRawShape>(
  value: object,
  schema: z.ZodObject<Shape>,
  refusals: Refusals = {},
): z.output<z.ZodObject<Shape>> {
  const result = schema.safeParse(value, { error: wording });
  if (result.success) return result.data;
  const { path, unknown, says } = faultIn(result.error);
  if (unknown !== undefined && path.length === 0) throw unknownField(unknown, Object.keys(schema.shape), refusals);
  if (unknown !== undefined) throw notAccepted([...path, unknown.slice(0, 100)].join('.'), 'is not a known field');
  throw notAccepted(path.join('.') || 'request_body', says);
}

const notAccepted = (param: string, message = 'not accepted'): GatewayError =>
  invalidRequest(`'${param}': ${message}.`, param);

/** Query parameters, all text: a schema says what they mean. One without a value is none: forms send them. */
export function acceptQuery(
  given: Readonly<Record<string, string>>,
  schema: z.ZodObject | undefined,
): Record<string, unknown> | undefined {
  if (schema === undefined) return undefined;
  return accept(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')), schema);
}

function unknownField(name: string, known: readonly string[], refusals: Refusals): GatewayError {
  if (Object.hasOwn(refusals, name)) return invalidRequest(`'${name}' ${refusals[name]}.`, name);
  const shown = name.slice(0, 100);
  const near = didYouMean(nearestNames(shown, known, suggestionLimit(shown)));
  return invalidRequest(`Unknown field '${shown}'.${near}`, shown);
}
