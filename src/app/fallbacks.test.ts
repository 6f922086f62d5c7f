import { describe, expect, test } from 'bun:test';
import { type SampleCall, sampleCall, sampleCaller } from '../../test/support/call-parts.ts';
import { runtimeFrom } from '../../test/support/runtime-from.ts';
import { type ErrorKindName, GatewayError } from '../errors.ts';
import type { Controls } from '../gateway/call.ts';

const MODELS = ['a', 'b', 'c', 'd', 'team/x', 'team/deep/x']
  .map((name) => `  - {model_name: ${name}, litellm_params: {model: openai/${name}, api_key: k}}\n`)
  .join('');

interface Asked extends Omit<SampleCall, 'controls'> {
  readonly controls?: Partial<Controls>;
  readonly router?: object;
  readonly model?: string;
  /** The group that failed; the one that was asked for unless given. */
  readonly failed?: string;
  readonly kind?: ErrorKindName;
}

/** Names of the groups that follow. */
function following({ router = {}, model = 'a', failed = model, kind = 'internal', ...over }: Asked): string[] {
  const runtime = runtimeFrom(`model_list:\n${MODELS}router_settings: ${JSON.stringify(router)}\n`);
  const group = runtime.groups.find(runtime.models.resolveAlias(failed));
  if (group === undefined) throw new Error(`No group ${failed}`);
  const call = sampleCall({ request: { model }, modelGroup: runtime.models.resolveAlias(model), ...over });
  return runtime.fallbacksOf(call, group, new GatewayError(kind, 'no')).map(({ name }) => name);
}

const CONFIGURED = {
  fallbacks: [{ a: ['b', 'c'] }],
  context_window_fallbacks: [{ a: ['c'] }],
  content_policy_fallbacks: [{ a: ['d'] }],
  default_fallbacks: ['d'],
};

describe('the groups that follow a failed one', () => {
  test.each<[ErrorKindName, string[]]>([
    ['internal', ['b', 'c']],
    ['rate_limited', ['b', 'c']],
    ['invalid_api_key', ['b', 'c']],
    ['context_window_exceeded', ['c']],
    ['content_policy_violation', ['d']],
  ])('are, after %s, those configured for such a failure: %j', (kind, names) => {
    expect(following({ router: CONFIGURED, kind })).toEqual(names);
  });

  test.each<[string, object, Asked, string[]]>([
    ['none where none are configured', {}, {}, []],
    [
      'the common ones where such a failure has none',
      { fallbacks: [{ a: ['b'] }] },
      { kind: 'content_policy_violation' },
      ['b'],
    ],
    ['the default ones where the group has none', { fallbacks: [{ b: ['c'] }], default_fallbacks: ['d'] }, {}, ['d']],
    ['never the failed group itself', { fallbacks: [{ b: ['c'] }], default_fallbacks: ['a', 'd'] }, {}, ['d']],
    ['the default ones where the list is empty', { fallbacks: [{ a: [] }], default_fallbacks: ['d'] }, {}, ['d']],
    ['found by a wildcard', { fallbacks: [{ 'team/*': ['b'] }] }, { model: 'team/x' }, ['b']],
    [
      'found by the more literal of two wildcards',
      { fallbacks: [{ '*': ['c'] }, { 'team/deep/*': ['b'] }] },
      { model: 'team/deep/x' },
      ['b'],
    ],
    [
      'found by the exact name before any wildcard',
      { fallbacks: [{ 'team/*': ['c'] }, { 'team/x': ['b'] }] },
      { model: 'team/x' },
      ['b'],
    ],
    ['not found by a wildcard for others', { fallbacks: [{ 'team/*': ['b'] }] }, { model: 'a' }, []],
    [
      'those of the group where an alias asked',
      { model_group_alias: { z: 'a' }, fallbacks: [{ a: ['b'] }] },
      { model: 'z' },
      ['b'],
    ],
    [
      'those of the alias itself first',
      { model_group_alias: { z: 'a' }, fallbacks: [{ a: ['b'] }, { z: ['c'] }] },
      { model: 'z' },
      ['c'],
    ],
    ['reached through an alias', { model_group_alias: { z: 'c' }, fallbacks: [{ a: ['z'] }] }, {}, ['c']],
  ])('are %s', (_, router, asked, names) => {
    expect(following({ router, ...asked })).toEqual(names);
  });
});

