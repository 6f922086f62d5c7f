import { describe, expect, test } from 'bun:test';
import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages';
import fc from 'fast-check';
import { type Asking, ask, targetFor } from '../../test/support/provider-parts.ts';
import { isObject, type JsonObject } from '../lib/json.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import type { Target } from './adapter.ts';
import { anthropic } from './anthropic.ts';

const catalog = loadCatalog();
const targetOf = (model: string, over: Partial<Target> = {}): Target =>
  targetFor(anthropic, {
    upstreamModel: model,
    knownModel: (name) => catalog.abilities({ provider: 'anthropic', model: name }),
    ...over,
  });

/** Takes temperatures, thinks within budgets, knows output formats. */
const SONNET = targetOf('claude-sonnet-4-5');
/** Thinks as much as it wants, takes no temperature and no beginning of an answer. */
const OPUS = targetOf('claude-opus-4-7');
/** Cannot be forced to call a tool; takes system messages anywhere. */
const NEWEST = targetOf('claude-opus-5-5');
const UNKNOWN = targetOf('some-model');

const USER = { role: 'user', content: 'Hi' };
const SAID = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }];
const SCHEMA = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };
const FORMAT = { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: SCHEMA } };
const TOOL = { type: 'function', function: { name: 'f', description: 'F', parameters: SCHEMA } };
const OTHER = { type: 'function', function: { name: 'g' } };
const SENT_TOOL = { name: 'f', description: 'F', input_schema: SCHEMA };
const SENT_OTHER = { name: 'g', input_schema: { type: 'object', properties: {} } };
const JSON_TOOL = { name: 'json_tool_call', description: expect.any(String), input_schema: SCHEMA };

const sentTo = (target: Target, body: JsonObject, rest: Asking = {}) => ask(target, { body, ...rest });
const changed = ({ changes }: { changes: readonly { field: string; action: string }[] }) =>
  changes.map(({ field, action }) => `${field} ${action}`);

/** What leaves must be of the vendor's own type, which leaves out what its newest models do not take. */
type Golden = Omit<MessageCreateParams, 'model' | 'max_tokens' | 'messages'> &
  Partial<Pick<MessageCreateParams, 'max_tokens' | 'messages'>> & {
    readonly temperature?: number;
    readonly top_p?: number;
    readonly top_k?: number;
  };

interface Case {
  readonly to?: Target;
  readonly body: JsonObject;
  readonly sent: Golden;
  /** `field action` of each change. */
  readonly changes?: readonly string[];
}

const effort = (word: string, budget: number, most = budget + 4096): Case => ({
  body: { reasoning_effort: word },
  sent: { thinking: { type: 'enabled', budget_tokens: budget }, max_tokens: most },
  changes: ['reasoning_effort renamed'],
});
const adaptive = (word: string, level: 'low' | 'medium' | 'high' | 'xhigh' | 'max'): Case => ({
  to: OPUS,
  body: { reasoning_effort: word },
  sent: { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: level } },
  changes: ['reasoning_effort renamed'],
});

