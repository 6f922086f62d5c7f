import { describe, expect, test } from 'bun:test';
import { type SampleCall, sampleCall, sampleCaller } from '../../test/support/call-parts.ts';
import { runtimeFrom } from '../../test/support/runtime-from.ts';
import { GatewayError } from '../errors.ts';
import type { Runtime } from './runtime.ts';

const MODELS = `
model_list:
  - {model_name: a, litellm_params: {model: openai/a}, model_info: {access_groups: [cheap, 7]}}
  - {model_name: a, litellm_params: {model: openai/a2}, model_info: {access_groups: [fast]}}
  - {model_name: b, litellm_params: {model: openai/b}}
  - {model_name: c, litellm_params: {model: openai/c}}
  - {model_name: 'wild/*', litellm_params: {model: 'openai/*'}}
`;

const FAILED = new GatewayError('upstream_failed', 'no');

/** Names of the groups that a call is tried on when all of them fail. */
function tried(runtime: Runtime, over: Parameters<typeof sampleCall>[0], error = FAILED): string[] {
  const call = sampleCall(over);
  const { maxFallbacks } = runtime.config.router;
  const first = runtime.groups.find(call.modelGroup);
  const found: string[] = [];
  for (let waiting = first ? [first] : []; waiting.length > 0; ) {
    const [group, ...others] = waiting;
    if (group && !found.includes(group.name) && found.length <= maxFallbacks) {
      found.push(group.name);
      waiting = [...runtime.fallbacksOf(call, group, error), ...others];
    } else waiting = others;
  }
  return found;
}

describe('the groups of a call', () => {
  const runtime = runtimeFrom(`${MODELS}
router_settings:
  fallbacks: [{a: [b, nick]}]
  default_fallbacks: [c, b]
  max_fallbacks: 2
  model_group_alias: {nick: c}
`);

  test('are the one asked for and its own fallbacks, aliases resolved', () => {
    expect(tried(runtime, { modelGroup: 'a' })).toEqual(['a', 'b', 'c']);
  });

  test('have the default fallbacks where there are no others, but never themselves twice', () => {
    expect(tried(runtime, { modelGroup: 'b' })).toEqual(['b', 'c']);
  });

  test("have the request's own fallbacks before all others, at most as many as are allowed", () => {
    expect(tried(runtime, { modelGroup: 'a', controls: { fallbacks: ['c'] } })).toEqual(['a', 'c']);
    expect(tried(runtime, { modelGroup: 'a', controls: { fallbacks: [] } })).toEqual(['a']);
    expect(tried(runtime, { modelGroup: 'a', controls: { fallbacks: ['wild/1', 'b', 'c'] } })).toHaveLength(3);
    expect(tried(runtime, { modelGroup: 'a', controls: { fallbacks: ['nobody', 'b'] } })).toEqual(['a', 'b']);
  });

  test('have what a fallback of the request says in place of the request’s own fields', () => {
    const fallbackChanges = new Map([['nick', { temperature: 0 }]]);
    const call = sampleCall({ modelGroup: 'a', controls: { fallbacks: ['b', 'nick'], fallbackChanges } });
    const first = runtime.groups.find('a');
    const found = first ? runtime.fallbacksOf(call, first, FAILED) : [];
    expect(found.map(({ name, targets }) => [name, targets.map(({ requestChanges }) => requestChanges)])).toEqual([
      ['b', [undefined]],
      ['c', [{ temperature: 0 }]],
    ]);
    expect(runtime.groups.find('c')?.targets[0]?.requestChanges).toBeUndefined();
  });

  test('have the request’s own fallbacks under the names that its key gives them', () => {
    const caller = sampleCaller({ aliases: { mine: 'b' } });
    expect(tried(runtime, { modelGroup: 'a', caller, controls: { fallbacks: ['mine'] } })).toEqual(['a', 'b']);
  });

  test('of a name that is an alias are the alias’s own, else its group’s', () => {
    const aliased = runtimeFrom(`${MODELS}
router_settings:
  model_group_alias: {nick: a, other: a}
  fallbacks: [{nick: [c]}, {a: [b]}]
`);
    expect(tried(aliased, { requestedModel: 'nick', modelGroup: 'a' })).toEqual(['a', 'c']);
    expect(tried(aliased, { requestedModel: 'other', modelGroup: 'a' })).toEqual(['a', 'b']);
    // An end user's default model stands in for what was asked for.
    expect(tried(aliased, { requestedModel: 'nick', modelGroup: 'b' })).toEqual(['b']);
  });

  test('of a name that matches a wildcard are those of the most literal one, after its own', () => {
    const wild = runtimeFrom(`${MODELS}
router_settings:
  fallbacks: [{"w*": [c]}, {"wild/*": [b]}, {wild/own: [a]}]
  context_window_fallbacks: [{"*": [c]}]
`);
    expect(tried(wild, { requestedModel: 'wild/1', modelGroup: 'wild/1' })).toEqual(['wild/1', 'b']);
    expect(tried(wild, { requestedModel: 'wild/own', modelGroup: 'wild/own' })).toEqual(['wild/own', 'a']);
    expect(tried(wild, { modelGroup: 'b' })).toEqual(['b']);
    const tooLong = new GatewayError('context_window_exceeded', 'no');
    expect(tried(wild, { modelGroup: 'b' }, tooLong)).toEqual(['b', 'c']);
  });

  test('after a failure that has fallbacks of its own are the request’s for it, then its others', () => {
    const call = (controls: SampleCall['controls']): SampleCall => ({ modelGroup: 'a', ...(controls && { controls }) });
    const typed = { typedFallbacks: { contextWindow: ['c'], contentPolicy: undefined } };
    const tooLong = new GatewayError('context_window_exceeded', 'no');
    const refused = new GatewayError('content_policy_violation', 'no');
    expect(tried(runtime, call(typed), tooLong)).toEqual(['a', 'c']);
    expect(tried(runtime, call({ ...typed, fallbacks: ['b'] }), tooLong)).toEqual(['a', 'c']);
    expect(tried(runtime, call({ ...typed, fallbacks: ['b'] }), refused)).toEqual(['a', 'b']);
    expect(tried(runtime, call(typed))).toEqual(['a', 'b', 'c']);
  });

  test('of a deployment that is asked for by its id are the request’s own too', () => {
    const id = runtime.groups.find('a')?.targets[0]?.deploymentId ?? '';
    expect(tried(runtime, { modelGroup: id, controls: { fallbacks: ['c'] } })).toEqual(['a', 'c']);
  });

  test('leave out those configured ones that the caller may not use', () => {
    const mayUse = (_name: string, group: string): boolean => group !== 'b';
    expect(tried(runtime, { modelGroup: 'a', mayUse })).toEqual(['a', 'c']);
    const byName = (name: string): boolean => name === 'nick';
    expect(tried(runtime, { modelGroup: 'a', mayUse: byName })).toEqual(['a', 'c']);
  });

  test('are alone when the request or its key wants no fallbacks', () => {
    expect(tried(runtime, { modelGroup: 'a', controls: { disableFallbacks: true } })).toEqual(['a']);
    const caller = sampleCaller({ metadata: { disable_fallbacks: true } });
    expect(tried(runtime, { modelGroup: 'a', caller })).toEqual(['a']);
  });
});