describe('a fallback that fails as well', () => {
  const router = { fallbacks: [{ a: ['b'] }, { b: ['c'] }], default_fallbacks: ['d'] };

  test('is followed by its own', () => {
    expect(following({ router, failed: 'b' })).toEqual(['c']);
  });

  test('that has none is followed by none, not by the default ones', () => {
    expect(following({ router, failed: 'c' })).toEqual([]);
  });

  test('is not followed by those that the request brought', () => {
    expect(following({ router, failed: 'b', controls: { fallbacks: ['d'] } })).toEqual(['c']);
  });
});

describe('what a request brings', () => {
  const router = CONFIGURED;

  test.each<[string, Asked, string[]]>([
    ['takes the place of the configured list', { controls: { fallbacks: ['d', 'c'] } }, ['d', 'c']],
    ['takes the place of it also where it is empty', { controls: { fallbacks: [] } }, []],
    ['leaves out what is not there', { controls: { fallbacks: ['nobody', 'c'] } }, ['c']],
    ['leaves out what it asked for', { controls: { fallbacks: ['a', 'c'] } }, ['c']],
    [
      'may name a list for one sort of failure',
      {
        controls: { typedFallbacks: { contextWindow: ['b'], contentPolicy: undefined } },
        kind: 'context_window_exceeded',
      },
      ['b'],
    ],
    [
      'for another sort of failure changes nothing',
      { controls: { typedFallbacks: { contextWindow: ['d'], contentPolicy: undefined } } },
      ['b', 'c'],
    ],
    [
      'for its own sort wins over its common list',
      {
        controls: { fallbacks: ['b'], typedFallbacks: { contentPolicy: ['c'], contextWindow: undefined } },
        kind: 'content_policy_violation',
      },
      ['c'],
    ],
    ['may turn fallbacks off', { controls: { disableFallbacks: true } }, []],
    ['that turns fallbacks off turns off its own too', { controls: { disableFallbacks: true, fallbacks: ['b'] } }, []],
  ])('%s', (_, asked, names) => {
    expect(following({ router, ...asked } as Asked)).toEqual(names);
  });

  test('may change the request for one of them only', () => {
    const runtime = runtimeFrom(`model_list:\n${MODELS}`);
    const group = runtime.groups.find('a');
    if (group === undefined) throw new Error('No group a');
    const call = sampleCall({
      request: { model: 'a' },
      controls: { fallbacks: ['b', 'c'], fallbackChanges: new Map([['b', { temperature: 0 }]]) },
    });
    const found = runtime.fallbacksOf(call, group, new GatewayError('internal', 'no'));
    expect(found.map(({ targets }) => targets.map(({ requestChanges }) => requestChanges))).toEqual([
      [{ temperature: 0 }],
      [undefined],
    ]);
    expect(runtime.groups.find('b')?.targets[0]?.requestChanges).toBeUndefined();
  });
});

describe('a key', () => {
  test.each<[unknown, string[]]>([
    [true, []],
    [false, ['b', 'c']],
    ['true', ['b', 'c']],
  ])('whose metadata has disable_fallbacks %p goes on to %j', (disable_fallbacks, names) => {
    const caller = sampleCaller({ metadata: { disable_fallbacks } });
    expect(following({ router: CONFIGURED, caller })).toEqual(names);
  });

  test('gets none of the configured ones that it may not use', () => {
    expect(following({ router: CONFIGURED, mayUse: (_, name) => name !== 'b' })).toEqual(['c']);
    expect(following({ router: { default_fallbacks: ['b', 'd'] }, mayUse: (_, name) => name !== 'b' })).toEqual(['d']);
  });
});
