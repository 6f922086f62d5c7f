/**
 * JSON Schema → what Gemini takes. Tools take `Schema`, a subset of OpenAPI 3: references are written out, a reference
 * back into itself becomes an object of any shape, and unions, constants and combinations are rewritten.
 * `responseJsonSchema` takes a subset of JSON Schema, references and recursion included. Whatever is left out is reported.
 * Source: Google's "Gemini API" reference, `Schema` and `GenerationConfig.responseJsonSchema`.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { Change } from './adapter.ts';

/** Keywords by name: only names that JSON Schema has are reported, never a client's own words. */
const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const OPENAPI_KEPT = words(`
  title description default example nullable maxItems minItems minProperties maxProperties minLength maxLength pattern
  minimum maximum required propertyOrdering`);
const JSON_KEPT = words(`
  $id $ref $anchor type format title description enum minItems maxItems minimum maximum required propertyOrdering`);
const HANDLED = words(`
  type format enum const items prefixItems properties anyOf oneOf allOf $ref $defs definitions nullable`);
const KNOWN = words(`
  $schema $id $anchor $comment $dynamicRef $dynamicAnchor $vocabulary additionalProperties additionalItems
  patternProperties propertyNames unevaluatedProperties unevaluatedItems dependentRequired dependentSchemas dependencies
  if then else not contains minContains maxContains uniqueItems multipleOf exclusiveMinimum exclusiveMaximum minLength
  maxLength pattern minProperties maxProperties default examples example readOnly writeOnly deprecated strict
  contentEncoding contentMediaType nullable format discriminator xml externalDocs`);

const STRING_FORMATS = words('enum date-time');
const NUMBER_FORMATS = words('float double int32 int64');

const MAX_NODES = 10_000;
const MAX_DEPTH = 60;

export interface SchemaPlace {
  /** The request's field, for refusals and reports. */
  readonly field: string;
  readonly changes: Change[];
}

/** @throws GatewayError 400 for a reference that leads nowhere and for a schema that grows out of all bounds */
export const openApiSchema = (schema: unknown, place: SchemaPlace): JsonObject =>
  compile(schema, place, (compiler) => compiler.openApi(schema, [], 0));

/** @throws GatewayError 400 as above */
export const geminiJsonSchema = (schema: unknown, place: SchemaPlace): JsonObject =>
  compile(schema, place, (compiler) => compiler.json(schema, 0));

function compile(schema: unknown, place: SchemaPlace, run: (compiler: Compiler) => JsonObject): JsonObject {
  const compiler = new Compiler(schema, place.field);
  const made = run(compiler);
  compiler.report(place.changes);
  return made;
}

class Compiler {
  readonly #root: unknown;
  readonly #field: string;
  readonly #dropped = new Set<string>();
  readonly #emulated = new Set<string>();
  #nodes = 0;

  constructor(root: unknown, field: string) {
    this.#root = root;
    this.#field = field;
  }

