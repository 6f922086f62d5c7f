/**
 * Tools as the text that models of OpenAI's are given: a namespace of function types. Their true form is not published; this is
 * the one that counts like it, which is widely used (LiteLLM's token counter among others).
 */
import { isObject, type JsonObject, textOf } from '../lib/json.ts';

/** @param tools in OpenAI's, Anthropic's or Gemini's form */
export function toolText(tools: readonly unknown[]): string {
  const types = tools.flatMap(functionsIn).flatMap(typeOf);
  return ['namespace functions {', '', ...types, '} // namespace functions'].join('\n');
}

function functionsIn(tool: unknown): readonly JsonObject[] {
  if (!isObject(tool)) return [];
  if (isObject(tool['function'])) return [tool['function']];
  const declared = tool['function_declarations'] ?? tool['functionDeclarations'];
  if (Array.isArray(declared)) return declared.filter(isObject);
  return [{ ...tool, parameters: tool['input_schema'] ?? tool['parameters'] }];
}

function typeOf(made: JsonObject): readonly string[] {
  const name = textOf(made['name']);
  if (name === undefined || name === '') return [];
  const { description, parameters } = made;
  const comment = typeof description === 'string' && description !== '' ? [`// ${description}`] : [];
  const members = isObject(parameters) ? membersOf(parameters, 0) : '';
  if (members === '') return [...comment, `type ${name} = () => any;`, ''];
  return [...comment, `type ${name} = (_: {`, members, '}) => any;', ''];
}

function membersOf(schema: JsonObject, indent: number): string {
  const { properties, required } = schema;
  if (!isObject(properties)) return '';
  const needed = new Set<unknown>(Array.isArray(required) ? required : []);
  const lines = Object.entries(properties).flatMap(([name, member]) => {
    const description = isObject(member) ? textOf(member['description']) : undefined;
    const mark = needed.has(name) ? '' : '?';
    return [...(description ? [`// ${description}`] : []), `${name}${mark}: ${schemaText(member, indent)},`];
  });
  return lines.map((line) => ' '.repeat(indent) + line).join('\n');
}

const quoted = (values: readonly unknown[]): string => values.map((value) => `"${String(value)}"`).join(' | ');

function schemaText(schema: unknown, indent: number): string {
  if (!isObject(schema)) return 'any';
  const { type, enum: values, items } = schema;
  switch (type) {
    case 'string':
      return Array.isArray(values) ? quoted(values) : 'string';
    case 'integer':
    case 'number':
      return Array.isArray(values) ? quoted(values) : 'number';
    case 'array':
      return `${schemaText(items, indent)}[]`;
    case 'object':
      return `{\n${membersOf(schema, indent + 2)}\n}`;
    case 'boolean':
    case 'null':
      return type;
    default:
      return 'any';
  }
}
