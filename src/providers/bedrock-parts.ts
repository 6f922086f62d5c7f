/** Content parts of OpenAI's messages as Converse's blocks. Source: AWS's API reference, "ContentBlock" and those it names. */
import { type GatewayError, invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';

export const CACHE_POINT: JsonObject = { cachePoint: { type: 'default' } };

/** @param mark Anthropic's `cache_control`; what does not mark is nothing */
export function cachePoint(mark: unknown): JsonObject | undefined {
  if (!isObject(mark)) return undefined;
  const ttl = textOf(mark['ttl']);
  return ttl === undefined ? CACHE_POINT : { cachePoint: { type: 'default', ttl } };
}

/** A block and the cache point behind it. Converse refuses empty texts. */
export function blocksOfPart(part: unknown, where: string): JsonObject[] {
  const block = typeof part === 'string' ? textBlock(part) : blockOf(part, where);
  if (block === undefined) return [];
  const mark = isObject(part) ? cachePoint(part['cache_control']) : undefined;
  return mark ? [block, mark] : [block];
}

export const textBlock = (text: string): JsonObject | undefined => (text.trim() === '' ? undefined : { text });

/** For a message to the client: what it calls a thing. */
export const typeWord = ({ type }: JsonObject): string => (textOf(type) ?? 'something without a type').slice(0, 40);

/** Converse's own blocks in a content list, as AWS's clients write them. */
const NATIVE = [
  'text',
  'image',
  'document',
  'video',
  'audio',
  'guardContent',
  'cachePoint',
  'searchResult',
  'citationsContent',
];

function blockOf(part: unknown, where: string): JsonObject | undefined {
  if (!isObject(part)) throw invalidRequest(`'${where}' must be an object with a 'type'.`, where);
  switch (part['type']) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return textBlock(textOf(part['text']) ?? '');
    case 'refusal':
      return textBlock(textOf(part['refusal']) ?? '');
    case 'image_url':
      return imageBlock(part['image_url'], `${where}.image_url`);
    case 'file':
      return fileBlock(part['file'], `${where}.file`);
    case 'video_url':
      return videoBlock(part['video_url'], `${where}.video_url`);
    case 'input_audio':
      return audioBlock(part['input_audio'], `${where}.input_audio`);
    case 'guarded_text':
      return { guardContent: { text: { text: textOf(part['text']) ?? '' } } };
    case undefined:
      return nativeBlock(part, where);
    default:
      throw invalidRequest(`bedrock takes no '${typeWord(part)}' in '${where}'.`, where);
  }
}

function nativeBlock(part: JsonObject, where: string): JsonObject {
  const name = NATIVE.find((known) => part[known] !== undefined);
  if (name === undefined) throw invalidRequest(`'${where}.type' is missing.`, `${where}.type`);
  return { [name]: part[name] };
}

interface Media {
  readonly type: string;
  readonly source: JsonObject;
}

/** Bytes from a data URI, or an object of S3. The gateway fetches nothing on a client's word. */
function mediaOf(url: unknown, format: string | undefined, where: string): Media {
  const text = typeof url === 'string' ? url : '';
  if (text.startsWith('s3://')) {
    return { type: format ?? typeOfName(text), source: { s3Location: { uri: text } } };
  }
  const head = /^data:([^;,]*)(?:;[^;,]*)*,/.exec(text);
  if (head) return { type: format ?? head[1] ?? '', source: { bytes: bytesOf(head[0], text.slice(head[0].length)) } };
  throw invalidRequest(
    `'${where}' must be a data URI, such as data:image/png;base64,…, or an s3:// address: Bedrock fetches no others.`,
    where,
  );
}

const bytesOf = (head: string, data: string): string =>
  head.endsWith(';base64,') ? data : Buffer.from(decoded(data), 'utf8').toString('base64');

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray percent sign: the text as it stands.
  }
}

const typeOfName = (name: string): string => name.slice(name.lastIndexOf('.') + 1).toLowerCase();

