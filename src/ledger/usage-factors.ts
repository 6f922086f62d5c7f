/**
 * What a usage says, besides counts of tokens, that decides its price. Nothing reported is trusted. Sources: Anthropic's
 * API reference ("usage": `speed`, `inference_geo`, `iterations`), Cohere's (`billed_units`), Perplexity's (`citation_tokens`).
 */
import type { Usage } from '../wire/openai.ts';
import type { PriceFactors, SideWork } from '../wire/usage.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Never throws, whatever is in `usage`. Without `serviceTier`, which is no part of a usage. */
export function factorsIn(usage: Usage | null | undefined): PriceFactors {
  const top = fieldsOf(usage);
  const [prompt, completion] = [fieldsOf(top['prompt_tokens_details']), fieldsOf(top['completion_tokens_details'])];
  return {
    ...placeAndSpeed(top),
    ...told('webSearches', webSearchesOf(usage)),
    ...contextSize(top),
    ...told('mapSearches', few(prompt['map_search_requests'])),
    ...told('citations', count(top['citation_tokens'])),
    ...told('inputImage', count(prompt['image_tokens'])),
    ...told('outputImage', count(completion['image_tokens'])),
    ...told('outputVideo', count(completion['video_tokens'])),
    ...told('cacheReadAudio', count(prompt['cached_audio_tokens'])),
    ...billedUnits(top),
    ...otherModels(top),
  };
}

/** Most usages have none of it, and their rows stay narrow. */
const told = <Name extends string>(name: Name, value: number): { readonly [Key in Name]?: number } =>
  (value > 0 ? { [name]: value } : {}) as { readonly [Key in Name]?: number };

const WORD = /^[a-z][a-z0-9_-]{0,31}$/;
const wordIn = (value: unknown): string | undefined => {
  const word = typeof value === 'string' ? value.toLowerCase() : '';
  return WORD.test(word) ? word : undefined;
};
const ORDINARY: ReadonlySet<string> = new Set(['standard', 'global', 'not_available']);

/** Anthropic says both; `standard` and `global` have no price of their own. */
function placeAndSpeed(top: Fields): Pick<PriceFactors, 'speed' | 'region'> {
  const [speed, region] = [wordIn(top['speed']), wordIn(top['inference_geo'])];
  return { ...(speed !== undefined && { speed }), ...(region !== undefined && { region }) };
}

/** Whether a speed or a region that was told is none that could cost more. */
export const isOrdinary = (word: string | undefined): boolean => word === undefined || ORDINARY.has(word);

function contextSize(top: Fields): Pick<PriceFactors, 'searchContextSize'> {
  const size = top['search_context_size'];
  return size === 'low' || size === 'medium' || size === 'high' ? { searchContextSize: size } : {};
}

/** Cohere does not bill what it puts before a prompt. */
function billedUnits(top: Fields): Pick<PriceFactors, 'billed'> {
  const units = fieldsOf(top['billed_units']);
  const { input_tokens: input, output_tokens: output } = units;
  if (!isCount(input) || !isCount(output)) return {};
  // More than it counted cannot be believed; the counts then stand.
  const [prompt, completion] = [count(top['prompt_tokens']), count(top['completion_tokens'])];
  return input <= prompt && output <= completion ? { billed: { input, output } } : {};
}

const MAX_SIDE_WORKS = 100;

/** A model that was consulted is in no total; one that took over is alone in it. */
function otherModels(top: Fields): Pick<PriceFactors, 'pricedAs' | 'besides'> {
  const parts: readonly unknown[] = Array.isArray(top['iterations']) ? top['iterations'] : [];
  const iterations = parts.slice(0, MAX_SIDE_WORKS).map(fieldsOf);
  const ofType = (type: string) => iterations.filter((part) => part['type'] === type && named(part) !== undefined);
  const successor = ofType('fallback_message').at(-1);
  const pricedAs = successor && named(successor);
  const besides = ofType('advisor_message').map(sideWork);
  return { ...(pricedAs !== undefined && { pricedAs }), ...(besides.length > 0 && { besides }) };
}

const named = (part: Fields): string | undefined => {
  const { model } = part;
  return typeof model === 'string' && model !== '' && model.length <= 200 ? model : undefined;
};

const sideWork = (part: Fields): SideWork => ({
  model: named(part) ?? '',
  input: count(part['input_tokens']),
  cacheRead: count(part['cache_read_input_tokens']),
  cacheWrite: count(part['cache_creation_input_tokens']),
  output: count(part['output_tokens']),
});

/** Searches that the provider bills apart from tokens. */
export function webSearchesOf(usage: Usage | null | undefined): number {
  const top = fieldsOf(usage);
  const counts = [
    fieldsOf(top['server_tool_use'])['web_search_requests'],
    fieldsOf(top['prompt_tokens_details'])['web_search_requests'],
    top['num_search_queries'],
  ];
  return counts.map(few).find((searches) => searches > 0) ?? 0;
}

const MAX_SEARCHES = 1_000;
const MAX_TOKENS = 16_000_000;

const few = (value: unknown): number => (isCount(value) && value <= MAX_SEARCHES ? value : 0);
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_TOKENS;
const count = (value: unknown): number => (isCount(value) ? value : 0);

function fieldsOf(value: unknown): Fields {
  // A record by the test before it; what its fields are is looked at one by one.
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
