/** Messages for Ollama's own API. Source: Ollama's API documentation, "Generate a chat message". */

import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import {
  cannot,
  type DialectRequest,
  imageUrlOf,
  plainTextOf,
  refuseLegacyCall,
  textOfPart,
} from './dialect-request.ts';
import { noteUnread } from './unread-members.ts';

const READ: ReadonlySet<string> = new Set(['reasoning_content', 'refusal']);

/** @throws GatewayError 400 for content that Ollama has no place for */
export function ollamaMessages({ messages, note }: DialectRequest): JsonObject[] {
  /** Names of the functions called so far: results are told apart by them. */
  const names = new Map<string, string>();
  noteUnread(messages, READ, note);
  return messages.map((message, at) => {
    const where = `messages[${at}]`;
    switch (message['role']) {
      case 'developer':
        note({ field: 'messages', action: 'renamed', note: 'role developer as system' });
        return { role: 'system', content: plainTextOf(message['content'], `${where}.content`) };
      case 'tool':
      case 'function':
        return toolMessage(message, where, names);
      case 'assistant':
      case '':
        return assistantMessage(message, where, names);
      default:
        return { role: message['role'], ...textAndImages(message['content'], `${where}.content`) };
    }
  });
}

function toolMessage(message: JsonObject, where: string, names: ReadonlyMap<string, string>): JsonObject {
  const id = textOf(message['tool_call_id']);
  const name = names.get(id ?? '') ?? textOf(message['name']);
  return {
    role: 'tool',
    content: plainTextOf(message['content'], `${where}.content`),
    ...(name !== undefined && { tool_name: name }),
    ...(id !== undefined && { tool_call_id: id }),
  };
}

function assistantMessage(message: JsonObject, where: string, names: Map<string, string>): JsonObject {
  refuseLegacyCall(message, where);
  const { tool_calls: calls, reasoning_content: reasoning, refusal } = message;
  const content = plainTextOf(message['content'], `${where}.content`) || (textOf(refusal) ?? '');
  const made = (Array.isArray(calls) ? calls : []).map((call: unknown, at) =>
    toolCall(isObject(call) ? call : {}, `${where}.tool_calls[${at}]`, names),
  );
  return {
    role: 'assistant',
    content,
    ...(textOf(reasoning) !== undefined && { thinking: reasoning }),
    ...(made.length > 0 && { tool_calls: made }),
  };
}

/** Ollama takes arguments as an object. */
function toolCall(call: JsonObject, where: string, names: Map<string, string>): JsonObject {
  const made = isObject(call['function']) ? call['function'] : {};
  const [id, name] = [textOf(call['id']), textOf(made['name'])];
  if (id !== undefined && name !== undefined) names.set(id, name);
  return {
    ...(id !== undefined && { id }),
    function: { name: name ?? '', arguments: argumentsOf(made['arguments'], `${where}.function.arguments`) },
  };
}

function argumentsOf(given: unknown, where: string): JsonObject {
  if (isObject(given)) return given;
  const text = typeof given === 'string' ? given.trim() : '';
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Refused below: the parser's message would quote the arguments.
  }
  throw cannot(where, 'must be the JSON text of an object: Ollama takes arguments as an object.');
}

function textAndImages(content: unknown, where: string): JsonObject {
  if (!Array.isArray(content)) return { content: content ?? '' };
  const texts: string[] = [];
  const images: string[] = [];
  for (const [at, part] of content.entries()) {
    const text = textOfPart(part);
    if (text !== undefined) texts.push(text);
    else images.push(imageOf(part, `${where}[${at}]`));
  }
  return { content: texts.join('\n'), ...(images.length > 0 && { images }) };
}

const DATA_URI = /^data:[^,]*;base64,/i;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** Only the bytes themselves: nothing is ever fetched for a client. */
function imageOf(part: unknown, where: string): string {
  if (!isObject(part) || part['type'] !== 'image_url') {
    throw cannot(where, 'must be text or an image: Ollama takes no other content.');
  }
  const bytes = imageUrlOf(part, where).replace(DATA_URI, '');
  if (BASE64.test(bytes)) return bytes;
  throw cannot(
    `${where}.image_url.url`,
    'must be a data URI with base64 (data:image/png;base64,…): Ollama takes no addresses, and none is fetched for it.',
  );
}
