/** Providers that do not speak OpenAI's dialect: examined in tests of their own, not with OpenAI's answers. */
export const OWN_DIALECTS: ReadonlySet<string> = new Set([
  'anthropic',
  'bedrock',
  'gemini',
  'cohere',
  'cohere_chat',
  'ollama',
  'ollama_chat',
  'watsonx',
]);
