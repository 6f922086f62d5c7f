/**
 * JSON schemas as Anthropic's structured outputs and tools take them. Source: Anthropic's guide "Structured outputs",
 * section on limitations: objects are closed, no recursion, no ranges and lengths; LiteLLM's documentation of
 * `response_format` for what becomes a forced tool.
 */
import { isObject, type JsonObject, textOf, without } from '../lib/json.ts';

/** What is said of a value but not enforced: it goes into the description, where the model can still read it. */
const SAID_ONLY = [
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['minLength', 'maxLength', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties'],
];
/** What cannot be left out without changing what is asked for. */
const IMPOSSIBLE = ['patternProperties', 'propertyNames', 'not', 'if', 'dependentSchemas', 'prefixItems', 'contains'];
const FORMATS = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']);
const DEFINITIONS = ['$defs', 'definitions'] as const;
const MOST_DEPTH = 64;

/** The schema as `output_config.format` and strict tools take it; `undefined` when it cannot be said there. */
export function closedSchema(schema: unknown): JsonObject | undefined {
  if (!isObject(schema) || schema['type'] !== 'object' || isRecursive(schema)) return undefined;
  try {
    return closed(without(schema, '$schema', '$id'), 0);
  } catch (thrown) {
    if (thrown instanceof Unsayable) return undefined;
    throw thrown;
  }
}

class Unsayable extends Error {}

function closed(schema: unknown, depth: number): JsonObject {
  if (!isObject(schema) || depth > MOST_DEPTH || IMPOSSIBLE.some((name) => schema[name] !== undefined)) {
    throw new Unsayable();
  }
  if (typeof schema['$ref'] === 'string') return refOf(schema, depth);
  const entries = Object.entries(schema);
  const kept = entries.filter(([name, value]) => !isSaidOnly(name, value));
  const members = kept.map(([name, value]) => [name === 'oneOf' ? 'anyOf' : name, memberOf(name, value, depth)]);
  return {
    ...Object.fromEntries(members),
    ...(isObjectType(schema) && closing(schema)),
    ...described(
      schema,
      entries.filter(([name, value]) => isSaidOnly(name, value)),
    ),
  };
}

function described(schema: JsonObject, limits: readonly (readonly [string, unknown])[]): JsonObject {
  if (limits.length === 0) return {};
  const said = limits.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ');
  return { description: [schema['description'], `{${said}}`].filter(Boolean).join('\n\n') };
}

/** Siblings of a reference are not read. */
function refOf(schema: JsonObject, depth: number): JsonObject {
  const ref = textOf(schema['$ref']) ?? '';
  if (!/^#\/(\$defs|definitions)\//.test(ref)) throw new Unsayable();
  const definitions = DEFINITIONS.filter((name) => schema[name] !== undefined).map(
    (name) => [name, memberOf(name, schema[name], depth)] as const,
  );
  return { $ref: ref, ...Object.fromEntries(definitions) };
}

function isSaidOnly(name: string, value: unknown): boolean {
  if (SAID_ONLY.includes(name)) return true;
  if (name === 'minItems') return value !== 0 && value !== 1;
  return name === 'format' && !FORMATS.has(textOf(value) ?? '');
}

function memberOf(name: string, value: unknown, depth: number): unknown {
  switch (name) {
    case 'properties':
    case '$defs':
    case 'definitions':
      if (!isObject(value)) throw new Unsayable();
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner, depth + 1)]));
    case 'items':
      return closed(value, depth + 1);
    case 'anyOf':
    case 'oneOf':
    case 'allOf':
      if (!Array.isArray(value)) throw new Unsayable();
      return value.map((inner) => closed(inner, depth + 1));
    case 'enum':
      if (!Array.isArray(value) || value.some((item) => typeof item === 'object' && item !== null))
        throw new Unsayable();
      return value;
    default:
      return value;
  }
}

const isObjectType = ({ type, properties }: JsonObject): boolean =>
  type === 'object' || (Array.isArray(type) && type.includes('object')) || (type === undefined && isObject(properties));

/** A map of any names to values is no closed object. */
function closing({ additionalProperties: others, properties }: JsonObject): JsonObject {
  if (isObject(others) || others === true || !isObject(properties)) throw new Unsayable();
  return { additionalProperties: false };
}

/** Whether any definition leads back to itself, or anything to the root. */
function isRecursive(schema: JsonObject): boolean {
  const definitions = new Map<string, unknown>();
  for (const group of DEFINITIONS) {
    const members = schema[group];
    if (!isObject(members)) continue;
    for (const [name, value] of Object.entries(members)) definitions.set(`#/${group}/${escaped(name)}`, value);
  }
  const refs = new Map([...definitions].map(([name, value]) => [name, refsIn(value)]));
  refs.set('#', refsIn(without(schema, ...DEFINITIONS)));
  return [...refs.keys()].some((start) => leadsTo(start, start, refs));
}

const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

function refsIn(value: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const item of value) refsIn(item, found);
  else if (isObject(value)) {
    if (typeof value['$ref'] === 'string') found.add(value['$ref']);
    for (const inner of Object.values(value)) refsIn(inner, found);
  }
  return found;
}

function leadsTo(start: string, end: string, refs: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const seen = new Set<string>();
  const open = [...(refs.get(start) ?? [])];
  for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
    if (ref === end) return true;
    if (seen.has(ref)) continue;
    seen.add(ref);
    open.push(...(refs.get(ref) ?? []));
  }
  return false;
}

/** How the arguments of the tool stand for the answer: they are it, or they hold it as `value`. */
export type JsonMode = 'plain' | 'wrapped';

/** A schema as a tool's, which must be an object: anything else is put into one. */
export function toolSchema(schema: unknown): { readonly schema: JsonObject; readonly mode: JsonMode } {
  const given = isObject(schema) ? without(schema, '$schema', '$id') : {};
  const isOpenObject = Object.keys(given).length === 0 || given['type'] === 'object';
  if (isOpenObject) return { schema: { ...given, type: 'object' }, mode: 'plain' };
  const definitions = DEFINITIONS.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]);
  const value = without(given, ...DEFINITIONS);
  return {
    schema: {
      type: 'object',
      properties: { value: movedRefs(value) },
      required: ['value'],
      ...Object.fromEntries(definitions.map(([name, inner]) => [name, movedRefs(inner)])),
    },
    mode: 'wrapped',
  };
}

/** References to the root and into it, where the root now is. */
function movedRefs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(movedRefs);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [
    name,
    name === '$ref' && typeof inner === 'string'
      ? inner.replace(/^#(?!\/(\$defs|definitions)\/)/, '#/properties/value')
      : movedRefs(inner),
  ]);
  return Object.fromEntries(entries);
}