const CASES: Readonly<Record<string, Case>> = {
  'a plain question': { body: {}, sent: {} },
  'a model of unknown size': { to: UNKNOWN, body: {}, sent: { max_tokens: 4096 } },
  'limits and sampling': {
    body: { max_completion_tokens: 9, temperature: 0.3, top_p: 0.9, top_k: 40, stream: true, stream_options: {} },
    sent: { max_tokens: 9, temperature: 0.3, top_p: 0.9, top_k: 40, stream: true },
    changes: ['max_completion_tokens renamed'],
  },
  'both limits': {
    body: { max_tokens: 5, max_completion_tokens: 9 },
    sent: { max_tokens: 5 },
    changes: ['max_completion_tokens dropped'],
  },
  'no limit, as local servers have it': { body: { max_tokens: -1 }, sent: {}, changes: ['max_tokens dropped'] },
  'a temperature that only OpenAI has': {
    body: { temperature: 1.7 },
    sent: { temperature: 1 },
    changes: ['temperature clamped'],
  },
  'one stop': { body: { stop: 'END' }, sent: { stop_sequences: ['END'] }, changes: ['stop renamed'] },
  'five stops': {
    body: { stop: ['a', 'b', 'c', 'd', 'e'] },
    sent: { stop_sequences: ['a', 'b', 'c', 'd', 'e'] },
    changes: ['stop renamed'],
  },
  'members that say nothing': { body: { temperature: null, tools: null, stop: null, n: 1, logprobs: null }, sent: {} },
  'the end user': { body: { user: 'u-1' }, sent: { metadata: { user_id: 'u-1' } }, changes: ['user renamed'] },
  'an end user’s address': { body: { user: 'a.b@example.com' }, sent: {}, changes: ['user dropped'] },
  'an end user’s telephone': { body: { user: '+49 221 123-456' }, sent: {}, changes: ['user dropped'] },
  'the usual tier': {
    body: { service_tier: 'default' },
    sent: { service_tier: 'standard_only' },
    changes: ['service_tier renamed'],
  },
  'any tier': { body: { service_tier: 'auto' }, sent: { service_tier: 'auto' } },
  'hints for OpenAI': {
    body: { store: true, prompt_cache_key: 'k', safety_identifier: 's' },
    sent: {},
    changes: ['store dropped', 'safety_identifier dropped', 'prompt_cache_key dropped'],
  },
  'a cache mark for all': {
    body: { cache_control: { type: 'ephemeral' } },
    sent: { cache_control: { type: 'ephemeral' } },
  },

  tools: { body: { tools: [TOOL, OTHER] }, sent: { tools: [SENT_TOOL, SENT_OTHER] as Golden['tools'] & object } },
  'a tool with a cache mark and examples': {
    body: { tools: [{ ...OTHER, cache_control: { type: 'ephemeral' }, defer_loading: true }] },
    sent: {
      tools: [{ ...SENT_OTHER, cache_control: { type: 'ephemeral' }, defer_loading: true }] as Golden['tools'] & object,
    },
  },
  'old functions': {
    body: { functions: [TOOL.function], function_call: { name: 'f' } },
    sent: { tools: [SENT_TOOL] as Golden['tools'] & object, tool_choice: { type: 'tool', name: 'f' } },
    changes: ['functions renamed', 'function_call renamed'],
  },
  'a strict tool': {
    body: { tools: [{ type: 'function', function: { name: 's', strict: true, parameters: SCHEMA } }] },
    sent: { tools: [{ name: 's', input_schema: SCHEMA, strict: true }] as Golden['tools'] & object },
  },
  'a strict tool for a model that is none': {
    to: UNKNOWN,
    body: { tools: [{ type: 'function', function: { name: 's', strict: true, parameters: SCHEMA } }] },
    sent: { tools: [{ name: 's', input_schema: SCHEMA }] as Golden['tools'] & object, max_tokens: 4096 },
    changes: ['tools dropped'],
  },
  'a strict tool whose schema cannot be': {
    body: {
      tools: [{ type: 'function', function: { name: 's', strict: true, parameters: { additionalProperties: true } } }],
    },
    sent: {
      tools: [
        { name: 's', input_schema: { type: 'object', properties: {}, additionalProperties: true } },
      ] as Golden['tools'] & object,
    },
    changes: ['tools dropped'],
  },
  'a hosted tool': {
    body: { tools: [{ type: 'bash_20250124', name: 'bash' }] },
    sent: { tools: [{ type: 'bash_20250124', name: 'bash' }] },
  },
  'a web search': {
    body: {
      web_search_options: {
        search_context_size: 'low',
        user_location: { type: 'approximate', approximate: { city: 'Köln' } },
      },
    },
    sent: {
      tools: [
        {
          type: 'web_search_20250305',
          name: 'web_search',
          max_uses: 1,
          user_location: { type: 'approximate', city: 'Köln' },
        },
      ],
    },
    changes: ['web_search_options renamed'],
  },
  'OpenAI’s own web search tool': {
    body: { tools: [{ type: 'web_search', user_location: { type: 'approximate', country: 'DE' } }] },
    sent: {
      tools: [
        { type: 'web_search_20250305', name: 'web_search', user_location: { type: 'approximate', country: 'DE' } },
      ],
    },
  },

  'any tool': {
    body: { tools: [OTHER], tool_choice: 'required' },
    sent: { tools: [SENT_OTHER] as Golden['tools'] & object, tool_choice: { type: 'any' } },
  },
  'no tool': {
    body: { tools: [OTHER], tool_choice: 'none', parallel_tool_calls: false },
    sent: { tools: [SENT_OTHER] as Golden['tools'] & object, tool_choice: { type: 'none' } },
    changes: ['parallel_tool_calls dropped'],
  },
  'this tool': {
    body: { tools: [OTHER], tool_choice: { type: 'function', function: { name: 'g' } } },
    sent: { tools: [SENT_OTHER] as Golden['tools'] & object, tool_choice: { type: 'tool', name: 'g' } },
  },
  'this tool, in Anthropic’s words': {
    body: { tools: [OTHER], tool_choice: { type: 'tool', name: 'g', disable_parallel_tool_use: true } },
    sent: { tools: [SENT_OTHER] as Golden['tools'] & object, tool_choice: { type: 'tool', name: 'g' } },
  },
  'one of these tools': {
    body: {
      tools: [TOOL, OTHER],
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [OTHER] } },
    },
    sent: { tools: [SENT_OTHER] as Golden['tools'] & object, tool_choice: { type: 'any' } },
    changes: ['tool_choice emulated', 'tools dropped'],
  },
  'a choice as an object': {
    body: { tools: [OTHER], tool_choice: { type: 'required' } },
    sent: { tools: [SENT_OTHER] as Golden['tools'] & object, tool_choice: { type: 'any' } },
  },
  'a choice among no tools': {
    body: { tool_choice: 'auto', parallel_tool_calls: true },
    sent: {},
    changes: ['parallel_tool_calls dropped', 'tool_choice dropped'],
  },
  'one call at a time': {
    body: { tools: [OTHER], parallel_tool_calls: false },
    sent: {
      tools: [SENT_OTHER] as Golden['tools'] & object,
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    },
    changes: ['parallel_tool_calls renamed'],
  },
  'one forced call': {
    body: { tools: [OTHER], tool_choice: 'required', parallel_tool_calls: false },
    sent: {
      tools: [SENT_OTHER] as Golden['tools'] & object,
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
    },
    changes: ['parallel_tool_calls renamed'],
  },
  'a tool forced on a model that thinks': {
    body: { tools: [OTHER], tool_choice: 'required', thinking: { type: 'enabled', budget_tokens: 2000 } },
    sent: {
      tools: [SENT_OTHER] as Golden['tools'] & object,
      tool_choice: { type: 'auto' },
      thinking: { type: 'enabled', budget_tokens: 2000 },
      max_tokens: 6096,
    },
    changes: ['tool_choice emulated'],
  },
  'a tool forced on a model that cannot be': {
    to: NEWEST,
    body: { tools: [OTHER], tool_choice: 'required' },
    sent: { tools: [SENT_OTHER] as Golden['tools'] & object, tool_choice: { type: 'auto' } },
    changes: ['tool_choice emulated'],
  },

  text: { body: { response_format: { type: 'text' } }, sent: {}, changes: ['response_format dropped'] },
  'a schema for a model that knows them': {
    body: { response_format: FORMAT },
    sent: { output_config: { format: { type: 'json_schema', schema: SCHEMA } } },
    changes: ['response_format renamed'],
  },
  'a schema beside an effort': {
    to: OPUS,
    body: { response_format: FORMAT, reasoning_effort: 'low' },
    sent: {
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'low', format: { type: 'json_schema', schema: SCHEMA } },
    },
    changes: ['reasoning_effort renamed', 'response_format renamed'],
  },
  'a schema for any other model': {
    to: UNKNOWN,
    body: { response_format: FORMAT },
    sent: {
      tools: [JSON_TOOL] as Golden['tools'] & object,
      tool_choice: { type: 'tool', name: 'json_tool_call' },
      max_tokens: 4096,
    },
    changes: ['response_format emulated'],
  },
  'a schema beside tools': {
    to: UNKNOWN,
    body: { response_format: FORMAT, tools: [OTHER] },
    sent: {
      tools: [SENT_OTHER, JSON_TOOL] as Golden['tools'] & object,
      tool_choice: { type: 'any' },
      max_tokens: 4096,
    },
    changes: ['response_format emulated'],
  },
  'a schema beside tools that may not be called': {
    to: UNKNOWN,
    body: { response_format: FORMAT, tools: [OTHER], tool_choice: 'none' },
    sent: {
      tools: [SENT_OTHER, JSON_TOOL] as Golden['tools'] & object,
      tool_choice: { type: 'tool', name: 'json_tool_call' },
      max_tokens: 4096,
    },
    changes: ['response_format emulated'],
  },
  'a schema from a model that thinks': {
    to: UNKNOWN,
    body: { response_format: FORMAT, reasoning_effort: 'low' },
    sent: {
      thinking: { type: 'enabled', budget_tokens: 1024 },
      tools: [JSON_TOOL] as Golden['tools'] & object,
      tool_choice: { type: 'auto' },
      system: [{ type: 'text', text: expect.stringContaining('json_tool_call') }],
      max_tokens: 5120,
    },
    changes: ['reasoning_effort renamed', 'response_format emulated'],
  },
  'any JSON object': {
    body: { response_format: { type: 'json_object' } },
    sent: {
      tools: [{ ...JSON_TOOL, input_schema: { type: 'object' } }] as Golden['tools'] & object,
      tool_choice: { type: 'tool', name: 'json_tool_call' },
    },
    changes: ['response_format emulated'],
  },

  'no effort': { body: { reasoning_effort: 'none' }, sent: {}, changes: ['reasoning_effort dropped'] },
  'the usual effort': { body: { reasoning_effort: 'default' }, sent: {}, changes: ['reasoning_effort dropped'] },
  'minimal effort': effort('minimal', 1024),
  'low effort': effort('low', 1024),
  'medium effort': effort('medium', 2048),
  'high effort': effort('high', 4096),
  'very high effort': effort('xhigh', 8192),
  'all effort': effort('max', 16_384),
  'an effort as an object': {
    body: { reasoning_effort: { effort: 'low', summary: 'auto' } },
    sent: { thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 5120 },
    changes: ['reasoning_effort renamed'],
  },
  'an effort that does not fit below the limit': {
    body: { reasoning_effort: 'high', max_tokens: 2000 },
    sent: { thinking: { type: 'enabled', budget_tokens: 1999 }, max_tokens: 2000 },
    changes: ['reasoning_effort renamed', 'thinking clamped'],
  },
  'an effort for which the limit has no room': {
    body: { reasoning_effort: 'low', max_tokens: 1024 },
    sent: { max_tokens: 1024 },
    changes: ['reasoning_effort renamed', 'thinking dropped'],
  },
  'minimal effort of a model without budgets': adaptive('minimal', 'low'),
  'medium effort of a model without budgets': adaptive('medium', 'medium'),
  'very high effort of a model without budgets': adaptive('xhigh', 'xhigh'),
  'all effort of a model without budgets': adaptive('max', 'max'),
  'more effort than the model has': {
    to: targetOf('claude-opus-4-6'),
    body: { reasoning_effort: 'xhigh' },
    sent: { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'high' } },
    changes: ['reasoning_effort renamed', 'reasoning_effort clamped'],
  },
  'a budget': {
    body: { thinking: { type: 'enabled', budget_tokens: 3000 }, max_tokens: 5000 },
    sent: { thinking: { type: 'enabled', budget_tokens: 3000 }, max_tokens: 5000 },
  },
  'a budget beside an effort': {
    body: { thinking: { type: 'enabled', budget_tokens: 3000 }, max_tokens: 5000, reasoning_effort: 'low' },
    sent: { thinking: { type: 'enabled', budget_tokens: 3000 }, max_tokens: 5000 },
    changes: ['reasoning_effort dropped'],
  },
  'a budget for a model without them': {
    to: OPUS,
    body: { thinking: { type: 'enabled', budget_tokens: 3000 } },
    sent: { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'medium' } },
    changes: ['thinking emulated'],
  },
  'adaptive thinking beside an effort': {
    to: OPUS,
    body: { thinking: { type: 'adaptive' }, reasoning_effort: 'high' },
    sent: { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
    changes: ['reasoning_effort renamed'],
  },
  'adaptive thinking of a model that knows budgets only': {
    body: { thinking: { type: 'adaptive' } },
    sent: { thinking: { type: 'enabled', budget_tokens: 2048 }, max_tokens: 6144 },
    changes: ['thinking emulated'],
  },
  'no thinking': { body: { thinking: { type: 'disabled' } }, sent: { thinking: { type: 'disabled' } } },
};

