/** Providers that LiteLLM has and Tollgate does not speak to, as data. One leaves these lists when it has an adapter. */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** They have chats, in dialects or behind logins that are not there yet. */
const LATER = words(
  `palm oci triton
  predibase nlp_cloud aleph_alpha petals github_copilot bytez auto_router custom gigachat a2a chatgpt gdc
  langflow langgraph manus microsoft_365_copilot opencode_go sap fal_ai`,
);

/** They have no chat completions at all: what they do instead. */
const NO_CHATS: Readonly<Record<string, readonly string[]>> = {
  'completes texts (legacy completions)': words(
    'text-completion-openai text-completion-codestral text-completion-inception azure_text anthropic_text watsonx_text',
  ),
  'makes embeddings or ranks documents': words('voyage jina_ai infinity'),
  'turns speech into text or text into speech': words('deepgram elevenlabs soniox nvidia_riva aws_polly azure_speech'),
  'makes or edits images and videos': words('recraft topaz stability black_forest_labs runwayml'),
  'searches or stores documents': words('milvus pg_vector s3_vectors valkey mongodb opensearch reducto'),
};

const WHAT_THEY_DO: ReadonlyMap<string, string> = new Map(
  Object.entries(NO_CHATS).flatMap(([what, names]) => names.map((name) => [name, what] as const)),
);

export const LATER_PROVIDERS: ReadonlySet<string> = new Set([...LATER, ...WHAT_THEY_DO.keys()]);

/** Why a deployment of such a provider is left out, in plain words. */
export function whyLeftOut(provider: string): string {
  const what = WHAT_THEY_DO.get(provider);
  if (what === undefined) return `the provider "${provider}" is not supported yet`;
  return `the provider "${provider}" ${what} and has no chat completions`;
}
