/** Other spellings of a model's name under which the price list may have it. */

/** API to use, as LiteLLM spells it before the name. */
const ROUTE =
  /^(?:converse|converse_like|invoke|chat_completions|async_invoke|mantle|nova|nova-2|openai(?=\/openai\.))\//;

export const withoutRoute = (name: string): string => name.replace(ROUTE, '');

/** The list has what goes by this route under a provider of its own: PROVIDER_mantle/NAME. */
const PRICED_ROUTE = /^(?:([a-z_]+)\/)?(mantle)\/(.+)$/;

/** The model as the list of its route has it; `undefined`: its route has no list of its own. */
export function onPricedRoute(
  name: string,
  provider: string | undefined,
): { readonly provider: string; readonly model: string } | undefined {
  const [, prefix = provider, route, model] = PRICED_ROUTE.exec(name) ?? [];
  return prefix === undefined || model === undefined ? undefined : { provider: `${prefix}_${route}`, model };
}

/** Each is tried on what the one before it has left; a spelling that changed is offered. */
const PARTS_TO_DROP: readonly (readonly [RegExp, string])[] = [
  // arn:aws:bedrock:us-east-1:123:inference-profile/NAME
  [/^arn:.*\//, ''],
  // The older name of a provider, where the newer one was asked for.
  [/^vertex_ai_beta\//, ''],
  // publishers/google/models/NAME, google/NAME
  [/^publishers\/([^/]+)\/models\//, '$1/'],
  [/^(?:google|anthropic)\/(?=gemini|claude)/, ''],
  [ROUTE, ''],
  // us-east-1/NAME
  [/^[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d\//, ''],
  // us/NAME, global-standard/NAME
  [/^(?:us|eu|uk|apac|au|jp|ca|global|global-standard|data-zone|us-gov)\//, ''],
  // us.NAME
  [/^(?:us|eu|uk|apac|au|jp|ca|in|sa|me|af|il|mx|global|us-gov)\./, ''],
  // A fine-tuned model costs what its kind costs: ft:NAME:organisation:suffix:id
  [/^(ft:[^:]+):.*$/, '$1'],
  // gemini-2.0-flash-001
  [/^(gemini-.*)-\d{3}$/, '$1'],
  // NAME@20250929
  [/@[^@/]*$/, ''],
];

/** The name itself first, then ever shorter ones; never with the provider's prefix. */
export function* modelNames(name: string, provider: string | undefined): Generator<string> {
  let current = provider !== undefined && name.startsWith(`${provider}/`) ? name.slice(provider.length + 1) : name;
  yield current;
  for (const [part, kept] of PARTS_TO_DROP) {
    const shorter = current.replace(part, kept);
    if (shorter !== current && shorter !== '') yield shorter;
    current = shorter;
  }
}