describe('a request to Anthropic', () => {
  test.each(Object.entries(CASES))('has %s', (_, { to = SONNET, body, sent, changes = [] }) => {
    const asked = sentTo(to, body);
    const longest = to.knownModel?.(to.upstreamModel)?.maxOutputTokens ?? 0;
    const expected = { model: to.upstreamModel, messages: SAID, max_tokens: longest, ...sent };
    expect(asked.sent as unknown).toEqual(expected);
    expect(changed(asked)).toEqual([...changes]);
    // Written anew, without the client's text, it is the same.
    expect(sentTo(to, body, { withoutText: true }).sent).toEqual(asked.sent);
  });

  test('passes on what it does not know, digit for digit', () => {
    const text =
      '{"model":"asked","messages":[{"role":"user","content":"Hi"}],"id": 12345678901234567890,"speed":"fast"}';
    const input = { text, request: JSON.parse(text), gatewayKeys: [], dropParams: undefined };
    const { body } = anthropic.buildRequest({ ...input, additionalDropParams: [], allowedParams: [] }, SONNET, []);
    expect(body).toContain('"id": 12345678901234567890,"speed":"fast"');
  });

  test('keeps what belongs to the gateway to itself', () => {
    const body = { metadata: { secret: 'canary' }, tags: ['canary'] };
    expect(sentTo(SONNET, body, { gatewayKeys: ['metadata', 'tags'] }).body).not.toContain('canary');
  });

  test('leaves what the client gave as it was, and is the same each time', () => {
    const body = {
      stop: 'x',
      tools: [TOOL],
      tool_choice: 'required',
      response_format: FORMAT,
      reasoning_effort: 'low',
    };
    const before = JSON.stringify(body);
    expect(sentTo(UNKNOWN, body).body).toBe(sentTo(UNKNOWN, body).body);
    expect(JSON.stringify(body)).toBe(before);
  });

  test('takes the deployment’s defaults where the client says nothing', () => {
    const target = targetOf('claude-sonnet-4-5', {
      defaults: { max_tokens: 77, temperature: 0.1, messages: [], tools: [OTHER] },
    });
    expect(sentTo(target, { temperature: 0.9, tools: [TOOL] }).sent).toEqual({
      model: 'claude-sonnet-4-5',
      messages: SAID,
      max_tokens: 77,
      temperature: 0.9,
      tools: [SENT_TOOL, SENT_OTHER],
    });
  });

  test('takes extra_body last and as it is, but for what the gateway decides', () => {
    const body = {
      extra_body: { model: 'dear', stream: true, top_k: 3, system: 'S', output_config: { effort: 'low' } },
    };
    const asked = sentTo(SONNET, { ...body, messages: [{ role: 'system', content: 'First' }, USER] });
    expect(asked.sent).toMatchObject({
      model: 'claude-sonnet-4-5',
      top_k: 3,
      system: 'S',
      output_config: { effort: 'low' },
    });
    expect(asked.sent['stream']).toBeUndefined();
    expect(changed(asked)).toEqual(['extra_body.model dropped', 'extra_body.stream dropped']);
  });

  test('has one limit, which extra_body cannot raise', () => {
    const asked = sentTo(SONNET, { max_tokens: 5, extra_body: { max_tokens: 60_000, speed: 'fast' } });
    expect(asked.sent).toMatchObject({ max_tokens: 5, speed: 'fast' });
    expect(changed(asked)).toEqual(['extra_body.max_tokens dropped']);
  });

  test('adds Anthropic’s own system prompt to OpenAI’s', () => {
    const messages = [{ role: 'system', content: 'First' }, USER];
    for (const system of ['Then', [{ type: 'text', text: 'Then' }]]) {
      expect(sentTo(SONNET, { messages, system }).sent['system']).toEqual([
        { type: 'text', text: 'First' },
        { type: 'text', text: 'Then' },
      ]);
    }
  });
});

