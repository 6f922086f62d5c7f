/**
 * Content parts of OpenAI's messages → parts of Gemini's. Sources: OpenAI API reference, "Create chat completion";
 * Google's "Gemini API" reference, `Part`, `Blob` and `FileData`.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { Change } from './adapter.ts';

export interface PartContext {
  /** `messages[3].content[1]` */
  readonly at: string;
  readonly changes: Change[];
  /** Each part may say how closely it is looked at. */
  readonly hasMediaResolution: boolean;
}

/** @throws GatewayError 400 that names the part */
export function partsOf(content: unknown, at: string, context: Omit<PartContext, 'at'>): JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown, index) => partOf(part, { ...context, at: `${at}[${index}]` }));
}

const READERS: Readonly<Record<string, (part: JsonObject, context: PartContext) => JsonObject | undefined>> = {
  text: textPart,
  input_text: textPart,
  output_text: textPart,
  refusal: ({ refusal }) => (textOf(refusal) === undefined ? undefined : { text: refusal }),
  image_url: (part, context) => mediaPart(part, 'image_url', context),
  video_url: (part, context) => mediaPart(part, 'video_url', context),
  audio_url: (part, context) => mediaPart(part, 'audio_url', context),
  input_audio: audioPart,
  file: filePart,
};

function partOf(part: unknown, context: PartContext): JsonObject[] {
  if (typeof part === 'string') return part === '' ? [] : [{ text: part }];
  if (!isObject(part)) throw unreadable(context, 'is no content part');
  const { type } = part;
  const read = typeof type === 'string' && Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (!read) {
    throw unreadable(
      context,
      `has a type that cannot be sent to this model; accepted are ${Object.keys(READERS).join(', ')}`,
    );
  }
  noteCacheMark(part, context);
  const made = read(part, context);
  return made === undefined ? [] : [made];
}

function textPart({ text }: JsonObject): JsonObject | undefined {
  return textOf(text) === undefined ? undefined : { text };
}

function noteCacheMark(part: JsonObject, { changes }: PartContext): void {
  if (isObject(part['cache_control'])) noteOnce(changes, 'dropped', 'cache_control: the model caches by itself');
}

export function noteOnce(changes: Change[], action: Change['action'], note: string): void {
  if (!changes.some((change) => change.field === 'messages' && change.note === note)) {
    changes.push({ field: 'messages', action, note });
  }
}

const unreadable = ({ at }: PartContext, why: string) => invalidRequest(`'${at}' ${why}.`, at);

/** `image_url` and its like: an object with `url`, or the address itself. */
function mediaPart(part: JsonObject, name: string, context: PartContext): JsonObject {
  const given = part[name];
  const media = isObject(given) ? given : { url: given };
  const url = textOf(media['url']);
  if (url === undefined) throw unreadable(context, `has no ${name}.url`);
  const format = textOf(media['format']) ?? textOf(part['format']);
  return { ...bodyOf(url, format, context), ...resolution(media['detail'], context), ...videoMetadata(media, part) };
}

function videoMetadata(media: JsonObject, part: JsonObject): JsonObject {
  const given = media['video_metadata'] ?? part['video_metadata'];
  return isObject(given) ? { videoMetadata: given } : {};
}

const DETAILS: ReadonlySet<unknown> = new Set(['low', 'medium', 'high', 'ultra_high']);

function resolution(detail: unknown, { changes, hasMediaResolution }: PartContext): JsonObject {
  if (!DETAILS.has(detail)) return {};
  if (hasMediaResolution) return { mediaResolution: { level: `MEDIA_RESOLUTION_${String(detail).toUpperCase()}` } };
  noteOnce(changes, 'dropped', 'image detail: not for each image with this model');
  return {};
}

function audioPart(part: JsonObject, context: PartContext): JsonObject {
  const { data, format } = isObject(part['input_audio']) ? part['input_audio'] : {};
  const text = textOf(data);
  if (text === undefined) throw unreadable(context, 'has no input_audio.data');
  if (text.startsWith('data:')) return dataPart(text, context);
  return { inlineData: { mimeType: mimeOf(textOf(format) ?? 'wav', 'audio'), data: text } };
}

/** `mp3` or `audio/mp3`. */
const mimeOf = (format: string, family: string): string => (format.includes('/') ? format : `${family}/${format}`);

function filePart(part: JsonObject, context: PartContext): JsonObject {
  const file = isObject(part['file']) ? part['file'] : part;
  const data = textOf(file['file_data']);
  const name = textOf(file['filename']);
  const format = textOf(file['format']);
  const more = { ...resolution(file['detail'], context), ...videoMetadata(file, part) };
  if (data?.startsWith('data:')) return { ...dataPart(data, context), ...more };
  if (data !== undefined && !isAddress(data)) {
    return { inlineData: { mimeType: format ?? mimeByName(name ?? '') ?? 'application/pdf', data }, ...more };
  }
  const address = data ?? textOf(file['file_id']) ?? textOf(file['file_url']);
  if (address === undefined) throw unreadable(context, 'has neither file_data nor file_id');
  if (!isAddress(address)) {
    throw unreadable(context, "has a file id that is no address; give the file's data, or its address at the provider");
  }
  return { ...bodyOf(address, format, context), ...more };
}

const isAddress = (text: string): boolean => /^(https?|gs|data):/i.test(text.slice(0, 8));

function bodyOf(url: string, format: string | undefined, context: PartContext): JsonObject {
  if (url.startsWith('data:')) return dataPart(url, context);
  if (!isAddress(url)) throw unreadable(context, 'has an address that is neither http(s):, gs: nor data:');
  const mimeType = format ?? mimeByName(pathOf(url));
  return { fileData: { ...(mimeType !== undefined && { mimeType }), fileUri: url } };
}

/** Without a regular expression over what may be megabytes. */
function dataPart(url: string, context: PartContext): JsonObject {
  const comma = url.indexOf(',');
  if (comma === -1) throw unreadable(context, 'has a data address without data');
  const [mime = '', ...rest] = url.slice('data:'.length, comma).split(';');
  const raw = url.slice(comma + 1);
  const data = rest.includes('base64') ? raw : Buffer.from(decoded(raw, context)).toString('base64');
  return { inlineData: { mimeType: mime === '' ? 'text/plain' : mime, data } };
}

function decoded(text: string, context: PartContext): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unreadable(context, 'has a data address that is not encoded properly');
  }
}

const pathOf = (url: string): string => url.split(/[?#]/, 1)[0] ?? '';

const MIMES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/md',
  html: 'text/html',
  css: 'text/css',
  csv: 'text/csv',
  xml: 'text/xml',
  json: 'application/json',
  wav: 'audio/wav',
  mp3: 'audio/mp3',
  aiff: 'audio/aiff',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  flac: 'audio/flac',
  m4a: 'audio/m4a',
  mp4: 'video/mp4',
  mpeg: 'video/mpeg',
  mpg: 'video/mpg',
  mov: 'video/mov',
  avi: 'video/avi',
  webm: 'video/webm',
  wmv: 'video/wmv',
  flv: 'video/x-flv',
  '3gp': 'video/3gpp',
};

function mimeByName(name: string): string | undefined {
  const extension = /\.([a-z0-9]{1,5})$/i.exec(name.slice(-6))?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(MIMES, extension) ? MIMES[extension] : undefined;
}
