/** Values that some providers want written differently. Each returns the new value, or `undefined` to leave it. */

type Loose = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `tool_choice: required` is called `any` by some. */
export const requiredIsAny = (value: unknown): unknown => (value === 'required' ? 'any' : undefined);

/** `strict` is refused in function definitions by some. */
export function looseTools(value: unknown): unknown {
  if (
    !Array.isArray(value) ||
    !value.some((tool) => isObject(tool) && isObject(tool['function']) && 'strict' in tool['function'])
  )
    return undefined;
  return value.map((tool: unknown) => {
    if (!isObject(tool) || !isObject(tool['function'])) return tool;
    const { strict: _, ...definition } = tool['function'];
    return { ...tool, function: definition };
  });
}

/** Content given as a list of texts becomes one text, for providers that take no lists. */
export function collapsedContent(value: unknown): unknown {
  if (!Array.isArray(value) || !value.some((message) => isObject(message) && Array.isArray(message['content'])))
    return undefined;
  return value.map((message: unknown) => {
    if (!isObject(message) || !Array.isArray(message['content'])) return message;
    const parts: readonly unknown[] = message['content'];
    const texts = parts.map((part) =>
      isObject(part) && part['type'] === 'text' && typeof part['text'] === 'string' ? part['text'] : undefined,
    );
    return texts.includes(undefined) ? message : { ...message, content: texts.join('') };
  });
}