describe('what Anthropic does not have', () => {
  const FOREIGN: readonly (readonly [string, unknown])[] = [
    ['n', 2],
    ['seed', 7],
    ['logprobs', true],
    ['top_logprobs', 2],
    ['logit_bias', { 5: 1 }],
    ['presence_penalty', 0.1],
    ['frequency_penalty', 0.1],
    ['modalities', ['text']],
    ['audio', { voice: 'x' }],
    ['prediction', { type: 'content', content: 'x' }],
    ['verbosity', 'low'],
    ['service_tier', 'flex'],
  ];

  test.each(FOREIGN)('as %s is refused by name, with the way out', (field, value) => {
    expect(() => sentTo(SONNET, { [field]: value })).toThrow(`'${field}'`);
    expect(() => sentTo(SONNET, { [field]: value })).toThrow('set drop_params to true');
  });

  test.each(FOREIGN)('as %s is dropped and told when that is wanted', (field, value) => {
    const asked = sentTo(SONNET, { [field]: value }, { dropParams: true });
    expect(asked.sent[field]).toBeUndefined();
    expect(changed(asked)).toEqual([`${field} dropped`]);
    const target = targetOf('claude-sonnet-4-5', { dropParams: true });
    expect(changed(sentTo(target, { [field]: value }))).toEqual([`${field} dropped`]);
  });

  test('goes there all the same when it is allowed by name', () => {
    expect(sentTo(SONNET, { seed: 7 }, { allowedParams: ['seed'] }).sent['seed']).toBe(7);
  });

  test('temperatures are refused where the model takes none, or thinks', () => {
    expect(() => sentTo(OPUS, { temperature: 0 })).toThrow('only 1 is accepted');
    expect(() => sentTo(OPUS, { top_p: 0.5 })).toThrow("'top_p'");
    expect(() => sentTo(OPUS, { top_k: 5 })).toThrow("'top_k'");
    expect(sentTo(OPUS, { temperature: 1, top_p: 1 }).sent).toMatchObject({ temperature: 1, top_p: 1 });
    const thinking = { type: 'enabled', budget_tokens: 1024 };
    expect(() => sentTo(SONNET, { temperature: 0.5, thinking })).toThrow('while the model thinks');
    expect(() => sentTo(SONNET, { top_p: 0.5, reasoning_effort: 'low' })).toThrow("'top_p'");
    expect(sentTo(SONNET, { top_p: 0.96, reasoning_effort: 'low' }).sent['top_p']).toBe(0.96);
    expect(sentTo(SONNET, { temperature: 0.5, reasoning_effort: 'none' }).sent['temperature']).toBe(0.5);
    expect(changed(sentTo(OPUS, { temperature: 0 }, { dropParams: true }))).toEqual(['temperature dropped']);
  });

  test('thoughts are refused where the model has none', () => {
    const mute = targetOf('m', { knownModel: () => ({ maxOutputTokens: 100, flags: { supports_reasoning: false } }) });
    expect(() => sentTo(mute, { reasoning_effort: 'low' })).toThrow('does not think');
    expect(() => sentTo(mute, { thinking: { type: 'enabled', budget_tokens: 1024 } })).toThrow("'thinking'");
    expect(sentTo(mute, { reasoning_effort: 'none' }).sent['max_tokens']).toBe(100);
  });

  test('thoughts are asked for where nothing is known of them', () => {
    const vague = targetOf('m', { knownModel: () => ({ maxOutputTokens: 9000, flags: {} }) });
    expect(sentTo(vague, { reasoning_effort: 'low' }).sent).toMatchObject({ thinking: { budget_tokens: 1024 } });
    expect(sentTo(vague, { thinking: { type: 'adaptive' } }).sent['thinking']).toEqual({ type: 'adaptive' });
    // The longest answer holds the thoughts as well.
    expect(sentTo(vague, { reasoning_effort: 'xhigh' }).sent['max_tokens']).toBe(9000);
  });

  test('stops of white space are refused, or dropped by themselves', () => {
    expect(() => sentTo(SONNET, { stop: ['\n', 'END'] })).toThrow("no 'stop' of white space");
    expect(sentTo(SONNET, { stop: ['\n', 'END'] }, { dropParams: true }).sent['stop_sequences']).toEqual(['END']);
    expect(sentTo(SONNET, { stop: ' ' }, { dropParams: true }).sent['stop_sequences']).toBeUndefined();
  });

  test.each([
    [{ reasoning_effort: 'extreme' }, 'reasoning_effort'],
    [{ reasoning_effort: 5 }, 'reasoning_effort'],
    [{ response_format: { type: 'xml' } }, 'response_format'],
    [{ tools: [OTHER], tool_choice: 'maybe' }, 'tool_choice'],
    [{ tools: [OTHER], tool_choice: { type: 'function' } }, 'tool_choice'],
    [{ tools: ['f'] }, 'tools[0]'],
    [{ tools: [{ type: 'mcp', server_label: 'x' }] }, 'tools[0].server_url'],
    [{ tools: [OTHER, { type: 'custom', custom: { name: 'x' } }] }, 'tools[1]'],
  ])('%j is refused by name', (body, name) => {
    expect(() => sentTo(SONNET, body)).toThrow(name);
  });
});

