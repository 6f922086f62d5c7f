/**
 * OpenAI's chat completions on the wire, as far as the gateway looks at it. Unknown fields are always kept: a parameter
 * that OpenAI adds tomorrow works today. Source: OpenAI API reference, "Chat completions".
 */

export interface ChatMessage {
  role: string;
  content?: string | readonly Record<string, unknown>[] | null;
  [field: string]: unknown;
}

export interface ChatRequest {
  model: string;
  messages: ChatMessage[];
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean; [field: string]: unknown } | null;
  [field: string]: unknown;
}

/** Token counts as OpenAI reports them: details are subsets of their total. Every number is untrusted. */
export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number; cache_creation_tokens?: number; audio_tokens?: number } | null;
  completion_tokens_details?: { reasoning_tokens?: number; audio_tokens?: number } | null;
  [field: string]: unknown;
}

export interface ChatChoice {
  index: number;
  finish_reason: string | null;
  message: ChatMessage;
  [field: string]: unknown;
}

export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  created: number;
  model: string;
  choices: ChatChoice[];
  usage?: Usage | null;
  [field: string]: unknown;
}

export interface ChatChunkChoice {
  index: number;
  delta: Partial<ChatMessage>;
  finish_reason?: string | null;
  [field: string]: unknown;
}

export interface ChatChunk {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  choices: ChatChunkChoice[];
  usage?: Usage | null;
  [field: string]: unknown;
}
