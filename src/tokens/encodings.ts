/**
 * Which of OpenAI's encodings a model's text is counted with. Sources: OpenAI's cookbook, "How to count tokens with tiktoken",
 * and tiktoken's table of models.
 */

export const ENCODINGS = ['o200k_base', 'cl100k_base', 'p50k_base', 'r50k_base'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** By the beginning of a model's own name; the first that fits holds. */
const BY_NAME: readonly (readonly [RegExp, Encoding])[] = [
  [/^(gpt-4o|chatgpt-4o|gpt-4\.[1-9]|gpt-4-1|gpt-4-5|gpt-[5-9]|gpt-oss|o\d)/, 'o200k_base'],
  [/^(gpt-4|gpt-3\.5|gpt-35|text-embedding-(ada-002|3)|davinci-002|babbage-002)/, 'cl100k_base'],
  [/^(text-davinci-00[23]|code-(davinci|cushman)|(davinci|cushman)-codex)/, 'p50k_base'],
  [/^(text-(davinci|curie|babbage|ada)|davinci|curie|babbage|ada)(-|$)/, 'r50k_base'],
];

/**
 * Other families publish no tokenizer that is small enough to carry, or none at all: the newest of OpenAI's, whose
 * vocabulary is about as large as theirs, is the nearest there is.
 */
const NEAREST: Encoding = 'o200k_base';

/** @param model with or without provider, such as `azure/gpt-4o-2024-08-06` or `ft:gpt-4o-mini:us::1` */
export const encodingOf = (model: string): Encoding =>
  BY_NAME.find(([pattern]) => pattern.test(plainName(model)))?.[1] ?? NEAREST;

/** Without provider, region, tenant of a fine-tune; in lower case. */
export function plainName(model: string): string {
  const last = model.toLowerCase().split('/').at(-1) ?? '';
  const [first = '', second = ''] = last.split(':');
  return first === 'ft' ? second : first;
}