describe('names of tools', () => {
  const named = (...names: string[]) => ({ tools: names.map((name) => ({ type: 'function', function: { name } })) });
  const sentNames = (body: JsonObject): unknown[] => {
    const { tools } = sentTo(SONNET, body).sent;
    return Array.isArray(tools) ? tools.map(({ name }) => name) : [];
  };

  test('are made such that Anthropic takes them, those that are fine first', () => {
    expect(sentNames(named('a.b', 'a_b', 'a/b', 'ok-1', ''))).toEqual(['a_b_2', 'a_b', 'a_b_3', 'ok-1', 'tool']);
    expect(sentNames(named('ä'.repeat(200)))).toEqual(['_'.repeat(128)]);
  });

  test('are the same in the choice and in earlier calls', () => {
    const call = { id: 'c', type: 'function', function: { name: 'a.b', arguments: '{}' } };
    const messages = [
      USER,
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content: '1' },
    ];
    const choice = { type: 'function', function: { name: 'a.b' } };
    const { sent, memo } = sentTo(SONNET, { messages, ...named('a.b', 'a_b'), tool_choice: choice });
    expect(sent).toMatchObject({
      tool_choice: { type: 'tool', name: 'a_b_2' },
      messages: [{}, { content: [{ type: 'tool_use', name: 'a_b_2' }] }, {}],
    });
    expect(memo).toEqual({ names: { a_b_2: 'a.b' }, json: undefined });
  });

  test('always fit, are different for different names, and lead back', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 140 }), { maxLength: 12 }), (names) => {
        const { sent, memo } = sentTo(SONNET, named(...names));
        const tools = (Array.isArray(sent['tools']) ? sent['tools'] : []) as { name: string }[];
        const back = isObject(memo) && isObject(memo['names']) ? memo['names'] : {};
        expect(tools.every(({ name }) => /^[a-zA-Z0-9_-]{1,128}$/.test(name))).toBe(true);
        expect(new Set(tools.map(({ name }) => name)).size).toBe(names.length);
        expect(tools.map(({ name }) => (Object.hasOwn(back, name) ? back[name] : name))).toEqual(names);
      }),
      { numRuns: 200 },
    );
  });
});

