/**
 * Refuses what no upstream could accept, and only that: everything else is the upstream's to judge.
 * Source: OpenAI API reference, "Create chat completion".
 */
import { type GatewayError, invalidRequest } from '../errors.ts';
import { OUTPUT_CAPS } from './token-bounds.ts';

type Rule = (value: unknown) => string | undefined;

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;

const number =
  (low: number, high: number): Rule =>
  (value) => {
    if (typeof value !== 'number') return `must be a number, but is ${kindOf(value)}`;
    if (value < low || value > high) return `must be between ${low} and ${high}, but is ${value}`;
    return undefined;
  };

const integer =
  (low: number): Rule =>
  (value) => {
    if (typeof value !== 'number') return `must be a whole number, but is ${kindOf(value)}`;
    if (!Number.isInteger(value) || value < low) return `must be a whole number of at least ${low}, but is ${value}`;
    return undefined;
  };

const boolean: Rule = (value) =>
  typeof value === 'boolean' ? undefined : `must be true or false, but is ${kindOf(value)}`;
const string: Rule = (value) => (typeof value === 'string' ? undefined : `must be a string, but is ${kindOf(value)}`);
const object: Rule = (value) =>
  typeof value === 'object' && !Array.isArray(value) ? undefined : `must be an object, but is ${kindOf(value)}`;
/** What a request may cost is read from its own members: an upstream would heed the hidden ones. */
const extras: Rule = (value) => {
  const fault = object(value);
  if (fault !== undefined) return fault;
  const hidden = ['n', ...OUTPUT_CAPS].find((name) => Object.hasOwn(value as object, name)); // just seen to be one
  return hidden === undefined ? undefined : `must not hold '${hidden}': write it beside 'model'`;
};
const listOfObjects: Rule = (value) => {
  if (!Array.isArray(value)) return `must be a list, but is ${kindOf(value)}`;
  const wrong = value.findIndex((item) => typeof item !== 'object' || item === null || Array.isArray(item));
  return wrong === -1 ? undefined : `must be a list of objects, but item ${wrong} is ${kindOf(value[wrong])}`;
};
const strings: Rule = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string') ? undefined : 'must be a list of strings';
const stringOrStrings: Rule = (value) =>
  typeof value === 'string' || strings(value) === undefined ? undefined : 'must be a string or a list of strings';
const stringOrObject: Rule = (value) =>
  typeof value === 'string' || object(value) === undefined
    ? undefined
    : `must be a string or an object, but is ${kindOf(value)}`;
/** OpenAI has words; Fireworks takes a number of tokens or a switch too. */
const effort: Rule = (value) =>
  typeof value === 'number' || typeof value === 'boolean' ? undefined : stringOrObject(value);
const seconds: Rule = (value) => {
  const given = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof given === 'number' && given > 0 ? undefined : 'must be a number of seconds above 0';
};

const ANY = Number.MAX_VALUE;

/** `null` is accepted everywhere and means "not set". */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['temperature', number(0, 2)],
  ['top_p', number(0, 1)],
  ['presence_penalty', number(-ANY, ANY)],
  ['frequency_penalty', number(-ANY, ANY)],
  ['max_tokens', integer(-1)], // -1 is "no limit" for local servers such as LM Studio.
  ['max_completion_tokens', integer(0)],
  ['n', integer(1)],
  ['seed', integer(-ANY)],
  ['top_logprobs', integer(0)],
  ['logprobs', boolean],
  ['stream', boolean],
  ['parallel_tool_calls', boolean],
  ['store', boolean],
  ['stream_options', object],
  ['logit_bias', object],
  ['stop', stringOrStrings],
  ['tools', listOfObjects],
  ['functions', listOfObjects],
  ['tool_choice', stringOrObject],
  ['function_call', stringOrObject],
  ['response_format', object],
  ['reasoning_effort', effort],
  ['user', string],
  ['metadata', stringOrObject],
  ['litellm_metadata', stringOrObject],
  ['tags', strings],
  ['timeout', seconds],
  ['stream_timeout', seconds],
  ['request_timeout', seconds],
  ['mock_delay', seconds],
  ['num_retries', integer(0)],
  ['max_retries', integer(0)],
  ['max_fallbacks', integer(0)],
  ['mock_testing_fallbacks', boolean],
  ['mock_testing_context_fallbacks', boolean],
  ['mock_testing_content_policy_fallbacks', boolean],
  ['mock_testing_rate_limit_error', boolean],
  ['drop_params', boolean],
  ['disable_fallbacks', boolean],
  ['additional_drop_params', strings],
  ['allowed_openai_params', strings],
  ['extra_headers', object],
  ['extra_body', extras],
  ['api_key', string],
]);

const ROLES: ReadonlySet<unknown> = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/** @throws GatewayError 400 whose `param` names the field and whose message says what is accepted. */
export function validateChat(body: Readonly<Record<string, unknown>>): void {
  for (const key in body) {
    const value = body[key];
    if (value === null) continue;
    const fault = RULES.get(key)?.(value);
    if (fault !== undefined) throw invalid(key, `'${key}' ${fault}.`);
  }
  validateMessages(body['messages']);
}

function validateMessages(messages: unknown): void {
  if (messages === undefined || messages === null) {
    throw invalid('messages', "/chat/completions: Missing required parameter: 'messages'.");
  }
  if (!Array.isArray(messages)) throw invalid('messages', `'messages' must be a list, but is ${kindOf(messages)}.`);
  if (messages.length === 0) throw invalid('messages', "'messages' must hold at least one message.");
  for (let index = 0; index < messages.length; index++) validateMessage(messages[index], index);
}

function validateMessage(message: unknown, index: number): void {
  const at = `messages[${index}]`;
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw invalid(at, `'${at}' must be an object with 'role' and 'content'.`);
  }
  // An object was checked above; its members are still unknown.
  const { role, content } = message as { role?: unknown; content?: unknown };
  if (!ROLES.has(role) && role !== '') {
    const fault = role === undefined ? 'is missing' : typeof role === 'string' ? 'is no role' : `is ${kindOf(role)}`;
    throw invalid(`${at}.role`, `'${at}.role' ${fault}; accepted are ${[...ROLES].join(', ')}.`);
  }
  const fine = content === undefined || content === null || typeof content === 'string' || Array.isArray(content);
  if (!fine)
    throw invalid(`${at}.content`, `'${at}.content' must be a string or a list of parts, but is ${kindOf(content)}.`);
}

const invalid = (param: string, message: string): GatewayError => invalidRequest(message, param);