const IMAGES: ReadonlySet<string> = new Set(['png', 'jpeg', 'gif', 'webp']);

const subtypeOf = (type: string): string => type.slice(type.indexOf('/') + 1).toLowerCase();

function imageBlock(given: unknown, where: string): JsonObject {
  const image = isObject(given) ? given : { url: given };
  const { type, source } = mediaOf(image['url'], textOf(image['format']), `${where}.url`);
  if (!type.startsWith('image/') && DOCUMENTS[type] !== undefined) return documentBlock(type, source, undefined);
  const format = subtypeOf(type) === 'jpg' ? 'jpeg' : subtypeOf(type);
  if (!IMAGES.has(format)) throw wrongFormat(where, [...IMAGES]);
  return { image: { format, source } };
}

/** Media type, or what a file's name ends in → Converse's format. */
const DOCUMENTS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/html': 'html',
  'text/plain': 'txt',
  'text/markdown': 'md',
  ...Object.fromEntries(['pdf', 'csv', 'doc', 'docx', 'xls', 'xlsx', 'html', 'txt', 'md'].map((name) => [name, name])),
};

function fileBlock(given: unknown, where: string): JsonObject {
  const file = isObject(given) ? given : {};
  const { file_data: data, file_id: id } = file;
  const plain = typeof data === 'string' && /^[A-Za-z0-9+/=\s]+$/.test(data) ? `data:;base64,${data}` : (data ?? id);
  const filename = textOf(file['filename']);
  const { type, source } = mediaOf(plain, textOf(file['format']), `${where}.file_data`);
  const known = type === '' ? typeOfName(filename ?? 'file.pdf') : type;
  if (known.startsWith('image/')) return imageBlock({ url: plain, format: known }, where);
  if (DOCUMENTS[known] === undefined) throw wrongFormat(where, [...new Set(Object.values(DOCUMENTS))]);
  return documentBlock(known, source, filename);
}

/** Names may hold letters, digits, single spaces, hyphens and brackets, and no two of a request may be the same: see `withOwnNames`. */
function documentBlock(type: string, source: JsonObject, filename: string | undefined): JsonObject {
  const stem = (filename ?? '').replace(/\.\w{1,5}$/, '');
  const name = stem
    .replace(/[^a-zA-Z0-9\s()[\]-]/g, '-')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 190);
  return { document: { format: DOCUMENTS[type], name: name === '' ? 'document' : name, source } };
}

const VIDEOS: ReadonlySet<string> = new Set(['mkv', 'mov', 'mp4', 'webm', 'flv', 'mpeg', 'mpg', 'wmv', 'three_gp']);

function videoBlock(given: unknown, where: string): JsonObject {
  const video = isObject(given) ? given : { url: given };
  const { type, source } = mediaOf(video['url'], textOf(video['format']), `${where}.url`);
  const said = subtypeOf(type);
  const format = { quicktime: 'mov', 'x-matroska': 'mkv', '3gpp': 'three_gp', 'x-flv': 'flv' }[said] ?? said;
  if (!VIDEOS.has(format)) throw wrongFormat(where, [...VIDEOS]);
  return { video: { format, source } };
}

function audioBlock(given: unknown, where: string): JsonObject {
  const { data, format } = isObject(given) ? given : {};
  if (typeof data === 'string' && typeof format === 'string') return { audio: { format, source: { bytes: data } } };
  throw invalidRequest(`'${where}' needs 'data' and 'format'.`, where);
}

const wrongFormat = (where: string, known: readonly string[]): GatewayError =>
  invalidRequest(`'${where}' has a format that Bedrock does not take; it takes ${known.join(', ')}.`, where);

/** Gives every document of a request a name of its own, as Converse wants it. */
export function ownNames(): (block: JsonObject) => JsonObject {
  const seen = new Map<string, number>();
  return (block) => {
    const { document } = block;
    if (!isObject(document) || typeof document['name'] !== 'string') return block;
    const { name } = document;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? block : { document: { ...document, name: `${name} (${count})` } };
  };
}