describe('switches of the API', () => {
  const betaOf = (body: JsonObject, target = SONNET) => sentTo(target, body).headers['anthropic-beta'];

  test.each([
    ['computer_20250124', 'computer-use-2025-01-24'],
    ['code_execution_20250825', 'code-execution-2025-08-25'],
    ['web_fetch_20250910', 'web-fetch-2025-09-10'],
    ['memory_20250818', 'context-management-2025-06-27'],
    ['tool_search_tool_bm25_20251119', 'advanced-tool-use-2025-11-20'],
    ['web_search_20250305', undefined],
  ])('come with the tool %s', (type, beta) => {
    expect(betaOf({ tools: [{ type, name: 'x' }] })).toBe(beta as string);
  });

  test('come with files, MCP servers and context management, each once', () => {
    const file = { role: 'user', content: [{ type: 'file', file: { file_id: 'file_1' } }] };
    expect(betaOf({ messages: [file] })).toBe('files-api-2025-04-14');
    expect(betaOf({ context_management: { edits: [] } })).toBe('context-management-2025-06-27');
    const tool = { type: 'memory_20250818', name: 'memory' };
    expect(betaOf({ context_management: { edits: [] }, tools: [tool] })).toBe('context-management-2025-06-27');
  });

  test('join those of the operator and of the client', () => {
    const target = targetOf('claude-sonnet-4-5', { extraHeaders: { 'Anthropic-Beta': 'a-1, b-2' } });
    const body = { extra_headers: { 'ANTHROPIC-beta': 'b-2,c-3', 'x-mine': '1' }, context_management: {} };
    const { headers, changes } = sentTo(target, body);
    expect(headers['anthropic-beta']).toBe('a-1,b-2,context-management-2025-06-27,c-3');
    expect(headers['x-mine']).toBe('1');
    expect(changes).toEqual([]);
    expect(() => betaOf({ extra_headers: { 'anthropic-beta': 'a\r\nx-api-key: b' } })).toThrow('printable ASCII');
  });

  test('an MCP server in OpenAI’s words is one in Anthropic’s', () => {
    const server = {
      type: 'mcp',
      server_label: 'docs',
      server_url: 'https://mcp.example/sse',
      allowed_tools: ['find'],
    };
    const asked = sentTo(SONNET, { tools: [{ ...server, headers: { Authorization: 'Bearer tok' } }] });
    expect(asked.sent['mcp_servers']).toEqual([
      {
        type: 'url',
        url: 'https://mcp.example/sse',
        name: 'docs',
        authorization_token: 'tok',
        tool_configuration: { enabled: true, allowed_tools: ['find'] },
      },
    ]);
    expect(asked.sent['tools']).toBeUndefined();
    expect(asked.headers['anthropic-beta']).toBe('mcp-client-2025-04-04');
    expect(changed(asked)).toEqual(['tools renamed']);
  });
});

