/** Bytes → JSON object, refusing what could hurt: bad UTF-8, bad JSON, deep nesting, huge trees, `__proto__` keys. */
import { GatewayError, invalidRequest } from '../errors.ts';

export interface JsonLimits {
  readonly maxDepth: number;
  readonly maxNodes: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** JSON's own syntax error, without the text around it: a message must not echo a prompt. */
function syntaxMessage(text: string): string {
  if (text.trim() === '') return 'The request body is empty; send a JSON object.';
  return 'Invalid JSON payload: the request body could not be parsed. Send one JSON object, encoded as UTF-8.';
}

export function decodeUtf8(bytes: Uint8Array | ArrayBuffer): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new GatewayError('invalid_request', 'The request body is not valid UTF-8.', { param: 'request_body', cause });
  }
}

/**
 * @throws GatewayError 400 that names the fault. The text itself never appears in it.
 */
export function parseJsonObject(text: string, limits: JsonLimits): Record<string, unknown> {
  let value: unknown;
  try {
    // The parser does not recurse, so depth can be judged afterwards.
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the input, so it is neither shown nor kept as a cause.
    throw invalidRequest(syntaxMessage(text), 'request_body');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidRequest('The request body must be a JSON object.', 'request_body');
  }
  guardTree(value, limits);
  // JSON.parse gives an object here: checked above.
  return value as Record<string, unknown>;
}

function tooDeep(maxDepth: number): GatewayError {
  return invalidRequest(`The request body is nested more than ${maxDepth} levels deep.`, 'request_body');
}

/** Walks level by level, so the walk itself cannot overflow a stack. */
function guardTree(root: object, limits: JsonLimits): void {
  let level: object[] = [root];
  let nodes = 1;
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limits.maxDepth) throw tooDeep(limits.maxDepth);
    const next: object[] = [];
    for (const node of level) nodes += Array.isArray(node) ? guardArray(node, next) : guardMembers(node, next);
    if (nodes > limits.maxNodes) {
      throw invalidRequest(`The request body has more than ${limits.maxNodes} JSON values.`, 'request_body');
    }
    level = next;
  }
}

function guardArray(items: readonly unknown[], next: object[]): number {
  for (const item of items) if (typeof item === 'object' && item !== null) next.push(item);
  return items.length;
}

function guardMembers(node: object, next: object[]): number {
  const keys = Object.keys(node);
  for (const key of keys) {
    if (key === '__proto__') throw invalidRequest('The key "__proto__" is not accepted in a request.', '__proto__');
    // An own key of a parsed JSON object.
    const value = (node as Record<string, unknown>)[key];
    if (typeof value === 'object' && value !== null) next.push(value);
  }
  return keys.length;
}