  report(changes: Change[]): void {
    const push = (action: Change['action'], names: ReadonlySet<string>): void => {
      if (names.size === 0) return;
      const note = `schema: ${[...names].sort().join(', ')}`;
      const isKnown = changes.some((change) => change.field === this.#field && change.note === note);
      if (!isKnown) changes.push({ field: this.#field, action, note });
    };
    push('dropped', this.#dropped);
    push('emulated', this.#emulated);
  }

  /** @param trail references that have been followed to get here */
  openApi(schema: unknown, trail: readonly string[], depth: number): JsonObject {
    this.#count();
    if (!isObject(schema)) return { type: 'OBJECT' };
    const reference = textOf(schema['$ref']);
    if (reference !== undefined) return this.#followed(schema, reference, trail, depth);
    if (depth > MAX_DEPTH) return this.#anyObject();
    if (Array.isArray(schema['allOf'])) return this.openApi(this.#merged(schema, trail), trail, depth + 1);
    const inner = (value: unknown): JsonObject => this.openApi(value, trail, depth + 1);
    const made: JsonObject = {
      ...this.#kept(schema, OPENAPI_KEPT),
      ...this.#typeOf(schema, inner),
      ...this.#itemsOf(schema, inner),
      ...propertiesOf(schema, inner),
    };
    return withType(made);
  }

  json(schema: unknown, depth: number): JsonObject {
    this.#count();
    if (!isObject(schema)) return {};
    if (depth > MAX_DEPTH) return this.#anyObject();
    const inner = (value: unknown): JsonObject => this.json(value, depth + 1);
    if (Array.isArray(schema['allOf'])) return this.json(this.#merged(schema, []), depth + 1);
    const { additionalProperties: additional, prefixItems, items } = schema;
    const union = unionOf(schema);
    return {
      ...this.#kept(schema, JSON_KEPT, ['additionalProperties']),
      ...referencesOf(schema, inner),
      ...(Object.hasOwn(schema, 'const') && this.#constant(schema['const'])),
      ...(union && { anyOf: union.map(inner) }),
      ...(Array.isArray(prefixItems) && { prefixItems: prefixItems.map(inner) }),
      ...(isObject(items) && { items: inner(items) }),
      ...(typeof additional === 'boolean' && { additionalProperties: additional }),
      ...(isObject(additional) && { additionalProperties: inner(additional) }),
      ...propertiesOf(schema, inner),
    };
  }

  #count(): void {
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES) {
      throw invalidRequest(
        `The schema in '${this.#field}' grows too large once its references are written out.`,
        this.#field,
      );
    }
  }

  /** Recursion ends where it begins anew: Gemini's `Schema` cannot say it. */
  #followed(schema: JsonObject, reference: string, trail: readonly string[], depth: number): JsonObject {
    if (trail.includes(reference) || depth > MAX_DEPTH) return { ...this.#anyObject(), ...described(schema) };
    const { $ref: _, ...beside } = schema;
    const target = this.#resolve(reference);
    const whole = isObject(target) ? { ...target, ...beside } : beside;
    return this.openApi(whole, [...trail, reference], depth + 1);
  }

  #anyObject(): JsonObject {
    this.#emulated.add('recursion as an object of any shape');
    return { type: 'OBJECT' };
  }

  #resolve(reference: string): unknown {
    const steps = reference === '#' ? [] : reference.startsWith('#/') ? reference.slice(2).split('/') : undefined;
    const found = steps?.reduce<unknown>((value, step) => {
      const name = decodedStep(step);
      return (isObject(value) || Array.isArray(value)) && Object.hasOwn(value, name)
        ? Reflect.get(value, name)
        : undefined;
    }, this.#root);
    if (found !== undefined) return found;
    throw invalidRequest(`The schema in '${this.#field}' has a $ref that leads nowhere in it.`, this.#field);
  }

  /** `allOf` as one schema: properties and required names together, other keywords as the last of them says. */
  #merged(schema: JsonObject, trail: readonly string[]): JsonObject {
    this.#emulated.add('allOf');
    const { allOf, ...own } = schema;
    const parts = (Array.isArray(allOf) ? allOf : []).map((part: unknown) => this.#dereferenced(part, trail));
    return [...parts, own].reduce<JsonObject>((all, part) => mergedPair(all, part), {});
  }

  #dereferenced(part: unknown, trail: readonly string[]): JsonObject {
    this.#count();
    const reference = isObject(part) ? textOf(part['$ref']) : undefined;
    if (reference === undefined || trail.includes(reference)) return isObject(part) ? part : {};
    const target = this.#resolve(reference);
    return isObject(target) ? { ...target, ...(isObject(part) ? { ...part, $ref: undefined } : {}) } : {};
  }

  #kept(schema: JsonObject, kept: ReadonlySet<string>, alsoHandled: readonly string[] = []): JsonObject {
    const made: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(schema)) {
      if (value === undefined || alsoHandled.includes(name)) continue;
      if (kept.has(name)) made[name] = value;
      else if (!HANDLED.has(name)) this.#dropped.add(KNOWN.has(name) ? name : 'unknown keywords');
    }
    return made;
  }

  #constant(value: unknown): JsonObject {
    this.#emulated.add('const');
    return { enum: [value] };
  }

  #typeOf(schema: JsonObject, inner: (value: unknown) => JsonObject): JsonObject {
    const union = unionOf(schema);
    if (union) return this.#unionOf(union, schema, inner);
    const given: unknown = schema['type'];
    const types = (Array.isArray(given) ? given : [given]).filter((type) => typeof type === 'string');
    const named = types.filter((type) => type !== 'null');
    const isNullable = named.length < types.length && named.length > 0;
    if (named.length > 1) {
      this.#emulated.add('a list of types');
      const choices = named.map((type) =>
        withType({ ...(type === 'array' && { items: inner(schema['items']) }), type: type.toUpperCase() }),
      );
      return { anyOf: choices, ...(isNullable && { nullable: true }) };
    }
    const type = (named[0] ?? types[0])?.toUpperCase();
    return {
      ...(type !== undefined && { type }),
      ...this.#valuesOf(schema, type),
      ...this.#formatOf(schema, type),
      ...(isNullable && { nullable: true }),
    };
  }

  /** `anyOf`; one choice beside null is that choice, nullable. */
  #unionOf(union: readonly unknown[], schema: JsonObject, inner: (value: unknown) => JsonObject): JsonObject {
    if (Array.isArray(schema['oneOf'])) this.#emulated.add('oneOf as anyOf');
    const choices = union.filter((choice) => !isNull(choice));
    const nullable = choices.length < union.length && choices.length > 0;
    const [only] = choices;
    if (choices.length === 1) return { ...inner(only), ...described(schema), ...(nullable && { nullable: true }) };
    return { anyOf: choices.map(inner), ...(nullable && { nullable: true }) };
  }