describe('whatever a client asks', () => {
  const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    stream: fc.boolean(),
    temperature: fc.constantFrom(0, 1, 2),
    max_tokens: fc.constantFrom(1, 64, 4000),
    stop: fc.constantFrom('END', ['\n', 'END'], []),
    user: fc.constantFrom('u-1', 'a@b.de'),
    n: fc.constantFrom(1, 2),
    seed: fc.constant(7),
    tools: fc.constantFrom([TOOL], [TOOL, OTHER], []),
    tool_choice: fc.constantFrom('auto', 'none', 'required', { type: 'function', function: { name: 'f' } }),
    parallel_tool_calls: fc.boolean(),
    response_format: fc.constantFrom({ type: 'text' }, { type: 'json_object' }, FORMAT),
    reasoning_effort: fc.constantFrom('none', 'low', 'max'),
    thinking: fc.constantFrom({ type: 'adaptive' }, { type: 'enabled', budget_tokens: 1024 }, { type: 'disabled' }),
    web_search_options: fc.constant({}),
    service_tier: fc.constantFrom('auto', 'default', 'flex'),
    logit_bias: fc.constant({}),
  };
  const OURS = [
    'model',
    'messages',
    'max_tokens',
    'stop_sequences',
    'metadata',
    'tools',
    'tool_choice',
    'thinking',
    'system',
    'output_config',
  ];

  test('nothing is sent that Anthropic does not know, and nothing is lost without a trace', () => {
    fc.assert(
      fc.property(
        fc.record(values, { requiredKeys: [] }),
        fc.constantFrom(SONNET, OPUS, NEWEST, UNKNOWN),
        (body, target) => {
          const { sent, changes } = sentTo(target, body, { dropParams: true });
          const known = new Set([...OURS, 'stream', 'temperature', 'service_tier']);
          expect(Object.keys(sent).filter((name) => !known.has(name))).toEqual([]);
          const traced = new Set(changes.map(({ field }) => field));
          const lost = Object.keys(body).filter((name) => !(name in sent) && !traced.has(name) && !isEmpty(body[name]));
          expect(lost).toEqual([]);
          expect(Object.values(sent)).not.toContain(null);
          const { thinking, tool_choice: choice } = sent;
          const thinks = isObject(thinking) && thinking['type'] !== 'disabled';
          if (thinks && isObject(choice)) expect(['auto', 'none']).toContain(String(choice['type']));
          if (choice !== undefined) expect(sent['tools']).not.toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
  });

  /** Nothing was asked. `n: 1` and `[]` are what every answer has anyway. */
  const isEmpty = (value: unknown): boolean => value === 1 || (Array.isArray(value) && value.length === 0);
});
