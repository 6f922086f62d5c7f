/**
 * Members of messages that a dialect has no place for. They are left out, and the caller is told so by name.
 * Source: OpenAI API reference, "Create chat completion", for what messages may hold.
 */
import { isObject, type JsonObject } from '../lib/json.ts';
import type { Change } from './adapter.ts';

/** Every dialect reads these. */
const ALWAYS: ReadonlySet<string> = new Set(['role', 'content', 'tool_calls', 'tool_call_id', 'function_call']);

/** Beside what a part holds: members that say how to look at it. */
const OF_PARTS: readonly (readonly [string, ...string[]])[] = [
  ['cache_control'],
  ['image_url', 'detail'],
  ['file', 'filename'],
];

const MOST_NAMES = 10;
const LONGEST_NAME = 40;

/** @param read what the dialect reads beside role, content and calls: `refusal`, or `detail` of an image */
export function noteUnread(
  messages: readonly JsonObject[],
  read: ReadonlySet<string>,
  note: (change: Change) => void,
): void {
  const found = new Set(messages.flatMap((message) => unreadOf(message, read)));
  for (const name of [...found].slice(0, MOST_NAMES)) {
    note({ field: `messages.${name.slice(0, LONGEST_NAME)}`, action: 'dropped', note: 'not known to the provider' });
  }
}

/** Marks for a cache that tools carry, where the dialect has no place for them. */
export function noteToolMarks(tools: unknown, note: (change: Change) => void): void {
  const isMarked = (tool: unknown): boolean =>
    isObject(tool) && (isGiven(tool['cache_control']) || isMarked(tool['function']));
  if (Array.isArray(tools) && tools.some(isMarked)) {
    note({ field: 'tools.cache_control', action: 'dropped', note: 'not known to the provider' });
  }
}

function unreadOf(message: JsonObject, read: ReadonlySet<string>): string[] {
  const own = Object.keys(message).filter(
    (name) => !ALWAYS.has(name) && !read.has(name) && isGiven(message[name]) && !isFunctionsName(message, name),
  );
  const { content } = message;
  const parts = Array.isArray(content) ? content.filter(isObject) : [];
  return [...own, ...parts.flatMap((part) => unreadOfPart(part, read))];
}

/** The name of the function whose result it is stands at the call as well. */
const isFunctionsName = ({ role }: JsonObject, name: string): boolean =>
  name === 'name' && (role === 'tool' || role === 'function');

function unreadOfPart(part: JsonObject, read: ReadonlySet<string>): string[] {
  return OF_PARTS.flatMap((path) => {
    const value = path.reduce<unknown>((inner, step) => (isObject(inner) ? inner[step] : undefined), part);
    const name = path.at(-1) ?? '';
    return isGiven(value) && !read.has(name) ? [name] : [];
  });
}

/** Clients echo the empty fields of our answers. */
const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