describe('the catalogue', () => {
  const runtime = runtimeFrom(`${MODELS}
router_settings: {model_group_alias: {nick: a}}
litellm_settings: {model_alias_map: {old: nick, new: b}}
`);

  test('follows an alias of the settings, then one of the router', () => {
    expect(['old', 'new', 'nick', 'a', 'other'].map(runtime.models.resolveAlias)).toEqual([
      'a',
      'b',
      'a',
      'a',
      'other',
    ]);
  });

  test('has groups, wildcards too, and not what objects inherit', () => {
    expect(['a', 'wild/x', 'nobody', 'constructor'].map(runtime.models.has)).toEqual([true, true, false, false]);
    expect(runtime.models.resolveAlias('constructor')).toBe('constructor');
  });

  test('has the access groups of all deployments of a name, texts only', () => {
    expect(runtime.models.accessGroups('a')).toEqual(['cheap', 'fast']);
    expect(runtime.models.accessGroups('b')).toEqual([]);
  });
});

describe('prompts', () => {
  const stores = (settings: string): boolean[] => {
    const { send, log } = runtimeFrom(`${MODELS}\n${settings}`);
    return [send.storePrompts, log.storePrompts];
  };

  test('are stored only when asked for, and never when message logging is off', () => {
    const asked = 'general_settings: {store_prompts_in_spend_logs: true}';
    expect(stores('')).toEqual([false, false]);
    expect(stores(asked)).toEqual([true, true]);
    expect(stores(`${asked}\nlitellm_settings: {turn_off_message_logging: true}`)).toEqual([false, false]);
  });
});

describe('forwarding of client headers', () => {
  const forwards = (settings: string): boolean[] => {
    const { send } = runtimeFrom(`${MODELS}\n${settings}`);
    return ['a', 'b'].map(send.forward.headersFor);
  };

  test('is off, for some groups, or for all', () => {
    expect(forwards('')).toEqual([false, false]);
    expect(forwards('litellm_settings: {model_group_settings: {forward_client_headers_to_llm_api: [a]}}')).toEqual([
      true,
      false,
    ]);
    expect(forwards('general_settings: {forward_client_headers_to_llm_api: true}')).toEqual([true, true]);
  });
});

test('a faulty deployment is named', () => {
  expect(() => runtimeFrom('model_list: [{model_name: m, litellm_params: {model: mystery}}]')).toThrow(
    'model_list entry "m"',
  );
});
