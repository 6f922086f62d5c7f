/**
 * Files, sound and films in a request: how many tokens they can be at most. Content parts are those of OpenAI's and
 * LiteLLM's documentation (`image_url`, `file`, `input_audio`, `video_url` …).
 */
import type { ChatMessage } from '../wire/openai.ts';

/** What lies elsewhere can be as long as the model can read. */
export const UNSIZED = Number.POSITIVE_INFINITY;
/** The shortest file is a page, which providers also read as a picture. */
const TOKENS_PER_FILE = 6_000;

type Part = Readonly<Record<string, unknown>>;

/** Tokens beyond the text of the request; `UNSIZED` when something is only named. 0 without such parts. */
export function attachedTokens(messages: readonly ChatMessage[]): number {
  let sum = 0;
  for (const message of messages) {
    if (Array.isArray(message?.content)) for (const part of message.content) sum += tokensOf(part);
  }
  return sum;
}

const DATA_FIELDS = ['file_data', 'data', 'url', 'file_url', 'file_id', 'video_url', 'audio_url'] as const;
const PLAIN: ReadonlySet<unknown> = new Set([
  'text',
  'input_text',
  'output_text',
  'refusal',
  'thinking',
  'tool_result',
]);

/** Parts are as the client sent them: one may be no object at all. */
function tokensOf(part: unknown): number {
  if (!isPart(part) || PLAIN.has(part['type'])) return 0;
  const { type } = part;
  if (type === 'image_url' || type === 'input_image' || type === 'image') return tokensOfPicture(part);
  // A type that nobody knows yet counts where it carries or names a file.
  const held = [part, ...Object.values(part).filter(isPart)];
  const data = textIn(held, DATA_FIELDS);
  if (data === undefined) return type === 'file' || type === 'document' ? UNSIZED : 0;
  const bytes = bytesOf(data.text, data.name);
  return bytes === undefined ? UNSIZED : Math.max(TOKENS_PER_FILE, bytes);
}

/** A picture is billed by its pixels, whatever it weighs. What is sent under its name and is none is a file. */
function tokensOfPicture(part: Part): number {
  const held = [part, ...Object.values(part).filter(isPart)];
  const { text = '' } = textIn(held, ['url', 'image_url', 'data', 'file_id']) ?? {};
  const format = textIn(held, ['format', 'media_type'])?.text;
  const isOther = format !== undefined && !format.startsWith('image/');
  if (text.startsWith('data:')) return isOther || !/^data:image\//i.test(text.slice(0, 11)) ? text.length : 0;
  return isOther || OTHER_ADDRESS.test(text.slice(-LONGEST_TAIL)) ? UNSIZED : 0;
}

const LONGEST_TAIL = 2_000;
/** Of files that some providers read from their address, wherever it is given. */
const OTHER_ADDRESS =
  /\.(pdf|docx?|xlsx?|pptx?|csv|tsv|txt|md|html?|json|mp3|m4a|wav|flac|ogg|aac|opus|mp4|m4v|mov|avi|mkv|webm|mpe?g|wmv|3gpp?)(?:[?#].*)?$/i;

/** One for each byte. Without `data:` they are counted with the text already. `undefined`: it is a name or an address. */
function bytesOf(text: string, name: string): number | undefined {
  if (text.startsWith('data:')) return text.length;
  const isData = name === 'file_data' || name === 'data';
  return isData && !/^(https?|gs|s3):/i.test(text.slice(0, 8)) ? 0 : undefined;
}

function textIn(
  held: readonly Part[],
  names: readonly string[],
): { readonly text: string; readonly name: string } | undefined {
  for (const part of held) {
    for (const name of names) {
      const text = part[name];
      if (typeof text === 'string') return { text, name };
    }
  }
  return undefined;
}

const isPart = (value: unknown): value is Part => typeof value === 'object' && value !== null && !Array.isArray(value);
