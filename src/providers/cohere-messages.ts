/** Messages for Cohere. Source: Cohere's API reference, "Chat" (v2): `messages`, and its guides on tool use and reasoning. */

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

/** Models that take their own thinking back; others would refuse it. */
const REASONS = /reasoning/;
/** Models whose assistant messages have a plan beside their tool calls; newer ones refuse it. */
const PLANS = /^command-(r|a-03)/;

const READ: ReadonlySet<string> = new Set(['reasoning_content', 'refusal', 'detail']);

/** @throws GatewayError 400 for content that Cohere has no place for */
export function cohereMessages({ messages, note }: DialectRequest, model: string): JsonObject[] {
  noteUnread(messages, READ, note);
  return messages.map((message, at) => {
    const where = `messages[${at}]`;
    switch (message['role']) {
      case 'developer':
        note({ field: 'messages', action: 'renamed', note: 'role developer as system' });
        return { role: 'system', content: plainTextOf(message['content'], `${where}.content`) };
      case 'system':
        return { role: 'system', content: plainTextOf(message['content'], `${where}.content`) };
      case 'tool':
        return toolMessage(message, where);
      case 'function':
        throw cannot(`${where}.role`, 'function is not supported by this provider: use tool_calls and the role tool.');
      case 'assistant':
      case '':
        return assistantMessage(message, where, { model, note });
      default:
        return { role: 'user', content: userContent(message['content'], `${where}.content`) };
    }
  });
}

function userContent(content: unknown, where: string): unknown {
  if (!Array.isArray(content)) return content ?? '';
  return content.map((part: unknown, at) => {
    const text = textOfPart(part);
    if (text !== undefined) return { type: 'text', text };
    if (isObject(part) && part['type'] === 'image_url') {
      const detail = isObject(part['image_url']) ? textOf(part['image_url']['detail']) : undefined;
      const url = imageUrlOf(part, `${where}[${at}]`);
      return { type: 'image_url', image_url: { url, ...(detail !== undefined && { detail }) } };
    }
    throw cannot(
      `${where}[${at}]`,
      'must be text or an image: Cohere takes no other content. Send texts as documents.',
    );
  });
}

/** Results may be documents, which can be cited one by one. */
function toolMessage(message: JsonObject, where: string): JsonObject {
  const { content, tool_call_id: id } = message;
  const parts = Array.isArray(content)
    ? content.map((part: unknown, at) => {
        if (isObject(part) && part['type'] === 'document') return part;
        return { type: 'text', text: plainTextOf([part], `${where}.content[${at}]`) };
      })
    : (content ?? '');
  return { role: 'tool', tool_call_id: id, content: parts };
}

interface Surroundings {
  readonly model: string;
  readonly note: DialectRequest['note'];
}

function assistantMessage(message: JsonObject, where: string, { model, note }: Surroundings): JsonObject {
  refuseLegacyCall(message, where);
  const calls = toolCalls(message['tool_calls']);
  const text = plainTextOf(message['content'], `${where}.content`) || (textOf(message['refusal']) ?? '');
  const { thinking, plan, isLost } = reasoningOf(message, model, calls.length > 0);
  if (isLost)
    note({ field: 'messages', action: 'dropped', note: 'reasoning_content, which the model does not take back' });
  const texts = text === '' ? [] : [{ type: 'text', text }];
  const content = thinking === undefined ? text : [{ type: 'thinking', thinking }, ...texts];
  return {
    role: 'assistant',
    ...((content !== '' || calls.length === 0) && { content }),
    ...(plan !== undefined && { tool_plan: plan }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

interface Reasoning {
  readonly thinking?: string;
  readonly plan?: string;
  readonly isLost?: boolean;
}

function reasoningOf(message: JsonObject, model: string, hasCalls: boolean): Reasoning {
  const reasoning = textOf(message['reasoning_content']);
  if (reasoning === undefined) return {};
  if (REASONS.test(model)) return { thinking: reasoning };
  return hasCalls && PLANS.test(model) ? { plan: reasoning } : { isLost: true };
}

function toolCalls(calls: unknown): JsonObject[] {
  if (!Array.isArray(calls)) return [];
  return calls.filter(isObject).map((call) => {
    const made = isObject(call['function']) ? call['function'] : {};
    const { name, arguments: given } = made;
    const text = isObject(given) ? JSON.stringify(given) : (textOf(given) ?? '{}');
    return { id: call['id'], type: 'function', function: { name, arguments: text } };
  });
}
