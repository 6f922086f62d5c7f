/** Providers that LiteLLM has and Tollgate does not speak to yet, as data. One leaves this list when it has an adapter. */
export const LATER_PROVIDERS: ReadonlySet<string> = new Set(
  `anthropic_text palm vertex_ai vertex_ai_beta bedrock_converse sagemaker sagemaker_chat
  azure_text text-completion-openai text-completion-codestral huggingface replicate databricks
  watsonx watsonx_text snowflake cloudflare oci triton predibase nlp_cloud aleph_alpha petals baseten maritalk
  github_copilot bytez heroku lemonade voyage jina_ai infinity deepgram elevenlabs assemblyai recraft topaz
  auto_router custom xinference empower clarifai datarobot gradient_ai v0 morph gigachat`
    .trim()
    .split(/\s+/),
);
