/** Content parts of OpenAI's messages as Anthropic's blocks. Source: Anthropic's guides on vision, PDFs and files. */
import { type GatewayError, invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { Change } from './adapter.ts';

export const isBlank = (text: unknown): boolean => typeof text === 'string' && text.trim() === '';

/** @param part carries the cache mark and citations, where it has them */
export function textBlock(text: string, part: JsonObject): JsonObject {
  const { cache_control: mark, citations } = part;
  return {
    type: 'text',
    text,
    ...(isObject(mark) && { cache_control: mark }),
    ...(Array.isArray(citations) && { citations }),
  };
}

type Note = (change: Change) => void;

/** @throws GatewayError 400 that names the part */
export function partBlock(part: unknown, where: string, note: Note): JsonObject {
  if (typeof part === 'string') return textBlock(part, {});
  if (!isObject(part)) throw invalidRequest(`'${where}' must be an object with a 'type'.`, where);
  const { cache_control: mark } = part;
  const block = blockOf(part, where, note);
  return isObject(mark) && block['cache_control'] === undefined ? { ...block, cache_control: mark } : block;
}

function blockOf(part: JsonObject, where: string, note: Note): JsonObject {
  switch (part['type']) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return textBlock(typeof part['text'] === 'string' ? part['text'] : '', part);
    case 'refusal':
      return textBlock(textOf(part['refusal']) ?? '', part);
    case 'image_url':
      return imageBlock(part['image_url'], where, note);
    case 'file':
      return fileBlock(part['file'], where);
    case 'input_audio':
    case 'video_url':
      throw untakable(part['type'], where);
    default:
      // Anthropic's own: image, document, search_result, container_upload, thinking …
      if (textOf(part['type']) !== undefined) return part;
      throw invalidRequest(`'${where}.type' is missing.`, `${where}.type`);
  }
}

const untakable = (type: string, where: string): GatewayError =>
  invalidRequest(`anthropic takes no '${type}', as '${where}' has it; send text, images or PDFs.`, where);

function imageBlock(given: unknown, where: string, note: Note): JsonObject {
  const image = isObject(given) ? given : { url: given };
  const detail = textOf(image['detail']);
  if (detail !== undefined && detail !== 'auto') {
    note({ field: 'messages', action: 'dropped', note: 'detail of images' });
  }
  return mediaBlock(image['url'], textOf(image['format']), { where: `${where}.image_url.url`, isFile: false });
}

function fileBlock(given: unknown, where: string): JsonObject {
  const file = isObject(given) ? given : {};
  const id = textOf(file['file_id']);
  const format = textOf(file['format']);
  const data = textOf(file['file_data']);
  const title = textOf(file['filename']);
  if (data === undefined && id !== undefined && !/^https?:|^data:/.test(id)) {
    return { type: format?.startsWith('image/') ? 'image' : 'document', source: { type: 'file', file_id: id } };
  }
  const block = mediaBlock(data ?? id, format, { where: `${where}.file`, isFile: true });
  return block['type'] === 'document' && title !== undefined ? { ...block, title } : block;
}

const DATA_URI = /^data:([^;,]*)((?:;[^;,]*)*),/;

interface MediaPlace {
  readonly where: string;
  readonly isFile: boolean;
}

function mediaBlock(url: unknown, format: string | undefined, { where, isFile }: MediaPlace): JsonObject {
  if (typeof url !== 'string' || url === '') throw invalidRequest(`'${where}' is missing.`, where);
  if (/^https?:/i.test(url)) {
    const isImage = format === undefined ? !isFile : format.startsWith('image/');
    return { type: isImage ? 'image' : 'document', source: { type: 'url', url } };
  }
  const head = DATA_URI.exec(url);
  if (head) return dataBlock(url.slice(head[0].length), mediaTypeOf(format, head[1]), /;base64$/i.test(head[2] ?? ''));
  if (isFile && /^[A-Za-z0-9+/=\s]+$/.test(url)) return dataBlock(url, mediaTypeOf(format, 'application/pdf'), true);
  throw invalidRequest(`'${where}' must be an http(s) address or a data URI, such as data:image/png;base64,…`, where);
}

const mediaTypeOf = (format: string | undefined, said: string | undefined): string => {
  const type = (format ?? (said || 'text/plain')).toLowerCase();
  return type === 'image/jpg' ? 'image/jpeg' : type;
};

function dataBlock(text: string, mediaType: string, isBase64: boolean): JsonObject {
  if (mediaType.startsWith('text/') || mediaType === 'application/json') {
    const data = isBase64 ? Buffer.from(text, 'base64').toString('utf8') : decoded(text);
    return { type: 'document', source: { type: 'text', media_type: 'text/plain', data } };
  }
  const data = isBase64 ? text : Buffer.from(decoded(text), 'latin1').toString('base64');
  const type = mediaType.startsWith('image/') ? 'image' : 'document';
  return { type, source: { type: 'base64', media_type: mediaType, data } };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray percent sign: the text as it stands.
  }
}

/** Whether any block refers to a file that was uploaded before. */
export const namesFiles = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(namesFiles)
    : isObject(value) &&
      ((value['type'] === 'file' && textOf(value['file_id']) !== undefined) ||
        value['type'] === 'container_upload' ||
        namesFiles(value['content']) ||
        namesFiles([value['source']]));