  /** Only texts can be enumerated; other values are named in the description. */
  #valuesOf(schema: JsonObject, type: string | undefined): JsonObject {
    const hasConstant = Object.hasOwn(schema, 'const');
    const values: unknown = hasConstant ? [schema['const']] : schema['enum'];
    if (!Array.isArray(values)) return {};
    const some = values.filter((value) => value !== null);
    if (hasConstant) this.#emulated.add('const');
    const nullable = some.length < values.length && { nullable: true };
    if (some.every((value) => typeof value === 'string') && (type === undefined || type === 'STRING')) {
      return { type: 'STRING', enum: some, ...nullable };
    }
    this.#emulated.add('values in the description');
    const said = textOf(schema['description']);
    const listed = `One of: ${some.map((value) => JSON.stringify(value)).join(', ')}.`;
    return { description: said === undefined ? listed : `${said} ${listed}`, ...nullable, ...typeOfValues(some, type) };
  }

  #formatOf(schema: JsonObject, type: string | undefined): JsonObject {
    const format = textOf(schema['format']);
    if (format === undefined) return {};
    const isKept = (type === 'STRING' ? STRING_FORMATS : NUMBER_FORMATS).has(format);
    if (!isKept) this.#dropped.add('format');
    return isKept ? { format } : {};
  }

  #itemsOf(schema: JsonObject, inner: (value: unknown) => JsonObject): JsonObject {
    const { items, prefixItems } = schema;
    const tuple = Array.isArray(prefixItems) ? prefixItems : items;
    if (Array.isArray(tuple)) {
      this.#emulated.add('tuples');
      return { items: tuple.length === 1 ? inner(tuple[0]) : { anyOf: tuple.map(inner) } };
    }
    return isObject(items) ? { items: inner(items) } : {};
  }
}

const isNull = (schema: unknown): boolean =>
  isObject(schema) && (schema['type'] === 'null' || (Object.hasOwn(schema, 'const') && schema['const'] === null));

function unionOf({ anyOf, oneOf }: JsonObject): readonly unknown[] | undefined {
  const union = Array.isArray(anyOf) ? anyOf : oneOf;
  return Array.isArray(union) && union.length > 0 ? union : undefined;
}

const described = ({ description }: JsonObject): JsonObject => (typeof description === 'string' ? { description } : {});

function decodedStep(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return step; // A stray percent sign is part of the name.
  }
}

const mapOf = (map: JsonObject, change: (value: unknown) => JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value)]));

function propertiesOf({ properties }: JsonObject, inner: (value: unknown) => JsonObject): JsonObject {
  return isObject(properties) && Object.keys(properties).length > 0 ? { properties: mapOf(properties, inner) } : {};
}

/** The older place of definitions as the newer. */
function referencesOf(schema: JsonObject, inner: (value: unknown) => JsonObject): JsonObject {
  const definitions = schema['$defs'] ?? schema['definitions'];
  const reference = textOf(schema['$ref']);
  return {
    ...(reference !== undefined && { $ref: reference.replace('#/definitions/', '#/$defs/') }),
    ...(isObject(definitions) && { $defs: mapOf(definitions, inner) }),
  };
}

function mergedPair(one: JsonObject, other: JsonObject): JsonObject {
  const properties = { ...objectOr(one['properties']), ...objectOr(other['properties']) };
  const required = [...listOr(one['required']), ...listOr(other['required'])];
  return {
    ...one,
    ...other,
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(required.length > 0 && { required: [...new Set(required)] }),
  };
}

const objectOr = (value: unknown): JsonObject => (isObject(value) ? value : {});
const listOr = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function typeOfValues(values: readonly unknown[], type: string | undefined): JsonObject {
  if (type !== undefined) return {};
  if (values.every((value) => numberOf(value) !== undefined)) return { type: 'NUMBER' };
  return values.every((value) => typeof value === 'boolean') ? { type: 'BOOLEAN' } : { type: 'STRING' };
}

/** Gemini wants to know of every schema what it is, and of every list what is in it. */
function withType(schema: JsonObject): JsonObject {
  const { type, anyOf, items, properties, required } = schema;
  if (anyOf !== undefined) return schema;
  const whole = type === undefined ? { type: items === undefined ? 'OBJECT' : 'ARRAY', ...schema } : schema;
  if (whole['type'] === 'ARRAY' && items === undefined) return { ...whole, items: { type: 'STRING' } };
  if (required === undefined || !Array.isArray(required)) return whole;
  // A required name without a property is refused.
  const known = required.filter(
    (name) => isObject(properties) && typeof name === 'string' && Object.hasOwn(properties, name),
  );
  const { required: _, ...rest } = whole;
  return known.length === 0 ? rest : { ...rest, required: known };
}
